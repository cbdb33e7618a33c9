"""The maintenance page: shown while a flag file exists."""

import hmac
import os

from flask import render_template, request


def init_app(app):
    @app.before_request
    def closed():
        flag = app.config["MAINTENANCE_FLAG"]
        if not flag or request.path == "/api/health" or not os.path.exists(flag):
            return None
        key = app.config["PREVIEW_KEY"]
        shown = request.headers.get("X-Ada-Preview", "")
        if key and hmac.compare_digest(shown.encode(), key.encode()):
            return None
        headers = {"Retry-After": "60", "Cache-Control": "no-store"}
        if request.path.startswith("/api/"):
            return {"error": "closed for maintenance"}, 503, headers
        return render_template("maintenance.html"), 503, headers
