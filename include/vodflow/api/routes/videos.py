"""Videos: each as it is now, a page at a time; all that is known of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from vodflow.api.access import VideosReader
from vodflow.api.app_state import services
from vodflow.api.models.videos import VideoDetailsDocument, VideoDocument, VideoQuery
from vodflow.api.paging import Page, cursor_of, page
from vodflow.api.parameters import LARGEST_ID, ObjectId
from vodflow.api.problems import not_found
from vodflow.catalog.database import transaction
from vodflow.catalog.video_details import VideoDetails, video_details
from vodflow.catalog.video_list import Place, VideoFilter, list_videos

router = APIRouter(prefix="/api/v1", tags=["videos"])

#: Columns of the catalog's rows that are documents of their own, or of use to nobody outside.
_INSIDE: Final = frozenset(
    {"plan", "result", "verification", "recorded_xid", "cancel_request", "media_info", "plan_document"}
)


@router.get("/videos")
def videos(
    request: Request, response: Response, caller: VideosReader, asked: Annotated[VideoQuery, Query()]
) -> Page[VideoDocument]:
    """Videos by when their present bytes were registered."""
    order = f"videos {asked.sort}"
    after = asked.page.after(order, datetime, int)
    place = None if after is None else Place(*after)
    wanted = VideoFilter(
        search=asked.search, tenant=asked.tenant, statuses=frozenset(map(str, asked.status)) or None,
        profile=asked.profile, engine=asked.engine, since=asked.since, until=asked.until,
    )  # fmt: skip
    with transaction(caller.actor, services(request).settings) as connection:
        found = list_videos(connection, wanted, asked.limit, after=place, oldest_first=asked.oldest_first)
    items = [VideoDocument.model_validate(line) for line in found.lines]
    last = items[-1] if found.older else None
    cursor = None if last is None else cursor_of(order, last.registered_at, last.video_id)
    return page(request, response, items, cursor)


@router.get("/videos/{video_id}")
def video(
    request: Request,
    caller: VideosReader,
    video_id: ObjectId,
    job: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="one of its jobs; none means the newest")] = None,
) -> VideoDetailsDocument:
    """One video, and one of its jobs: versions, history, attempts, parts, tracks with measurements, objects."""
    with transaction(caller.actor, services(request).settings) as connection:
        found = video_details(connection, video_id, job)
    if found is None:
        raise not_found(f"video {video_id}" + (f" with a job {job}" if job else ""))
    return _document(found)


def _document(found: VideoDetails) -> VideoDetailsDocument:
    lists = ("sources", "jobs", "publications", "events", "attempts", "parts", "renditions", "artifacts", "waits")
    return VideoDetailsDocument(
        video=VideoDocument.model_validate(found.line),
        public_job_id=found.public_job_id,
        job=found.job and plain(found.job),
        measurement=found.measurement and plain(found.measurement),
        **{name: rows(getattr(found, name)) for name in lists},
    )


def rows(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the catalog for JSON."""
    return [plain(row) for row in found]


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the catalog for JSON: money is a number, and what is of use to nobody outside is left out."""
    return {
        name: float(value) if isinstance(value, Decimal) else value
        for name, value in row.items()
        if name not in _INSIDE
    }
