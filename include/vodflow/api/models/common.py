"""What models of all kinds share."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vodflow.api.paging import DEFAULT_LIMIT, MAX_LIMIT, Paging


class Answer(BaseModel):
    """Base of what is answered: made of the library's values by their attributes."""

    model_config = ConfigDict(from_attributes=True)


class Asked(BaseModel):
    """Base of what is sent: a name that means nothing is refused, for it is a mistyped one."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AskedList(Asked):
    """Base of what lists are asked: when something was made, in which order, and which page.

    Every other name is refused: a mistyped filter would show everything.
    """

    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="items of a page")
    cursor: str | None = Field(
        default=None, min_length=1, max_length=1024, description="of the page before; none means the first"
    )
    since: AwareDatetime | None = Field(default=None, description="at or after that moment, ISO 8601 with a time zone")
    until: AwareDatetime | None = Field(default=None, description="before that moment, ISO 8601 with a time zone")
    sort: Literal["newest", "oldest"] = Field(default="newest", description="which come first")

    @property
    def page(self) -> Paging:
        """Which page."""
        return Paging(self.limit, self.cursor)

    @property
    def oldest_first(self) -> bool:
        """As the library asks."""
        return self.sort == "oldest"
