from flask import Blueprint, current_app, request
from sqlalchemy.exc import IntegrityError, OperationalError

from . import revisions, shop
from .models import db

blueprint = Blueprint("api", __name__, url_prefix="/api")


@blueprint.get("/health")
def health():
    answer = {"release": current_app.config["RELEASE"]}
    try:
        answer["revision"] = revisions.current()
        if answer["revision"] != revisions.expected():
            answer["expected"] = revisions.expected()
            current_app.logger.error(
                "health: the database is at %(revision)s, the code wants %(expected)s", answer
            )
            return answer | {"status": "wrong revision"}, 503
        shop.health()
    except OperationalError as error:
        current_app.logger.error("health: no database: %s", error.orig)
        return answer | {"status": "no database"}, 503
    return answer | {"status": "ok"}


@blueprint.post("/orders")
def create_order():
    order = request.get_json()
    try:
        reference = order["reference"]
        lines = [(int(i["product_id"]), int(i["quantity"])) for i in order["items"]]
        user_id = int(order["user_id"])
    except (KeyError, TypeError, ValueError):
        return {"error": "an order has a reference, a user_id and items"}, 400
    if not isinstance(reference, str) or not 0 < len(reference) <= 64:
        return {"error": "a reference has 1 to 64 characters"}, 400
    if not lines or any(quantity < 1 for _, quantity in lines):
        return {"error": "an order has items, at least one of each"}, 400
    try:
        placed = shop.place_order(reference, user_id, lines)
    except shop.Refused as refusal:
        return {"error": str(refusal)}, 422
    except IntegrityError:
        db.session.rollback()
        if shop.find_order(reference) is None:
            raise
        return {"error": "this reference was used before"}, 409
    return shop.describe(placed), 201


@blueprint.get("/orders/<reference>")
def show_order(reference):
    order = shop.find_order(reference)
    if order is None:
        return {"error": "no such order"}, 404
    return shop.describe(order)
