"""Connections as the role ``analyst``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg2
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool
from vodflow.catalog.analyst import ROLE, make_role
from vodflow.catalog.database import parse_url
from vodflow.settings import Settings

PASSWORD = "of analysts/1"


@contextlib.contextmanager
def as_analyst(settings: Settings) -> Iterator[Connection]:
    """A connection to the catalog as people get it who ask it."""
    owner = parse_url(settings.catalog_url.get_secret_value())
    connection = psycopg2.connect(owner.set(drivername="postgresql").render_as_string(hide_password=False))
    connection.autocommit = True
    make_role(connection, PASSWORD)
    connection.close()
    engine = create_engine(owner.set(username=ROLE, password=PASSWORD), poolclass=NullPool)
    with engine.connect() as conn:
        yield conn
