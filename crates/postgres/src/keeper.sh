# Keeps a scratch cluster and ends it when its owner is gone, however that came about: the owner
# holds the other end of our standard input, and the kernel closes it even after a SIGKILL.
#
# $1 the cluster's folder, $2 the folder of the server's programs, $3 "keep" or "remove";
# the rest are the arguments of initdb. On a failure the log's last lines go to standard output.
folder=$1 bin=$2 after=$3
shift 3
# A background job gets no standard input from a shell, so the pipe goes by another number.
exec 3<&0 </dev/null
cd "$folder" || exit 1

clean() {
	if [ "$after" = remove ]; then cd / && rm -rf "$folder"; fi
}
fail() {
	tail -n 25 log
	clean
	exit 1
}

"$bin/initdb" "$@" -D "$folder/data" >log 2>&1 3<&- || fail
cat settings.conf >>data/postgresql.conf || fail
"$bin/postgres" -D "$folder/data" -k "$folder" >>log 2>&1 3<&- &
server=$!

# Waits for the owner's end, then ends the server: fast, and after some seconds at once. The first
# signal is said again and again: a shell starts its background jobs with SIGINT ignored, and the
# server hears it only when it has come as far as its own handlers.
(
	while read -r _; do :; done <&3
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
		kill -INT "$server" || exit 0
		sleep 0.2 || sleep 1
	done
	kill -QUIT "$server"
	sleep 2
	kill -KILL "$server"
) >/dev/null 2>&1 &
watcher=$!
exec 3<&-

wait "$server"
status=$?
kill "$watcher" 2>/dev/null
[ "$status" = 0 ] || fail
clean
