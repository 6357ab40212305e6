-- Segments are counted as renditions, everything else as artifacts; no object is both.
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
), sized AS (
    SELECT moved.*, coalesce(tracks.bytes, 0) + coalesce(beside.bytes, 0) AS bytes,
           coalesce(tracks.picture, 0) + coalesce(tracks.sound, 0) AS play
      FROM moved
      LEFT JOIN LATERAL (SELECT sum(size_bytes)::bigint AS bytes,
                                floor(avg(size_bytes) FILTER (WHERE kind = 'video'))::bigint AS picture,
                                floor(avg(size_bytes) FILTER (WHERE kind = 'audio'))::bigint AS sound
                           FROM rendition WHERE rendition.job_id = moved.job_id) AS tracks ON true
      LEFT JOIN LATERAL (SELECT sum(size_bytes)::bigint AS bytes
                           FROM artifact WHERE artifact.job_id = moved.job_id) AS beside ON true
)
SELECT :day AS day, tenant.slug AS tenant, sum(published * bytes)::bigint AS published_bytes,
       sum(replaced * bytes)::bigint AS replaced_bytes, sum(restored * bytes)::bigint AS restored_bytes,
       sum(deleted * bytes)::bigint AS deleted_bytes, sum((published - deleted) * bytes)::bigint AS net_bytes,
       sum(public * play)::bigint AS play_bytes
  FROM sized
  JOIN job ON job.id = sized.job_id
  JOIN video ON video.id = job.video_id
  JOIN tenant ON tenant.id = video.tenant_id
 GROUP BY tenant.slug
