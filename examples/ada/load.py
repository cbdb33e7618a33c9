#!/usr/bin/env python3
"""Customers for ADA: orders all the time, and a record of what was promised.

    load.py --url http://127.0.0.1:5000 --record acknowledged.txt
    load.py --check --url http://127.0.0.1:5000 --record acknowledged.txt
    load.py --check --database-url postgresql://… --record acknowledged.txt

Posts orders until SIGTERM or SIGINT (or --seconds). An order that was answered
with 201 was acknowledged: its reference is appended to the record at once.
"refused" were told 503 or found nobody listening; "errors" is everything
else, among them orders whose answer never came, which may be there or not.

--check wants each acknowledged order exactly once and exits 0 if so, 1 if not.
"""

import argparse
import collections
import http.client
import json
import os
import random
import signal
import socket
import sys
import threading
import time
import urllib.parse
import uuid


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def connect(url, timeout=10):
    """http://host:port, or unix:/path/to/socket"""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "unix":
        return UnixConnection(parts.path, timeout)
    if parts.scheme != "http" or not parts.hostname:
        sys.exit(f"not a URL of the shop: {url}")
    return http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=timeout)


def load(options):
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    lock = threading.Lock()
    tally = collections.Counter(acknowledged=0, refused=0, errors=0)
    run = uuid.uuid4().hex[:8]
    pause = options.workers / options.rate

    with open(options.record, "a", encoding="utf-8") as record:

        def count(what, reference=None):
            with lock:
                tally[what] += 1
                if reference:
                    record.write(reference + "\n")
                    record.flush()
                    os.fsync(record.fileno())

        def work(worker):
            chance = random.Random(f"{run}-{worker}")
            connection = connect(options.url)
            number = 0
            due = time.monotonic() + pause * worker / options.workers
            while not stop.wait(max(0, due - time.monotonic())):
                due = max(due + pause, time.monotonic())
                number += 1
                reference = f"load-{run}-{worker}-{number}"
                order = {
                    "reference": reference,
                    "user_id": chance.randint(1, options.users),
                    "items": [
                        {"product_id": product, "quantity": chance.randint(1, 3)}
                        for product in chance.sample(range(1, 51), chance.randint(1, 3))
                    ],
                }
                try:
                    connection.request(
                        "POST", "/api/orders", json.dumps(order),
                        {"Content-Type": "application/json"},
                    )
                    response = connection.getresponse()
                    response.read()
                    if response.status == 201:
                        count("acknowledged", reference)
                    else:
                        count("refused" if response.status == 503 else "errors")
                except (ConnectionRefusedError, FileNotFoundError):
                    connection.close()
                    count("refused")
                except (OSError, http.client.HTTPException):
                    connection.close()
                    count("errors")

        workers = [
            threading.Thread(target=work, args=(n,)) for n in range(options.workers)
        ]
        for worker in workers:
            worker.start()
        stop.wait(options.seconds)
        stop.set()
        for worker in workers:
            worker.join()
    print(json.dumps(tally), flush=True)
    return 0


def check(options):
    with open(options.record, encoding="utf-8") as record:
        promised = record.read().split()
    found = found_by_sql if options.database_url else found_by_http
    times = found(options, promised)
    missing = [reference for reference in promised if times.get(reference, 0) == 0]
    repeated = [reference for reference in promised if times.get(reference, 0) > 1]
    print(
        json.dumps(
            {
                "checked": len(promised),
                "missing": len(missing),
                "repeated": len(repeated),
                "examples": (missing + repeated)[:10],
            }
        )
    )
    return 1 if missing or repeated else 0


def found_by_http(options, promised):
    """The reference is unique in the database: what is found is there once."""
    connection = connect(options.url)
    times = collections.Counter()
    for reference in promised:
        connection.request(
            "GET",
            f"/api/orders/{urllib.parse.quote(reference)}",
            headers={"X-Ada-Preview": os.environ.get("ADA_PREVIEW_KEY", "")},
        )
        response = connection.getresponse()
        body = response.read()
        if response.status == 200 and json.loads(body)["reference"] == reference:
            times[reference] += 1
        elif response.status != 404:
            sys.exit(f"{reference}: the shop answers {response.status}; nothing was checked")
    return times


def found_by_sql(options, promised):
    import psycopg

    url = "postgresql://" + options.database_url.split("://", 1)[1]
    query = "SELECT reference, count(*) FROM orders WHERE reference = ANY(%s) GROUP BY 1"
    with psycopg.connect(url) as connection:
        return dict(connection.execute(query, [promised]).fetchall())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", help="http://host:port or unix:/path")
    parser.add_argument("--database-url", help="with --check: ask the database (needs psycopg)")
    parser.add_argument("--record", required=True, metavar="FILE")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--rate", type=float, default=20, help="orders a second, in all")
    parser.add_argument("--seconds", type=float, help="stop by itself after so long")
    parser.add_argument("--users", type=int, default=10, help="orders are for users 1 to N")
    options = parser.parse_args()
    if options.workers < 1 or options.rate <= 0:
        parser.error("--workers and --rate are more than 0")
    if not options.url and not (options.check and options.database_url):
        parser.error("--url is missing")
    return check(options) if options.check else load(options)


if __name__ == "__main__":
    sys.exit(main())
