"""What a MediaConvert job cost, as near as it can be told without AWS's bill."""

from __future__ import annotations

import logging
from decimal import Decimal

from vodflow.catalog import submissions
from vodflow.catalog.database import transaction
from vodflow.catalog.rows import AttemptRow, JobRow
from vodflow.engines.mediaconvert.pricing.estimate import estimate, measured_durations
from vodflow.engines.mediaconvert.pricing.price_table import load_prices
from vodflow.engines.mediaconvert.snapshot import Snapshot
from vodflow.engines.mediaconvert.submit import attempt_request
from vodflow.errors import ConfigurationError

log = logging.getLogger(__name__)


def charged(job: JobRow, attempt: AttemptRow, seen: Snapshot) -> Decimal | None:
    """What an attempt's finished job cost, in US dollars; none where it could not be estimated either.

    The estimate once more, with the duration that MediaConvert measured of every output in place of the source's, by
    the price table, Region and acceleration of the attempt. An output whose duration it does not tell counts the
    source's. Not known here: what other installations used of the month's discount brackets, reserved slots, taxes.

    :param seen: MediaConvert's job, COMPLETE
    """
    asked = attempt.request or {}
    if attempt.estimated_cost is None:
        return None
    with transaction("collect") as connection:
        used = submissions.spending(connection, job.plan.tenant).minutes_this_month
    own = attempt.normalized_minutes or Decimal(0)
    try:
        cost = estimate(
            attempt_request(job, attempt),
            job.plan.media.duration,
            region=asked["region"],
            month_to_date=max(used.get(attempt.tier or "", own) - own, Decimal(0)),
            prices=load_prices(asked.get("prices")),
            measured=measured_durations(seen.outputs),
        )
    except (ConfigurationError, KeyError) as error:
        # A price table that was taken away, or an attempt of an earlier version, must not fail a video.
        log.warning("job %d: what it cost cannot be told: %s", job.id, error)
        return None
    log.info("job %d: MediaConvert's job %s cost %s", job.id, seen.job_id, cost)
    return cost.amount
