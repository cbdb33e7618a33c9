#!/bin/sh
# Holds the file systems of one systemd host and boots it when told so on standard input; started in
# a mount namespace of its own:
#
#   unshare --mount --propagation private sh host.sh FOLDER…       (visible inside, writable)
#
# Words that are understood: boot, halt. Answers are lines: `ready`, `up PID` (the parent of the
# host's PID 1), `down`, `failed WHY`. The end of standard input is the end of everything.
#
# Nothing in here reaches the machine: /run, /tmp, /dev and the cgroups are the host's own, /sys and
# /proc/sys can't be written, and every unit that is not needed is masked (a bare systemd would empty
# the machine's /tmp).
set -u

die() {
    echo "failed $*"
    exit 1
}

base=/mnt
root=$base/root
groups=

# Upper layer and root in memory: an upper layer inside of its own lower one is refused, and nothing
# is left on the disk however this ends.
prepare() {
    mount -t tmpfs -o mode=755,size=256m switchback-host $base || die "no tmpfs"
    mkdir $base/upper $base/work $root
    mount -t overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" overlay $root || die "no overlay"
    quieten
}

# A cgroup of our own in the machine's second version of them: the root of the host's.
enter_group() {
    top=$(sed -n 's,^[^ ]* \([^ ]*\) cgroup2 .*,\1,p' /proc/self/mounts | head -n 1)
    [ -n "$top" ] || die "no cgroup2 is mounted"
    # What hosts left that were killed with their helpers.
    for old in "$top"/switchback-host-*; do
        [ -d "/proc/${old##*-}" ] || remove_group "$old"
    done
    groups=$top/switchback-host-$$
    { mkdir "$groups" && echo $$ >"$groups/cgroup.procs"; } 2>/dev/null || die "no cgroup can be made in $top"
}

remove_group() {
    find "$1" -depth -type d -exec rmdir {} + 2>/dev/null
}

# Nothing of the machine that this is a copy of may run in here, least of all what cleans up.
quieten() {
    units=$root/etc/systemd/system
    rm -rf "$units" "$root/etc/systemd/system-generators" "$root/run/systemd"
    mkdir -p "$units" "$root/etc/systemd/system-generators" "$root/etc/systemd/journald.conf.d" \
        "$root/etc/systemd/system.conf.d"
    for generator in "$root"/lib/systemd/system-generators/* "$root"/usr/lib/systemd/system-generators/*; do
        ln -sf /dev/null "$root/etc/systemd/system-generators/${generator##*/}"
    done
    for unit in "$root"/lib/systemd/system/*.wants/* "$root"/usr/lib/systemd/system/*.wants/*; do
        case ${unit##*/} in
        systemd-journald.socket | systemd-journald-dev-log.socket | systemd-journald.service | *.target | '*') ;;
        *) ln -sf /dev/null "$units/${unit##*/}" ;;
        esac
    done
    : >"$root/etc/fstab"
    : >"$root/etc/machine-id"
    echo switchback-host >"$root/etc/hostname"
    ln -sf /lib/systemd/system/multi-user.target "$units/default.target"
    printf '[Journal]\nStorage=persistent\nForwardToSyslog=no\nRateLimitIntervalSec=0\n' >"$root/etc/systemd/journald.conf.d/host.conf"
    printf '[Manager]\nDefaultTimeoutStartSec=20s\n' >"$root/etc/systemd/system.conf.d/host.conf"
    rm -rf "$root/var/log/journal"
    mkdir -p "$root/var/log/journal"
}

# The mounts of one boot: `/run` and the like are new with each, as on a machine.
inside() {
    mount -t proc proc $root/proc || die "no /proc"
    mount --bind $root/proc/sys $root/proc/sys || die "no /proc/sys"
    mount -o remount,ro,bind $root/proc/sys || die "/proc/sys can be written"
    mount -t sysfs -o ro sysfs $root/sys || die "no /sys"
    mount -t cgroup2 cgroup2 $root/sys/fs/cgroup || die "no cgroup"
    mount -t tmpfs -o mode=755 tmpfs $root/dev || die "no /dev"
    mkdir $root/dev/shm $root/dev/pts
    for node in null zero full random urandom tty; do
        : >$root/dev/$node
        mount --bind /dev/$node $root/dev/$node || die "no /dev/$node"
    done
    ln -s /proc/self/fd $root/dev/fd
    ln -s fd/0 $root/dev/stdin
    ln -s fd/1 $root/dev/stdout
    ln -s fd/2 $root/dev/stderr
    mount -t tmpfs -o mode=1777 tmpfs $root/dev/shm
    mount -t tmpfs -o mode=755 tmpfs $root/run || die "no /run"
    mkdir -p $root/run/lock
    mount -t tmpfs -o mode=1777 tmpfs $root/tmp || die "no /tmp"
    for folder; do
        mkdir -p "$root$folder"
        mount --bind "$folder" "$root$folder" || die "$folder can't be seen inside"
    done
    hostname switchback-host
    cd $root || die "no root"
    pivot_root . .$base/ 2>/dev/null || die "no pivot"
    umount -l $base
    exec env -i container=switchback PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --log-target=null --show-status=0 </dev/null >/dev/null 2>&1
}

if [ "${1-}" = --inside ]; then
    shift
    inside "$@"
fi

guest=
halt() {
    [ -z "$guest" ] || { kill -KILL "$guest"; wait "$guest"; guest=; } 2>/dev/null
}
finish() {
    halt
    [ -z "$groups" ] || { echo $$ >"${groups%/*}/cgroup.procs"; remove_group "$groups"; }
}
trap finish EXIT
enter_group
prepare
echo ready
while read -r word; do
    case $word in
    boot)
        setpriv --pdeathsig KILL unshare --mount --pid --uts --ipc --cgroup --fork --kill-child sh "$0" --inside "$@" </dev/null &
        guest=$!
        echo "up $guest"
        ;;
    halt)
        halt
        echo down
        ;;
    esac
done
