"""The list of videos: what there is, how far each is, and what can be done about it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse, Response
from vodflow.catalog.database import transaction
from vodflow.catalog.video_list import LiveVideo, Place, VideoFilter, VideoLine, choices, list_videos
from vodflow.errors import CatalogUnavailable, ConfigurationError

from vodflow_airflow.ui.access import Viewer
from vodflow_airflow.ui.asked import Text, tenants
from vodflow_airflow.ui.live import SNAPSHOT
from vodflow_airflow.ui.rendering import base_of, page
from vodflow_airflow.ui.video_states import GROUPS, can

router = APIRouter()

#: A video as the page shows it: id, status, priority.
Shown = Annotated[str, Field(pattern=r"^\d{1,18}\.[A-Z]{1,20}\.\d{1,3}$")]

#: Lines of one page.
ROWS: Final = 50


class AskedVideos(BaseModel):
    """Filters and place of the list, as they stand in the address; empty means all."""

    model_config = ConfigDict(frozen=True)

    q: Annotated[Text, Field(max_length=300)] = ""
    tenant: Text = ""
    status: Literal["", "running", "waiting", "published", "failed", "rejected", "canceled", "unreadable"] = ""
    profile: Text = ""
    engine: Text = ""
    first: Text = ""
    last: Text = ""
    after: Annotated[str, Field(pattern=r"^(\d{1,17}-\d{1,18})?$")] = ""
    before: Annotated[str, Field(pattern=r"^(\d{1,17}-\d{1,18})?$")] = ""

    def wanted(self) -> VideoFilter:
        """As the catalog takes it.

        :raises ConfigurationError: days that are none, or reversed
        """
        first, last = _day("first", self.first), _day("last", self.last)
        if first and last and first > last:
            raise ConfigurationError(f"The first day, {first}, is after the last, {last}: exchange them.")
        return VideoFilter(
            search=self.q or None,
            tenant=self.tenant or None,
            statuses=GROUPS[self.status] if self.status else None,
            profile=self.profile or None,
            engine=self.engine or None,
            since=_midnight(first),
            until=_midnight(last + timedelta(days=1)) if last and last < date.max else None,
        )

    def address(self, **changes: Any) -> dict[str, str]:
        """What to say in an address for the same, but for these changes; without what is empty."""
        return {name: str(value) for name, value in (self.model_dump() | changes).items() if value}


@router.get("/")
def start(request: Request, visitor: Viewer) -> Response:  # noqa: ARG001 - viewers only
    """The list."""
    return RedirectResponse(f"{base_of(request)}/videos", 303)


@router.get("/videos")
def videos(request: Request, visitor: Viewer, asked: Annotated[AskedVideos, Query()]) -> Response:  # noqa: ARG001
    """A page of videos, newest first."""
    wanted = asked.wanted()
    with transaction("vodflow.pages") as conn:
        owners = tenants(conn, asked.tenant)
        options = choices(conn)
        found = list_videos(conn, wanted, ROWS, after=_place(asked.after), before=_place(asked.before))
    lines = found.lines
    return page(
        request, "videos.html", asked=asked, tenants=owners, options=options, groups=list(GROUPS), lines=lines, can=can,
        shown=list(map(shown_of, lines)),
        newer=_cursor(lines[0]) if lines and found.newer else "",
        older=_cursor(lines[-1]) if lines and found.older else "",
        filtered=bool(asked.address(after="", before="")),
    )  # fmt: skip


@router.get("/live")
def live(
    request: Request,
    visitor: Viewer,  # noqa: ARG001 - viewers only
    video: Annotated[list[Shown], Query(min_length=1, max_length=ROWS)],
    stamp: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """What has changed of these videos, for htmx to put into the list; asks again by itself.

    What can be done about a video is shown anew only where that has changed: somebody may be about to do it.
    """
    shown = {int(item.split(".")[0]): item for item in video}
    try:
        now, changed, stamp = SNAPSHOT.look(shown, stamp or None)
    except CatalogUnavailable as error:  # asks on, so that the page is live again when the catalog is there again
        return page(request, "videos_live.html", shown=video, rows=[], stamp=stamp, can=can, said=str(error))
    # Of those that nobody has looked at before, the next answer tells.
    shown |= {video_id: shown_of(found) for video_id, found in now.items()}
    rows = [(found, found.video_id in changed, shown_of(found) not in video) for found in now.values()]
    return page(request, "videos_live.html", shown=list(shown.values()), rows=rows, stamp=stamp, can=can)


def shown_of(video: LiveVideo | VideoLine) -> str:
    """A video as the page shows it, to be compared with later."""
    return f"{video.video_id}.{video.status}.{video.priority or 0}"


def _day(name: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ConfigurationError(f"The {name} day is {text!r}, which is no day; write it like 2026-05-01.") from None


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None


def _cursor(line: VideoLine) -> str:
    since = line.registered_at - datetime(1970, 1, 1, tzinfo=UTC)
    return f"{since // timedelta(microseconds=1)}-{line.video_id}"


def _place(cursor: str) -> Place | None:
    if not cursor:
        return None
    micros, _, video_id = cursor.partition("-")
    return Place(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(micros)), int(video_id))
