"""Raw rows of a catalog, and what reports ask of them again and again."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection, select
from support.report_figures import grouped
from vodflow.catalog.tables import metadata

ENDS = {"PUBLISHED", "FAILED", "REJECTED", "CANCELED"}
_TABLES = (
    "tenant",
    "video",
    "source",
    "dead_letter",
    "job",
    "job_event",
    "job_attempt",
    "rendition",
    "artifact",
    "price",
    "job_measurement",
    "rendition_measurement",
    "publication_event",
)


class Rows:
    """The rows of all tables, in lists."""

    def __init__(self, conn: Connection) -> None:
        self.raw: dict[str, list[dict[str, Any]]] = {
            name: [dict(row) for row in conn.execute(select(metadata.tables[name])).mappings()] for name in _TABLES
        }
        self.by_id = {
            name: {row["id"]: row for row in rows} for name, rows in self.raw.items() if rows and "id" in rows[0]
        }
        self.measured = {row["rendition_id"]: row for row in self.raw["rendition_measurement"]}
        for event in self.raw["job_event"]:
            event["detail"] = event["detail"] or {}
        self.tracks_of = {key["job_id"]: group for key, group in grouped(self.raw["rendition"], ["job_id"])}
        self.grown: dict[date, list[dict[str, Any]]] = {}
        self.history: dict[int, list[dict[str, Any]]] = {}
        for event in sorted(self.raw["job_event"], key=lambda row: (row["at"], row["id"])):
            self.history.setdefault(event["job_id"], []).append(event)

    def price(self, name: str, day: date) -> float:
        """What holds on a day; 0 where none does."""
        known = [row for row in self.raw["price"] if row["name"] == name and row["valid_from"] <= day]
        return float(max(known, key=lambda row: row["valid_from"])["amount"]) if known else 0.0

    def owner(self, video: int | None) -> str:
        """Slug of the tenant of a video."""
        if video is None:
            return "default"
        return str(self.by_id["tenant"][self.by_id["video"][video]["tenant_id"]]["slug"])

    def tracks(self, job: int) -> list[dict[str, Any]]:
        """Renditions of a job."""
        return self.tracks_of.get(job, [])

    def stored(self, job: int) -> int:
        """Bytes of a job's outputs."""
        files = [row for row in self.raw["artifact"] if row["job_id"] == job]
        return sum(row["size_bytes"] for row in [*self.tracks(job), *files])
