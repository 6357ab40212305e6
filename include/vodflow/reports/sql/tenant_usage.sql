WITH ends AS (
    SELECT tenant, (count(DISTINCT video_id) FILTER (WHERE status = 'published'))::integer AS videos
      FROM reporting.job_outcome
     WHERE day = :day
     GROUP BY tenant
), added AS (
    SELECT tenant, sum(jobs)::integer AS jobs, sum(failed)::integer AS failed, sum(rejected)::integer AS rejected,
           sum(canceled)::integer AS canceled, sum(bytes_in)::bigint AS bytes_in, sum(bytes_out)::bigint AS bytes_out,
           sum(minutes_in ORDER BY profile, engine, strategy) AS minutes_in,
           sum(minutes_out ORDER BY profile, engine, strategy) AS minutes_out,
           sum(cpu_seconds ORDER BY profile, engine, strategy) AS cpu_seconds
      FROM reporting.transcoding_daily
     WHERE day = :day
     GROUP BY tenant
), came AS (
    SELECT tenant.slug AS tenant, count(*)::integer AS sources, sum(size_bytes)::bigint AS bytes
      FROM source
      JOIN video ON video.id = source.video_id
      JOIN tenant ON tenant.id = video.tenant_id
     WHERE registered_at >= :begin AND registered_at < :end
     GROUP BY tenant.slug
), stored AS (
    SELECT tenant, sum(net_bytes)::bigint AS bytes FROM reporting.storage_growth WHERE day <= :day GROUP BY tenant
), spent AS (
    SELECT tenant, sum(actual_cost) AS cost FROM reporting.cost_daily WHERE day = :day GROUP BY tenant
)
SELECT :day AS day, tenant, coalesce(sources, 0) AS sources, coalesce(videos, 0) AS videos, coalesce(jobs, 0) AS jobs,
       coalesce(failed, 0) AS failed, coalesce(rejected, 0) AS rejected, coalesce(canceled, 0) AS canceled,
       coalesce(came.bytes, 0) AS bytes_received, coalesce(bytes_in, 0) AS bytes_in,
       coalesce(bytes_out, 0) AS bytes_out, coalesce(stored.bytes, 0) AS bytes_stored,
       coalesce(minutes_in, 0) AS minutes_in, coalesce(minutes_out, 0) AS minutes_out,
       coalesce(cpu_seconds, 0) AS cpu_seconds, coalesce(cost, 0) AS cost
  FROM (SELECT tenant FROM ends UNION SELECT tenant FROM came UNION SELECT tenant FROM spent
        UNION SELECT tenant FROM stored WHERE bytes <> 0) AS everybody
  LEFT JOIN ends USING (tenant)
  LEFT JOIN added USING (tenant)
  LEFT JOIN came USING (tenant)
  LEFT JOIN stored USING (tenant)
  LEFT JOIN spent USING (tenant)
