"""The calls of MediaConvert's API that a job's way needs, with this project's errors."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from vodflow.engines.mediaconvert.failures import NOT_FOUND_CODES, api_failure
from vodflow.engines.mediaconvert.snapshot import Snapshot
from vodflow.errors import VodflowError
from vodflow.settings import Settings, get_settings
from vodflow.storage.clients import mediaconvert_client

log = logging.getLogger(__name__)

#: Most that ListJobs and SearchJobs give in one answer.
_PAGE: Final = 20
#: Pages read at most while a lost job is looked for: 2,000 jobs.
_PAGES: Final = 100
#: How far the service's clock may be behind the catalog's.
_CLOCK: Final = timedelta(minutes=5)
#: Longest ``InputFile`` of SearchJobs, characters.
_LONGEST_SEARCH: Final = 300


class MediaConvert:
    """MediaConvert of one account and Region.

    :param client: boto3's
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    @classmethod
    def of(cls, settings: Settings | None = None) -> Self:
        """With the settings' endpoint, Region, timeouts and retries."""
        return cls(mediaconvert_client(settings or get_settings()))

    def create(self, request: Mapping[str, Any]) -> str:
        """Submit a job; its id.

        :raises VodflowError: see :func:`~vodflow.engines.mediaconvert.failures.api_failure`
        """
        return str(self._call("create_job", "CreateJob", **request)["Job"]["Id"])

    def look(self, external_id: str) -> Snapshot:
        """What the service says of a job now.

        :raises VodflowError: when there is none, or the service does not answer
        """
        answer = self._call("get_job", "GetJob", external_id, Id=external_id)
        return Snapshot.of(answer["Job"])

    def cancel(self, external_id: str) -> bool:
        """Cancel a job; false when it was over already or is not known any more.

        :raises VodflowError: when the service does not answer, or refuses a job that is not over
        """
        try:
            self._call("cancel_job", "CancelJob", external_id, Id=external_id)
        except VodflowError as error:
            if error.code in NOT_FOUND_CODES or (not error.retryable and self.look(external_id).ended):
                return False
            if error.code == "ConflictException" and self.look(external_id).ended:
                return False
            raise
        return True

    def find(self, file_input: str, metadata: Mapping[str, str], since: datetime) -> str | None:
        """The job that a crash hid: submitted since then, with this ``UserMetadata``.

        First among the jobs of the same input, which is quick; then among all, because how a search compares names of
        files is nowhere promised.

        :param file_input: the job's input
        :param metadata: what must be among the job's metadata
        :param since: when the submission was intended
        """
        earliest = (since - _CLOCK).timestamp()
        searches: tuple[tuple[str, str, dict[str, str]], ...] = (
            ("search_jobs", "SearchJobs", {"InputFile": file_input[-_LONGEST_SEARCH:]}),
            ("list_jobs", "ListJobs", {}),
        )
        for method, operation, arguments in searches:
            for found in self._newest(method, operation, **arguments):
                if found.created is not None and found.created < earliest:
                    break
                if metadata.items() <= found.metadata.items():
                    return found.job_id
        return None

    def _newest(self, method: str, operation: str, **arguments: Any) -> Iterator[Snapshot]:
        token: str | None = None
        for _ in range(_PAGES):
            more = {"NextToken": token} if token else {}
            page = self._call(method, operation, MaxResults=_PAGE, Order="DESCENDING", **arguments, **more)
            yield from (Snapshot.of(job) for job in page.get("Jobs", ()))
            token = page.get("NextToken")
            if not token:
                return
        log.warning("Looked at %d jobs with %s and stop there", _PAGES * _PAGE, operation)

    def _call(self, method: str, operation: str, external_id: str | None = None, **arguments: Any) -> Any:
        try:
            return getattr(self._client, method)(**arguments)
        except (ClientError, BotoCoreError) as error:
            raise api_failure(error, operation, external_id) from error
