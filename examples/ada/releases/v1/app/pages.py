from flask import Blueprint, abort, render_template

from . import shop
from .models import User, db

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def index():
    return render_template(
        "index.html", counts=shop.counts(), orders=shop.latest_orders()
    )


@blueprint.get("/users/<int:user_id>")
def user(user_id):
    found = db.session.get(User, user_id) or abort(404)
    return render_template("user.html", user=found, orders=shop.orders_of(found))
