"""How much was done and when, what waited, and what stopped work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from vodflow.reports.charts import drawing, words
from vodflow.reports.charts.query import Drawn, Frame, Query, table

_ENDS = {"published": drawing.BLUE, "failed": drawing.VERMILLION, "rejected": drawing.ORANGE, "canceled": drawing.GREY}
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

#: Bars of a Pareto chart; what is beyond them is one more.
_CAUSES = 12

_ENDED = """
SELECT date_trunc(:grain, day)::timestamp AS at, sum(jobs)::bigint AS published, sum(failed)::bigint AS failed,
       sum(rejected)::bigint AS rejected, sum(canceled)::bigint AS canceled
  FROM reporting.transcoding_daily WHERE {where} GROUP BY 1 ORDER BY 1
"""
_ENDED_BY_HOUR = """
SELECT date_trunc('hour', at AT TIME ZONE 'UTC') AS at, count(*) FILTER (WHERE status = 'published') AS published,
       count(*) FILTER (WHERE status = 'failed') AS failed, count(*) FILTER (WHERE status = 'rejected') AS rejected,
       count(*) FILTER (WHERE status = 'canceled') AS canceled
  FROM reporting.job_outcome WHERE {where} GROUP BY 1 ORDER BY 1
"""
_BACKLOG = """
WITH hours AS (
    SELECT hour, sum(waiting) AS waiting, max(oldest_seconds) AS oldest
      FROM reporting.backlog_hourly WHERE {where} GROUP BY hour)
SELECT date_trunc(:grain, hour AT TIME ZONE 'UTC') AS at, max(waiting)::bigint AS waiting, max(oldest) AS oldest
  FROM hours GROUP BY 1 ORDER BY 1
"""


def throughput(query: Query) -> Drawn:
    """Ends of jobs over time, and below them the longest queue."""
    ended, backlog = query(_ENDED_BY_HOUR if query.grain == "hour" else _ENDED), query(_BACKLOG)
    frame = pd.merge(ended, backlog, on="at", how="outer").sort_values("at")
    frame["waiting"] = frame["waiting"].astype(float)
    frame[list(_ENDS)] = frame[list(_ENDS)].astype(float).fillna(0)
    if frame[list(_ENDS)].to_numpy().sum() + frame["waiting"].fillna(0).sum() == 0:
        return Drawn(f"Nothing was transcoded and nothing waited {query.when}.")
    return Drawn(
        _throughput_title(query, frame),
        f"Above: ends of jobs by the {query.grain}, UTC. Below: the most that waited at the beginning of an hour.",
        _throughput_figure(query, frame),
        table(
            frame.assign(at=[_moment(at, query.grain) for at in frame["at"]]),
            {"at": query.grain.capitalize(), **{name: name.capitalize() for name in _ENDS}, "waiting": "Waited, most",
             "oldest": "Longest wait"},
            {**dict.fromkeys((*_ENDS, "waiting"), "{:,.0f}".format), "oldest": words.seconds},
        ),
    )  # fmt: skip


def _throughput_title(query: Query, frame: Frame) -> str:
    published = frame["published"].sum()
    days = (query.last - query.first).days + 1
    each = f", {published / days:,.0f} a day" if days > 1 and published >= days else ""
    said = f"{words.count(published, 'job was', 'jobs were')} published{each}"
    most = frame["waiting"].max()
    if not most > 0:
        return f"{said}; nothing waited when an hour began."
    peak = frame.loc[frame["waiting"].idxmax(), "at"]
    return f"{said}; at most {words.count(most, 'waited', 'waited')}, {_moment(peak, query.grain, in_words=True)}."


def _throughput_figure(query: Query, frame: Frame) -> Any:
    made, (above, below) = drawing.figure(3.3, 2, sharex=True, height_ratios=(2, 1))
    # Days, never whole numbers of them, which would be taken for seconds.
    width = {"hour": 1 / 24, "day": 1.0, "week": 7.0}[query.grain]
    at = frame["at"].to_numpy().astype("datetime64[s]")
    bottom = np.zeros(len(frame))
    for name, colour in _ENDS.items():
        above.bar(at, frame[name], width * 0.86, bottom, color=colour, align="edge", linewidth=0)
        bottom += frame[name].to_numpy()
    waiting = frame["waiting"].fillna(0).to_numpy()
    below.bar(at, waiting, width, color=drawing.PURPLE, align="edge", linewidth=0, alpha=0.85)
    above.set_ylabel(f"jobs a {query.grain}")
    below.set_ylabel("waiting")
    for axes, most in ((above, bottom.max()), (below, waiting.max())):
        drawing.lines_of(axes, y=True)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.set_ylim(0, max(most, 1) * 1.05)  # an axis of nothing would say 0 at each of its marks
        drawing.says(axes.yaxis, lambda value: f"{value:,.0f}")
    begin = np.datetime64(query.first)
    drawing.between(below, min(begin, at.min()) if query.grain == "week" else begin, query.last)
    shown = [name for name in _ENDS if frame[name].sum()]
    drawing.legend(made, [Patch(color=_ENDS[name], label=name) for name in shown]
                   + [Patch(color=drawing.PURPLE, label="waiting", alpha=0.85)])  # fmt: skip
    return made


def _moment(at: Any, grain: str, *, in_words: bool = False) -> str:
    if grain == "hour":
        return f"on {words.day(at)} at {at:%H:%M} UTC" if in_words else f"{at:%Y-%m-%d %H:%M}"
    begin = "in the week from" if grain == "week" else "on"
    return f"{begin} {words.day(at)}" if in_words else f"{at:%Y-%m-%d}"


FAILURES = """
SELECT kind, error_class, error_code, sum(occurrences)::bigint AS occurrences,
       (array_agg(example_message ORDER BY last_at DESC))[1] AS message,
       (array_agg(example_uri ORDER BY last_at DESC))[1] AS uri, (array_agg(link ORDER BY last_at DESC))[1] AS link
  FROM reporting.failures WHERE {where} GROUP BY 1, 2, 3 ORDER BY occurrences DESC, kind, error_code, error_class
