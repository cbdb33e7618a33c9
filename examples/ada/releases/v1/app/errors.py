from flask import render_template, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException


def init_app(app):
    @app.errorhandler(HTTPException)
    def failed(error):
        # An unhandled exception arrives here as a 500; Flask has logged its traceback.
        return answer(error.code, error.name)

    @app.errorhandler(OperationalError)
    def no_database(error):
        app.logger.error("%s %s: no database: %s", request.method, request.path, error.orig)
        return answer(503, "No database")


def answer(code, name):
    if request.path.startswith("/api/"):
        return {"error": name}, code
    return render_template("error.html", code=code, name=name), code
