"""ADA, a small shop."""

from flask import Flask

from .config import Config
from .models import db, migrate
from .release import RELEASE


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_mapping((config or Config.from_environment()).as_mapping())
    app.config["RELEASE"] = RELEASE

    db.init_app(app)
    migrate.init_app(app, db)

    from . import api, errors, maintenance, pages

    maintenance.init_app(app)
    errors.init_app(app)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(api.blueprint)
    return app
