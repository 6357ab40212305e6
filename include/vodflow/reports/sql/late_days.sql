-- Days that anything recorded since the watermark touches: those on which it happened, and those whose levels it
-- changes (what is stored, what waits), up to today.
WITH events AS MATERIALIZED (
    SELECT id, job_id, at FROM job_event WHERE recorded_xid >= :xid AND recorded_xid < :ceiling
), sources AS MATERIALIZED (
    SELECT * FROM source WHERE recorded_xid >= :xid AND recorded_xid < :ceiling
), measured AS MATERIALIZED (
    SELECT job_id, measured_at FROM job_measurement WHERE recorded_xid >= :xid AND recorded_xid < :ceiling
    UNION ALL
    SELECT job_id, measured_at FROM rendition_measurement JOIN rendition ON rendition.id = rendition_id
     WHERE recorded_xid >= :xid AND recorded_xid < :ceiling
), jobs AS MATERIALIZED (
    SELECT job_id AS id FROM events
    UNION SELECT job_id FROM measured
    UNION SELECT job.id FROM sources JOIN job ON job.source_id = sources.id
), spans(since, until) AS (
    SELECT at, coalesce((SELECT min(step.at) FROM job_event AS step WHERE step.job_id = events.job_id
                            AND (step.at, step.id) > (events.at, events.id)),
                        CASE WHEN job.status IN ('PUBLISHED', 'REJECTED', 'FAILED', 'CANCELED') THEN at ELSE :now END)
      FROM events JOIN job ON job.id = events.job_id
    UNION ALL
    SELECT at, at FROM job_event JOIN jobs ON jobs.id = job_id
     WHERE new_status IN ('PUBLISHED', 'REJECTED', 'FAILED', 'CANCELED')
    UNION ALL
    SELECT measured_at, measured_at FROM measured
    UNION ALL
    SELECT registered_at, coalesce(least(dispatched_at, probed_at, rejected_at, unreadable_at), :now) FROM sources
    UNION ALL
    SELECT moment, moment FROM sources CROSS JOIN LATERAL unnest(ARRAY[probed_at, rejected_at, unreadable_at]) AS moment
    UNION ALL
    -- An object that was found unreadable once more leaves the day it was found so before.
    SELECT at, at FROM sources JOIN reporting.job_outcome USING (video_id) WHERE outcome = 'unreadable-' || sources.id
    UNION ALL
    SELECT at, :now FROM publication_event WHERE recorded_xid >= :xid AND recorded_xid < :ceiling
    UNION ALL
    SELECT outputs_deleted_at, :now FROM job WHERE outputs_deleted_at >= :since
    UNION ALL
    SELECT first_seen_at, first_seen_at FROM dead_letter WHERE first_seen_at >= :since
), days(first, last) AS (
    SELECT DISTINCT (since AT TIME ZONE 'UTC')::date, (greatest(since, until) AT TIME ZONE 'UTC')::date
      FROM spans WHERE since IS NOT NULL
)
SELECT DISTINCT generate_series(first, last, interval '1 day')::date AS day FROM days ORDER BY day
