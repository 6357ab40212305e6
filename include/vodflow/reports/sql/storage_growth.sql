WITH published AS (
    SELECT job_id FROM job_event WHERE new_status = 'PUBLISHED' AND at >= :begin AND at < :end
), changed AS MATERIALIZED (
    SELECT old_job_id, new_job_id, EXISTS (
             SELECT FROM publication_event AS before
              WHERE before.video_id = publication_event.video_id AND before.new_job_id = publication_event.new_job_id
                AND (before.at, before.id) < (publication_event.at, publication_event.id)) AS again
      FROM publication_event
     WHERE at >= :begin AND at < :end
), moved(job_id, published, replaced, restored, deleted, public) AS (
    SELECT job_id, 1, 0, 0, 0, 0 FROM published
    UNION ALL
    SELECT old_job_id, 0, CASE WHEN new_job_id IS NULL THEN 0 ELSE 1 END, 0, 0, -1 FROM changed
     WHERE old_job_id IS NOT NULL
    UNION ALL
    SELECT new_job_id, 0, 0, again::integer, 0, 1 FROM changed WHERE new_job_id IS NOT NULL
    UNION ALL
    SELECT id, 0, 0, 0, 1, 0 FROM job WHERE outputs_deleted_at >= :begin AND outputs_deleted_at < :end
)
SELECT :day AS day, tenant.slug AS tenant, sum(published * total)::bigint AS published_bytes,
       sum(replaced * total)::bigint AS replaced_bytes, sum(restored * total)::bigint AS restored_bytes,
       sum(deleted * total)::bigint AS deleted_bytes, sum((published - deleted) * total)::bigint AS net_bytes,
       sum(public * play)::bigint AS play_bytes
  FROM moved
  JOIN job ON job.id = moved.job_id
  JOIN video ON video.id = job.video_id
  JOIN tenant ON tenant.id = video.tenant_id
 CROSS JOIN LATERAL {stored} AS made
 GROUP BY tenant.slug
