"""How good the renditions are for their bits."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from vodflow.reports.charts import drawing, words
from vodflow.reports.charts.query import Drawn, Frame, Query, table

#: Curves that are told apart at a glance, rungs that fit on a page.
_CURVES: Final = 6
_RUNGS: Final = 14

#: VMAF points below the hull from which a rung is named: half of what most people notice (vodflow.reports.ladder).
_BELOW: Final = 3.0

_UNMEASURED: Final = "The quality of no rendition that was published {} has been measured."

_RATE: Final = """
SELECT profile, codec, rung, sum(measured)::bigint AS measured, sum(renditions)::bigint AS renditions,
       sum(bitrate * measured) / sum(measured) AS bitrate, sum(vmaf * measured) / sum(measured) AS vmaf
  FROM reporting.ladder_efficiency
 WHERE {where} AND measured > 0 AND bitrate > 0 AND vmaf IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, bitrate, rung
"""


def hull(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The upper convex hull of rates and qualities, from the lowest rate to the best quality.

    Andrew's monotone chain, of which the part that still rises is left: what lies below it costs bits for nothing.
    """
    chain: list[tuple[float, float]] = []
    for point in sorted({rate: max(best for own, best in points if own == rate) for rate, _ in points}.items()):
        while len(chain) > 1 and _turn(chain[-2], chain[-1], point) >= 0:
            chain.pop()
        chain.append(point)
    best = max((number for number, _ in enumerate(chain)), key=lambda number: chain[number][1], default=0)
    return chain[: best + 1]


def _turn(one: tuple[float, float], two: tuple[float, float], three: tuple[float, float]) -> float:
    return (two[0] - one[0]) * (three[1] - one[1]) - (two[1] - one[1]) * (three[0] - one[0])


def rate_quality(query: Query) -> Drawn:
    """Mean rate and VMAF of each rung, a curve for each profile and codec, and the hull of them all."""
    frame = query(_RATE)
    if frame.empty:
        return Drawn(_UNMEASURED.format(query.when))
    frame["curve"] = [f"{row.profile}, {row.codec}" for row in frame.itertuples()]
    edge = hull([(math.log2(row.bitrate), row.vmaf) for row in frame.itertuples()])
    rates, best = zip(*edge, strict=True)
    frame["below"] = np.interp(np.log2(frame["bitrate"].astype(float)), rates, best) - frame["vmaf"].astype(float)
    frame["below"] = frame["below"].clip(lower=0)
    return Drawn(
        _rate_title(frame),
        "Mean VMAF, at its own size, and mean rate of the measured renditions of each rung; rate on a logarithmic "
        "axis. Dashed: the convex hull, the highest score that any of them gets for the bits. A large rung below it "
        "may still look better on a screen than a small one on it.",
        _rate_figure(frame, edge),
        table(
            frame,
            {"profile": "Profile", "codec": "Codec", "rung": "Rung", "bitrate": "Rate", "vmaf": "VMAF",
             "below": "Below the hull", "measured": "Measured", "renditions": "Published"},
            {"bitrate": words.rate, "vmaf": "{:.1f}".format, "below": "{:.1f}".format, "measured": "{:,.0f}".format,
             "renditions": "{:,.0f}".format},
        ),
    )  # fmt: skip


def _rate_title(frame: Frame) -> str:
    top = frame.loc[frame["vmaf"].idxmax()]
    said = f"{top['rung']} of {top['curve']} is nearest to its source: VMAF {top['vmaf']:.0f}"
    said += f" at its own size and {words.rate(top['bitrate'])}"
    low = frame[frame["below"] >= _BELOW]
    if low.empty:
        return (
            f"{said}; every rung lies on the hull or within {_BELOW:.0f} points of it."
            if len(frame) > 1
            else f"{said}."
        )
    worst = low.loc[low["below"].idxmax()]
    return (
        f"{said}; {len(low)} of {words.count(len(frame), 'rung')} lie {_BELOW:.0f} points or more below the hull, "
        f"{worst['rung']} of {worst['curve']} by {worst['below']:.0f}."
    )


