WITH latest AS (
    SELECT *, row_number() OVER (PARTITION BY tenant, profile, engine, status, coalesce(error_class, ''),
                                 coalesce(error_code, '') ORDER BY at DESC, outcome DESC) AS place
      FROM reporting.job_outcome
     WHERE day = :day AND status IN ('failed', 'rejected', 'unreadable')
)
SELECT :day AS day, tenant, profile, engine, status AS kind, coalesce(error_class, '') AS error_class,
       coalesce(error_code, '') AS error_code, count(*)::integer AS occurrences,
       count(DISTINCT video_id)::integer AS videos, min(at) AS first_at, max(at) AS last_at,
       max(job_id) FILTER (WHERE place = 1) AS example_job_id, max(video_id) FILTER (WHERE place = 1) AS example_video_id,
       max(uri) FILTER (WHERE place = 1) AS example_uri, max(run_id) FILTER (WHERE place = 1) AS example_run_id,
       max(error_message) FILTER (WHERE place = 1) AS example_message,
       max('/vodflow/videos/' || video_id) FILTER (WHERE place = 1) AS link
  FROM latest
 GROUP BY 2, 3, 4, 5, 6, 7
