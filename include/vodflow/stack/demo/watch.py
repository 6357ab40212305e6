"""Follow uploaded videos through the catalog until each one has its verdict."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from vodflow.catalog.database import transaction
from vodflow.catalog.overview import OverviewRow, overview
from vodflow.catalog.sources import run_id_of
from vodflow.catalog.states import JobStatus, SourceStatus
from vodflow.contract import layout
from vodflow.errors import CatalogError, SourceNotFound, StackError
from vodflow.stack.airflow_api import FINAL_STATES, AirflowApi
from vodflow.stack.demo.upload import Upload
from vodflow.storage.objects import resolve_source

log = logging.getLogger(__name__)

#: Seconds between two looks at the catalog.
POLL = 0.5
#: Seconds between two looks at a run that the catalog calls failed or says nothing of.
RUN_POLL = 3.0
#: Seconds without any change of any video after which waiting ends.
PATIENCE = 900.0

_STAGES = {
    SourceStatus.DISCOVERED: "noticed",
    SourceStatus.DISPATCHED: "prepare",
    SourceStatus.PROBED: "prepare",
    SourceStatus.REJECTED: "rejected",
    JobStatus.QUEUED: "waiting to encode",
    JobStatus.SUBMITTED: "submitted",
    JobStatus.PROGRESSING: "starting",
    JobStatus.VERIFYING: "verify",
    JobStatus.PUBLISHED: "published",
    JobStatus.REJECTED: "rejected",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELED: "canceled",
}


@dataclass(frozen=True)
class Progress:
    """One video as a line on the screen.

    :param row: what the catalog knows; none before the upload was noticed
    :param over: whether nothing more will happen by itself
    """

    upload: Upload
    row: OverviewRow | None = None
    over: bool = False

    @property
    def verdict(self) -> str:
        """``PUBLISHED``, ``REJECTED``, … or ``WAITING``."""
        return self.row.verdict if self.row else "WAITING"

    @property
    def stage(self) -> str:
        """What happens to it now, in a word or two."""
        if self.row is None:
            return "uploaded"
        if self.verdict == JobStatus.PROGRESSING and self.row.stage:
            return self.row.stage
        return _STAGES.get(self.verdict, self.verdict.lower())  # type: ignore[call-overload, no-any-return]

    @property
    def percent(self) -> float:
        """0 to 100."""
        if self.over or self.verdict == JobStatus.PUBLISHED:
            return 100.0
        return self.row.progress or 0.0 if self.row else 0.0

    def published_before(self, moment: datetime) -> bool:
        """Whether the work was done before ``moment``."""
        return bool(
            self.row and self.verdict == JobStatus.PUBLISHED and self.row.finished_at and self.row.finished_at < moment
        )


class Watcher:
    """Looks again and again until every upload has its verdict."""

    def __init__(self, uploads: Sequence[Upload], airflow: AirflowApi) -> None:
        self._uploads = uploads
        self._airflow = airflow
        self._runs: dict[int, tuple[float, bool]] = {}
        self._published: set[int] = set()

    def follow(self, on_change: Callable[[list[Progress]], None]) -> list[Progress]:
        """Wait for all verdicts.

        :param on_change: called at each look with one entry for each upload, in order
        :raises StackError: nothing changed for :data:`PATIENCE` seconds
        """
        last: list[Progress] = []
        since = time.monotonic()
        while True:
            now = self.look()
            on_change(now)
            if all(progress.over for progress in now):
                return now
            if now != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > PATIENCE:
                waiting = ", ".join(progress.upload.video.name for progress in now if not progress.over)
                raise StackError(
                    f"Nothing has changed for {PATIENCE:.0f} s; still waiting: {waiting}. See `make logs`, "
                    "and the runs of transcode_video in Airflow's UI."
                )
            time.sleep(POLL)

    def look(self) -> list[Progress]:
        """The state of every upload now."""
        bucket = self._uploads[0].bucket
        keys = [upload.key for upload in self._uploads]
        try:
            with transaction("demo") as connection:
                rows = overview(connection, bucket=bucket, keys=keys, limit=10 * len(keys))
        except CatalogError as error:
            if not error.retryable:
                raise
            # PostgreSQL is being restarted by the supervisor; look again in a moment.
            return [Progress(upload) for upload in self._uploads]
        found = {(row.key, row.version): row for row in rows}
        return [self._progress(upload, found.get((upload.key, upload.version))) for upload in self._uploads]

    def _progress(self, upload: Upload, row: OverviewRow | None) -> Progress:
        if row is None:
            return Progress(upload)
        if row.verdict == JobStatus.REJECTED:
            return Progress(upload, row, over=True)
        if row.verdict == JobStatus.PUBLISHED:
            return Progress(upload, row, over=self._manifest_is_written(row))
        # A failed job may be waiting for its next try, and a run may fail before it has a job.
        return Progress(upload, row, over=self._run_is_over(row))

    def _manifest_is_written(self, row: OverviewRow) -> bool:
        """Whether the last step of publishing is done, which follows the catalog's by a moment."""
        if row.source_id not in self._published:
            try:
                resolve_source(str(row.output_bucket), f"{row.output_prefix}/{layout.MANIFEST}")
            except SourceNotFound:
                return False
            self._published.add(row.source_id)
        return True

    def _run_is_over(self, row: OverviewRow) -> bool:
        now = time.monotonic()
        checked, over = self._runs.get(row.source_id, (0.0, False))
        if now - checked >= RUN_POLL:
            try:
                over = self._airflow.run_state("transcode_video", run_id_of(row.source_id)) in FINAL_STATES
            except StackError as error:
                # The API server is being restarted by the supervisor; look again in a moment.
                log.info("%s", error)
                over = False
            # The catalog is read before Airflow is asked: believe the end of a run only at the next look.
            self._runs[row.source_id] = (now, over)
            return False
        return over
