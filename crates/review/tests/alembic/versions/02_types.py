"""types"""
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, INET, JSONB, TSVECTOR

revision = "02"
down_revision = "01"

TYPES = {
    "big": sa.BigInteger(), "bigint": sa.BIGINT(), "small": sa.SmallInteger, "int": sa.INTEGER(),
    "string": sa.String(), "string_20": sa.String(20), "varchar": sa.VARCHAR(length=30), "text": sa.Text(),
    "text_upper": sa.TEXT(), "unicode": sa.Unicode(10), "unicode_text": sa.UnicodeText(), "char": sa.CHAR(3),
    "char_1": sa.CHAR(), "bool": sa.Boolean(), "boolean": sa.BOOLEAN(), "datetime": sa.DateTime(),
    "datetime_zone": sa.DateTime(timezone=True), "datetime_true": sa.DateTime(True), "stamp": sa.TIMESTAMP(),
    "stamp_zone": postgresql.TIMESTAMP(timezone=True), "stamp_3": postgresql.TIMESTAMP(precision=3),
    "date": sa.Date(), "time": sa.Time(), "time_zone": sa.Time(timezone=True), "numeric": sa.Numeric(),
    "numeric_10": sa.Numeric(10), "numeric_10_2": sa.Numeric(precision=10, scale=2), "decimal": sa.DECIMAL(5, 1),
    "float": sa.Float(), "float_10": sa.Float(10), "float_53": sa.Float(precision=53), "real": sa.REAL(),
    "double": sa.Double(), "double_precision": postgresql.DOUBLE_PRECISION(), "json": sa.JSON(),
    "jsonb": JSONB(), "uuid": sa.Uuid(), "uuid_upper": sa.UUID(), "uuid_text": sa.Uuid(native_uuid=False),
    "bytes": sa.LargeBinary(), "bytea": postgresql.BYTEA(), "enum": sa.Enum("a", name="an_enum"),
    "enum_text": sa.Enum("abc", "de", name="t", native_enum=False), "array": ARRAY(sa.Integer()),
    "array_2": sa.ARRAY(sa.String(5), dimensions=2), "inet": INET(), "cidr": postgresql.CIDR(),
    "macaddr": postgresql.MACADDR(), "interval": sa.Interval(), "interval_pg": postgresql.INTERVAL(),
    "tsvector": TSVECTOR(), "hstore": postgresql.HSTORE(), "oid": postgresql.OID(), "money": postgresql.MONEY(),
    "int4range": postgresql.INT4RANGE(), "tstzrange": postgresql.TSTZRANGE(), "bit": postgresql.BIT(4),
    "varbit": postgresql.BIT(4, varying=True), "citext": postgresql.CITEXT(), "pickle": sa.PickleType(),
    "variant": sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
    "other_variant": sa.Text().with_variant(sa.Integer(), "sqlite"),
    "domain": postgresql.DOMAIN("a_domain", sa.Integer()), "regclass": postgresql.REGCLASS(),
}


def upgrade():
    for name, of in TYPES.items():
        op.add_column("typed", sa.Column(name, of, nullable=True))


def downgrade():
    for name in TYPES:
        op.drop_column("typed", name)
