"""What is stored, public and waiting, from raw rows: levels that days before change as well."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from support.report_figures import between, grouped, on
from support.report_rows import ENDS, Rows

_COUNTS = ("waiting", "running", "arrived", "started", "finished")


class Levels(Rows):
    """Storage by day, backlog by hour."""

    def storage_growth(self, day: date) -> list[dict[str, Any]]:
        """What came to be stored, what was replaced, came back and was removed."""
        rows = [{"tenant": self.owner(event["video"]), event["kind"]: event["bytes"]} for event in self._storage(day)]
        names = ("published_bytes", "replaced_bytes", "restored_bytes", "deleted_bytes", "play_bytes")
        found = []
        for key, group in grouped(rows, ["tenant"]):
            sums = {name: sum(row.get(name, 0) for row in group) for name in names}
            found.append({**key, **sums, "net_bytes": sums["published_bytes"] - sums["deleted_bytes"]})
        return found

    def _storage(self, day: date) -> list[dict[str, Any]]:
        found = []

        def note(job: int, kind: str, share: int = 1) -> None:
            size = self.stored(job) if kind != "play_bytes" else share * self.play(job)
            found.append({"video": self.by_id["job"][job]["video_id"], "kind": kind, "bytes": size})

        for old, new, again in self._changes(day):
            for job, kind, share in ((old, "replaced_bytes", 0), (old, "play_bytes", -1), (new, "play_bytes", 1)):
                if job is not None:
                    note(job, kind, share)
            if again:
                note(new, "restored_bytes")
        for event in self.raw["job_event"]:
            if event["new_status"] == "PUBLISHED" and event["at"].date() == day:
                note(event["job_id"], "published_bytes")
        for job in self.raw["job"]:
            if on(job["outputs_deleted_at"], day):
                note(job["id"], "deleted_bytes")
        return found

    def _changes(self, day: date) -> list[tuple[int | None, int, bool]]:
        """What was public, what is public since then, and whether that had been so before."""
        seen, found = set(), []
        for event in sorted(self.raw["publication_event"], key=lambda row: row["id"]):
            if event["at"].date() == day:
                found.append((event["old_job_id"], event["new_job_id"], event["new_job_id"] in seen))
            seen.add(event["new_job_id"])
        return found

    def play(self, job: int) -> int:
        """Bytes of one play: one rung of pictures, all alike often, and the sound."""
        tracks = self.tracks(job)
        pictures = [row["size_bytes"] for row in tracks if row["kind"] == "video"]
        sound = [row["size_bytes"] for row in tracks if row["kind"] == "audio"]
        return sum(pictures) // len(pictures) + sum(sound) // max(len(sound), 1)

    def until(self, day: date, name: str) -> dict[str, int]:
        """Sum of a column of storage_growth by tenant, up to a day."""
        first = min(event["at"].date() for event in self.raw["job_event"])
        sums: dict[str, int] = {}
        for number in range((day - first).days + 1):
            each = first + timedelta(days=number)
            for row in self.grown.setdefault(each, self.storage_growth(each) if each not in self.grown else []):
                sums[row["tenant"]] = sums.get(row["tenant"], 0) + row[name]
        return sums

    def backlog_hourly(self, day: date) -> list[dict[str, Any]]:
        """What waited and ran when each hour began, and what happened within it."""
        found: dict[tuple[datetime, str, str], dict[str, Any]] = {}
        midnight = datetime.combine(day, time(), UTC)
        for hour in (midnight + timedelta(hours=number) for number in range(24)):
            for tenant, engine, kind, waited in [*self._sources(hour), *self._jobs(hour)]:
                row = found.setdefault((hour, tenant, engine), dict.fromkeys(_COUNTS, 0) | {"oldest_seconds": None})
                row[kind] += 1
                if waited is not None:
                    row["oldest_seconds"] = max(row["oldest_seconds"] or 0.0, waited)
        return [
            {"hour": hour, "tenant": tenant, "engine": engine, **row} for (hour, tenant, engine), row in found.items()
        ]

    def _sources(self, hour: datetime) -> list[tuple[str, str, str, float | None]]:
        found: list[tuple[str, str, str, float | None]] = []
        for source in self.raw["source"]:
            key = (self.owner(source["video_id"]), "none")
            known = [source[name] for name in ("dispatched_at", "rejected_at", "unreadable_at") if source[name]]
            at = source["registered_at"]
            if at < hour and (not known or min(known) >= hour):
                found.append((*key, "waiting", between(at, hour)))
            if hour <= at < hour + timedelta(hours=1):
                found.append((*key, "arrived", None))
        return found

    def _jobs(self, hour: datetime) -> list[tuple[str, str, str, float | None]]:
        found: list[tuple[str, str, str, float | None]] = []
        for job, events in self.history.items():
            row = self.by_id["job"][job]
            key = (self.owner(row["video_id"]), row["engine"])
            before = [event for event in events if event["at"] < hour]
            if before:
                waits = {"QUEUED": "waiting", "SUBMITTED": "waiting", "PROGRESSING": "running", "VERIFYING": "running"}
                kind = waits.get(before[-1]["new_status"])
                if kind == "waiting":
                    found.append((*key, kind, between(self._queued(before), hour)))
                elif kind:
                    found.append((*key, kind, None))
            for event in events:
                if hour <= event["at"] < hour + timedelta(hours=1):
                    found += [(*key, kind, None) for kind in self._happened(event)]
        return found

    @staticmethod
    def _queued(before: list[dict[str, Any]]) -> datetime:
        """Since when a job waits without a pause: handed over to an engine and given back, it waits on."""
        since = before[-1]["at"]
        for event in reversed(before):
            if event["new_status"] not in {"QUEUED", "SUBMITTED"}:
                break
            since = event["at"]
        return since

    @staticmethod
    def _happened(event: dict[str, Any]) -> list[str]:
        if event["new_status"] == "QUEUED":
            return ["arrived"] if event["old_status"] is not None else []
        if event["new_status"] in ENDS:
            return ["finished"]
        return ["started"] if event["new_status"] == "PROGRESSING" else []
