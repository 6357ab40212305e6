"""One poller of MediaConvert jobs for all triggers of a triggerer process."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from weakref import WeakKeyDictionary

from botocore.exceptions import BotoCoreError, ClientError
from vodflow.engines.mediaconvert.failures import api_failure
from vodflow.engines.mediaconvert.polling_interval import POLL_RATE, Pace
from vodflow.engines.mediaconvert.watcher import PAGE_SIZE, JobWatcher, Page
from vodflow.errors import ConfigurationError

from vodflow_airflow.hooks.mediaconvert import ENDPOINT_VARIABLES, MediaConvertHook

POLL_RATE_VARIABLE: Final = "MEDIACONVERT_POLL_RATE"

_Watchers = dict[str, JobWatcher]
_watchers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Watchers] = WeakKeyDictionary()


def shared_watcher(hook_parameters: Mapping[str, Any]) -> JobWatcher:
    """The watcher of this event loop for a connection, region and endpoint; the same for the same parameters.

    :param hook_parameters: arguments of :class:`MediaConvertHook`
    """
    endpoints = [os.environ.get(name) for name in ENDPOINT_VARIABLES]
    key = json.dumps([dict(hook_parameters), endpoints], sort_keys=True, default=repr)
    watchers = _watchers.setdefault(asyncio.get_running_loop(), {})
    for old in [old for old, watcher in watchers.items() if old != key and watcher.idle]:
        del watchers[old]
    if key not in watchers:
        watchers[key] = JobWatcher(lambda: _connected(hook_parameters), pace=Pace(_poll_rate()))
    return watchers[key]


class ClientJobReader:
    """Reads jobs with an aiobotocore client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def page(self, status: str | None, token: str | None) -> Page:
        """See :class:`~vodflow.engines.mediaconvert.watcher.JobReader`."""
        query = {"MaxResults": PAGE_SIZE, "Order": "DESCENDING"}
        query |= {"Status": status} if status else {}
        query |= {"NextToken": token} if token else {}
        try:
            answer = await self._client.list_jobs(**query)
        except (ClientError, BotoCoreError, OSError) as error:
            raise api_failure(error, "ListJobs") from error
        return Page(answer.get("Jobs", ()), answer.get("NextToken"))

    async def job(self, job_id: str) -> Mapping[str, Any]:
        """See :class:`~vodflow.engines.mediaconvert.watcher.JobReader`."""
        try:
            answer = await self._client.get_job(Id=job_id)
        except (ClientError, BotoCoreError, OSError) as error:
            raise api_failure(error, "GetJob", job_id) from error
        job: Mapping[str, Any] = answer["Job"]
        return job


@asynccontextmanager
async def _connected(hook_parameters: Mapping[str, Any]) -> AsyncIterator[ClientJobReader]:
    # Retries of botocore's own would be calls that the pace does not see.
    config = {**(hook_parameters.get("config") or {}), "retries": {"mode": "standard", "total_max_attempts": 1}}
    hook = MediaConvertHook(**{**hook_parameters, "config": config})
    async with await hook.get_async_conn() as client:  # type: ignore[no-untyped-call]
        yield ClientJobReader(client)


def _poll_rate() -> float:
    text = os.environ.get(POLL_RATE_VARIABLE) or str(POLL_RATE)
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate <= 100:
        raise ConfigurationError(f"{POLL_RATE_VARIABLE} is calls a second, above 0 and at most 100, not {text!r}")
    return rate
