-- A job waits while it is QUEUED or SUBMITTED and runs while it is PROGRESSING or VERIFYING; before that its source
-- waits, until its run is started or its fate is known otherwise. What began days before counts as well. Hours of today
-- that have not begun have no rows.
WITH open AS MATERIALIZED (
    SELECT id FROM job WHERE tstzrange(least(created_at, finished_at), finished_at, '[]') @> CAST(:begin AS timestamptz)
    UNION
    SELECT job_id FROM job_event WHERE at >= :begin AND at < :end
), known AS MATERIALIZED (
    SELECT open.id, tenant, engine
      FROM open
      -- OFFSET keeps this a look into the indexes for each job, however many of them the planner expects.
     CROSS JOIN LATERAL (
        SELECT tenant.slug AS tenant, engine
          FROM job
          JOIN video ON video.id = job.video_id
          JOIN tenant ON tenant.id = video.tenant_id
         WHERE job.id = open.id OFFSET 0) AS owner
), spans AS MATERIALIZED (
    SELECT tenant, engine, since, until, stretch,
           new_status IN ('QUEUED', 'SUBMITTED') AS waits, new_status IN ('PROGRESSING', 'VERIFYING') AS runs,
           new_status = 'QUEUED' AND old_status IS NOT NULL AS arrives, new_status = 'PROGRESSING' AS starts,
           new_status IN ('PUBLISHED', 'REJECTED', 'FAILED', 'CANCELED') AS ends
      FROM known
      -- Likewise, by the window: never the whole table.
     CROSS JOIN LATERAL (
        SELECT new_status, old_status, at AS since, lead(at, 1, 'infinity') OVER history AS until,
               -- Handed over, or given back: it waits on.
               max(at) FILTER (WHERE (old_status IN ('QUEUED', 'SUBMITTED') AND new_status IN ('QUEUED', 'SUBMITTED'))
                                     IS NOT TRUE) OVER history AS stretch
          FROM job_event WHERE job_id = known.id
        WINDOW history AS (ORDER BY at, id)) AS steps
     WHERE steps.since < :end AND steps.until > :begin
    UNION ALL
    SELECT tenant.slug, 'none', registered_at,
           coalesce(least(dispatched_at, probed_at, rejected_at, unreadable_at), 'infinity'), registered_at, true, false, true, false,
           false
      FROM source
      JOIN video ON video.id = source.video_id
      JOIN tenant ON tenant.id = video.tenant_id
     WHERE registered_at >= :begin AND registered_at < :end
        OR (registered_at < :begin AND tstzrange(
             least(registered_at, dispatched_at, probed_at, rejected_at, unreadable_at),
             least(dispatched_at, probed_at, rejected_at, unreadable_at)) @> CAST(:begin AS timestamptz))
), levels AS (
    SELECT hour, tenant, engine, (count(*) FILTER (WHERE waits))::integer AS waiting,
           (count(*) FILTER (WHERE runs))::integer AS running,
           extract(epoch FROM hour - min(stretch) FILTER (WHERE waits))::float8 AS oldest_seconds
      FROM spans
     CROSS JOIN LATERAL generate_series(greatest(date_trunc('hour', since, 'UTC'), :begin),
           least(until, CAST(:end AS timestamptz) - interval '1 hour', now()), interval '1 hour') AS hour
     WHERE since <= hour AND hour < until AND (waits OR runs)
     GROUP BY hour, tenant, engine
), changes AS (
    SELECT date_trunc('hour', since, 'UTC') AS hour, tenant, engine,
           (count(*) FILTER (WHERE arrives))::integer AS arrived, (count(*) FILTER (WHERE starts))::integer AS started,
           (count(*) FILTER (WHERE ends))::integer AS finished
      FROM spans
     WHERE since >= :begin AND (arrives OR starts OR ends)
     GROUP BY 1, 2, 3
)
SELECT :day AS day, hour, tenant, engine, coalesce(waiting, 0) AS waiting, coalesce(running, 0) AS running,
       coalesce(arrived, 0) AS arrived, coalesce(started, 0) AS started, coalesce(finished, 0) AS finished,
       oldest_seconds
  FROM levels FULL JOIN changes USING (hour, tenant, engine)
