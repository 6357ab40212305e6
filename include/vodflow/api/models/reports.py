"""Reports: which tables there are, and what of them is asked."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from vodflow.api.models.common import Answer
from vodflow.api.parameters import ShortText, TenantName


class ColumnDocument(Answer):
    """One column."""

    name: str
    type: str
    nullable: bool
    key: bool = Field(description="part of what tells rows apart, and of their order")
    meaning: str


class ReportDocument(Answer):
    """One table."""

    name: str
    meaning: str
    columns: list[ColumnDocument]


class ReportList(Answer):
    """All tables that the caller may read."""

    items: list[ReportDocument]


class ReportQuery(BaseModel):
    """Which rows are wanted, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: date | None = Field(
        default=None, alias="from", description="first UTC day; none means 30 days before the last"
    )
    last: date | None = Field(default=None, alias="to", description="last UTC day, included; none means today")
    tenant: TenantName | None = Field(default=None, description="only its rows, where the table has the column")
    profile: ShortText | None = Field(default=None, description="likewise")
    engine: ShortText | None = Field(default=None, description="likewise")
    format: Literal["json", "csv"] | None = Field(default=None, description="none means what `Accept` says, or JSON")
