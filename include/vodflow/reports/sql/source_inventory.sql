WITH came AS (
    SELECT source.id, tenant.slug AS tenant, source.size_bytes, media_info -> 'video' AS pictures, media_info,
           (media_info ->> 'duration')::float8 AS seconds
      FROM source
      JOIN video ON video.id = source.video_id
      JOIN tenant ON tenant.id = video.tenant_id
     WHERE probed_at >= :begin AND probed_at < :end AND media_info IS NOT NULL
), described AS (
    SELECT id, tenant, size_bytes, seconds, media_info ->> 'container' AS container,
           pictures ->> 'codec' AS video_codec,
           (pictures ->> 'display_width') || 'x' || (pictures ->> 'display_height') AS resolution,
           trim_scale(round(split_part(pictures ->> 'frame_rate', '/', 1)::numeric
                            / split_part(pictures ->> 'frame_rate', '/', 2)::numeric, 3))::text AS frame_rate,
           coalesce(sound.codecs, 'none') AS audio_codec, coalesce(sound.languages, 'none') AS languages,
           coalesce(pictures ->> 'color_transfer', '') IN ('smpte2084', 'arib-std-b67') AS hdr,
           coalesce(pictures ->> 'field_order', 'progressive') NOT IN ('progressive', 'unknown') AS interlaced,
           jsonb_array_length(coalesce(media_info -> 'captions', '[]')) > 0
             OR coalesce((pictures ->> 'closed_captions')::boolean, false) AS captions
      FROM came
      LEFT JOIN LATERAL (
        SELECT string_agg(DISTINCT track ->> 'codec', ',' ORDER BY track ->> 'codec') AS codecs,
               string_agg(DISTINCT coalesce(track ->> 'language', 'und'), ','
                          ORDER BY coalesce(track ->> 'language', 'und')) AS languages
          FROM jsonb_array_elements(media_info -> 'audio') AS track) AS sound ON true
)
SELECT :day AS day, tenant, container, video_codec, resolution, frame_rate, audio_codec, languages, hdr, interlaced,
       captions, count(*)::integer AS sources, sum(size_bytes)::bigint AS size_bytes,
       sum(seconds ORDER BY id) / 60 AS minutes
  FROM described
 GROUP BY 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