"""


def failures(query: Query) -> Drawn:
    """What stopped work, most frequent first, with the share of all that the causes up to there have."""
    frame = query(FAILURES)
    if frame.empty:
        return Drawn(f"Nothing failed and nothing was rejected {query.when}.")
    total = frame["occurrences"].sum()
    frame["share"] = frame["occurrences"].cumsum() / total
    frame["cause"] = [row.error_code or "unknown" for row in frame.itertuples()]
    first = frame.iloc[0]
    few = int((frame["share"] < 0.8).sum()) + 1
    rest = (
        f"; {few} of {len(frame)} causes make {words.share(frame['share'].iloc[few - 1], 1)} of them" if few > 1 else ""
    )
    return Drawn(
        f"Of {words.count(total, 'failure and rejection', 'failures and rejections')} "
        f"{words.share(first['occurrences'], total)} were “{first['cause']}”{rest}.",
        "Bars: how often. Line: share of all, added up. Failures that a retry cured are counted too.",
        _pareto(frame, total),
        table(
            frame,
            {"kind": "Kind", "error_class": "Class", "error_code": "Cause", "occurrences": "Times", "share": "Added up",
             "message": "For example", "uri": "Source"},
            {"occurrences": "{:,.0f}".format, "share": lambda value: words.share(value, 1)},
        ),
    )  # fmt: skip


def _pareto(frame: Frame, total: int) -> Any:
    shown = frame.head(_CAUSES)
    names, times = [words.shortened(cause, 44) for cause in shown["cause"]], shown["occurrences"].tolist()
    shares, kinds = shown["share"].tolist(), shown["kind"].tolist()
    if more := len(frame) - len(shown):
        names, times = [*names, f"{more} more"], [*times, total - sum(times)]
        shares, kinds = [*shares, 1.0], [*kinds, "more"]
    colours = {**_ENDS, "unreadable": drawing.PURPLE, "more": drawing.GREY}
    made, axes = drawing.figure(0.75 + 0.23 * len(names))
    places = range(len(names))
    axes.barh(places, times, 0.72, color=[colours[kind] for kind in kinds])
    axes.set_yticks(places, [f"{name}  {number:,}" for name, number in zip(names, times, strict=True)])
    axes.set_xlim(0, total * 1.04)
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlabel("times")
    drawing.lines_of(axes, x=True)
    line = axes.twiny()
    line.plot([share * total for share in shares], places, color=drawing.MUTED, marker="o", markersize=3.5, linewidth=1)
    line.set_xlim(0, total * 1.04)
    line.set_xticks([total * part for part in (0, 0.25, 0.5, 0.75, 1)], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    line.xaxis.grid(visible=False)
    line.tick_params(axis="x", length=0)
    for spine in line.spines.values():
        spine.set_visible(False)
    drawing.legend(made, [Patch(color=colours[kind], label=kind) for kind in dict.fromkeys(kinds) if kind != "more"])
    return made


_ARRIVED = """
SELECT extract(isodow FROM hour AT TIME ZONE 'UTC')::integer AS weekday,
       extract(hour FROM hour AT TIME ZONE 'UTC')::integer AS hour, sum(arrived)::bigint AS arrived
  FROM reporting.backlog_hourly WHERE {where} GROUP BY 1, 2 ORDER BY 1, 2
