"""Which migration the code was written for, and which one the database has."""

from functools import cache
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from .models import db

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


@cache
def expected():
    return ScriptDirectory(MIGRATIONS).get_current_head()


def current():
    return MigrationContext.configure(db.session.connection()).get_current_revision()
