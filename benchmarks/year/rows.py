"""Rows of the catalog's tables for some sources of the year, in the order in which foreign keys need them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.year.arrivals import ENGINES, FATES, TENANTS, Arrivals, begin
from benchmarks.year.columns import SECOND, Numbers, maybe, moments, text, words
from benchmarks.year.histories import FAILURES, ROUNDS, STATUSES, Jobs
from benchmarks.year.shapes import PROFILES, SHAPES, Planned, Template, planned

Rows: TypeAlias = dict[str, Any]

BUCKET, MEDIA_BUCKET = "footage", "media"
REFUSALS = ("truncated", "not_a_video", "too_long", "no_video_track", "undecodable", "empty")
UNREADABLE = ("gone", "archived", "denied")
#: Videos of this length are encoded in chunks by pods, seconds.
LONG = 1800.0


@cache
def plan_of(shape: int, profile: int) -> Planned:
    """The plan of a shape in a profile."""
    return planned(SHAPES[shape], PROFILES[profile])


def tenants() -> Rows:
    """All tenants."""
    ids = np.arange(1, TENANTS + 1)
    return {"id": ids, "slug": text("tenant-", ids), "created_at": moments(np.full(TENANTS, begin()))}


def keys(some: Arrivals) -> pa.Array:
    """The key of each source."""
    return text("tenant-", some.tenant + 1, "/", some.video % 997, "/film-", some.video, ".mp4")


def assets(some: Arrivals, seed: int) -> Iterator[tuple[str, Rows]]:
    """Rows of ``video``, ``source`` and ``dead_letter``."""
    dice = np.random.default_rng((seed, some.number, 3))
    new, key = some.new, keys(some)
    yield "video", {
        "id": some.video[new], "tenant_id": some.tenant[new] + 1, "bucket": pa.array([BUCKET] * int(new.sum())),
        "key": key.filter(pa.array(new)), "created_at": moments(some.registered[new]),
    }  # fmt: skip
    refused, unreadable, given_up = some.of("refused"), some.of("unreadable"), some.of("given_up")
    probed = ~(refused | unreadable | given_up)
    at = some.registered
    dispatched = at + (SECOND * dice.lognormal(1.2, 0.6, len(some))).astype(np.int64)
    ended = dispatched + (SECOND * dice.lognormal(1.0, 0.5, len(some))).astype(np.int64)
    reason = np.minimum(dice.geometric(0.45, len(some)) - 1, len(REFUSALS) - 1)
    names = ("DISPATCHED", "PROBED", "REJECTED", "UNREADABLE")
    version = text("v", some.ids, "-", some.size % 9973)
    yield "source", {
        "id": some.ids, "video_id": some.video, "tenant_id": some.tenant + 1,
        "bucket": pa.array([BUCKET] * len(some)), "key": key,
        "version": version, "version_id": version, "etag": text("e", some.size), "size_bytes": some.size,
        "last_modified": moments(at - (SECOND * dice.lognormal(1.5, 1.0, len(some))).astype(np.int64)),
        "current_since": moments(at),
        "discovered_by": words(("event", "sweep", "manual"), dice.choice(3, len(some), p=(0.9, 0.08, 0.02))),
        "profile": words(PROFILES, some.profile), "engine": words(ENGINES, some.engine),
        "status": words(names, probed * 1 + refused * 2 + unreadable * 3),
        "rejection_reason": words(REFUSALS, reason, refused),
        "rejection_detail": words(("The file ends before its last frame.",), reason * 0, refused),
        "unreadable_reason": words(UNREADABLE, reason % 3, unreadable),
        "unreadable_detail": words(("S3 answers 403.",), reason * 0, unreadable),
        "media_info": _media(some, probed), "run_id": text("source-", some.ids),
        "registered_at": moments(at), "dispatched_at": moments(dispatched), "probed_at": moments(ended, probed),
        "rejected_at": moments(ended, refused), "unreadable_at": moments(ended, unreadable),
    }  # fmt: skip
    ids = some.ids[given_up]
    yield "dead_letter", {
        "origin": pa.array(["transcode_video.prepare"] * len(ids)), "identity": text("source-", ids),
        "code": words(("ImagePullBackOff", "ProfileError"), ids % 2),
        "message": words(("The image cannot be pulled.", "Its profile names no rung."), ids % 2),
        "source_id": ids, "first_seen_at": moments(ended[given_up]), "last_seen_at": moments(ended[given_up]),
    }  # fmt: skip


def _media(some: Arrivals, known: Numbers) -> pa.Array:
    templates = [Template(shape.media.model_dump_json()) for shape in SHAPES]
    rows = zip(some.shape.tolist(), some.size.tolist(), some.seconds.tolist(), known.tolist(), strict=True)
    return pa.array([templates[s].fill(size=size, seconds=length) if has else None for s, size, length, has in rows])


def work(some: Arrivals, jobs: Jobs, events: int, seed: int) -> Iterator[tuple[str, Rows]]:
    """Rows of ``job``, ``job_attempt``, ``job_part`` and ``job_event``.

    :param events: of the jobs before them
    """
    dice = np.random.default_rng((seed, some.number, 4))
    yield "job", _jobs(some, jobs, dice)
    yield "job_attempt", _attempts(some, jobs)
    yield "job_part", _parts(some, jobs)
    order = np.argsort(jobs.at, kind="stable")
    job, new, old = jobs.event_job[order], jobs.new[order], jobs.old[order]
    failed = new == STATUSES.index("FAILED")
    why = [""] + [f', "error_class": "{cls}", "error_code": "{code}", "error_message": "{message}"'
                  for code, cls, message, _ in FAILURES]  # fmt: skip
    actors = ("transcode_video.prepare", "transcode_video.transcode", "transcode_video.transcode",
              "transcode_video.publish", "transcode_video.publish", "transcode_video.transcode",
              "transcode_video.transcode", "operator@example.com")  # fmt: skip
    extra = words(why, np.where(failed, jobs.failure[jobs.event_round[order]] + 1, 0))
    yield "job_event", {
        "id": events + 1 + np.arange(len(order)), "job_id": jobs.ids[job], "at": moments(jobs.at[order]),
        "actor": words(actors, new), "old_status": words(STATUSES, old, old >= 0), "new_status": words(STATUSES, new),
        "detail": text('{"run_id": "source-', some.ids[jobs.source[job]], '"', extra, "}"),
    }  # fmt: skip


def _jobs(some: Arrivals, jobs: Jobs, dice: np.random.Generator) -> Rows:
    source, count, final = jobs.source, len(jobs), jobs.final
    published = final == ROUNDS.index("published")
    failed = final == ROUNDS.index("given_up")
    last_round = np.searchsorted(jobs.round_job, np.arange(count), side="right") - 1
    why = jobs.failure[last_round]
    ended = jobs.at[np.searchsorted(jobs.event_job, np.arange(count), side="right") - 1]
    hashes = text(pa.array([f"{number:016x}" for number in (jobs.ids * 2654435761 % 2**61).tolist()]))
    prefix = text("vod/tenant-", some.tenant[source] + 1, "/film-", some.video[source], "/", hashes)
    served = jobs.engine == ENGINES.index("mediaconvert")
    minutes = some.seconds[source] / 60 * 7.5
    times = {name: jobs.last(name) for name in ("QUEUED", "SUBMITTED", "PROGRESSING", "VERIFYING")}
    latest = {name: moments(at, known & (at >= times["QUEUED"][0])) for name, (at, known) in times.items()}
    encode = jobs.work * 0.86
    return {
        "id": jobs.ids, "source_id": some.ids[source], "video_id": some.video[source],
        "tenant_id": some.tenant[source] + 1, "plan_hash": hashes,
        "plan": _plans(some, jobs), "profile": words(PROFILES, some.profile[source]),
        "revision": _again(jobs), "engine": words(ENGINES, jobs.engine),
        "priority": dice.choice((20, 50, 50, 50, 80), count),
        "status": words(("PUBLISHED", "REJECTED", "CANCELED", "FAILED"), final - ROUNDS.index("published")),
        "progress": np.where(published, 100.0, 40.0), "speed": maybe(some.seconds[source] / encode, published),
        "external_id": text("x-", jobs.ids, known=jobs.engine > 0), "bucket": pa.array([MEDIA_BUCKET] * count),
        "prefix": prefix, "run_id": text("source-", some.ids[source]),
        "error_class": words([cls for _, cls, *_ in FAILURES], why, failed),
        "error_code": words([code for code, *_ in FAILURES], why, failed),
        "error_message": words([message for *_, message, _ in FAILURES], why, failed),
        "retryable": maybe(np.array([cls != "permanent" for _, cls, *_ in FAILURES])[why], failed),
        "estimated_cost": maybe(np.round(minutes * 0.0075, 6), served),
        "actual_cost": maybe(np.round(minutes * 0.0075 * dice.normal(1, 0.05, count).clip(0.7, 1.4), 6),
                             served & published),
        "estimated_cpu_seconds": maybe(np.round(jobs.work * 1.8 * dice.lognormal(0, 0.2, count), 3), ~served),
        "created_at": moments(jobs.created), "queued_at": latest["QUEUED"], "submitted_at": latest["SUBMITTED"],
        "started_at": latest["PROGRESSING"], "encoded_at": latest["VERIFYING"],
        "verified_at": moments(ended - SECOND // 4, published), "finished_at": moments(ended),
        "encode_seconds": maybe(np.round(encode, 3), published),
        "cpu_seconds": maybe(np.round(jobs.work * 1.8, 3), published & ~served),
        "worker_seconds": maybe(np.round(jobs.work, 3), published), "result": _results(some, jobs, prefix, published),
    }  # fmt: skip


def _again(jobs: Jobs) -> Numbers:
    """1 of the second job of a source."""
    seen, first = np.zeros(len(jobs), dtype=np.int64), np.unique(jobs.source, return_index=True)[1]
    seen[np.setdiff1d(np.arange(len(jobs)), first)] = 1
    return seen


def _plans(some: Arrivals, jobs: Jobs) -> pa.Array:
    source = jobs.source
    key = keys(some).to_pylist()
    divided = ((some.seconds[source] > LONG) & (jobs.engine == ENGINES.index("kubernetes"))).tolist()
    rows = zip(source.tolist(), some.shape[source].tolist(), some.profile[source].tolist(), divided, strict=True)
    ids, sizes, lengths = some.ids.tolist(), some.size.tolist(), some.seconds.tolist()
    videos, owners = some.video.tolist(), (some.tenant + 1).tolist()
    made = []
    for one, shape, profile, chunks in rows:
        plan = plan_of(shape, profile)
        made.append((plan.divided if chunks else plan.template).fill(
            key=key[one], version=f"v{ids[one]}-{sizes[one] % 9973}", video=f"film-{videos[one]}",
            tenant=f"tenant-{owners[one]}", size=sizes[one], seconds=lengths[one],
        ))  # fmt: skip
    return pa.array(made)


def _results(some: Arrivals, jobs: Jobs, prefix: pa.Array, known: Numbers) -> pa.Array:
    wall, length = pa.array(np.round(jobs.work, 3)), pa.array(some.seconds[jobs.source])
    shares = {"download": 0.05, "encode": 0.86, "package": 0.02, "upload": 0.07}
    parts: list[Any] = []
    for name, share in shares.items():
        parts += [f'"{name}_seconds": ', pc.round(pc.multiply(wall, share), 3), ", "]
    return text(
        f'{{"event": "result", "bucket": "{MEDIA_BUCKET}", "prefix": "', prefix, '", "objects": [], "tracks": [], ',
        *parts, '"wall_seconds": ', wall, ', "cpu_seconds": ', pc.round(pc.multiply(wall, 1.8), 3), ', "speed": ',
        pc.divide(length, pc.multiply(wall, 0.86)), "}", known=known,
    )  # fmt: skip


def _attempts(some: Arrivals, jobs: Jobs) -> Rows:
    """One for each round in which a worker began."""
    kind = jobs.round_kind
    begun = _when(jobs, "PROGRESSING")
    began = np.flatnonzero((begun > 0) & (kind != ROUNDS.index("refused")))
    job, kind, failure = jobs.round_job[began], kind[began], jobs.failure[began]
    first = np.searchsorted(job, job)
    number = np.arange(len(job)) - first + 1
    failed = np.isin(kind, (ROUNDS.index("failed"), ROUNDS.index("given_up")))
    ended = _when(jobs, None)[began]
    served = jobs.engine[job] == ENGINES.index("mediaconvert")
    minutes = np.round(some.seconds[jobs.source[job]] / 60 * 7.5, 4)
    outcomes = ("lost", "lost", "failed", "succeeded", "rejected", "canceled", "failed")
    return {
        "job_id": jobs.ids[job], "number": number, "run_id": text("source-", some.ids[jobs.source[job]]),
        "engine": words(ENGINES, jobs.engine[job]), "worker": text("worker-", jobs.ids[job] % 40),
        "external_id": text("x-", jobs.ids[job], "-", number, known=jobs.engine[job] > 0),
        "normalized_minutes": maybe(minutes, served), "estimated_cost": maybe(np.round(minutes * 0.0075, 6), served),
        "started_at": moments(begun[began]), "finished_at": moments(ended), "outcome": words(outcomes, kind),
        "error_class": words([cls for _, cls, *_ in FAILURES], failure, failed),
        "error_code": words([code for code, *_ in FAILURES], failure, failed),
        "error_message": words([message for *_, message, _ in FAILURES], failure, failed),
    }  # fmt: skip


def _when(jobs: Jobs, status: str | None) -> Numbers:
    """When each round reached a status, or ended where none is named; 0 where it never did."""
    found = np.zeros(len(jobs.round_job), dtype=np.int64)
    ends = ("QUEUED", "VERIFYING", "REJECTED", "CANCELED", "FAILED")
    wanted = np.isin(jobs.new, [STATUSES.index(name) for name in ([status] if status else ends)]) & (jobs.old >= 0)
    if status is None:  # a failure ends the round, the queueing after it belongs to the next
        wanted &= ~((jobs.new == STATUSES.index("QUEUED")) & (jobs.old == STATUSES.index("FAILED")))
    found[jobs.event_round[wanted]] = jobs.at[wanted]
    return found


def _parts(some: Arrivals, jobs: Jobs) -> Rows:
    """Chunks of the long videos that pods made."""
    divided = np.flatnonzero((some.seconds[jobs.source] > LONG) & (jobs.engine == ENGINES.index("kubernetes"))
                             & (jobs.final == ROUNDS.index("published")))  # fmt: skip
    names = ("audio", "chunk-000", "chunk-001")
    job, part = np.repeat(divided, len(names)), np.tile(np.arange(len(names)), len(divided))
    ended = jobs.last("VERIFYING")[0][job]
    return {
        "job_id": jobs.ids[job], "part": words(names, part), "title": words(names, part), "digest": text("d", part),
        "state": pa.array(["done"] * len(job)), "attempt": np.ones(len(job), dtype=np.int64),
        "worker": text("pod-", jobs.ids[job] % 400), "size_bytes": some.size[jobs.source[job]] // 4,
        "cpu_seconds": np.round(jobs.work[job] * 0.6, 3),
        "started_at": moments(ended - (jobs.work[job] * SECOND).astype(np.int64)), "ended_at": moments(ended),
    }  # fmt: skip


def fates(some: Arrivals) -> dict[str, int]:
    """How many of them came to which end."""
    return dict(zip(FATES, np.bincount(some.fate, minlength=len(FATES)).tolist(), strict=True))
