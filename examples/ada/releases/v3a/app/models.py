from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData, func, text
from sqlalchemy.dialects.postgresql import ARRAY, ENUM, JSON, JSONB, OID, UUID

db = SQLAlchemy(
    metadata=MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
)
migrate = Migrate()

Timestamp = db.DateTime(timezone=True)
Money = db.Numeric(12, 2)


class Country(db.Model):
    __tablename__ = "countries"

    code = db.Column(db.String(2), primary_key=True)
    name = db.Column(db.String(80), nullable=False, unique=True)


class User(db.Model):
    __tablename__ = "users"
    __table_args__ = (
        db.CheckConstraint("email = lower(email)", name="email"),
        {"comment": "Customers of the shop"},
    )

    id = db.Column(db.Integer, primary_key=True)
    email = db.Column(db.String(255), nullable=False, unique=True)
    name = db.Column(db.String(120), nullable=False)
    phone = db.Column(db.String(40), unique=True)
    country_code = db.Column(db.ForeignKey("countries.code"), nullable=False)
    newsletter = db.Column(db.Boolean, nullable=False, server_default=text("false"))
    created_at = db.Column(Timestamp, nullable=False, server_default=func.now())
    loyalty_points = db.Column(db.Integer, nullable=False, server_default=text("0"))

    country = db.relationship(Country)
    profile = db.relationship("Profile", back_populates="user", uselist=False)
    orders = db.relationship("Order", back_populates="user")


class Profile(db.Model):
    """What a customer tells about themselves: one per user."""

    __tablename__ = "profiles"

    id = db.Column(db.Integer, primary_key=True)
    user_id = db.Column(db.ForeignKey("users.id"), nullable=False, unique=True)
    bio = db.Column(db.Text)
    birthday = db.Column(db.Date)
    preferences = db.Column(JSONB, nullable=False, server_default=text("'{}'::jsonb"))
    tags = db.Column(ARRAY(db.Text), nullable=False, server_default=text("'{}'::text[]"))
    avatar = db.Column(db.LargeBinary)

    user = db.relationship(User, back_populates="profile")
    address = db.relationship("Address", back_populates="profile", uselist=False)


class Address(db.Model):
    __tablename__ = "addresses"

    id = db.Column(db.Integer, primary_key=True)
    profile_id = db.Column(db.ForeignKey("profiles.id"), nullable=False, unique=True)
    street = db.Column(db.String(120))
    postal_code = db.Column(db.String(12))
    city = db.Column(db.String(80))

    profile = db.relationship(Profile, back_populates="address")


class Product(db.Model):
    __tablename__ = "products"

    id = db.Column(db.Integer, primary_key=True)
    sku = db.Column(db.String(20), nullable=False, unique=True)
    name = db.Column(db.String(120), nullable=False)
    category = db.Column(
        ENUM("book", "game", "tool", name="product_category"), nullable=False
    )
    price = db.Column(Money, nullable=False)
    weight = db.Column(db.Numeric(8, 3))
    attributes = db.Column(JSON)


class OrderStatus(db.Model):
    __tablename__ = "order_statuses"

    id = db.Column(db.SmallInteger, primary_key=True, autoincrement=False)
    code = db.Column(db.String(20), nullable=False, unique=True)
    label = db.Column(db.String(80), nullable=False)


class Order(db.Model):
    __tablename__ = "orders"
    __table_args__ = (
        db.CheckConstraint("total >= 0", name="total"),
        db.Index("ix_orders_user_id_placed_at", "user_id", "placed_at"),
        {"comment": "One row for each order; an order is never deleted"},
    )

    id = db.Column(db.Integer, primary_key=True)
    reference = db.Column(
        db.String(64), nullable=False, unique=True, comment="Chosen by the client"
    )
    user_id = db.Column(db.ForeignKey("users.id"), nullable=False)
    invoice_number = db.Column(
        db.BigInteger, unique=True, default=func.nextval("invoice_number_seq")
    )
    note = db.Column(db.Text)
    total = db.Column(Money, nullable=False)
    placed_at = db.Column(
        Timestamp, nullable=False, server_default=func.now(), index=True
    )
    updated_at = db.Column(Timestamp, nullable=False, server_default=func.now())
    status_id = db.Column(
        db.ForeignKey("order_statuses.id"),
        nullable=False,
        server_default=text("1"),
        index=True,
    )

    user = db.relationship(User, back_populates="orders")
    status = db.relationship(OrderStatus, lazy="joined")
    items = db.relationship(
        "OrderItem", back_populates="order", order_by="OrderItem.line"
    )


class OrderItem(db.Model):
    __tablename__ = "order_items"
    __table_args__ = (
        db.UniqueConstraint("order_id", "line"),
        db.CheckConstraint("quantity > 0", name="quantity"),
    )

    id = db.Column(db.BigInteger, primary_key=True)
    order_id = db.Column(db.ForeignKey("orders.id"), nullable=False)
    line = db.Column(db.SmallInteger, nullable=False)
    product_id = db.Column(db.ForeignKey("products.id"), nullable=False, index=True)
    quantity = db.Column(db.Integer, nullable=False)
    unit_price = db.Column(Money, nullable=False)

    order = db.relationship(Order, back_populates="items")


class Session(db.Model):
    __tablename__ = "sessions"

    id = db.Column(UUID(as_uuid=True), primary_key=True)
    user_id = db.Column(
        db.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True
    )
    created_at = db.Column(Timestamp, nullable=False, server_default=func.now())
    expires_at = db.Column(Timestamp, nullable=False, index=True)
    data = db.Column(JSON)


class Document(db.Model):
    """Terms and forms; the content is a large object."""

    __tablename__ = "documents"

    id = db.Column(db.Integer, db.Identity(), primary_key=True)
    name = db.Column(db.String(120), nullable=False, unique=True)
    content = db.Column(OID, nullable=False)


class Voucher(db.Model):
    __tablename__ = "vouchers"

    code = db.Column(db.String(20), primary_key=True)
    user_id = db.Column(db.ForeignKey("users.id"), nullable=False, index=True)
    value = db.Column(Money, nullable=False)
    issued_at = db.Column(Timestamp, nullable=False, server_default=func.now())


class ServiceStart(db.Model):
    """One row each time a server process comes up."""

    __tablename__ = "service_starts"

    id = db.Column(db.BigInteger, primary_key=True)
    release = db.Column(db.String(20), nullable=False)
    started_at = db.Column(Timestamp, nullable=False, server_default=func.now())
