"""Serves the shop: python -m app.serve --port 5000"""

import argparse
import logging
import logging.handlers
import os
import signal
import sys
import time

import waitress
from flask import g, request

from . import create_app
from .models import ServiceStart, db

log = logging.getLogger("ada")


def main():
    parser = argparse.ArgumentParser(prog="python -m app.serve")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--unix-socket", metavar="PATH", help="instead of host and port")
    parser.add_argument("--threads", type=int, default=8)
    options = parser.parse_args()

    write_log(os.environ.get("ADA_LOG_FILE") or "ada.log")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    app = create_app()
    log_requests(app)
    where = (
        {"unix_socket": options.unix_socket, "unix_socket_perms": "660"}
        if options.unix_socket
        else {"host": options.host, "port": options.port}
    )
    release = app.config["RELEASE"]
    try:
        server = waitress.create_server(app, threads=options.threads, ident="ada", **where)
        record_start(app)
        log.info(
            "release %s is up on %s",
            release,
            options.unix_socket or f"{options.host}:{options.port}",
        )
        server.run()  # until SIGTERM or SIGINT; finishes the requests it has
    except Exception:
        log.exception("release %s can't serve", release)
        return 1
    finally:
        if options.unix_socket and os.path.exists(options.unix_socket):
            os.unlink(options.unix_socket)
    with app.app_context():
        db.engine.dispose()
    log.info("release %s is down", release)
    return 0


def write_log(path):
    if path == "-":
        handler = logging.StreamHandler()
    else:
        handler = logging.handlers.WatchedFileHandler(path, encoding="utf-8")
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    # They tell of each look at the revision, and of each request that waits.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def log_requests(app):
    @app.before_request
    def begin():
        g.began = time.monotonic()

    @app.after_request
    def end(response):
        took = (time.monotonic() - g.pop("began", time.monotonic())) * 1000
        log.info("%s %s %d %.0f ms", request.method, request.path, response.status_code, took)
        return response


def record_start(app):
    with app.app_context():
        db.session.add(ServiceStart(release=app.config["RELEASE"]))
        db.session.commit()


if __name__ == "__main__":
    sys.exit(main())
