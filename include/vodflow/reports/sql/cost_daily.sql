WITH prices AS (
    SELECT DISTINCT ON (name) name, amount FROM price WHERE valid_from <= :day ORDER BY name, valid_from DESC
), month AS (
    SELECT extract(day FROM date_trunc('month', CAST(:day AS date)) + interval '1 month - 1 day')::numeric AS days
), levels AS (
    SELECT tenant, sum(net_bytes) / 1e9 AS stored, greatest(sum(play_bytes), 0) / 1e9 AS play
      FROM reporting.storage_growth
     WHERE day <= :day
     GROUP BY tenant
)
SELECT :day AS day, tenant, engine, 'transcode' AS kind,
       CASE engine WHEN 'mediaconvert' THEN coalesce(sum(normalized_minutes), 0)
         ELSE coalesce(sum(cpu_seconds::numeric), 0) END AS quantity,
       CASE engine WHEN 'mediaconvert' THEN 'normalized_minutes' ELSE 'cpu_seconds' END AS unit,
       count(*)::integer AS jobs, sum(estimated_cost) AS estimated_cost, sum(actual_cost) AS actual_cost,
       sum(actual_cost - estimated_cost) AS difference
  FROM reporting.job_outcome
 WHERE day = :day AND status = 'published'
 GROUP BY tenant, engine
UNION ALL
SELECT :day, tenant.slug, 'local', 'quality', sum(coalesce(job_measurement.cpu_seconds, 0)::numeric), 'cpu_seconds',
       count(*)::integer, NULL, sum(coalesce(job_measurement.cpu_seconds, 0)::numeric) *
         (SELECT amount FROM prices WHERE name = 'cpu_second.local'), NULL
  FROM job_measurement
  JOIN job ON job.id = job_measurement.job_id
  JOIN video ON video.id = job.video_id
  JOIN tenant ON tenant.id = video.tenant_id
 WHERE measured_at >= :begin AND measured_at < :end AND state <> 'skipped'
 GROUP BY tenant.slug
UNION ALL
SELECT :day, tenant, 'none', 'storage', stored / days, 'gb_months', 0, NULL,
       stored / days * (SELECT amount FROM prices WHERE name = 'storage.gb_month'), NULL
  FROM levels, month
 WHERE stored > 0
UNION ALL
SELECT :day, tenant, 'none', 'egress', play * plays.amount * share.amount / days, 'gb', 0, NULL,
       play * plays.amount * share.amount / days * (SELECT amount FROM prices WHERE name = 'egress.gb'), NULL
  FROM levels, month, prices AS plays, prices AS share
 WHERE plays.name = 'viewing.plays_a_month' AND share.name = 'viewing.watched_share' AND play > 0 AND plays.amount > 0
