-- Jobs are taken from their events, which never change: a failure that was retried later still counts on its day. A
-- source refused before it had a job, one that cannot be read, and a run that failed before, have no event; they count
-- by themselves. Float sums have an order, so that a second run gives the same bits.
WITH ended AS MATERIALIZED (
    SELECT id, job_id, at, actor, new_status, detail
      FROM job_event
     WHERE new_status IN ('PUBLISHED', 'REJECTED', 'FAILED', 'CANCELED') AND at >= :begin AND at < :end
), steps AS MATERIALIZED (
    SELECT ended.id, step.new_status, step.at,
           lead(step.at) OVER (PARTITION BY ended.id ORDER BY step.at, step.id) AS until
      FROM ended
      JOIN job_event AS step ON step.job_id = ended.job_id AND (step.at, step.id) <= (ended.at, ended.id)
), waits AS MATERIALIZED (
    SELECT id, max(at) FILTER (WHERE new_status = 'VERIFYING') AS encoded_at,
           sum(extract(epoch FROM until - at)::float8 ORDER BY at) FILTER (WHERE new_status = 'QUEUED') AS queue,
           sum(extract(epoch FROM until - at)::float8 ORDER BY at) FILTER (WHERE new_status = 'SUBMITTED') AS service
      FROM steps
     GROUP BY id
), tries AS MATERIALIZED (
    SELECT ended.id, count(*)::integer AS attempts,
           (count(*) FILTER (WHERE job_attempt.error_code = 'stalled' AND finished_at <= ended.at))::integer AS stalls,
           sum(normalized_minutes) AS normalized_minutes,
           (array_agg(worker ORDER BY number DESC))[1] AS worker
      FROM ended
      JOIN job_attempt ON job_attempt.job_id = ended.job_id AND started_at <= ended.at
     GROUP BY ended.id
)
SELECT :day AS day, 'event-' || ended.id AS outcome, ended.at, lower(ended.new_status) AS status, tenant.slug AS tenant,
       job.profile, job.engine, coalesce(job.plan -> 'strategy' ->> 'kind', 'single') AS strategy,
       job.plan -> 'renditions' -> 0 ->> 'codec' AS codec, source.id AS source_id, job.video_id, job.id AS job_id,
       's3://' || source.bucket || '/' || source.key AS uri, coalesce(ended.detail ->> 'run_id', job.run_id) AS run_id,
       tries.worker, coalesce(ended.detail ->> 'canceled_by', ended.actor) AS actor, ended.detail ->> 'error_class' AS error_class,
       ended.detail ->> 'error_code' AS error_code, coalesce(ended.detail ->> 'error_message', ended.detail ->> 'reason') AS error_message,
       coalesce(tries.attempts, 0) AS attempts, coalesce(tries.stalls, 0) AS stalls,
       coalesce(made.rungs, jsonb_array_length(job.plan -> 'renditions')) AS rungs,
       (source.media_info ->> 'duration')::float8 AS media_seconds, made.seconds AS output_seconds,
       source.size_bytes AS bytes_in, made.bytes AS bytes_out,
       CASE WHEN public THEN made.total - coalesce(made.bytes, 0) END AS artifact_bytes,
       CASE WHEN public THEN job.speed END AS speed, CASE WHEN public THEN job.cpu_seconds END AS cpu_seconds,
       CASE WHEN public THEN job.worker_seconds END AS worker_seconds,
       CASE WHEN first THEN greatest(extract(epoch FROM source.registered_at - source.last_modified), 0) END::float8
         AS notice_seconds,
       CASE WHEN first AND source.dispatched_at BETWEEN source.registered_at AND job.created_at
         THEN extract(epoch FROM source.dispatched_at - source.registered_at) END::float8 AS dispatch_seconds,
       CASE WHEN first AND source.dispatched_at BETWEEN source.registered_at AND job.created_at
         THEN extract(epoch FROM job.created_at - source.dispatched_at) END::float8 AS prepare_seconds,
       waits.queue AS queue_seconds, waits.service AS service_seconds, result.download_seconds,
       CASE WHEN public THEN job.encode_seconds END AS encode_seconds, result.package_seconds, result.upload_seconds,
       CASE WHEN public AND job.verified_at >= waits.encoded_at
         THEN extract(epoch FROM job.verified_at - waits.encoded_at) END::float8 AS verify_seconds,
       CASE WHEN public AND job.verified_at <= ended.at
         THEN extract(epoch FROM ended.at - job.verified_at) END::float8 AS publish_seconds,
       CASE WHEN public
         THEN extract(epoch FROM ended.at - CASE WHEN first THEN source.registered_at ELSE job.created_at END)
         END::float8 AS total_seconds,
       tries.normalized_minutes,
       CASE WHEN public THEN coalesce(job.estimated_cost, job.estimated_cpu_seconds::numeric * foreseen.price) END
         AS estimated_cost,
       CASE WHEN NOT public THEN NULL WHEN job.engine = 'mediaconvert' THEN job.actual_cost
         ELSE job.cpu_seconds::numeric * cpu.price END AS actual_cost
  FROM ended
  JOIN job ON job.id = ended.job_id
  JOIN source ON source.id = job.source_id
  JOIN video ON video.id = job.video_id
  JOIN tenant ON tenant.id = video.tenant_id
  JOIN LATERAL (SELECT ended.new_status = 'PUBLISHED' AS public,
       NOT EXISTS (SELECT FROM job AS earlier WHERE earlier.source_id = source.id AND earlier.id < job.id) AS first)
       AS asked ON true
  LEFT JOIN LATERAL jsonb_to_record(CASE WHEN public THEN job.result END)
       AS result(download_seconds float8, package_seconds float8, upload_seconds float8) ON true
  LEFT JOIN LATERAL (SELECT amount AS price FROM price
       WHERE name = 'cpu_second.' || job.engine AND valid_from <= :day ORDER BY valid_from DESC LIMIT 1) AS cpu ON true
  LEFT JOIN LATERAL (SELECT amount AS price FROM price
       WHERE name = 'cpu_second.' || job.engine AND valid_from <= (job.created_at AT TIME ZONE 'UTC')::date
       ORDER BY valid_from DESC LIMIT 1) AS foreseen ON true
  LEFT JOIN waits ON waits.id = ended.id
  LEFT JOIN tries ON tries.id = ended.id
  LEFT JOIN LATERAL {stored} AS made ON public
