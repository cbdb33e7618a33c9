"""Only SQL is wanted, and only PostgreSQL's."""
from alembic import context

context.configure(
    dialect_name="postgresql", as_sql=True, literal_binds=True, dialect_opts={"paramstyle": "named"}
)
with context.begin_transaction():
    context.run_migrations()
