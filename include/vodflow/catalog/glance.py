"""How things stand at a glance: four numbers, one query, cheap whatever the catalog's size."""

from __future__ import annotations

import dataclasses

from sqlalchemy import Connection, text

from vodflow.catalog.rows import Record


@dataclasses.dataclass(frozen=True, kw_only=True)
class Glance(Record):
    """Now, and since the UTC day began.

    :param running: jobs that an engine has, or that are verified
    :param waiting: jobs in a queue, and sources that nobody has looked at yet
    :param failed: work that failed today, what a later try cured included; each job once
    :param published: jobs published today
    """

    running: int
    waiting: int
    failed: int
    published: int


# Open jobs, undispatched sources and ends of jobs have indexes; of the sources that a run has taken, those of the last
# day are looked at: a run takes seconds to open a job.
_QUERY = text(
    """
    SELECT (SELECT count(*) FROM job WHERE status IN ('SUBMITTED', 'PROGRESSING', 'VERIFYING')) AS running,
           (SELECT count(*) FROM job WHERE status = 'QUEUED')
           + (SELECT count(*) FROM source WHERE status = 'DISCOVERED')
           + (SELECT count(*) FROM source
               WHERE status IN ('DISPATCHED', 'PROBED') AND registered_at >= now() - interval '1 day'
                 AND NOT EXISTS (SELECT FROM job WHERE job.source_id = source.id)
                 AND NOT EXISTS (SELECT FROM dead_letter
                                  WHERE dead_letter.source_id = source.id AND resolved_at IS NULL))
           AS waiting,
           ended.failed + (SELECT count(*) FROM dead_letter
                            WHERE origin = 'transcode_video.prepare' AND resolved_at IS NULL AND last_seen_at >= today)
           AS failed,
           ended.published
      FROM (SELECT date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS today) AS clock
CROSS JOIN LATERAL (
           SELECT count(DISTINCT job_id) FILTER (WHERE new_status = 'FAILED') AS failed,
                  count(DISTINCT job_id) FILTER (WHERE new_status = 'PUBLISHED') AS published
             FROM job_event
            WHERE at >= today AND new_status IN ('PUBLISHED', 'REJECTED', 'FAILED', 'CANCELED')) AS ended
    """
)


def glance(conn: Connection) -> Glance:
    """How things stand now."""
    return Glance.of(conn.execute(_QUERY).one())