UNION ALL
SELECT :day, early.outcome, early.at, early.status, coalesce(tenant.slug, :no_tenant),
       coalesce(early.profile, source.profile, :default_profile), 'none', NULL, NULL, source.id, source.video_id, NULL,
       coalesce('s3://' || source.bucket || '/' || source.key, early.uri), coalesce(early.run_id, source.run_id), NULL,
       NULL, NULL, early.code, early.message, 0, 0, NULL, (source.media_info ->> 'duration')::float8, NULL,
       source.size_bytes, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL
  FROM (
    SELECT 'source-' || id AS outcome, rejected_at AS at, 'rejected' AS status, id AS source_id, NULL AS profile,
           NULL AS uri, NULL AS run_id, rejection_reason AS code, rejection_detail AS message
      FROM source
     WHERE status = 'REJECTED' AND rejected_at >= :begin AND rejected_at < :end
       AND NOT EXISTS (SELECT FROM job WHERE job.source_id = source.id AND job.status = 'REJECTED')
    UNION ALL
    SELECT 'unreadable-' || id, unreadable_at, 'unreadable', id, NULL, NULL, NULL, unreadable_reason, unreadable_detail
      FROM source
     WHERE unreadable_at >= :begin AND unreadable_at < :end
    UNION ALL
    SELECT 'letter-' || id, first_seen_at, 'failed', source_id, payload ->> 'profile', payload ->> 'source_uri',
           identity, code, message
      FROM dead_letter
     WHERE origin = :failed_run AND first_seen_at >= :begin AND first_seen_at < :end
  ) AS early
  LEFT JOIN source ON source.id = early.source_id
  LEFT JOIN video ON video.id = source.video_id
  LEFT JOIN tenant ON tenant.id = video.tenant_id
