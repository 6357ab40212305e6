"""Dated prices: what holds on a day, and how one is added."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Date, ScalarSelect, cast, func, insert, select

from vodflow.catalog.rows import Record
from vodflow.catalog.tables import job, price
from vodflow.errors import ConfigurationError

#: More digits are cut off by the table.
_DIGITS = 12
_LARGEST = Decimal(10) ** 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Price(Record):
    """What something costs from a day on.

    :param valid_from: first UTC day
    :param unit: of the amount, for people
    """

    name: str
    valid_from: date
    amount: Decimal
    unit: str
    note: str | None


def prices(conn: Connection) -> list[Price]:
    """All of them, by name and day."""
    return [Price.of(row) for row in conn.execute(select(price).order_by(price.c.name, price.c.valid_from))]


def add_price(
    conn: Connection, name: str, amount: Decimal, valid_from: date | None = None, note: str | None = None
) -> Price:
    """Have another price hold from a day on. The same again changes nothing.

    :param valid_from: UTC day; none means today
    :raises ConfigurationError: nothing is charged by this name, the amount is none, the day is over, or has a price
    """
    known = prices(conn)
    today = datetime.now(UTC).date()
    day = valid_from or today
    same = [item for item in known if item.name == name]
    if not same:
        raise ConfigurationError(
            f"{name}: no such price; there are {', '.join(sorted({item.name for item in known}))}."
        )
    if not amount.is_finite() or not 0 <= amount < _LARGEST:
        raise ConfigurationError(f"{amount} is no price for {name}; give US dollars or a number from 0 on, as 0.0225.")
    amount = round(amount, _DIGITS)
    if there := next((item for item in same if item.valid_from == day), None):
        if there.amount == amount:
            return there
        raise ConfigurationError(
            f"{name} is {there.amount.normalize():f} from {day} on already, and prices stay. Give a later day."
        )
    if day < today:
        raise ConfigurationError(
            f"{day} is over and reported already: prices hold from today ({today}, UTC) on at the earliest."
        )
    added = Price(name=name, valid_from=day, amount=amount, unit=same[-1].unit, note=note)
    conn.execute(insert(price).values(**dataclasses.asdict(added)))
    return added


def on_day(name: ColumnElement[Any], moment: ColumnElement[Any]) -> ScalarSelect[Any]:
    """The price that held on the UTC day of a moment, for queries.

    :param name: of the price
    """
    day = cast(func.timezone("UTC", moment), Date)
    found = select(price.c.amount).where(price.c.name == name, price.c.valid_from <= day)
    return found.order_by(price.c.valid_from.desc()).limit(1).scalar_subquery()


def estimated_cost() -> ColumnElement[Any]:
    """What a job was expected to cost, for queries of ``job``, in US dollars; none where that is not known."""
    return _cost(job.c.estimated_cost, job.c.estimated_cpu_seconds, job.c.created_at)


def actual_cost() -> ColumnElement[Any]:
    """What a job cost, for queries of ``job``, in US dollars; none where that is not known."""
    return _cost(job.c.actual_cost, job.c.cpu_seconds, job.c.finished_at)


def _cost(paid: ColumnElement[Any], cpu_seconds: ColumnElement[Any], moment: ColumnElement[Any]) -> ColumnElement[Any]:
    """What a service charges, or an engine of our own takes by the price of that day."""
    return func.coalesce(paid, cpu_seconds * on_day("cpu_second." + job.c.engine, moment))
