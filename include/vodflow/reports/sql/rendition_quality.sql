SELECT job_outcome.day, rendition.id AS rendition_id, rendition.job_id, job_outcome.video_id, uri, tenant, profile, engine,
       kind, rendition.name AS rung, rendition.codec, width, height,
       split_part(frame_rate, '/', 1)::float8 / split_part(frame_rate, '/', 2)::float8 AS frame_rate, bitrate,
       measured_bitrate, peak_bitrate, size_bytes, duration,
       CASE kind WHEN 'video' THEN coalesce(rendition.speed, job_outcome.speed) END AS speed, vmaf, vmaf_harmonic, vmaf_p5,
       vmaf_worst_second, vmaf_worst_at, vmaf_model, psnr, ssim, qvbr_avg, qvbr_min, loudness, loudness_range,
       true_peak, silent_seconds, clipped
  FROM reporting.job_outcome
  JOIN rendition ON rendition.job_id = job_outcome.job_id
  LEFT JOIN rendition_measurement ON rendition_id = rendition.id
 WHERE day = :day AND status = 'published'
