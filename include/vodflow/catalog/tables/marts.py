"""Marts: what people ask, added up for each UTC day; recomputed a day at a time from the catalog and the facts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from vodflow.catalog.tables.base import not_negative, one_of, reporting

_DAY = "UTC day"
_MONEY = Numeric(16, 6)


def _mart(name: str, key: list[Column[Any]], *items: Any, comment: str) -> Table:
    """A table whose key is the day and what it is added up by."""
    day: Column[Any] = Column("day", Date, nullable=False, comment=_DAY)
    names = ["day", *(column.name for column in key)]
    return Table(name, reporting, day, *key, *items, PrimaryKeyConstraint(*names), comment=comment)


def _by(*names: str) -> list[Column[Any]]:
    return [Column(name, Text, nullable=False, comment=_KEYS.get(name)) for name in names]


_KEYS = {
    "engine": "local, mediaconvert, kubernetes; none before there was a job",
    "strategy": "how the encode was divided: single, renditions, chunks; none before there was a job",
    "rung": "name of the rendition",
    "codec": "RFC 6381 without its parameters: avc1",
    "resolution": "as it is shown, pixels: 1920x1080",
    "frame_rate": "frames a second: 29.97",
    "audio_codec": "of all sound tracks; none without one",
    "languages": "of all sound tracks; und where a track says none; none without one",
}


def _sums(kind: Any, *names: str, **comments: str) -> list[Column[Any]]:
    both = {**dict.fromkeys(names, ""), **comments}
    return [Column(name, kind, nullable=False, comment=text or None) for name, text in both.items()]


transcoding_daily = _mart(
    "transcoding_daily",
    _by("tenant", "profile", "engine", "strategy"),
    *_sums(
        Integer,
        videos="different videos published",
        jobs="jobs published",
        failed="failures, those retried later included",
        rejected="sources rejected, with or without a job",
        canceled="cancellations",
        unreadable="objects found unreadable: gone, archived, denied",
        retries="workers started for the published jobs beyond the first of each",
        stalls="of these jobs' workers, ended because nothing moved",
    ),
    *_sums(Double, minutes_in="of the published jobs' sources", minutes_out="of their renditions of pictures"),
    *_sums(BigInteger, bytes_in="of the published jobs' sources", bytes_out="of all their renditions' segments"),
    *_sums(Double, cpu_seconds="of the published jobs", worker_seconds="of the published jobs, wall"),
    *(Column(name, Double, comment="of this day alone; over days: job_outcome.speed")
      for name in ("encode_speed_p50", "encode_speed_p95")),
    *(Column(name, Double, comment="seconds, of this day alone; over days: job_outcome.total_seconds")
      for name in ("time_to_publish_p50", "time_to_publish_p95")),
    *not_negative("videos", "jobs", "failed", "rejected", "canceled", "unreadable", "retries", "stalls", "minutes_in",
                  "minutes_out", "bytes_in", "bytes_out", "cpu_seconds", "worker_seconds"),
    CheckConstraint("videos <= jobs", name="videos_within_jobs"),
    comment="What was transcoded: ends of work for each day, tenant, profile, engine and strategy.",
)  # fmt: skip

failures = _mart(
    "failures",
    _by("tenant", "profile", "engine", "kind", "error_class", "error_code"),
    *_sums(Integer, occurrences="", videos="different videos"),
    Column("first_at", DateTime(timezone=True), nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
    Column("example_job_id", BigInteger, comment="of the last one; none before there was a job"),
    Column("example_video_id", BigInteger),
    Column("example_uri", Text, comment="s3://bucket/key"),
    Column("example_run_id", Text, comment="run of transcode_video"),
    Column("example_message", Text),
    Column("link", Text, comment="path of the example's page in Airflow's UI"),
    one_of("kind", ("failed", "rejected", "unreadable")),
    CheckConstraint("occurrences > 0", name="occurrences"),
    CheckConstraint("videos <= occurrences", name="videos_within_occurrences"),
    CheckConstraint("first_at <= last_at", name="first_before_last"),
    comment="What stopped work and how often, with an example. The class is empty where there is none.",
)

cost_daily = _mart(
    "cost_daily",
    _by("tenant", "engine", "kind"),
    Column("quantity", Numeric(20, 6), nullable=False, comment="in the unit beside it"),
    Column("unit", Text, nullable=False, comment="normalized_minutes, cpu_seconds, gb_months, gb"),
    *_sums(Integer, jobs="that it is for; 0 for storage and egress"),
    Column("estimated_cost", _MONEY, comment="US dollars, as it was foreseen; none where nothing was"),
    Column("actual_cost", _MONEY, comment="US dollars, by the prices of the day; none where it cannot be told"),
    Column("difference", _MONEY, comment="actual less estimated, of the jobs that have both"),
    one_of("kind", ("transcode", "quality", "storage", "egress")),
    *not_negative("quantity", "jobs", "estimated_cost", "actual_cost"),
    comment="What it cost. Storage and egress are of all that a tenant has published (engine: none).",
)

tenant_usage = _mart(
    "tenant_usage",
    _by("tenant"),
    *_sums(Integer, sources="objects registered", videos="different videos published", jobs="jobs published",
           failed="failures, those retried later included", rejected="sources rejected", canceled="cancellations"),
    *_sums(BigInteger, bytes_received="of the registered objects", bytes_in="of the published jobs' sources",
           bytes_out="of their renditions' segments", bytes_stored="of all outputs at the end of the day"),
    *_sums(Double, minutes_in="of the published jobs' sources", minutes_out="of their renditions of pictures",
           cpu_seconds="of the published jobs"),
    Column("cost", _MONEY, nullable=False, comment="US dollars, all kinds of cost_daily"),
    *not_negative("sources", "videos", "jobs", "failed", "rejected", "canceled", "bytes_received", "bytes_in",
                  "bytes_out", "bytes_stored", "minutes_in", "minutes_out", "cpu_seconds", "cost"),
    comment="Who used it, and how much.",
)  # fmt: skip

pipeline_latency = _mart(
    "pipeline_latency",
    _by("tenant", "profile", "engine", "stage"),
    *_sums(Integer, jobs="published jobs that went through the stage"),
    *_sums(Double, "p50", "p90", "p95", "p99", longest="", total_seconds="of all these jobs"),
    CheckConstraint("jobs > 0", name="jobs"),
    CheckConstraint("p50 <= p90 AND p90 <= p95 AND p95 <= p99 AND p99 <= longest", name="order"),
    comment="Seconds that each stage took, of this day and tenant alone; over several: the columns of job_outcome.",
)

ladder_efficiency = _mart(
    "ladder_efficiency",
    _by("tenant", "profile", "engine", "codec", "rung"),
    *_sums(Integer, renditions="published", measured="of them measured",
           wasted="more bits than eyes can tell", starving="too few bits for their size",
           too_close="no better to see than the rung below of the same size"),
    *_sums(BigInteger, size_bytes="of the measured ones", saveable_bytes="of them that would not be missed, estimated"),
    Column("bitrate", Double, comment="mean of the measured ones, bits a second; over days: weigh by measured"),
    Column("vmaf", Double, comment="mean of the measured ones, at their own size; over days: weigh by measured"),
    Column("vmaf_p5", Double, comment="mean of their 5th percentiles"),
    *not_negative("renditions", "measured", "wasted", "starving", "too_close", "size_bytes", "saveable_bytes"),
    CheckConstraint("measured <= renditions", name="measured_within_renditions"),
    CheckConstraint("saveable_bytes <= size_bytes", name="saveable_within_size"),
    comment="Bits against quality for each rung, and what encoding it again would save.",
)  # fmt: skip

source_inventory = _mart(
    "source_inventory",
    [
        *_by("tenant", "container", "video_codec", "resolution", "frame_rate", "audio_codec", "languages"),
        Column("hdr", Boolean, nullable=False),
        Column("interlaced", Boolean, nullable=False),
        Column("captions", Boolean, nullable=False, comment="text tracks, or captions within the pictures"),
    ],
    *_sums(Integer, "sources"),
    *_sums(BigInteger, "size_bytes"),
    *_sums(Double, minutes=""),
    CheckConstraint("sources > 0", name="sources"),
    comment="What came in, on the day it was probed.",
)

storage_growth = _mart(
    "storage_growth",
    _by("tenant"),
    *_sums(BigInteger, published_bytes="of outputs published on the day, renditions and artifacts",
           replaced_bytes="of outputs that a later publication of their video replaced on the day; they stay stored",
           restored_bytes="of outputs that became public once more on the day",
           deleted_bytes="of outputs removed from S3 on the day",
           net_bytes="stored more at the end of the day than at its beginning; negative where it shrank",
           play_bytes="more that one play of each public video takes than the day before, all rungs alike often"),
    *not_negative("published_bytes", "replaced_bytes", "restored_bytes", "deleted_bytes"),
    CheckConstraint("net_bytes = published_bytes - deleted_bytes", name="net"),
    comment="How the stored outputs grow. The sum of net_bytes up to a day is what is stored at its end.",
)  # fmt: skip

backlog_hourly = _mart(
    "backlog_hourly",
    [Column("hour", DateTime(timezone=True), nullable=False, comment="its beginning"), *_by("tenant", "engine")],
    *_sums(Integer, waiting="sources and jobs that waited when the hour began", running="jobs that ran then",
           arrived="within the hour: sources registered, jobs queued again", started="within the hour: jobs",
           finished="within the hour: jobs"),
    Column("oldest_seconds", Double, comment="how long the oldest had waited when the hour began"),
    *not_negative("waiting", "running", "arrived", "started", "finished", "oldest_seconds"),
    comment="How much waited and ran, hour by hour.",
)  # fmt: skip

content_quality = _mart(
    "content_quality",
    [Column("job_id", BigInteger, nullable=False, comment="of the catalog")],
    Column("video_id", BigInteger, nullable=False, comment="of the catalog"),
    Column("uri", Text, nullable=False, comment="of the source: s3://bucket/key"),
    *_by("tenant", "profile", "engine"),
    Column("state", Text, nullable=False, comment="measured, partial, failed or skipped"),
    Column("error_message", Text, comment="why it could not be measured"),
    Column("seconds", Double, comment="of the video that were looked at"),
    Column("every", Integer, comment="one of so many frames was compared"),
    Column("cpu_seconds", Double, comment="that the measurement took"),
    Column("black_seconds", Double),
    Column("frozen_seconds", Double),
    Column("silent_seconds", Double, comment="of its first sound track"),
    Column("luma_clipped", Double, comment="share of the pixels at the ends of the luma range"),
    Column("stretches", Text, comment="JSON: kind, track, start and end of black, frozen and silent stretches"),
    comment="What measuring found in the pictures and sound of each job, on the day the job was published.",
)

partition = Table(
    "partition",
    reporting,
    Column("mart", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("computed_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("mart", "day"),
    *not_negative("rows"),
    comment="Which days of which table are computed; a day without rows is computed too.",
)

watermark = Table(
    "watermark",
    reporting,
    Column("name", Text, primary_key=True),
    Column("xid", BigInteger, nullable=False, comment="every transaction below it has been seen"),
    Column("at", DateTime(timezone=True), nullable=False, comment="when that was looked up"),
    comment="How far the reports have read what was recorded.",
)