"""


def heat_map(query: Query) -> Drawn:
    """When work arrives: hour by weekday."""
    frame = query(_ARRIVED)
    if frame.empty or not frame["arrived"].sum():
        return Drawn(f"No work arrived {query.when}.")
    weekdays = pd.date_range(query.first, query.last).day_of_week
    number = np.array([(weekdays == weekday).sum() for weekday in range(7)])
    grid = np.zeros((7, 24))
    grid[frame["weekday"].to_numpy(int) - 1, frame["hour"].to_numpy(int)] = frame["arrived"].to_numpy(float)
    grid /= np.maximum(number, 1)[:, None]
    weekday, hour = np.unravel_index(grid.argmax(), grid.shape)
    made, axes = drawing.figure(2.3)
    top = grid.max()
    for row, column in np.ndindex(7, 24):
        if number[row]:
            part = 0.05 + 0.95 * grid[row, column] / top
            axes.add_patch(_cell(column, row, part))
    axes.set_xlim(0, 24)
    axes.set_ylim(7, 0)
    axes.set_xticks([hour + 0.5 for hour in range(0, 24, 2)], [f"{hour:02}" for hour in range(0, 24, 2)])
    axes.set_yticks([day + 0.5 for day in range(7)], _WEEKDAYS)
    axes.set_xlabel("hour, UTC")
    drawing.lines_of(axes)
    axes.spines[:].set_visible(False)
    scale = [Patch(color=drawing.BLUE, alpha=0.05 + 0.95 * part, label=f"{top * part:,.{_digits(top)}f}")
             for part in (0, 0.25, 0.5, 0.75, 1)]  # fmt: skip
    drawing.legend(made, scale)
    numbers = pd.DataFrame([[f"{cell:,.{_digits(top)}f}" for cell in row] for row in grid],
                           columns=[f"{hour:02}" for hour in range(24)])  # fmt: skip
    numbers.insert(0, "UTC", _WEEKDAYS)
    return Drawn(
        f"Most work arrives on {pd.Timestamp(2024, 1, 1 + int(weekday)):%A}s from {hour:02}:00 UTC: "
        f"{top:,.{_digits(top)}f} an hour, against {grid[number > 0].mean():,.{_digits(top)}f} on average.",
        "Sources registered and jobs queued again, a mean hour of the weekday.",
        made,
        numbers[number > 0],
    )


def _digits(top: float) -> int:
    return 0 if top >= 20 else 1


def _cell(column: int, row: int, alpha: float) -> Any:
    return Rectangle((column + 0.03, row + 0.04), 0.94, 0.92, facecolor=drawing.BLUE, alpha=alpha, linewidth=0)
