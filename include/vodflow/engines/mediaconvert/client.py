"""The calls of MediaConvert's API, with this project's errors; for the engine's steps and the Airflow hook alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Self

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from vodflow.engines.mediaconvert.failures import NOT_FOUND_CODES, api_failure
from vodflow.engines.mediaconvert.snapshot import Snapshot
from vodflow.errors import VodflowError
from vodflow.settings import Settings, get_settings
from vodflow.storage.clients import mediaconvert_client

#: Most that ListJobs and SearchJobs give in one answer.
_PAGE: Final = 20
#: Pages read at most while a lost job is looked for: 2,000 jobs.
PAGES: Final = 100
#: How far the service's clock may be behind the catalog's.
_CLOCK: Final = timedelta(minutes=5)
#: Longest ``InputFile`` of SearchJobs, characters (botocore's model).
_LONGEST_SEARCH: Final = 300


class MediaConvert:
    """MediaConvert of one account and Region.

    Every method raises the errors of :func:`~vodflow.engines.mediaconvert.failures.api_failure`: with the job's id
    (``external_id``), AWS's code and message, and whether a retry can help.

    :param client: boto3's
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    @classmethod
    def of(cls, settings: Settings | None = None) -> Self:
        """With the settings' endpoint, Region, timeouts and retries."""
        return cls(mediaconvert_client(settings or get_settings()))

    def create(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Submit a job; the job, as boto3 returns it."""
        job: dict[str, Any] = self._call("CreateJob", **request)["Job"]
        return job

    def get(self, external_id: str) -> dict[str, Any]:
        """One job, as boto3 returns it."""
        job: dict[str, Any] = self._call("GetJob", external_id, Id=external_id)["Job"]
        return job

    def look(self, external_id: str) -> Snapshot:
        """What the service says of a job now."""
        return Snapshot.of(self.get(external_id))

    def cancel(self, external_id: str) -> bool:
        """Cancel a job; false when it was over already or is not known any more. Cancelling twice is fine."""
        try:
            self._call("CancelJob", external_id, Id=external_id)
        except VodflowError as error:
            if error.code in NOT_FOUND_CODES:
                return False
            if (error.code == "ConflictException" or not error.retryable) and self.look(external_id).ended:
                return False
            raise
        return True

    def jobs(self, *, max_pages: int = PAGES, **query: Any) -> Iterator[dict[str, Any]]:
        """Jobs, newest first: of SearchJobs where ``InputFile`` is given, else of ListJobs.

        :param max_pages: most calls, twenty jobs each
        :param query: ``InputFile``, ``Queue``, ``Status``
        """
        operation = "SearchJobs" if "InputFile" in query else "ListJobs"
        query |= {"MaxResults": _PAGE, "Order": "DESCENDING"}
        for _ in range(max_pages):
            page = self._call(operation, **query)
            yield from page.get("Jobs", ())
            if not page.get("NextToken"):
                return
            query["NextToken"] = page["NextToken"]

    def find(
        self,
        metadata: Mapping[str, str],
        *,
        input_file: str | None = None,
        since: datetime | None = None,
        max_pages: int = PAGES,
    ) -> Iterator[dict[str, Any]]:
        """Jobs whose ``UserMetadata`` has all these entries, newest first.

        :param input_file: an input of the jobs; it makes the search short
        :param since: none that was created earlier
        """
        query = {"InputFile": input_file[-_LONGEST_SEARCH:]} if input_file else {}
        for job in self.jobs(max_pages=max_pages, **query):
            found = Snapshot.of(job)
            if since and found.created is not None and found.created < (since - _CLOCK).timestamp():
                return
            if metadata.items() <= found.metadata.items():
                yield job

    def find_lost(self, file_input: str, metadata: Mapping[str, str], since: datetime) -> str | None:
        """The id of the job that a crash hid: submitted since then, with this ``UserMetadata``.

        First among the jobs of the same input, which is quick; then among all, because how a search compares names of
        files is nowhere promised.
        """
        for input_file in (file_input, None):
            for job in self.find(metadata, input_file=input_file, since=since):
                return str(job["Id"])
        return None

    def _call(self, operation: str, external_id: str | None = None, **arguments: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, xform_name(operation))(**arguments)
        except (ClientError, BotoCoreError) as error:
            raise api_failure(error, operation, external_id) from error
        return answer
