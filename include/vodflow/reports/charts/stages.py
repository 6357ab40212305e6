"""How long each stage takes, and how fast the engines encode: percentiles of the jobs, never of days' percentiles."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator

from vodflow.catalog.tables.facts import STAGE_SECONDS
from vodflow.reports.charts import drawing, words
from vodflow.reports.charts.query import Drawn, Frame, Query, table

#: Column → the stage's name.
_STAGES: Final = {name: name.removesuffix("_seconds") for name in STAGE_SECONDS}
_TOTAL: Final = "total"
_SAID: Final = {
    "notice": "until it was noticed", "dispatch": "until its run began", "prepare": "preparing",
    "queue": "in the queue", "service": "in the engine's own queue", "download": "fetching the source",
    "encode": "encoding", "package": "packaging", "upload": "uploading", "verify": "verifying", "publish": "publishing",
}  # fmt: skip
_QUANTILES: Final = (0.5, 0.9, 0.95, 0.99)
_NAMES: Final = ["p50", "p90", "p95", "p99"]

# One sort for each stage, which is what exact percentiles take.
_LATENCY: Final = "SELECT {columns} FROM reporting.job_outcome WHERE {where} AND status = 'published'"

#: Seconds that a logarithmic axis marks.
_MARKS: Final = (0.1, 1, 10, 60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400, 30 * 86_400)


def time_to_publish(query: Query) -> Drawn:
    """Median and 95th percentile of each stage."""
    frame = _latency(query)
    if frame.empty or _TOTAL not in set(frame["stage"]):
        return Drawn(f"Nothing was published {query.when}, so there is no time to publication.")
    total = frame.set_index("stage").loc[_TOTAL]
    stages = frame[frame["stage"] != _TOTAL]
    said = f"Publication took {words.seconds(total['p50'])}"
    if total["jobs"] > 1:
        said += f" at the median and {words.seconds(total['p95'])} at p95"
    if not stages.empty and stages["sum"].sum() > 0:
        longest = stages.loc[stages["sum"].idxmax()]
        part = words.share(longest["sum"], stages["sum"].sum())
        said += f"; {part} of the time that stages took was spent {_SAID[longest['stage']]}"
    return Drawn(
        f"{said}.",
        "Bar: from the median to the 95th percentile of the published jobs that had the stage; tick: the 99th. "
        "Time on a logarithmic axis.",
        _latency_figure(frame),
        table(
            frame.assign(share=[row.sum / stages["sum"].sum() if row.stage != _TOTAL and stages["sum"].sum() else None
                                for row in frame.itertuples()]),
            {"stage": "Stage", "jobs": "Jobs", **dict(zip(_NAMES, _NAMES, strict=True)), "share": "Share of the time"},
            {**dict.fromkeys(_NAMES, words.seconds), "jobs": "{:,.0f}".format,
             "share": lambda value: words.share(value, 1)},
        ),
    )  # fmt: skip


def _latency(query: Query) -> Frame:
    columns = ", ".join(
        f"count({name}), sum({name}), percentile_cont(ARRAY{list(_QUANTILES)}) WITHIN GROUP (ORDER BY {name})"
        for name in _STAGES
    )
    row = query(_LATENCY.replace("{columns}", columns)).iloc[0].tolist()
    stages = zip(_STAGES.values(), row[0::3], row[1::3], row[2::3], strict=True)
    return pd.DataFrame(
        [(stage, jobs, total, *quantiles) for stage, jobs, total, quantiles in stages if jobs],
        columns=["stage", "jobs", "sum", *_NAMES],
    )


def _latency_figure(frame: Frame) -> Any:
    made, axes = drawing.figure(0.8 + 0.22 * len(frame))
    least = 0.05
    colours = [drawing.GREY if stage == _TOTAL else drawing.BLUE for stage in frame["stage"]]
    for place, (row, colour) in enumerate(zip(frame.itertuples(), colours, strict=True)):
        p50, p95, p99 = (max(value, least) for value in (row.p50, row.p95, row.p99))
        axes.plot([p50, p95], [place, place], color=colour, linewidth=6, alpha=0.45, solid_capstyle="butt")
        axes.plot([p50], [place], "o", color=colour, markersize=6)
        axes.plot([p95], [place], "o", color=colour, markersize=6, markerfacecolor=drawing.PAPER, markeredgewidth=1.4)
        axes.plot([p99], [place], "|", color=colour, markersize=8, markeredgewidth=1.4)
        axes.annotate(
            words.seconds(row.p50) if row.jobs == 1 else f"{words.seconds(row.p50)} – {words.seconds(row.p95)}",
            (p99, place), (7, 0), textcoords="offset points", va="center", fontsize=7.5, color=drawing.MUTED,
        )  # fmt: skip
    axes.set_xscale("log")
    high = max(frame["p99"].max(), 1) * 6
    low = max(min(frame["p50"].min(), high / 100), least) / 1.6
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator([mark for mark in _MARKS if low <= mark <= high]))
    axes.xaxis.set_minor_locator(NullLocator())
    drawing.says(axes.xaxis, words.seconds)
    axes.set_yticks(range(len(frame)), frame["stage"])
    axes.set_ylim(len(frame) - 0.4, -0.6)
    drawing.lines_of(axes, x=True)
    axes.spines["left"].set_visible(False)
    drawing.legend(
        made,
        [
            Line2D([], [], color=drawing.BLUE, marker="o", linewidth=0, label="median"),
            Line2D([], [], color=drawing.BLUE, marker="o", markerfacecolor=drawing.PAPER, linewidth=0, label="p95"),
            Line2D([], [], color=drawing.BLUE, marker="|", markeredgewidth=1.4, linewidth=0, label="p99"),
        ],
    )
    return made


_SPEED: Final = """
SELECT engine, coalesce(strategy, 'single') AS strategy, count(*) AS jobs,
       percentile_cont(ARRAY[0.05, 0.25, 0.5, 0.75, 0.95]) WITHIN GROUP (ORDER BY speed) AS quantiles,
       sum(media_seconds) / 3600 AS hours
  FROM reporting.job_outcome WHERE {where} AND status = 'published' AND speed IS NOT NULL
 GROUP BY 1, 2 ORDER BY 1, 2
