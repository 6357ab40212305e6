"""What visitors may ask of pages about many videos: days, tenant. Wrong values get one sentence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlalchemy import Connection, select
from vodflow.catalog.tables import tenant as tenant_table
from vodflow.errors import ConfigurationError
from vodflow.reports.days import parse_range

#: Days shown unless others are asked for, today included.
DAYS: Final = 30

#: Text of an address or a form; PostgreSQL's holds no NUL.
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1024, pattern=r"^[^\x00]*$")]


class Asked(BaseModel):
    """Days and tenant, as they were given; empty means the last :data:`DAYS` days, and all tenants."""

    model_config = ConfigDict(frozen=True)

    first: Text = ""
    last: Text = ""
    tenant: Text = ""

    def days(self) -> tuple[date, date]:
        """First and last day.

        :raises ConfigurationError: they are no days, reversed, or in the future
        """
        today = datetime.now(UTC).date()
        last = self.last or str(today)
        if not self.first:
            end = parse_range(None, last, names=("first", "last"))[-1]
            return end - timedelta(days=DAYS - 1), end
        days = parse_range(self.first, last, names=("first", "last"))
        return days[0], days[-1]

    def values(self, **changes: Any) -> dict[str, Any]:
        """What to say in an address for the same, but for these changes; without what is empty."""
        return {name: value for name, value in (self.model_dump() | changes).items() if value not in {"", None}}


def tenants(conn: Connection, asked: str = "") -> list[str]:
    """Every tenant, for a form that lets one be chosen.

    :param asked: one that must be among them, where not empty
    :raises ConfigurationError: it is not
    """
    found = list(conn.scalars(select(tenant_table.c.slug).order_by(tenant_table.c.slug)))
    if asked and asked not in found:
        raise ConfigurationError(f"There is no tenant {asked!r}: no video of it was ever registered.")
    return found
