#!/bin/sh
# A migrator that is called as Alembic is. MIGRATE_FAULT makes it misbehave.
set -eu
# No password in an argument.
url=$(printf %s "${DATABASE_URL:-}" | sed 's,^\([a-z]*://[^:@/]*\):[^@/]*@,\1@,')
PGPASSWORD=$(printf %s "${DATABASE_URL:-}" | sed -n 's,^[a-z]*://[^:@/]*:\([^@/]*\)@.*,\1,p')
export PGPASSWORD
run() { psql -X -q -v ON_ERROR_STOP=1 "$url" "$@"; }
case "${1:-}" in
upgrade)
    case "${MIGRATE_FAULT:-}" in
    "fail $2") echo "app.errors.Broken: migration $2 is broken" >&2; exit 1 ;;
    "nothing $2") exit 0 ;;
    "tell $2") echo "could not connect with $DATABASE_URL and $API_TOKEN" >&2; exit 1 ;;
    # Something happens to the server meanwhile.
    "hook $2") sh "$MIGRATE_HOOK" >&2 ;;
    # It says that it has begun, and fails when it is told to.
    "wait $2") touch "$2.begun"; until [ -e "$2.go" ]; do sleep 0.02; done; rm "$2.go" "$2.begun"; exit 1 ;;
    "hang $2") exec sleep 600 ;;
    # A part is committed before it fails: no history, no schema tells of it.
    "commit $2") run -c "update users set name = name || '!'"; exit 1 ;;
    esac
    { echo "begin;"; cat "migrations/sql/$2.up.sql"; echo "update alembic_version set version_num = '$2'; commit;"; } | run
    ;;
downgrade)
    current=$(run -At -c "select version_num from alembic_version")
    while [ "$current" != "$2" ]; do
        below=$(sed -n 's/^down_revision = "\(.*\)"/\1/p' "migrations/versions/$current.py")
        { echo "begin;"; cat "migrations/sql/$current.down.sql"; echo "update alembic_version set version_num = '$below'; commit;"; } | run
        current=$below
    done
    ;;
stamp) run -c "update alembic_version set version_num = '$2'" ;;
check) echo "Error: No such command 'check'." >&2; exit 2 ;;
heads) echo "$(ls migrations/versions | sed -n 's,\.py$,,p' | sort | tail -n 1) (head)" ;;
--version | --help | "") echo "migrate 1" ;;
*) echo "Error: No such command '$1'." >&2; exit 2 ;;
esac
