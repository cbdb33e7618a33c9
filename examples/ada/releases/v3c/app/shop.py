"""What the shop does, apart from how it is asked."""

from decimal import Decimal

from sqlalchemy import func, select, text

from .models import Address, Order, OrderItem, Product, User, db


class Refused(Exception):
    """An order that can't be taken; says why."""


def place_order(reference, user_id, lines):
    """Stores an order and returns it. It is committed when this returns."""
    if db.session.get(User, user_id) is None:
        raise Refused("no such user")
    order = Order(reference=reference, user_id=user_id, total=Decimal(0))
    for number, (product_id, quantity) in enumerate(lines, start=1):
        product = db.session.get(Product, product_id)
        if product is None:
            raise Refused("no such product")
        order.items.append(
            OrderItem(
                line=number,
                product_id=product.id,
                quantity=quantity,
                unit_price=product.price,
            )
        )
        order.total += quantity * product.price
    db.session.add(order)
    db.session.commit()
    return order


def find_order(reference):
    return db.session.scalars(
        select(Order).where(Order.reference == reference)
    ).one_or_none()


def describe(order):
    return {
        "reference": order.reference,
        "user_id": order.user_id,
        "status": order.status.code,
        "total": f"{order.total:.2f}",
        "placed_at": order.placed_at.isoformat(),
        "items": [
            {"product_id": item.product_id, "quantity": item.quantity}
            for item in order.items
        ],
    }


def counts():
    return {
        "users": db.session.scalar(select(func.count()).select_from(User)),
        "products": db.session.scalar(select(func.count()).select_from(Product)),
        "orders": db.session.scalar(select(func.count()).select_from(Order)),
        "by_channel": orders_by_channel(),
    }


def orders_by_channel():
    rows = db.session.execute(text("SELECT chanel, count(*) FROM orders GROUP BY 1"))
    return {channel: number for channel, number in rows}


def latest_orders(limit=10):
    return db.session.scalars(select(Order).order_by(Order.id.desc()).limit(limit)).all()


def health():
    """Asks the database for one row of each table that a sale needs."""
    for model in (User, Address, Product, Order, OrderItem):
        db.session.scalars(select(model).limit(1)).first()
    orders_by_channel()


def orders_of(user, limit=20):
    return db.session.scalars(
        select(Order).where(Order.user_id == user.id).order_by(Order.id.desc()).limit(limit)
    ).all()
