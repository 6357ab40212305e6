SELECT job_outcome.day, job_outcome.job_id, job_outcome.video_id, uri, tenant, profile, engine, state,
       job_measurement.error_message, seconds, every, job_measurement.cpu_seconds, black_seconds, frozen_seconds,
       sound.silent_seconds, luma_clipped, stretches::text AS stretches
  FROM reporting.job_outcome
  JOIN job_measurement ON job_measurement.job_id = job_outcome.job_id
  LEFT JOIN LATERAL (
    SELECT silent_seconds
      FROM rendition
      JOIN rendition_measurement ON rendition_id = rendition.id
     WHERE rendition.job_id = job_outcome.job_id AND kind = 'audio'
     ORDER BY rendition.id LIMIT 1) AS sound ON true
 WHERE day = :day AND status = 'published'
