"""An application that answers, with its page: nothing but the standard library."""

import http.server
import os
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        closed = os.path.exists("../maintenance.flag") and self.path != "/health"
        self.send_response(503 if closed else int(os.environ.get("HEALTH", "200")))
        self.end_headers()
        self.wfile.write(b"@ANSWER@")

    def log_message(self, *_):
        pass


class Server(http.server.HTTPServer):
    allow_reuse_address = True


open("app.log", "a").write("started as @ANSWER@\n")
Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
