(SELECT tracks.bytes, tracks.rungs, tracks.seconds, coalesce(tracks.picture, 0) + coalesce(tracks.sound, 0) AS play,
        -- The verifier has listed every object. Before it did: an MP4 holds what a rendition without segments weighs.
        greatest(coalesce((job.verification ->> 'bytes')::bigint,
                          CASE WHEN beside.segments THEN coalesce(tracks.bytes, 0) ELSE 0 END + beside.bytes,
                          tracks.bytes), tracks.bytes, 0) AS total
   FROM (SELECT sum(size_bytes)::bigint AS bytes, (count(*) FILTER (WHERE kind = 'video'))::integer AS rungs,
                sum(duration ORDER BY id) FILTER (WHERE kind = 'video') AS seconds,
                floor(avg(size_bytes) FILTER (WHERE kind = 'video'))::bigint AS picture,
                floor(avg(size_bytes) FILTER (WHERE kind = 'audio'))::bigint AS sound
           FROM rendition WHERE rendition.job_id = job.id) AS tracks,
        (SELECT sum(size_bytes)::bigint AS bytes, bool_or(kind IN ('hls', 'dash')) AS segments
           FROM artifact WHERE artifact.job_id = job.id) AS beside)
