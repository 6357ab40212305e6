"""What was measured of published outputs after their publication, by :mod:`vodflow.quality`."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Double, ForeignKey, Index, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from vodflow.catalog.states import MeasurementState
from vodflow.catalog.tables.base import metadata, not_negative, one_of, recorded, timestamp

job_measurement = Table(
    "job_measurement",
    metadata,
    Column("job_id", BigInteger, ForeignKey("job.id"), primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0", comment="how often it was begun"),
    Column("run_id", Text, comment="run of measure_quality"),
    Column("every", Integer, comment="one of so many frames was compared"),
    Column("seconds", Double, comment="of the video that were looked at"),
    Column("cpu_seconds", Double, comment="of all processes that measured"),
    Column("wall_seconds", Double),
    Column("tool", Text, comment="FFmpeg's version, and libvmaf's where it says it"),
    Column("black_seconds", Double, comment="of black pictures"),
    Column("frozen_seconds", Double, comment="of pictures that stand still"),
    Column("luma_clipped", Double, comment="share of the pixels at or beyond the ends of the luma range, 0 to 1"),
    Column(
        "stretches",
        JSONB(none_as_null=True),
        comment="list of kind (black, frozen, silent), track, start and end in seconds",
    ),
    Column("error_code", Text),
    Column("error_message", Text),
    timestamp("measured_at", nullable=False),
    recorded(),
    one_of("state", MeasurementState),
    *not_negative("attempts", "seconds", "cpu_seconds", "wall_seconds", "black_seconds", "frozen_seconds"),
    CheckConstraint("every > 0", name="every"),
    CheckConstraint("luma_clipped BETWEEN 0 AND 1", name="luma_clipped"),
    CheckConstraint("(state = 'failed') = (error_message IS NOT NULL)", name="failed_has_message"),
    Index("ix_job_measurement_recorded_xid", "recorded_xid"),
    Index("ix_job_measurement_measured_at", "measured_at"),
    comment="One measurement of a published job's quality: how it was done, at what cost, and what its pictures show.",
)

rendition_measurement = Table(
    "rendition_measurement",
    metadata,
    Column("rendition_id", BigInteger, ForeignKey("rendition.id"), primary_key=True, autoincrement=False),
    Column("vmaf_model", Text, comment="model of libvmaf, by the size it is shown at"),
    Column("frames", Integer, comment="that were compared"),
    Column("vmaf", Double, comment="arithmetic mean of the frames, 0 to 100"),
    Column("vmaf_harmonic", Double, comment="harmonic mean of the frames"),
    Column("vmaf_p5", Double, comment="5th percentile of the frames"),
    Column("vmaf_worst_second", Double, comment="mean of the worst second"),
    Column("vmaf_worst_at", Double, comment="where that second begins, seconds"),
    Column("psnr", Double, comment="of luma, decibels, mean of the frames"),
    Column("ssim", Double, comment="mean of the frames"),
    Column("qvbr_avg", Double, comment="MediaConvert's own average quality level, 1 to 10"),
    Column("qvbr_min", Double, comment="MediaConvert's own lowest quality level, 1 to 10"),
    Column("loudness", Double, comment="integrated (EBU R 128), LUFS; none of silence"),
    Column("loudness_range", Double, comment="LU"),
    Column("true_peak", Double, comment="dBTP; none of digital silence"),
    Column("silent_seconds", Double),
    Column("clipped", Double, comment="share of the samples at full scale, 0 to 1"),
    timestamp("measured_at", nullable=False),
    recorded(),
    *not_negative("frames", "psnr", "silent_seconds", "vmaf_worst_at", "loudness_range"),
    *(
        CheckConstraint(f"{name} BETWEEN 0 AND 100", name=name)
        for name in ("vmaf", "vmaf_harmonic", "vmaf_p5", "vmaf_worst_second")
    ),
    CheckConstraint("ssim BETWEEN -1 AND 1", name="ssim"),
    CheckConstraint("clipped BETWEEN 0 AND 1", name="clipped"),
    Index("ix_rendition_measurement_recorded_xid", "recorded_xid"),
    comment="How good one rendition is: of pictures against the source, of sound by itself.",
)