def _rate_figure(frame: Frame, edge: list[tuple[float, float]]) -> Any:
    made, axes = drawing.figure(3.6)
    axes.plot([2**rate for rate, _ in edge], [best for _, best in edge], color=drawing.MUTED, linestyle=(0, (4, 3)),
              linewidth=1.1, zorder=1)  # fmt: skip
    weight = frame.groupby("curve")["measured"].sum().sort_values(ascending=False, kind="stable")
    handles = [Line2D([], [], color=drawing.MUTED, linestyle=(0, (4, 3)), linewidth=1.1, label="hull")]
    for curve, colour, marker in zip(weight.index[:_CURVES], drawing.PALETTE, "osD^vP", strict=False):
        points = frame[frame["curve"] == curve].sort_values("bitrate")
        axes.plot(points["bitrate"], points["vmaf"], color=colour, marker=marker, markersize=5)
        handles.append(Line2D([], [], color=colour, marker=marker, markersize=5, label=words.shortened(curve, 30)))
    for row in frame[frame["below"] < 1e-9].itertuples():
        axes.annotate(row.rung, (row.bitrate, row.vmaf), (-4, 5), fontsize=7, textcoords="offset points", ha="right",
                      color=drawing.MUTED)  # fmt: skip
    axes.set_xscale("log", base=2)
    low, high = frame["bitrate"].min() / 1.5, frame["bitrate"].max() * 1.4
    axes.set_xlim(low, high)
    marks = [mantissa * 10**power for power in range(3, 9) for mantissa in (1, 2, 5)]
    axes.xaxis.set_major_locator(FixedLocator([mark for mark in marks if low <= mark <= high]))
    axes.xaxis.set_minor_locator(NullLocator())
    drawing.says(axes.xaxis, words.rate)
    axes.set_ylim(max(0, math.floor(frame["vmaf"].min() / 10) * 10 - 2), 101)
    axes.set_xlabel("rate, bits a second")
    axes.set_ylabel("VMAF, 0 to 100")
    drawing.lines_of(axes, y=True)
    drawing.legend(made, handles, 3)
    return made


# Two points of VMAF a step, and the percentiles of the renditions themselves.
_VMAF: Final = """
SELECT rung, max(height) AS height, count(*) AS renditions, count(*) FILTER (WHERE vmaf < 80) AS poor,
       percentile_cont(ARRAY[0.05, 0.5, 0.95]) WITHIN GROUP (ORDER BY vmaf) AS quantiles
  FROM reporting.rendition_quality WHERE {where} AND kind = 'video' AND vmaf IS NOT NULL
 GROUP BY 1 ORDER BY count(*) DESC, rung
"""
_STEPS: Final = """
SELECT rung, least(floor(vmaf / 2), 49)::integer AS step, count(*) AS renditions
  FROM reporting.rendition_quality WHERE {where} AND kind = 'video' AND vmaf IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
"""


def vmaf(query: Query) -> Drawn:
    """How the VMAF of the renditions is spread, for each rung."""
    frame = query(_VMAF)
    if frame.empty:
        return Drawn(_UNMEASURED.format(query.when))
    total, poor = int(frame["renditions"].sum()), int(frame["poor"].sum())
    if total == 1:
        only = frame.iloc[0]
        return Drawn(f"The one measured rendition, {only['rung']}, has a VMAF of {only['quantiles'][0]:.1f}.")
    frame = frame.head(_RUNGS).sort_values(["height", "rung"], ascending=[False, True], ignore_index=True)
    frame[["p5", "p50", "p95"]] = frame["quantiles"].tolist()
    worst = frame.loc[frame["p50"].idxmin()]
    best = frame.loc[frame["p50"].idxmax()]
    said = f"{words.share(poor, total)} of {total:,} measured renditions" if poor else f"None of {total:,}"
    said += " are below VMAF 80"
    if len(frame) > 1:
        said += f"; the median is {best['p50']:.0f} for {best['rung']} and {worst['p50']:.0f} for {worst['rung']}"
    return Drawn(
        f"{said}.",
        "Share of the rung's renditions by their mean VMAF, in steps of two points; line: the median.",
        _vmaf_figure(frame, query(_STEPS)),
        table(
            frame.assign(share=frame["poor"] / frame["renditions"]),
            {"rung": "Rung", "renditions": "Measured", "p5": "p5", "p50": "Median", "p95": "p95", "share": "Below 80"},
            {"renditions": "{:,.0f}".format, **dict.fromkeys(["p5", "p50", "p95"], "{:.1f}".format),
             "share": lambda value: words.share(value, 1)},
        ),
    )  # fmt: skip


