"""A private PostgreSQL for measuring: on a unix socket, never as root, ended with us."""

import ctypes
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

# Settings of a small production server. Both sides of every comparison run on it.
SETTINGS = {
    "shared_buffers": "512MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "listen_addresses": "''",
    "logging_collector": "off",
}


def programs():
    """The folder with PostgreSQL's server programs, the newest."""
    named = os.environ.get("SWITCHBACK_PG_BIN", "").split(":")
    debian = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    for folder in [*map(pathlib.Path, filter(None, named)), *reversed(debian)]:
        if (folder / "initdb").is_file():
            return folder
    raise SystemExit("bench: no PostgreSQL server programs; try script/bootstrap")


def unprivileged():
    """A server never runs as root."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise SystemExit("bench: no unprivileged user to run a server as")


def die_with_us(user):
    """To be called in the child: its parent's end is its own."""

    def prepare():
        if user:
            os.setgid(user.pw_gid)
            os.setgroups([])
            os.setuid(user.pw_uid)
        ctypes.CDLL(None).prctl(1, signal.SIGINT)

    return prepare


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    def __init__(self, tcp=False):
        self.port = free_port() if tcp else 5432
        self.settings = {**SETTINGS, "listen_addresses": "127.0.0.1"} if tcp else SETTINGS

    def __enter__(self):
        self.bin = programs()
        self.user = unprivileged()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sb-bench-"))
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        self.folder.chmod(0o755)
        data = self.folder / "data"
        subprocess.run(
            [self.bin / "initdb", "--pgdata", data, "--username=postgres", "--auth=trust", "--no-instructions", "--no-locale", "--encoding=UTF8"],
            check=True, stdout=subprocess.DEVNULL, preexec_fn=die_with_us(self.user), cwd="/",
        )
        self.log = open(self.folder / "server.log", "w")
        self._start()
        return self

    def _start(self):
        options = [word for key, value in self.settings.items() for word in ("-c", f"{key}={value}")]
        self.process = subprocess.Popen(
            [self.bin / "postgres", "-D", self.folder / "data", "-k", self.folder, "-p", str(self.port), *[word.replace("''", "") for word in options]],
            stdout=self.log, stderr=self.log, preexec_fn=die_with_us(self.user), cwd="/",
        )
        self._wait()

    def crash(self):
        """As `pg_ctl stop -m immediate`, and it is started again."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        self._start()

    def _wait(self):
        until = time.monotonic() + 120
        while subprocess.run([self.bin / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port)], check=False).returncode != 0:
            if time.monotonic() > until or self.process.poll() is not None:
                raise SystemExit((self.folder / "server.log").read_text())
            time.sleep(0.05)

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database, driver=""):
        return f"postgresql{driver}://postgres@/{database}?host={self.folder}&port={self.port}"

    def tcp(self, database):
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def program(self, name):
        return str(self.bin / name)

    def sql(self, database, text):
        """Runs SQL; what it printed."""
        done = subprocess.run(
            [self.bin / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.url(database)],
            input=text, text=True, check=False, capture_output=True,
        )
        if done.returncode != 0:
            raise SystemExit(f"bench: {done.stderr}")
        return done.stdout.strip()

    def drop(self, database):
        self.sql("postgres", f'drop database if exists "{database}" with (force)')

    def copy(self, template, database):
        self.drop(database)
        self.sql("postgres", f'create database "{database}" template "{template}"')

    def shop(self, megabytes):
        """A shop of about this size: users with profiles, orders, items, and their indexes."""
        name = f"shop_{megabytes}"
        users = megabytes * 900
        self.sql("postgres", f"create database {name}")
        self.sql(name, SHOP.format(users=users))
        size = int(self.sql("postgres", f"select pg_database_size('{name}')"))
        return name, size


SHOP = """
create table users (id bigint generated always as identity primary key, email text not null unique, name text not null,
    created_at timestamptz not null default '2026-01-01');
create table profiles (id bigint generated always as identity primary key, user_id bigint not null references users,
    bio text not null, settings jsonb not null);
create table orders (id bigint generated always as identity primary key, user_id bigint not null references users,
    total numeric(12, 2) not null, note text, placed_at timestamptz not null);
insert into users (email, name) select 'user' || n || '@example.invalid', md5(n::text) from generate_series(1, {users}) n;
insert into profiles (user_id, bio, settings)
    select n, repeat(md5(n::text), 5), jsonb_build_object('theme', n % 7, 'tags', array[md5((n + 1)::text)])
    from generate_series(1, {users}) n;
insert into orders (user_id, total, note, placed_at)
    select 1 + (n::bigint * 7919) % {users}, (n % 100000) / 100.0, md5(n::text) || md5((n * 31)::text),
        timestamptz '2026-01-01' + n * interval '1 second'
    from generate_series(1, {users} * 3) n;
create index on orders (user_id);
create index on orders (placed_at);
create index on profiles (user_id);
analyze;
checkpoint;
"""
