"""Every report figure again, from raw rows and as slowly as it takes to be plainly right.

Written from what the tables' comments and ``docs/reports.md`` say, not from the SQL: where they differ, one is wrong.
"""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pandas as pd
from support.report_facts import Facts
from support.report_figures import costs, grouped, on, total
from support.report_levels import Levels
from support.report_marts import failures, ladder_efficiency, pipeline_latency, transcoding_daily


class Oracle(Facts, Levels):
    """Each table of a day."""

    def tables(self, day: date) -> dict[str, list[dict[str, Any]]]:
        """All tables of a day but the hourly one, rows in any order."""
        ends = self.job_outcome(day)
        made = {
            "job_outcome": ends,
            "rendition_quality": self.rendition_quality(day),
            "transcoding_daily": transcoding_daily(ends),
            "failures": failures(ends),
            "pipeline_latency": pipeline_latency(ends),
            "source_inventory": self.source_inventory(day),
            "content_quality": self.content_quality(day),
            "storage_growth": self.storage_growth(day),
            "cost_daily": self.cost_daily(day, ends),
            "backlog_hourly": self.backlog_hourly(day),
        }
        made["ladder_efficiency"] = ladder_efficiency(made["rendition_quality"])
        made["tenant_usage"] = self.tenant_usage(day, made)
        return {name: [{"day": day, **row} for row in rows] for name, rows in made.items()}

    def source_inventory(self, day: date) -> list[dict[str, Any]]:
        """What was probed."""
        rows = []
        for source in self.raw["source"]:
            if not on(source["probed_at"], day):
                continue
            media = source["media_info"]
            hdr = media["video"].get("color_transfer") == "smpte2084"
            rows.append(
                {
                    "tenant": self.owner(source["video_id"]),
                    "resolution": "1920x1080",
                    "frame_rate": "29.97",
                    "video_codec": "h264",
                    "audio_codec": "aac" if media["audio"] else "none",
                    "languages": "und" if media["audio"] else "none",
                    "hdr": hdr,
                    "interlaced": hdr,
                    "captions": hdr,
                    "size_bytes": source["size_bytes"],
                    "seconds": media["duration"],
                }
            )
        keys = [
            "tenant",
            "resolution",
            "frame_rate",
            "video_codec",
            "audio_codec",
            "languages",
            "hdr",
            "interlaced",
            "captions",
        ]
        return [
            {
                **key,
                "sources": len(group),
                "size_bytes": sum(row["size_bytes"] for row in group),
                "minutes": math.fsum(row["seconds"] for row in group) / 60,
            }
            for key, group in grouped(rows, keys)
        ]

    def content_quality(self, day: date) -> list[dict[str, Any]]:
        """What measuring found, on the day of the publication."""
        published = {
            event["job_id"]
            for event in self.raw["job_event"]
            if event["new_status"] == "PUBLISHED" and event["at"].date() == day
        }
        rows = []
        for found in self.raw["job_measurement"]:
            if found["job_id"] in published:
                sound = [row["id"] for row in self.tracks(found["job_id"]) if row["kind"] == "audio"]
                silent = self.measured.get(min(sound), {}).get("silent_seconds")
                rows.append(
                    {
                        "job_id": found["job_id"],
                        "state": found["state"],
                        "cpu_seconds": found["cpu_seconds"],
                        "silent_seconds": silent,
                        "every": found["every"],
                        "seconds": found["seconds"],
                    }
                )
        return rows

    def cost_daily(self, day: date, ends: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What the day cost."""
        rows = []
        for key, group in grouped([row for row in ends if row["status"] == "published"], ["tenant", "engine"]):
            served = key["engine"] == "mediaconvert"
            amounts = [row["normalized_minutes" if served else "cpu_seconds"] or 0 for row in group]
            rows.append(
                {
                    **key,
                    "kind": "transcode",
                    "unit": "normalized_minutes" if served else "cpu_seconds",
                    "quantity": float(sum(amounts)),
                    "jobs": len(group),
                    **costs(group),
                }
            )
        measured = [
            {"tenant": self.owner(self.by_id["job"][one["job_id"]]["video_id"]), **one}
            for one in self.raw["job_measurement"]
            if one["measured_at"].date() == day
        ]
        for key, group in grouped(measured, ["tenant"]):
            used = math.fsum(row["cpu_seconds"] for row in group)
            rows.append(
                {
                    **key,
                    "engine": "local",
                    "kind": "quality",
                    "unit": "cpu_seconds",
                    "quantity": used,
                    "jobs": len(group),
                    "actual_cost": used * self.price("cpu_second.local", day),
                }
            )
        days = pd.Timestamp(day).days_in_month
        shares = {
            "storage": ("net_bytes", "gb_months", 1.0, "storage.gb_month"),
            "egress": (
                "play_bytes",
                "gb",
                self.price("viewing.plays_a_month", day) * self.price("viewing.watched_share", day),
                "egress.gb",
            ),
        }
        for kind, (column, unit, factor, price) in shares.items():
            for tenant, size in self.until(day, column).items():
                amount = size / 1e9 / days * factor
                if amount:
                    rows.append(
                        {
                            "tenant": tenant,
                            "engine": "none",
                            "kind": kind,
                            "unit": unit,
                            "quantity": amount,
                            "jobs": 0,
                            "actual_cost": amount * self.price(price, day),
                        }
                    )
        return rows

    def tenant_usage(self, day: date, made: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """Who used it."""
        ends = made["job_outcome"]
        arrived = [
            {"tenant": self.owner(row["video_id"]), **row}
            for row in self.raw["source"]
            if row["registered_at"].date() == day
        ]
        stored = self.until(day, "net_bytes")
        rows = []
        for tenant in sorted(
            {row["tenant"] for row in [*ends, *arrived, *made["cost_daily"]]}
            | {name for name, size in stored.items() if size}
        ):
            mine = [row for row in ends if row["tenant"] == tenant]
            done = [row for row in mine if row["status"] == "published"]
            sources = [row for row in arrived if row["tenant"] == tenant]
            rows.append(
                {
                    "tenant": tenant,
                    "sources": len(sources),
                    "videos": len({row["video_id"] for row in done}),
                    "jobs": len(done),
                    **{name: sum(row["status"] == name for row in mine) for name in ("failed", "rejected", "canceled")},
                    "bytes_received": sum(row["size_bytes"] for row in sources),
                    "bytes_in": sum(row["bytes_in"] for row in done),
                    "bytes_out": sum(row["bytes_out"] for row in done),
                    "bytes_stored": stored.get(tenant, 0),
                    "minutes_in": total(done, "media_seconds") / 60,
                    "minutes_out": total(done, "output_seconds") / 60,
                    "cpu_seconds": total(done, "cpu_seconds"),
                    "cost": total([row for row in made["cost_daily"] if row["tenant"] == tenant], "actual_cost"),
                }
            )
        return rows