def _vmaf_figure(frame: Frame, steps: Frame) -> Any:
    made, axes = drawing.figure(0.7 + 0.38 * len(frame))
    lowest = 2 * int(steps[steps["rung"].isin(frame["rung"])]["step"].min())
    edges = np.arange(0, 102, 2)
    for place, row in enumerate(frame.itertuples()):
        counts = np.zeros(50)
        own = steps[steps["rung"] == row.rung]
        counts[own["step"].to_numpy(int)] = own["renditions"].to_numpy(float)
        heights = 0.82 * counts / counts.max()
        axes.fill_between(edges, place, place - np.append(heights, heights[-1]), step="post", color=drawing.BLUE,
                          alpha=0.55, linewidth=0, zorder=3)  # fmt: skip
        axes.plot([row.p50, row.p50], [place, place - 0.82], color=drawing.INK, linewidth=1.5, zorder=4)
        axes.axhline(place, color=drawing.GRID, linewidth=0.6)
    axes.set_yticks(range(len(frame)), [f"{row.rung}  {row.p50:.0f}" for row in frame.itertuples()])
    axes.set_ylim(len(frame) - 0.8, -1)
    axes.set_xlim(max(0, min(lowest - 4, 76)), 100)
    axes.set_xlabel("VMAF, 0 to 100")
    drawing.lines_of(axes, x=True)
    axes.spines["left"].set_visible(False)
    return made


_LADDER: Final = """
SELECT profile, codec, rung, sum(renditions)::bigint AS renditions, sum(measured)::bigint AS measured,
       sum(wasted)::bigint AS wasted, sum(starving)::bigint AS starving, sum(too_close)::bigint AS too_close,
       sum(size_bytes)::bigint AS size_bytes, sum(saveable_bytes)::bigint AS saveable,
       sum(bitrate * measured) / sum(measured) AS bitrate
  FROM reporting.ladder_efficiency WHERE {where} AND measured > 0 GROUP BY 1, 2, 3
 ORDER BY saveable DESC, measured DESC, 1, 2, 3
"""
_VERDICTS: Final = {"wasted": drawing.ORANGE, "starving": drawing.VERMILLION, "too_close": drawing.PURPLE}


def ladder(query: Query) -> Drawn:
    """Which rungs have too many bits, too few, or too little between them, and what that costs."""
    frame = query(_LADDER)
    if frame.empty:
        return Drawn(_UNMEASURED.format(query.when))
    size, saveable = float(frame["size_bytes"].sum()), float(frame["saveable"].sum())
    measured = int(frame["measured"].sum())
    said = "Encoding again would save nothing"
    if saveable:
        first = frame.iloc[0]
        said = (
            f"{words.size(saveable)} ({words.share(saveable, size)}) of what was measured would, by estimate, not be "
            f"missed, most of it in {first['rung']} of {first['profile']}, {first['codec']}"
        )
    starving = int(frame["starving"].sum())
    said += f"; {words.share(starving, measured)} of the renditions starve" if starving else "; no rendition starves"
    return Drawn(
        f"{said}.",
        "Share of the measured renditions of a rung with more bits than eyes can tell (wasted), too few for their size "
        "(starving), or no better to see than the rung below of the same size (too close); and the bytes that would "
        "not be missed, estimated from the job's other rungs.",
        _ladder_figure(frame.head(_RUNGS)),
        table(
            frame.assign(**{name: frame[name] / frame["measured"] for name in _VERDICTS}),
            {"profile": "Profile", "codec": "Codec", "rung": "Rung", "measured": "Measured", "bitrate": "Rate",
             "wasted": "Wasted", "starving": "Starving", "too_close": "Too close", "size_bytes": "Size",
             "saveable": "Saveable"},
            {"measured": "{:,.0f}".format, "bitrate": words.rate, "size_bytes": words.size, "saveable": words.size,
             **dict.fromkeys(_VERDICTS, lambda value: words.share(value, 1))},
        ),
    )  # fmt: skip


def _ladder_figure(frame: Frame) -> Any:
    made, panels = drawing.figure(0.85 + 0.21 * len(frame), 1, 4, sharey=True)
    places = range(len(frame))
    for axes, (name, colour) in zip(panels, _VERDICTS.items(), strict=False):
        axes.barh(places, (frame[name] / frame["measured"]).astype(float), 0.7, color=colour)
        axes.set_title(name.replace("_", " "))
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    last = panels[-1]
    last.barh(places, frame["saveable"].astype(float), 0.7, color=drawing.BLUE)
    last.set_title("saveable")
    last.set_xlim(0, max(float(frame["saveable"].max()), 1) * 1.08)
    last.xaxis.get_major_locator().set_params(nbins=3)
    drawing.says(last.xaxis, words.size)
    for axes in panels:
        drawing.lines_of(axes, x=True)
        axes.tick_params(labelsize=7.5)
    panels[0].set_yticks(
        places, [words.shortened(f"{row.rung}, {row.profile}, {row.codec}", 30) for row in frame.itertuples()]
    )
    panels[0].set_ylim(len(frame) - 0.4, -0.6)
    return made
