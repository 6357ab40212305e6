"""Bring items up to date with the catalog: one video, all that are due, or all there are.

An item is always written as the catalog's state is at that moment, under a version that grows with every reading.
So updates may be lost, repeated and overtake each other: the newest state wins, and what was lost is caught up by the
next update or by ``deliver_outcomes``.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from vodflow.catalog import metadata_syncs, video_states
from vodflow.catalog.database import transaction
from vodflow.catalog.video_states import VideoState
from vodflow.contract.backoff import backoff
from vodflow.errors import ConfigurationError, VodflowError
from vodflow.outcomes.dynamodb import items, updates
from vodflow.publication.manifest import public_url
from vodflow.settings import Settings, get_settings
from vodflow.storage.clients import new_session

log = logging.getLogger(__name__)

_ACTOR: Final = "metadata"

#: Seconds for which a reading keeps others from sending the same.
_LEASE: Final = 30.0

#: Seconds before the first and between the last tries of an update that does not arrive.
_BACKOFF: Final = (10.0, 600.0)

#: Updates in a row that fail for want of an answer before a round is ended: the table is away.
_PATIENCE: Final = 3


@dataclass(slots=True)
class SyncResult:
    """Items written, and updates that did not arrive."""

    written: int = 0
    failed: int = 0


class _Refused(Exception):
    """The update did not arrive.

    :param away: whether the next one would hardly fare better
    """

    def __init__(self, message: str, *, away: bool) -> None:
        super().__init__(message)
        self.away = away


@lru_cache(maxsize=2)
def dynamodb_client(settings: Settings) -> Any:
    """A DynamoDB client that answers or gives up within ``dynamodb_timeout`` seconds."""
    return new_session().client(
        "dynamodb",
        region_name=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url,
        config=Config(
            connect_timeout=settings.dynamodb_timeout,
            read_timeout=settings.dynamodb_timeout,
            # Trying again is the catalog's business: it remembers across processes.
            retries={"total_max_attempts": 1, "mode": "standard"},
        ),
    )


def sync_video(video_id: int, *, settings: Settings | None = None) -> bool:
    """Write a video's item as the catalog's state is now; false when it did not arrive and is left to a later try.

    :raises CatalogError: the catalog does not answer
    """
    used = settings or get_settings()
    try:
        _send(video_id, used)
    except _Refused as refusal:
        log.warning("The metadata of video %d is not in DynamoDB yet: %s", video_id, refusal)
        return False
    return True


def sync_due(limit: int = 1000, *, settings: Settings | None = None) -> SyncResult:
    """Write the items that are behind and due, until none is left, ``limit`` are done, or the table is away.

    :raises CatalogError: the catalog does not answer
    """
    used = settings or get_settings()
    result = SyncResult()
    with transaction(_ACTOR, used) as connection:
        videos = metadata_syncs.due_videos(connection, limit)
    silent = 0
    for video_id in videos:
        try:
            _send(video_id, used)
        except _Refused as refusal:
            result.failed += 1
            silent = silent + 1 if refusal.away else 0
            log.warning("The metadata of video %d is not in DynamoDB yet: %s", video_id, refusal)
            if silent >= _PATIENCE:
                log.warning("DynamoDB is away; %d updates are left to a later round", len(videos) - result.failed)
                break
        else:
            silent = 0
            result.written += 1
    return result


def _send(video_id: int, settings: Settings) -> None:
    # Twice at most: when the catalog learns that its versions lie below the table's, it goes on above them.
    for _ in range(2):
        with transaction(_ACTOR, settings) as connection:
            state = video_states.read(connection, video_id, lease=timedelta(seconds=_LEASE))
        try:
            stored = _write(state, settings)
        except _Refused as refusal:
            delay = _delay(state.attempts)
            with transaction(_ACTOR, settings) as connection:
                metadata_syncs.failed(connection, video_id, str(refusal), delay)
            raise
        with transaction(_ACTOR, settings) as connection:
            if stored is not None and metadata_syncs.overtaken(connection, video_id, stored):
                continue
            metadata_syncs.synced(connection, video_id, state.version)
        return


def _write(state: VideoState, settings: Settings) -> int | None:
    """Write the item; the version that it has already when that is not below this state's."""
    base = public_url(state.published.bucket, settings) if state.published else None
    attributes = items.item(state, base)
    try:
        key = updates.key(settings.dynamodb_key, items.key_values(state.source))
        try:
            return _update(key, updates.fit(attributes), settings)
        except ClientError as error:
            if not _is_too_large(error):
                raise
            # The attributes of other writers take more room than was left to them.
            return _update(key, updates.fit(attributes, limit=0), settings)
    except (ClientError, BotoCoreError) as error:
        raise _Refused(f"{type(error).__name__}: {error}", away=_is_away(error)) from error
    except ConfigurationError as error:
        raise _Refused(str(error), away=False) from error


def _update(key: dict[str, Any], attributes: dict[str, Any], settings: Settings) -> int | None:
    request = updates.update_request(
        str(settings.dynamodb_table), key, attributes, prefix=settings.dynamodb_attribute_prefix
    )
    try:
        dynamodb_client(settings).update_item(**request)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
            raise
        stored: dict[str, Any] = error.response.get("Item", {})  # type: ignore[assignment]
        name = f"{settings.dynamodb_attribute_prefix}{items.VERSION}"
        found = stored.get(name, {}).get("N")
        if stored and found is None:
            raise ConfigurationError(
                f"The attribute {name} of item {key} is not Vodflow's: it is no number. Set "
                "VODFLOW_DYNAMODB_ATTRIBUTE_PREFIX."
            ) from error
        return int(found or attributes[items.VERSION])
    return None


def _is_too_large(error: ClientError) -> bool:
    told = error.response.get("Error", {})
    return told.get("Code") == "ValidationException" and "size" in str(told.get("Message", "")).lower()


def _is_away(error: ClientError | BotoCoreError) -> bool:
    if isinstance(error, BotoCoreError):
        return True
    # A missing table, refused access and throttling meet every item; a refused value only this one.
    return error.response.get("Error", {}).get("Code") != "ValidationException"


def _delay(attempts: int) -> timedelta:
    first, longest = _BACKOFF
    return timedelta(seconds=backoff(attempts + 1, first=first, longest=longest))


def mark_all(*, settings: Settings | None = None) -> int:
    """Note that every video's item is behind, for a new or restored table; returns how many.

    :raises CatalogError: the catalog does not answer
    """
    with transaction(_ACTOR, settings) as connection:
        return metadata_syncs.mark_all(connection)


def is_away(*, settings: Settings | None = None) -> bool:
    """Whether the last update of some item failed a moment ago, so that a step had better not wait for another."""
    try:
        with transaction(_ACTOR, settings) as connection:
            return metadata_syncs.in_trouble(connection)
    except VodflowError:
        return True