"""
_SPEEDS: Final = ["p5", "p25", "p50", "p75", "p95"]


def encode_speed(query: Query) -> Drawn:
    """Media seconds encoded a wall second, by engine and by how the work was divided."""
    frame = query(_SPEED)
    if frame.empty:
        return Drawn(f"No job with a known encode speed was published {query.when}.")
    frame[_SPEEDS] = frame["quantiles"].tolist()
    frame["label"] = [f"{row.engine}, {row.strategy}" for row in frame.itertuples()]
    frame = frame.sort_values("p50", ascending=False, ignore_index=True)
    fast, slow = frame.iloc[0], frame.iloc[-1]
    said = f"Jobs of {fast['label']} encode at {fast['p50']:.1f} times real time"
    said += "" if fast["jobs"] == 1 else " at the median"
    if len(frame) > 1:
        said += f"; those of {slow['label']}, the slowest, at {slow['p50']:.1f}"
    return Drawn(
        f"{said}.",
        "Media seconds encoded a wall second. Box: the middle half of the jobs, with the median; whiskers: 5th to 95th "
        "percentile.",
        _boxes(frame),
        table(
            frame,
            {"engine": "Engine", "strategy": "Strategy", "jobs": "Jobs", "hours": "Hours of media",
             **dict(zip(_SPEEDS, _SPEEDS, strict=True))},
            {"jobs": "{:,.0f}".format, "hours": "{:,.1f}".format, **dict.fromkeys(_SPEEDS, "{:.2f}".format)},
        ),
    )  # fmt: skip


def _boxes(frame: Frame) -> Any:
    made, axes = drawing.figure(0.7 + 0.34 * len(frame))
    engines = dict(zip(sorted(set(frame["engine"])), drawing.PALETTE, strict=False))
    for place, row in enumerate(frame.itertuples()):
        colour = engines.get(row.engine, drawing.GREY)
        axes.plot([row.p5, row.p95], [place, place], color=colour, linewidth=1.2)
        axes.barh(place, row.p75 - row.p25, 0.5, row.p25, color=colour, alpha=0.55, linewidth=0)
        axes.plot([row.p50, row.p50], [place - 0.27, place + 0.27], color=drawing.INK, linewidth=1.8)
        axes.annotate(f"{row.p50:.1f}×, {words.count(row.jobs, 'job')}", (row.p95, place), (6, 0),
                      textcoords="offset points", va="center", fontsize=7.5, color=drawing.MUTED)  # fmt: skip
    axes.axvline(1, color=drawing.MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.annotate(
        "real time", (1, len(frame) - 0.5), (3, 2), textcoords="offset points", fontsize=7, color=drawing.MUTED
    )
    axes.set_yticks(range(len(frame)), frame["label"])
    axes.set_ylim(len(frame) - 0.5, -0.6)
    axes.set_xlim(0, max(1.2, float(np.nanmax(frame["p95"])) * 1.25))
    axes.set_xlabel("times real time")
    drawing.lines_of(axes, x=True)
    axes.spines["left"].set_visible(False)
    if len(engines) > 1:
        drawing.legend(made, [Patch(color=colour, alpha=0.55, label=engine) for engine, colour in engines.items()])
    return made
