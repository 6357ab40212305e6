"""Report tables that are made of a day's ends and renditions, one plain loop each."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
from support.report_figures import grouped, mean, percentile, total
from vodflow.catalog.tables.facts import STAGE_SECONDS


def transcoding_daily(ends: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ends for each tenant, profile, engine and strategy."""
    rows = []
    keyed = [{**row, "strategy": row["strategy"] or "none"} for row in ends]
    for key, group in grouped(keyed, ["tenant", "profile", "engine", "strategy"]):
        done = [row for row in group if row["status"] == "published"]
        rows.append(
            {
                **key,
                "videos": len({row["video_id"] for row in done}),
                "jobs": len(done),
                **{
                    name: sum(row["status"] == name for row in group)
                    for name in ("failed", "rejected", "canceled", "unreadable")
                },
                "retries": sum(row["attempts"] - 1 for row in done),
                "stalls": sum(row["stalls"] for row in done),
                "minutes_in": total(done, "media_seconds") / 60,
                "minutes_out": total(done, "output_seconds") / 60,
                **{name: total(done, name) for name in ("bytes_in", "bytes_out", "cpu_seconds", "worker_seconds")},
                **{
                    f"{name}_p{share}": percentile(done, column, share)
                    for name, column in (("encode_speed", "speed"), ("time_to_publish", "total_seconds"))
                    for share in (50, 95)
                },
            }
        )
    return rows


def failures(ends: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What stopped work."""
    stopped = [
        {**row, "kind": row["status"], "error_class": row["error_class"] or ""}
        for row in ends
        if row["status"] in {"failed", "rejected", "unreadable"}
    ]
    rows = []
    for key, group in grouped(stopped, ["tenant", "profile", "engine", "kind", "error_class", "error_code"]):
        last = max(group, key=lambda row: row["at"])
        rows.append(
            {
                **key,
                "occurrences": len(group),
                "videos": len({row["video_id"] for row in group}),
                "first_at": min(row["at"] for row in group),
                "last_at": last["at"],
                "example_job_id": last["job_id"],
                "example_video_id": last["video_id"],
                "example_uri": last["uri"],
                "link": f"/vodflow/videos/{last['video_id']}",
            }
        )
    return rows


def pipeline_latency(ends: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each stage took."""
    rows = []
    for key, group in grouped([row for row in ends if row["status"] == "published"], ["tenant", "profile", "engine"]):
        for column in STAGE_SECONDS:
            took = [row[column] for row in group if row.get(column) is not None]
            if took:
                rows.append(
                    {
                        **key,
                        "stage": column.removesuffix("_seconds"),
                        "jobs": len(took),
                        "longest": max(took),
                        **{f"p{share}": float(np.percentile(took, share)) for share in (50, 90, 95, 99)},
                        "total_seconds": math.fsum(took),
                    }
                )
    return rows


def ladder_efficiency(tracks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Bits against quality: verdicts by looking at every pair of a job's rungs."""
    judged = []
    for _, ladder in grouped([row for row in tracks if row["kind"] == "video"], ["job_id"]):
        known = sorted((row for row in ladder if row["vmaf"] is not None), key=lambda row: row["measured_bitrate"])
        for row in ladder:
            # What each measured rung's score would take at this one's size.
            size = {id(other): row["width"] * row["height"] / (other["width"] * other["height"]) for other in known}
            points = [(other["measured_bitrate"] * size[id(other)] ** 0.75, other["vmaf"]) for other in known]
            enough = _rate_for(points, 95.0)
            lower = [other for other in known if other["measured_bitrate"] < row["measured_bitrate"]]
            below = next((other for other in reversed(lower) if row in known and size[id(other)] == 1), None)
            over = row in known and row["vmaf"] >= 95 and enough < row["measured_bitrate"] * (1 - 1e-9)
            judged.append(
                {
                    **row,
                    "codec": row["codec"].split(".")[0],
                    "known": row in known,
                    "wasted": over,
                    "starving": row in known and row["vmaf"] < 70,
                    "too_close": below is not None and row["vmaf"] - below["vmaf"] < 6,
                    "saved": int(row["size_bytes"] * (1 - enough / row["measured_bitrate"])) if over else 0,
                }
            )
    rows = []
    for key, group in grouped(judged, ["tenant", "profile", "engine", "codec", "rung"]):
        known = [row for row in group if row["known"]]
        rows.append(
            {
                **key,
                "renditions": len(group),
                "measured": len(known),
                **{name: sum(row[name] for row in known) for name in ("wasted", "starving", "too_close", "size_bytes")},
                "saveable_bytes": sum(row["saved"] for row in known),
                "bitrate": mean(known, "measured_bitrate"),
                "vmaf": mean(known, "vmaf"),
                "vmaf_p5": mean(known, "vmaf_p5"),
            }
        )
    return rows


def _rate_for(points: list[tuple[float, float]], score: float) -> float:
    """The least rate at which a line between two rungs, over the logarithm of the rate, gets to a score."""
    found = [float(rate) for rate, vmaf in points if vmaf >= score]
    for (low, worse), (high, better) in combinations(sorted(points), 2):
        if worse < score <= better:
            share = (score - worse) / (better - worse)
            found.append(math.exp(math.log(low) + share * (math.log(high) - math.log(low))))
    return min(found, default=math.inf)
