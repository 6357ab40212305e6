"""Small random histories of a catalog, as raw rows: retries, refusals, idle days, what came late or was replaced.

The rows are what Vodflow's own code leaves behind, at times that tests choose; triggers are left out.
"""

from __future__ import annotations

import json
import random
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg2
from support.report_jobs import Histories, add_job

#: The clocks of Europe change on the 29th; nothing arrives on the 28th.
FIRST, LAST = date(2026, 3, 26), date(2026, 4, 2)
_DAYS_WITH_ARRIVALS = (0, 1, 3, 4)
_MEDIA = {
    "container": "mov,mp4",
    "size": 1000,
    "bit_rate": None,
    "video": {
        "index": 0,
        "codec": "h264",
        "width": 1920,
        "height": 1080,
        "display_width": 1920,
        "display_height": 1080,
        "frame_rate": "30000/1001",
        "field_order": "progressive",
    },
    "audio": [{"index": 1, "codec": "aac", "channels": 2, "layout": "stereo", "sample_rate": 48000}],
    "captions": [],
}


def histories(seed: int, videos: int = 14) -> Histories:
    """A catalog with so many videos."""
    made = Histories(random.Random(seed))
    for name in ("acme", "beta", "gamma"):
        made.add("tenant", slug=name, created_at=_moment(0))
    for number in range(videos):
        tenant = made.dice.randint(1, 3)
        key = f"{tenant}/{number}.mp4"
        at = _moment(made.dice.choice(_DAYS_WITH_ARRIVALS)) + made.seconds(86_399)
        video = made.add("video", tenant_id=tenant, bucket="footage", key=key, created_at=at)
        for version in range(made.dice.choice((1, 1, 2))):
            _source(made, video, key, version, at + version * made.seconds(2 * 86_400, 3_600))
    for name, day, amount in (
        ("cpu_second.local", 2, "0.00002"),
        ("cpu_second.kubernetes", 4, "0.00003"),
        ("storage.gb_month", 3, "0.05"),
        ("viewing.plays_a_month", 0, "40"),
        ("egress.gb", 5, "0.06"),
        ("viewing.watched_share", 4, "0.5"),
    ):
        made.rows["price"].append(
            {"name": name, "valid_from": FIRST + timedelta(days=day), "amount": amount, "unit": "US dollars"}
        )
    return made


def _moment(day: int) -> datetime:
    return datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC) + timedelta(days=day)


def _source(made: Histories, video: int, key: str, version: int, at: datetime) -> None:
    dice = made.dice
    fate = dice.choice(("probed",) * 8 + ("rejected", "unreadable", "letter", "discovered"))
    dispatched = at + made.seconds(90)
    values: dict[str, Any] = {
        "video_id": video,
        "bucket": "footage",
        "key": key,
        "version": f"v{version}",
        "etag": "e",
        "size_bytes": dice.randint(1, 10**9),
        "last_modified": at - made.seconds(30),
        "current_since": at,
        "discovered_by": "event",
        "registered_at": at,
        "status": "DISCOVERED",
        "profile": dice.choice((None, "hd")),
        "engine": dice.choice((None, "local", "kubernetes")),
    }
    if fate != "discovered":
        values |= {
            "dispatched_at": dispatched,
            "run_id": f"source-{len(made.rows['source']) + 1}",
            "status": "DISPATCHED",
        }
    ended = dispatched + made.seconds(60)
    media = {**_MEDIA, "duration": round(dice.uniform(5, 4000), 3)}
    if dice.random() < 0.3:
        media["video"] = {**_MEDIA["video"], "color_transfer": "smpte2084", "field_order": "tt"}  # type: ignore[dict-item]
        media["captions"] = [{"index": 2, "codec": "mov_text"}]
        media["audio"] = []
    match fate:
        case "probed":
            values |= {"status": "PROBED", "probed_at": ended, "media_info": json.dumps(media)}
        case "rejected":
            values |= {
                "status": "REJECTED",
                "rejected_at": ended,
                "rejection_reason": "truncated",
                "rejection_detail": "It ends early.",
            }
        case "unreadable":
            values |= {
                "status": "UNREADABLE",
                "unreadable_at": ended,
                "unreadable_reason": dice.choice(("gone", "denied")),
            }
    source = made.add("source", **values)
    if fate == "letter":
        made.add(
            "dead_letter",
            origin="transcode_video.prepare",
            identity=f"source-{source}",
            code="ProfileError",
            message="no rung",
            source_id=source,
            first_seen_at=ended,
            last_seen_at=ended + timedelta(days=1),
        )
    for again in range(dice.choice((1, 1, 1, 2)) if fate == "probed" else 0):
        begun = ended + made.seconds(5) + again * made.seconds(86_400)
        add_job(made, {**values, "id": source}, media["duration"], begun, again)


def _publications(made: Histories) -> None:
    """Each later publication replaces what is public; some come back, some outputs are removed."""
    public: dict[int, int] = {}
    changes = []
    published = sorted(made.rows.pop("published", []), key=lambda item: item["at"])
    for place, one in enumerate(published):
        video, at, old = one["video_id"], one["at"], public.get(one["video_id"])
        changes.append((at, video, old, one["job_id"]))
        public[video] = one["job_id"]
        if old is None:
            continue
        back = at + made.seconds(40_000)
        if made.dice.random() < 0.4 and not any(
            later["video_id"] == video and later["at"] <= back for later in published[place + 1 :]
        ):
            changes.append((back, video, one["job_id"], old))
            public[video] = old
        elif made.dice.random() < 0.7 and made.rows["job"][old - 1].get("outputs_deleted_at") is None:
            made.rows["job"][old - 1]["outputs_deleted_at"] = at + made.seconds(86_400)
    for at, video, old, new in sorted(changes, key=lambda item: item[0]):
        made.add("publication_event", video_id=video, at=at, old_job_id=old, new_job_id=new)


def load(url: str, made: Histories) -> None:
    """Put the rows into a migrated, empty catalog; late ones have old times and ids that came last."""
    _publications(made)
    owners = [row["tenant_id"] for row in made.rows["video"]]
    for row in (*made.rows["source"], *made.rows["job"]):  # by a trigger otherwise
        row["tenant_id"] = owners[row["video_id"] - 1]
    with closing(psycopg2.connect(url, connect_timeout=5)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table, rows in made.rows.items():
            for row in made.dice.sample(rows, len(rows)) if table == "job_event" else rows:
                marks = ", ".join(f"%({name})s" for name in row)
                cursor.execute(
                    f"INSERT INTO {table} ({', '.join(row)}) OVERRIDING SYSTEM VALUE VALUES ({marks})",  # noqa: S608
                    row,
                )
