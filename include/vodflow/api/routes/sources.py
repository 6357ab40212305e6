"""Sources: the versions of videos' bytes, and why some of them were refused or could not be read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from vodflow.api.access import VideosReader
from vodflow.api.app_state import services
from vodflow.api.models.videos import SourceDetails, SourceDocument, SourceQuery
from vodflow.api.paging import Page, page_of
from vodflow.api.parameters import ObjectId
from vodflow.catalog.database import transaction
from vodflow.catalog.source_rows import SourceFilter, get_source, list_sources
from vodflow.jobs.queries import place_of

router = APIRouter(prefix="/api/v1", tags=["videos"])


@router.get("/sources")
def sources(
    request: Request, response: Response, caller: VideosReader, asked: Annotated[SourceQuery, Query()]
) -> Page[SourceDocument]:
    """Sources in the order of their registration."""
    order = f"sources {asked.sort}"
    (after,) = asked.page.after(order, int) or (None,)
    wanted = SourceFilter(
        tenant=asked.tenant, statuses=frozenset(asked.status) or None, reason=asked.reason, since=asked.since,
        until=asked.until, **place_of(asked.source),
    )  # fmt: skip
    with transaction(caller.actor, services(request).settings) as connection:
        found = list_sources(connection, wanted, asked.limit + 1, after, oldest_first=asked.oldest_first)
    return page_of(request, response, found, asked.limit, order, SourceDocument.model_validate)


@router.get("/sources/{source_id}")
def source(request: Request, caller: VideosReader, source_id: ObjectId) -> SourceDetails:
    """One source, with what was found in it."""
    with transaction(caller.actor, services(request).settings) as connection:
        return SourceDetails.model_validate(get_source(connection, source_id))
