#!/usr/bin/env python3
"""Does ADA sell? Run while the maintenance page is still up:

    smoke/shop.py http://127.0.0.1:5000        (or unix:/path/to/socket)

Reads the pages, places one order, reads it back, and is refused the same
reference a second time. With ADA_PREVIEW_KEY set it passes the maintenance
page. Exits 0 if all is well, 1 with the first thing that is not.
"""

import http.client
import json
import os
import socket
import sys
import urllib.parse
import uuid


def connect(url):
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "unix":
        return http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=10)
    connection = http.client.HTTPConnection("localhost", timeout=10)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(10)
    connection.sock.connect(parts.path)
    return connection


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    headers = {"Content-Type": "application/json"}
    if os.environ.get("ADA_PREVIEW_KEY"):
        headers["X-Ada-Preview"] = os.environ["ADA_PREVIEW_KEY"]

    def ask(method, path, body=None, expect=200):
        connection = connect(sys.argv[1])
        connection.request(method, path, body and json.dumps(body), headers)
        response = connection.getresponse()
        answer = response.read().decode()
        connection.close()
        if response.status != expect:
            sys.exit(f"{method} {path}: {response.status} instead of {expect}: {answer[:300]}")
        return answer

    def same(what, found, wanted):
        if found != wanted:
            sys.exit(f"{what}: {found!r} instead of {wanted!r}")

    same("health", json.loads(ask("GET", "/api/health"))["status"], "ok")
    if "orders." not in ask("GET", "/"):
        sys.exit("GET /: no number of orders on the page")
    if "Customer 000001" not in ask("GET", "/users/1"):
        sys.exit("GET /users/1: no name on the page")

    reference = f"smoke-{uuid.uuid4().hex[:12]}"
    items = [{"product_id": 1, "quantity": 2}, {"product_id": 2, "quantity": 1}]
    order = {"reference": reference, "user_id": 1, "items": items}
    placed = json.loads(ask("POST", "/api/orders", order, expect=201))
    read = json.loads(ask("GET", f"/api/orders/{reference}"))
    same("the order read back", read, placed)
    same("its items", read["items"], items)
    same("its total", read["total"], "60.89")
    ask("POST", "/api/orders", order, expect=409)
    print(f"the shop sells: {reference}")


if __name__ == "__main__":
    try:
        main()
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"{sys.argv[1]}: {error or type(error).__name__}")
