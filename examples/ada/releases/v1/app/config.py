"""Configuration, read from the environment."""

import os
from dataclasses import dataclass

from sqlalchemy.engine import make_url


@dataclass(frozen=True)
class Config:
    database_url: str
    maintenance_flag: str | None = None
    preview_key: str | None = None

    @classmethod
    def from_environment(cls, environ=os.environ):
        url = environ.get("DATABASE_URL")
        if not url:
            raise RuntimeError("DATABASE_URL is not set")
        return cls(
            database_url=url,
            maintenance_flag=environ.get("ADA_MAINTENANCE_FLAG") or None,
            preview_key=environ.get("ADA_PREVIEW_KEY") or None,
        )

    def as_mapping(self):
        return {
            "SQLALCHEMY_DATABASE_URI": with_psycopg(self.database_url),
            "SQLALCHEMY_ENGINE_OPTIONS": {
                "pool_pre_ping": True,
                "pool_size": 8,
                "max_overflow": 4,
                # PGAPPNAME, or application_name in the URL, wins over this.
                "connect_args": {"fallback_application_name": "ada"},
            },
            "MAINTENANCE_FLAG": self.maintenance_flag,
            "PREVIEW_KEY": self.preview_key,
        }


def with_psycopg(url):
    """The same URL, driven by psycopg 3 whatever it was written for."""
    parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    if parsed.get_backend_name() != "postgresql":
        raise RuntimeError("DATABASE_URL is not a PostgreSQL URL")
    return parsed.set(drivername="postgresql+psycopg")
