"""Which published jobs are measured, and when: the share that the settings say, never while encodes wait."""

from __future__ import annotations

import logging
import zlib
from collections import Counter
from urllib.parse import urlsplit

from vodflow.catalog import measurements
from vodflow.catalog.database import transaction
from vodflow.catalog.measurements import Due
from vodflow.catalog.states import MeasurementState
from vodflow.contract.engine_names import EngineName
from vodflow.errors import CatalogError
from vodflow.quality.measure import is_long, measure_job
from vodflow.settings import Settings, get_settings

log = logging.getLogger(__name__)

_ACTOR = "measure"
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def measure_due(
    *, run_id: str | None = None, share: float | None = None, every: int | None = None, settings: Settings | None = None
) -> dict[str, int]:
    """Measure a batch of what was published and not measured yet.

    What is left, because encodes wait, the batch is full, or the process was stopped, is found by the next call.

    :param share: of all videos, instead of what the settings say of short and of long ones
    :param every: one of so many frames is compared, instead of what the settings say
    :return: how many were measured, skipped, are partial, failed, and wait
    :raises VodflowError: what stops every video alike
    """
    used = settings or get_settings()
    with transaction(_ACTOR, used) as connection:
        found = measurements.due(connection, days=used.quality_days)
        chosen = [row for row in found if row.state is not None or is_chosen(row, used, share)]
        skipped = [row.job_id for row in found if row not in chosen]
        measurements.skip(connection, skipped)
    counts = Counter[str]({"skipped": len(skipped)})
    for place, row in enumerate(chosen):
        if place == used.quality_batch or encodes_wait(used):
            counts["waiting"] = len(chosen) - place
            log.info("%d videos wait to be measured", counts["waiting"])
            break
        state = measure_job(
            row.job_id, run_id=run_id, every=every, step_aside=lambda: encodes_wait(used), settings=used
        )
        counts[_word(state)] += 1
    return {name: counts[name] for name in ("skipped", *map(str, _ENDS), "waiting", "elsewhere") if counts[name]}


def measure_asked(job_id: int | None, *, run_id: str | None = None, every: int | None = None) -> dict[str, int]:
    """Measure one job anew because somebody asks for it, encodes or not.

    :param job_id: none where the video has no job yet
    :raises CatalogError: it is not published
    """
    if job_id is None:
        raise CatalogError("This video has no job yet, and so no outputs to measure.")
    return {_word(measure_job(job_id, run_id=run_id, every=every, anew=True)): 1}


def _word(state: MeasurementState | None) -> str:
    return "elsewhere" if state is None else state.value


_ENDS = (MeasurementState.MEASURED, MeasurementState.PARTIAL, MeasurementState.FAILED)


def is_chosen(row: Due, settings: Settings, share: float | None = None) -> bool:
    """Whether a job is among the share that is measured: decided by its id, always in the same way."""
    if share is None:
        share = settings.quality_long_share if is_long(row.duration, settings) else settings.quality_share
    return zlib.crc32(f"quality-{row.job_id}".encode()) < share * 2**32


def encodes_wait(settings: Settings) -> bool:
    """Whether a video is on its way that is encoded, or may be, on this machine."""
    host = urlsplit(settings.mediaconvert_endpoint_url or "").hostname
    engines = {EngineName.LOCAL}
    if host in _THIS_MACHINE or host in settings.local_hosts:
        engines.add(EngineName.MEDIACONVERT)
    with transaction(_ACTOR, settings) as connection:
        return measurements.encodes_wait(connection, engines, settings.job_lease)
