-- The stages are the columns of job_outcome that end in _seconds; see STAGE_SECONDS.
SELECT :day AS day, tenant, profile, engine, stage, jobs, shares[1] AS p50, shares[2] AS p90,
       shares[3] AS p95, shares[4] AS p99, longest, total_seconds
  FROM (
    SELECT tenant, profile, engine, stage, count(*)::integer AS jobs, max(seconds) AS longest,
           sum(seconds ORDER BY outcome) AS total_seconds,
           percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY seconds) AS shares
      FROM reporting.job_outcome
     CROSS JOIN LATERAL (VALUES {stages}) AS way(stage, seconds)
     WHERE day = :day AND status = 'published' AND seconds IS NOT NULL
     GROUP BY tenant, profile, engine, stage
  ) AS added
