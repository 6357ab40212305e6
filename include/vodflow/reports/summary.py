"""What matters of some days: a few numbers beside those of as many days before, and three sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, TypeAlias

from vodflow.catalog import outbox
from vodflow.catalog.database import transaction
from vodflow.outcomes.notifications.delivery import deliver_now
from vodflow.reports.charts import chart, words
from vodflow.reports.charts.query import Chart, Query
from vodflow.settings import Settings, get_settings
from vodflow.settings.channels import EventKind

#: Charts whose titles can be sentences that matter.
SAID: Final = ("failures", "time_to_publish", "cost", "rate_quality")

_ENDED: Final = """
SELECT coalesce(sum(jobs), 0)::bigint AS jobs, coalesce(sum(failed), 0)::bigint AS failed,
       coalesce(sum(rejected), 0)::bigint AS rejected, coalesce(sum(canceled), 0)::bigint AS canceled,
       coalesce(sum(minutes_in), 0) AS minutes_in, coalesce(sum(cpu_seconds), 0) AS cpu_seconds
  FROM reporting.transcoding_daily WHERE {where}
"""
_PUBLISHED: Final = """
SELECT count(DISTINCT video_id) AS videos,
       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY total_seconds) AS to_publish
  FROM reporting.job_outcome WHERE {where} AND status = 'published'
"""
_COST: Final = "SELECT sum(actual_cost) AS cost FROM reporting.cost_daily WHERE {where}"
_QUALITY: Final = """
SELECT sum(vmaf * measured) / nullif(sum(measured), 0) AS vmaf
  FROM reporting.ladder_efficiency WHERE {where} AND vmaf IS NOT NULL
"""
_STORED: Final = """
SELECT coalesce(sum(net_bytes), 0)::bigint AS stored
  FROM reporting.storage_growth WHERE day <= :last AND (:tenant = '' OR tenant = :tenant)
"""

#: Of some days, and of as many days before.
Numbers: TypeAlias = tuple[Mapping[str, Any], Mapping[str, Any]]


@dataclass(frozen=True)
class Headline:
    """One number: what it is of, itself, and what it was before."""

    label: str
    value: str
    before: str


def numbers(query: Query) -> Mapping[str, Any]:
    """The days in a few numbers; what cannot be told is none."""
    found: dict[str, Any] = {}
    for sql in (_ENDED, _PUBLISHED, _COST, _QUALITY, _STORED):
        found |= query(sql).iloc[0].to_dict()
    found["p50"], found["p95"] = found.pop("to_publish") or (None, None)
    found["ended"] = found["jobs"] + found["failed"] + found["rejected"]
    return found


def beside_before(query: Query) -> Numbers:
    """The numbers of the days, and of as many days before."""
    days = (query.last - query.first).days + 1
    earlier = replace(query, first=query.first - timedelta(days=days), last=query.first - timedelta(days=1))
    return numbers(query), numbers(earlier)


def headlines(query: Query, found: Numbers) -> list[Headline]:
    """The numbers at the head of a report, each beside that of as many days before."""
    days = (query.last - query.first).days + 1
    now, before = found
    made = []
    shown: tuple[tuple[str, Callable[[Any], str], Callable[[Mapping[str, Any]], Any]], ...] = (
        ("different videos published", "{:,.0f}".format, lambda of: of["videos"]),
        ("hours of media", "{:,.1f}".format, lambda of: of["minutes_in"] / 60),
        ("of what ended was published", lambda part: words.share(part, 1),
         lambda of: of["jobs"] / of["ended"] if of["ended"] else None),
        ("to publication, median", words.seconds, lambda of: of["p50"]),
        ("to publication, 95th percentile", words.seconds, lambda of: of["p95"]),
        ("cost", words.money, lambda of: of["cost"]),
        ("mean VMAF of what was measured", "{:.1f}".format, lambda of: of["vmaf"]),
        ("stored at the end", words.size, lambda of: of["stored"]),
    )  # fmt: skip
    for label, speak, value in shown:
        is_now, was = (_spoken(speak, value(of)) for of in (now, before))
        span = f"in the {days} days before" if days > 1 else "the day before"
        made.append(Headline(label, is_now, f"{was} {span}" if before["ended"] else ""))
    return made


def _spoken(speak: Any, value: Any) -> str:
    return "–" if value is None or value != value else speak(value)  # noqa: PLR0124  (not a number)


def sentences(query: Query, charts: Mapping[str, Chart], found: Numbers) -> list[str]:
    """Three sentences: how much, what went wrong or how long it took, and what it cost or how good it is."""
    days = (query.last - query.first).days + 1
    now, before = found
    one = f"{words.count(now['videos'], 'video was', 'videos were')} published {query.when}"
    one += f", {now['minutes_in'] / 60:,.1f} hours of media" if now["videos"] else ""
    if before["videos"] and now["videos"] != before["videos"]:
        change = 100 * abs(now["videos"] - before["videos"]) / before["videos"]
        way = "more" if now["videos"] > before["videos"] else "fewer"
        one += f", {change:,.0f} % {way} than {'the day' if days == 1 else f'in the {days} days'} before"
    return [f"{one}.", _first(charts, ("failures", "time_to_publish")), _first(charts, ("cost", "rate_quality"))]


def _first(charts: Mapping[str, Chart], names: Sequence[str]) -> str:
    return next((charts[name].title for name in names if charts[name].svg), charts[names[0]].title)


def tell(day: date, uri: str, settings: Settings | None = None) -> int:
    """Tell the channels that list ``reported`` what mattered of a day; returns their number. A day is told once.

    :param uri: of the whole report
    :raises CatalogError: the catalog does not answer
    """
    used = settings or get_settings()
    if not any(channel.wants(EventKind.REPORTED, "") for channel in used.notifications):
        return 0
    report = {"first": str(day), "last": str(day), "sentences": what_matters(day, day, settings=used), "uri": uri}
    with transaction("report_summary", used) as connection:
        told = outbox.reported(connection, day, report)
    deliver_now(common=True, limit=10.0, settings=used)
    return told


def what_matters(first: date, last: date, *, tenant: str | None = None, settings: Settings | None = None) -> list[str]:
    """The three sentences of these days, both included.

    :raises CatalogError: the catalog does not answer
    """
    with transaction("report_summary", settings) as connection:
        query = Query(connection, first, last, tenant)
        return sentences(query, {name: chart(name, query) for name in SAID}, beside_before(query))
