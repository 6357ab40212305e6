"""What the year's jobs made: renditions, artifacts, measurements, and which job of each video is public."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa

from benchmarks.year.arrivals import Arrivals
from benchmarks.year.columns import SECOND, Numbers, maybe, moments, text, words
from benchmarks.year.histories import ROUNDS, Jobs
from benchmarks.year.rows import MEDIA_BUCKET, Rows, plan_of
from benchmarks.year.shapes import PROFILES, SHAPES

#: Videos up to this length are all measured, of longer ones a share; seconds.
SHORT: Final = 600.0
SHARE_OF_LONG: Final = 0.1
_ARTIFACTS: Final = (
    ("hls/master.m3u8", "hls", "application/vnd.apple.mpegurl"), ("dash/manifest.mpd", "dash", "application/dash+xml"),
    ("mp4/video_480p.mp4", "mp4", "video/mp4"), ("thumbnails/poster.jpg", "poster", "image/jpeg"),
)  # fmt: skip


def published(jobs: Jobs) -> Numbers:
    """Places of the jobs that were published."""
    return np.flatnonzero(jobs.final == ROUNDS.index("published"))


def outputs(some: Arrivals, jobs: Jobs, renditions: int, seed: int) -> Iterator[tuple[str, Rows]]:
    """Rows of ``rendition``, ``artifact``, ``job_measurement`` and ``rendition_measurement``.

    :param renditions: of the jobs before them
    """
    dice = np.random.default_rng((seed, some.number, 5))
    done = published(jobs)
    rows, job = _renditions(some, jobs, done, renditions, dice)
    yield "rendition", rows
    place = np.repeat(done, len(_ARTIFACTS))
    which = np.tile(np.arange(len(_ARTIFACTS)), len(done))
    names, kinds, types = zip(*_ARTIFACTS, strict=True)
    size = np.where(which == 2, some.seconds[jobs.source[place]] * 200_000, 4_000).astype(np.int64)
    yield "artifact", {
        "job_id": jobs.ids[place], "name": words(names, which), "kind": words(kinds, which),
        "uri": text(f"s3://{MEDIA_BUCKET}/vod/", jobs.ids[place], "/", words(names, which)), "size_bytes": size,
        "content_type": words(types, which),
    }  # fmt: skip
    yield from _measurements(some, jobs, done, rows, job, dice)


def _renditions(
    some: Arrivals, jobs: Jobs, done: Numbers, before: int, dice: np.random.Generator
) -> tuple[Rows, Numbers]:
    tracks = [[plan_of(shape, profile).tracks for profile in range(len(PROFILES))] for shape in range(len(SHAPES))]
    flat = [track for row in tracks for ladder in row for track in ladder]
    counts = np.array([[len(ladder) for ladder in row] for row in tracks])
    starts = np.concatenate([[0], np.cumsum(counts.ravel())])[:-1].reshape(counts.shape)
    source = jobs.source[done]
    count = counts[some.shape[source], some.profile[source]]
    job = np.repeat(done, count)
    place = np.arange(len(job)) - np.repeat(np.cumsum(count) - count, count)
    track = np.repeat(starts[some.shape[source], some.profile[source]], count) + place
    video = np.array([one["kind"] == "video" for one in flat])[track]
    asked = np.array([one["bitrate"] for one in flat])[track]
    measured = (asked * np.where(video, dice.beta(6, 2, len(job)), 0.98)).astype(np.int64)
    seconds = some.seconds[jobs.source[job]]

    def fact(name: str, known: Numbers) -> pa.Array:
        return maybe(np.array([one.get(name, 0) for one in flat])[track], known)

    return {
        "id": before + 1 + np.arange(len(job)), "job_id": jobs.ids[job],
        **{name: words([one.get(name) for one in flat], track) for name in ("name", "kind", "codec", "frame_rate")},
        "width": fact("width", video), "height": fact("height", video), "channels": fact("channels", ~video),
        "sample_rate": fact("sample_rate", ~video), "bitrate": asked, "measured_bitrate": measured,
        "peak_bitrate": (measured * 1.3).astype(np.int64), "size_bytes": (measured * seconds / 8).astype(np.int64),
        "duration": seconds,
    }, job  # fmt: skip


def _measurements(
    some: Arrivals, jobs: Jobs, done: Numbers, rows: Rows, job: Numbers, dice: np.random.Generator
) -> Iterator[tuple[str, Rows]]:
    chosen = np.zeros(len(jobs), dtype=bool)
    chosen[done] = (some.seconds[jobs.source[done]] <= SHORT) | (dice.random(len(done)) < SHARE_OF_LONG)
    state = dice.choice(3, len(jobs), p=(0.97, 0.02, 0.01))
    at = jobs.last("PUBLISHED")[0] + (SECOND * 3600 * dice.exponential(5, len(jobs))).astype(np.int64)
    these = np.flatnonzero(chosen)
    good, seconds = state[these] < 2, some.seconds[jobs.source[these]]
    yield "job_measurement", {
        "job_id": jobs.ids[these], "state": words(("measured", "partial", "failed"), state[these]),
        "attempts": np.ones(len(these), dtype=np.int64), "run_id": text("scheduled__", these // 50),
        "every": maybe(np.full(len(these), 10), good), "seconds": maybe(seconds, good),
        "cpu_seconds": np.round(seconds * 0.8, 3), "wall_seconds": np.round(seconds * 0.5, 3),
        "black_seconds": maybe(np.round(dice.exponential(1.0, len(these)), 3), good),
        "frozen_seconds": maybe(np.round(dice.exponential(0.4, len(these)), 3), good),
        "luma_clipped": maybe(np.round(dice.beta(1, 60, len(these)), 6), good),
        "stretches": words(("[]",), these * 0, good),
        "error_message": words(("FFmpeg ended with 1",), these * 0, ~good), "measured_at": moments(at[these]),
    }  # fmt: skip
    of = np.flatnonzero(chosen[job] & (state[job] < 2))
    yield "rendition_measurement", _quality(rows, of, at[job[of]], dice)


def _quality(rows: Rows, of: Numbers, at: Numbers, dice: np.random.Generator) -> Rows:
    video = ~np.asarray(rows["width"].is_null())[of]
    height = np.asarray(rows["height"].fill_null(1))[of]
    # Bits a pixel against how hard the content is: what a curve of rate and quality looks like.
    dense = rows["measured_bitrate"][of] / (height.clip(1) ** 2 * 16 / 9 * 25)
    lost = 22 * np.exp(-9 * dense) + 25 * (1 - height.clip(max=1080) / 1080) + dice.exponential(3, len(of))
    vmaf = np.clip(100 - lost, 5, 99.9)
    sound = ~video

    def figure(values: Numbers, known: Numbers) -> Any:
        return maybe(np.round(values, 4), known)

    return {
        "rendition_id": rows["id"][of], "vmaf_model": words(("vmaf_v0.6.1",), of * 0, video),
        "frames": maybe(np.full(len(of), 150), video), "vmaf": figure(vmaf, video),
        "vmaf_harmonic": figure(vmaf * 0.99, video), "vmaf_p5": figure(vmaf * 0.9, video),
        "vmaf_worst_second": figure(vmaf * 0.8, video), "vmaf_worst_at": figure(vmaf, video),
        "psnr": figure(25 + vmaf / 5, video), "ssim": figure(0.8 + vmaf / 600, video),
        "loudness": figure(dice.normal(-18, 4, len(of)), sound), "loudness_range": figure(vmaf / 10, sound),
        "true_peak": figure(dice.normal(-2, 1, len(of)), sound), "silent_seconds": figure(vmaf / 90, sound),
        "clipped": figure(vmaf / 1e5, sound), "measured_at": moments(at),
    }  # fmt: skip


def publications(video: Numbers, source: Numbers, job: Numbers, at: Numbers) -> Iterator[tuple[str, Rows]]:
    """Rows of ``publication_event`` and ``publication``: a later version of the bytes, or a later job, takes over.

    :param at: when each job was published, microseconds since the epoch
    """
    order = np.lexsort([at, video])
    video, source, job, at = video[order], source[order], job[order], at[order]
    first = np.concatenate([[True], video[1:] != video[:-1]])
    # Bytes that came earlier never replace later ones: within a video only rising (source, job) count.
    rank = source * 10_000_000 + job
    best = _running_maximum(rank, first)
    taken = first | np.concatenate([[True], rank[1:] > best[:-1]])
    video, job, at, first = video[taken], job[taken], at[taken], first[taken]
    old = np.concatenate([[0], job[:-1]])
    in_time = np.argsort(at, kind="stable")
    yield "publication_event", {
        "video_id": video[in_time], "at": moments(at[in_time]), "old_job_id": maybe(old[in_time], ~first[in_time]),
        "new_job_id": job[in_time],
    }  # fmt: skip
    last = np.concatenate([video[1:] != video[:-1], [True]])
    yield "publication", {
        "video_id": video[last], "job_id": job[last],
        "manifest_uri": text(f"s3://{MEDIA_BUCKET}/vod/", job[last], "/manifest.json"),
        "first_published_at": moments(at[first]), "published_at": moments(at[last]),
    }  # fmt: skip


def _running_maximum(values: Numbers, first: Numbers) -> Numbers:
    """The largest value so far within each group."""
    group = np.cumsum(first) * (int(values.max()) + 1)
    best: Numbers = np.maximum.accumulate(values + group) - group
    return best
