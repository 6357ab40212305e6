WITH published AS (
    SELECT tenant, profile, engine, coalesce(strategy, 'none') AS strategy, count(DISTINCT video_id)::integer AS videos,
           count(*)::integer AS jobs, sum(greatest(attempts - 1, 0))::integer AS retries,
           sum(stalls)::integer AS stalls, sum(media_seconds ORDER BY outcome) / 60 AS minutes_in,
           sum(output_seconds ORDER BY outcome) / 60 AS minutes_out, sum(bytes_in)::bigint AS bytes_in,
           sum(bytes_out)::bigint AS bytes_out, sum(cpu_seconds ORDER BY outcome) AS cpu_seconds,
           sum(worker_seconds ORDER BY outcome) AS worker_seconds,
           percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY speed) AS speeds,
           percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY total_seconds) AS totals
      FROM reporting.job_outcome
     WHERE day = :day AND status = 'published'
     GROUP BY 1, 2, 3, 4
), others AS (
    SELECT tenant, profile, engine, coalesce(strategy, 'none') AS strategy,
           (count(*) FILTER (WHERE status = 'failed'))::integer AS failed,
           (count(*) FILTER (WHERE status = 'rejected'))::integer AS rejected,
           (count(*) FILTER (WHERE status = 'canceled'))::integer AS canceled,
           (count(*) FILTER (WHERE status = 'unreadable'))::integer AS unreadable
      FROM reporting.job_outcome
     WHERE day = :day
     GROUP BY 1, 2, 3, 4
)
SELECT :day AS day, tenant, profile, engine, strategy, coalesce(videos, 0) AS videos, coalesce(jobs, 0) AS jobs, failed,
       rejected, canceled, unreadable, coalesce(retries, 0) AS retries, coalesce(stalls, 0) AS stalls,
       coalesce(minutes_in, 0) AS minutes_in, coalesce(minutes_out, 0) AS minutes_out,
       coalesce(bytes_in, 0) AS bytes_in, coalesce(bytes_out, 0) AS bytes_out, coalesce(cpu_seconds, 0) AS cpu_seconds,
       coalesce(worker_seconds, 0) AS worker_seconds, speeds[1] AS encode_speed_p50, speeds[2] AS encode_speed_p95,
       totals[1] AS time_to_publish_p50, totals[2] AS time_to_publish_p95
  FROM others LEFT JOIN published USING (tenant, profile, engine, strategy)
