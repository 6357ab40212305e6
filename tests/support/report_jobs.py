"""Random histories of single jobs: rounds that end badly, and the last one."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

_ERRORS = (("stalled", "transient"), ("exit_1", "permanent"), ("Throttling", "throttled"))
_ENGINES = ("local", "mediaconvert", "kubernetes")


@dataclass
class Histories:
    """Rows by table, in the order in which they are made."""

    dice: random.Random
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, table: str, **values: Any) -> int:
        """A row with the next id."""
        self.rows[table].append({"id": len(self.rows[table]) + 1, **values})
        return len(self.rows[table])

    def seconds(self, most: float, least: float = 0.001) -> timedelta:
        """A time span."""
        return timedelta(microseconds=round(self.dice.uniform(least, most) * 1e6))


def add_job(made: Histories, source: dict[str, Any], length: float, at: datetime, again: int) -> None:
    dice, engine = made.dice, made.dice.choice(_ENGINES)
    plan = {"renditions": [{"name": "720p", "codec": "h264"}, {"name": "360p", "codec": "h264"}]}
    if dice.random() < 0.3:
        plan["strategy"] = {"kind": "chunks"}  # type: ignore[assignment]
    job = made.add(
        "job",
        source_id=source["id"],
        video_id=source["video_id"],
        plan_hash=f"{len(made.rows['job']):016x}",
        plan=json.dumps(plan),
        profile=source["profile"] or "standard",
        revision=again,
        engine=engine,
        bucket="media",
        prefix=f"p/{len(made.rows['job'])}",
        run_id=source["run_id"],
        created_at=at,
        queued_at=at,
        status="QUEUED",
        estimated_cost=dice.choice((None, "1.250000", "0.333333")) if engine == "mediaconvert" else None,
        estimated_cpu_seconds=dice.choice((None, dice.uniform(1, 900))) if engine != "mediaconvert" else None,
    )
    row, worker = made.rows["job"][job - 1], _Worker(made, job, engine, at)
    worker.event(None, "QUEUED")
    for _ in range(dice.choice((0, 0, 1, 2))):
        worker.unlucky_round(dice.choice(("refused", "lost", "failed", "canceled")))
    end = dice.choice(("PUBLISHED",) * 6 + ("FAILED", "REJECTED", "CANCELED", None))
    worker.last_round(row, end, length)


@dataclass
class _Worker:
    made: Histories
    job: int
    engine: str
    at: datetime
    status: str | None = None
    number: int = 0

    def event(self, _: Any, status: str, **detail: str) -> None:
        self.made.add(
            "job_event",
            job_id=self.job,
            at=self.at,
            actor="transcode_video",
            old_status=self.status,
            new_status=status,
            detail=json.dumps({"run_id": "r", **detail}),
        )
        self.status = status

    def go(self, status: str, most: float, **detail: str) -> None:
        self.at += self.made.seconds(most)
        self.event(None, status, **detail)

    def begin(self) -> None:
        if self.engine != "local":
            self.go("SUBMITTED", 4000)
        self.number += 1
        self.at += self.made.seconds(400)
        minutes = str(round(self.made.dice.uniform(1, 50), 4)) if self.engine == "mediaconvert" else None
        self.made.add(
            "job_attempt",
            job_id=self.job,
            number=self.number,
            engine=self.engine,
            started_at=self.at,
            worker=f"worker-{self.job}-{self.number}",
            normalized_minutes=minutes,
        )
        self.event(None, "PROGRESSING")

    def close(self, outcome: str, **error: str) -> None:
        self.made.rows["job_attempt"][-1] |= {"outcome": outcome, "finished_at": self.at, **error}

    def unlucky_round(self, kind: str) -> None:
        if kind == "refused":
            self.go("SUBMITTED", 100)
            self.go("QUEUED", 100)
            return
        self.begin()
        if kind == "lost":
            self.at += self.made.seconds(50_000)
            self.close("lost")
            self.event(None, "QUEUED")
            return
        self.end("FAILED" if kind == "failed" else "CANCELED")
        self.go("QUEUED", 90_000)

    def end(self, status: str) -> dict[str, str]:
        """An end without outputs; what the job's row says of it."""
        self.at += self.made.seconds(3000)
        if status == "CANCELED":
            self.close("canceled")
            self.event(None, status, canceled_by="a person", reason="wrong file")
            return {}
        code, cls = self.made.dice.choice(_ERRORS)
        error = {"error_code": code, "error_message": f"{code} happened"}
        if status == "REJECTED":
            self.close("rejected")
            self.event(None, status, **error)
            return error
        self.close("failed", error_class=cls, **error)
        self.event(None, status, error_class=cls, **error)
        return {"error_class": cls, **error, "retryable": True}  # type: ignore[dict-item]

    def last_round(self, row: dict[str, Any], end: str | None, length: float) -> None:
        if end is None:  # it still waits
            row["queued_at"] = self.at
            return
        self.begin()
        row["started_at"] = self.at
        if end != "PUBLISHED":
            error = self.end(end)
            row |= {"status": end, "finished_at": self.at, **error}
            if end == "REJECTED":
                source = self.made.rows["source"][row["source_id"] - 1]
                source |= {"status": "REJECTED", "rejected_at": self.at, "rejection_reason": "undecodable"}
            return
        self._publish(row, length)

    def _publish(self, row: dict[str, Any], length: float) -> None:
        made, dice = self.made, self.made.dice
        parts = {
            f"{name}_seconds": round(dice.uniform(0.1, 500), 3) for name in ("download", "encode", "package", "upload")
        }
        own = self.engine != "mediaconvert"
        self.go("VERIFYING", 9000)
        row["encoded_at"] = self.at
        self.close("succeeded")
        row["verified_at"] = self.at + made.seconds(20)
        self.at = row["verified_at"]
        self.go("PUBLISHED", 20)
        row |= {
            "status": "PUBLISHED",
            "progress": 100,
            "finished_at": self.at,
            "result": json.dumps(parts),
            "encode_seconds": parts["encode_seconds"],
            "worker_seconds": sum(parts.values()),
            "cpu_seconds": round(dice.uniform(1, 3000), 3) if own else None,
            "speed": dice.uniform(0.2, 9),
            "actual_cost": None if own else dice.choice((None, "1.100001")),
        }
        self._outputs(length)
        made.rows["published"].append({"video_id": row["video_id"], "job_id": row["id"], "at": self.at})

    def _outputs(self, length: float) -> None:
        made, dice, job = self.made, self.made.dice, self.job
        measured = dice.random() < 0.7
        at = self.at + made.seconds(2 * 86_400)
        if measured:
            made.rows["job_measurement"].append(
                {
                    "job_id": job,
                    "state": "measured",
                    "attempts": 1,
                    "every": 5,
                    "seconds": length,
                    "measured_at": at,
                    "cpu_seconds": round(dice.uniform(1, 99), 3),
                    "stretches": json.dumps([{"kind": "black"}]),
                }
            )
        for name in ("720p", "480p", "360p", "audio"):
            video = name != "audio"
            lines = dice.choice((int(name[:-1]), 360)) if video else 0
            size = {"width": 2 * lines, "height": lines, "frame_rate": "25/1"} if video else {}
            rate = dice.randint(200_000, 6_000_000)
            track = made.add(
                "rendition",
                job_id=job,
                name=name,
                kind="video" if video else "audio",
                bitrate=rate,
                codec="avc1.640028" if video else "mp4a.40.2",
                measured_bitrate=rate - dice.randint(0, 9),
                size_bytes=dice.randint(1, 10**9),
                duration=round(length + dice.uniform(0, 1), 3),
                speed=dice.choice((None, 0.5)) if video else None,
                **size,
            )
            if measured:
                quality = (
                    {
                        "vmaf": round(dice.choice((dice.uniform(40, 100), dice.uniform(93, 99))), 3),
                        "vmaf_p5": round(dice.uniform(20, 90), 3),
                    }
                    if video
                    else {"silent_seconds": dice.uniform(0, 5), "loudness": -23.5}
                )
                made.rows["rendition_measurement"].append({"rendition_id": track, "measured_at": at, **quality})
        for name, kind in (("hls/master.m3u8", "hls"), ("mp4/360p.mp4", "mp4")):
            made.add(
                "artifact",
                job_id=job,
                name=name,
                kind=kind,
                uri=f"s3://media/{job}/{name}",
                size_bytes=dice.randint(1, 10**6),
                content_type="x/y",
            )
