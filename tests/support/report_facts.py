"""Facts of reports from raw rows: every end of work, every rendition that was published."""

from __future__ import annotations

import math
from datetime import date, datetime
from itertools import pairwise
from typing import Any

from support.report_figures import between, money, on
from support.report_rows import ENDS, Rows
from vodflow.catalog.tables.facts import STAGE_SECONDS


class Facts(Rows):
    """The two tables that the others are made of."""

    def job_outcome(self, day: date) -> list[dict[str, Any]]:
        """Every end of work."""
        rows = [
            self._ended(event)
            for event in self.raw["job_event"]
            if event["new_status"] in ENDS and event["at"].date() == day
        ]
        for source in self.raw["source"]:
            jobs = [job for job in self.raw["job"] if job["source_id"] == source["id"] and job["status"] == "REJECTED"]
            if on(source["rejected_at"], day) and not jobs:
                rows.append(self._before(source, "source", "rejected", "rejected_at", source["rejection_reason"]))
            if on(source["unreadable_at"], day):
                code = source["unreadable_reason"]
                rows.append(self._before(source, "unreadable", "unreadable", "unreadable_at", code))
        for letter in self.raw["dead_letter"]:
            if on(letter["first_seen_at"], day):
                source = self.by_id["source"][letter["source_id"]]
                row = self._before(source, "letter", "failed", "registered_at", letter["code"])
                rows.append({**row, "outcome": f"letter-{letter['id']}", "at": letter["first_seen_at"]})
        return rows

    def _before(self, source: dict[str, Any], kind: str, status: str, at: str, code: str) -> dict[str, Any]:
        return {
            "outcome": f"{kind}-{source['id']}",
            "at": source[at],
            "status": status,
            "error_code": code,
            "tenant": self.owner(source["video_id"]),
            "profile": source["profile"] or "standard",
            "engine": "none",
            "source_id": source["id"],
            "video_id": source["video_id"],
            "job_id": None,
            "error_class": None,
            "attempts": 0,
            "stalls": 0,
            "uri": f"s3://{source['bucket']}/{source['key']}",
            "strategy": None,
        }

    def _ended(self, event: dict[str, Any]) -> dict[str, Any]:
        job = self.by_id["job"][event["job_id"]]
        source, detail = self.by_id["source"][job["source_id"]], event["detail"]
        begun = [
            row for row in self.raw["job_attempt"] if row["job_id"] == job["id"] and row["started_at"] <= event["at"]
        ]
        last = max(begun, key=lambda row: row["number"], default=None)
        row = {
            "outcome": f"event-{event['id']}",
            "at": event["at"],
            "status": event["new_status"].lower(),
            "tenant": self.owner(job["video_id"]),
            "profile": job["profile"],
            "engine": job["engine"],
            "strategy": job["plan"].get("strategy", {}).get("kind", "single"),
            "codec": "h264",
            "source_id": source["id"],
            "video_id": job["video_id"],
            "job_id": job["id"],
            "uri": f"s3://{source['bucket']}/{source['key']}",
            "worker": last and last["worker"],
            "actor": detail.get("canceled_by", event["actor"]),
            "error_class": detail.get("error_class"),
            "error_code": detail.get("error_code"),
            "error_message": detail.get("error_message", detail.get("reason")),
            "attempts": len(begun),
            "stalls": sum(one["error_code"] == "stalled" for one in begun),
        }
        return row | (self._made(event, job, source, begun) if event["new_status"] == "PUBLISHED" else {})

    def _made(
        self, event: dict[str, Any], job: dict[str, Any], source: dict[str, Any], begun: list[dict[str, Any]]
    ) -> dict[str, Any]:
        pictures = [row for row in self.tracks(job["id"]) if row["kind"] == "video"]
        first = not any(one["source_id"] == source["id"] and one["id"] < job["id"] for one in self.raw["job"])
        request = source["registered_at"] if first else job["created_at"]
        minutes = [one["normalized_minutes"] for one in begun if one["normalized_minutes"] is not None]
        waited = self._waited(job["id"], event["at"])
        own = job["engine"] != "mediaconvert"
        rate = f"cpu_second.{job['engine']}"
        foreseen, used = job["estimated_cpu_seconds"], job["cpu_seconds"]
        if own:
            estimated = None if foreseen is None else foreseen * self.price(rate, job["created_at"].date())
            actual = None if used is None else used * self.price(rate, event["at"].date())
        else:
            estimated, actual = job["estimated_cost"], job["actual_cost"]
        return {
            "rungs": len(pictures),
            "media_seconds": source["media_info"]["duration"],
            "output_seconds": math.fsum(row["duration"] for row in pictures),
            "bytes_in": source["size_bytes"],
            "bytes_out": sum(row["size_bytes"] for row in self.tracks(job["id"])),
            "artifact_bytes": sum(row["size_bytes"] for row in self.raw["artifact"] if row["job_id"] == job["id"]),
            **{name: job[name] for name in ("speed", "cpu_seconds", "worker_seconds")},
            "notice_seconds": between(source["last_modified"], source["registered_at"]) if first else None,
            "dispatch_seconds": between(source["registered_at"], source["dispatched_at"]) if first else None,
            "prepare_seconds": between(source["dispatched_at"], job["created_at"]) if first else None,
            "queue_seconds": waited.get("QUEUED"),
            "service_seconds": waited.get("SUBMITTED"),
            **{name: job["result"][name] for name in STAGE_SECONDS if name in job["result"]},
            "verify_seconds": between(job["encoded_at"], job["verified_at"]),
            "publish_seconds": between(job["verified_at"], event["at"]),
            "total_seconds": between(request, event["at"]),
            "normalized_minutes": sum(minutes) if minutes else None,
            "estimated_cost": money(estimated),
            "actual_cost": money(actual),
        }

    def _waited(self, job: int, until: datetime) -> dict[str, float]:
        """Seconds in each status until then; none where it never was in it."""
        spent: dict[str, float] = {}
        events = [event for event in self.history[job] if event["at"] <= until]
        for event, after in pairwise(events):
            status = event["new_status"]
            spent[status] = spent.get(status, 0.0) + between(event["at"], after["at"])
        return spent

    def rendition_quality(self, day: date) -> list[dict[str, Any]]:
        """Every rendition that was published."""
        rows = []
        for event in self.raw["job_event"]:
            if event["new_status"] != "PUBLISHED" or event["at"].date() != day:
                continue
            job = self.by_id["job"][event["job_id"]]
            for track in self.tracks(job["id"]):
                scores = self.measured.get(track["id"], {})
                rate = track["frame_rate"] and 25.0
                rows.append(
                    {
                        "rendition_id": track["id"],
                        "job_id": job["id"],
                        "video_id": job["video_id"],
                        "tenant": self.owner(job["video_id"]),
                        "profile": job["profile"],
                        "engine": job["engine"],
                        "kind": track["kind"],
                        "rung": track["name"],
                        "frame_rate": rate,
                        "speed": (job["speed"] if track["speed"] is None else track["speed"]) if rate else None,
                        **{
                            name: track[name]
                            for name in (
                                "codec",
                                "width",
                                "height",
                                "bitrate",
                                "measured_bitrate",
                                "peak_bitrate",
                                "size_bytes",
                                "duration",
                            )
                        },
                        **{
                            name: scores.get(name) for name in ("vmaf", "vmaf_p5", "loudness", "silent_seconds", "psnr")
                        },
                    }
                )
        return rows
