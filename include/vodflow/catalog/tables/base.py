"""What all tables share: the metadata with its naming convention, and small column makers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Identity, MetaData, func, text

#: Names are spelled out so that migrations can drop and compare constraints by name.
_NAMES: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

#: What Vodflow works with.
metadata = MetaData(naming_convention=_NAMES)

#: What analysts read; every row can be computed from the other tables again.
reporting = MetaData(naming_convention=_NAMES, schema="reporting")


def identity() -> Column[int]:
    """``id``: a bigint that only the database gives out."""
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def timestamp(name: str, *, nullable: bool = True, comment: str | None = None) -> Column[Any]:
    """A point in time; with ``nullable=False`` it defaults to the start of the transaction."""
    default = None if nullable else func.now()
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default, comment=comment)


def recorded() -> Column[int]:
    """``recorded_xid``: the transaction that wrote the row, so that reports find what was written late."""
    return Column(
        "recorded_xid",
        BigInteger,
        nullable=False,
        server_default=text("(pg_current_xact_id())::text::bigint"),
        comment="transaction that wrote it; reports find late facts by it",
    )


def owner() -> Column[int]:
    """``tenant_id``: whose row it is, so that an index finds those of a small tenant among many."""
    return Column("tenant_id", BigInteger, nullable=False, comment="its video's, by a trigger")


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    """A check that a text column holds one of these words."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)


def not_negative(*columns: str) -> list[CheckConstraint]:
    """A check for each column that it is not below zero."""
    return [CheckConstraint(f"{column} >= 0", name=column) for column in columns]
