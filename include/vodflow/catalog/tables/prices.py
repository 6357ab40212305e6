"""What things cost, since when."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Date, Numeric, Table, Text

from vodflow.catalog.tables.base import metadata, not_negative

price = Table(
    "price",
    metadata,
    Column("name", Text, primary_key=True, comment="cpu_second.local, storage.gb_month, egress.gb, …"),
    Column("valid_from", Date, primary_key=True, comment="first UTC day it holds for"),
    Column("amount", Numeric(20, 12), nullable=False),
    Column("unit", Text, nullable=False, comment="for people: US dollars a CPU second"),
    Column("note", Text, comment="where it is from"),
    *not_negative("amount"),
    CheckConstraint("name ~ '^[a-z0-9_]+[.][a-z0-9_]+$'", name="name"),
    comment="Dated prices. A row is never changed or deleted, and none is added for days that are over.",
)
