"""What it costs and what it takes up."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from vodflow.reports.charts import drawing, words
from vodflow.reports.charts.query import Drawn, Frame, Query, table

_KINDS: Final = {
    "transcode": drawing.BLUE, "quality": drawing.GREEN, "storage": drawing.ORANGE, "egress": drawing.PURPLE
}  # fmt: skip

#: Tenants with a bar of their own.
_TENANTS: Final = 12

_COST: Final = """
SELECT tenant, kind, sum(estimated_cost) AS estimated, sum(actual_cost) AS actual, sum(difference) AS difference
  FROM reporting.cost_daily WHERE {where} GROUP BY 1, 2 ORDER BY 1, 2
"""


def cost(query: Query) -> Drawn:
    """What each tenant cost, by what for, and what its transcoding had been estimated at."""
    rows = query(_COST)
    known = rows[["estimated", "actual"]].apply(pd.to_numeric).fillna(0)
    if rows.empty or not known.to_numpy().any():
        return Drawn(f"No costs are known {query.when}.")
    rows[["estimated", "actual"]] = known
    wide = rows.pivot_table("actual", "tenant", "kind", "sum", fill_value=0.0)
    wide = wide.reindex(columns=list(_KINDS), fill_value=0.0)
    wide["total"] = wide.sum(axis=1)
    wide["estimated"] = rows[rows["kind"] == "transcode"].groupby("tenant")["estimated"].sum()
    rows["difference"] = pd.to_numeric(rows["difference"])
    wide["difference"] = rows[rows["kind"] == "transcode"].groupby("tenant")["difference"].sum(min_count=1)
    wide = wide.reset_index().sort_values(["total", "tenant"], ascending=[False, True], ignore_index=True)
    return Drawn(
        _cost_title(wide),
        "US dollars by the prices of each day. Diamond: what the transcoding had been estimated at.",
        _cost_figure(wide),
        table(
            wide,
            {"tenant": "Tenant", **{kind: kind.capitalize() for kind in _KINDS}, "total": "Together",
             "estimated": "Transcode, estimated", "difference": "Actual less estimated"},
            dict.fromkeys([*_KINDS, "total", "estimated", "difference"], words.money),
        ),
    )  # fmt: skip


def _cost_title(wide: Frame) -> str:
    total, first = wide["total"].sum(), wide.iloc[0]
    said = f"It cost {words.money(total)}"
    if len(wide) > 1 and total:
        said += f", {words.share(first['total'], total)} of it for {first['tenant']}"
    estimated, difference = wide["estimated"].sum(), wide["difference"].sum(min_count=1)
    if not estimated or pd.isna(difference):
        return f"{said}."
    if abs(difference) < 0.005 * estimated:
        return f"{said}; transcoding cost what was estimated."
    part, way = 100 * abs(difference) / estimated, "more" if difference > 0 else "less"
    return f"{said}; transcoding cost {words.money(abs(difference))} ({part:,.0f} %) {way} than estimated."


def _cost_figure(wide: Frame) -> Any:
    shown = wide.head(_TENANTS).fillna(0)
    if more := len(wide) - len(shown):
        rest = wide.iloc[_TENANTS:].drop(columns="tenant").apply(pd.to_numeric).sum()
        shown = pd.concat([shown, pd.DataFrame([{**rest.to_dict(), "tenant": f"{more} more"}])], ignore_index=True)
    made, axes = drawing.figure(0.75 + 0.25 * len(shown))
    left = np.zeros(len(shown))
    for kind, colour in _KINDS.items():
        axes.barh(range(len(shown)), shown[kind], 0.66, left, color=colour)
        left += shown[kind].to_numpy(float)
    estimated = shown["estimated"].fillna(0)
    places = [place for place, value in enumerate(estimated) if value]
    axes.plot([estimated[place] for place in places], places, "D", color=drawing.INK, markersize=5,
              markerfacecolor=drawing.PAPER, markeredgewidth=1.2)  # fmt: skip
    for place, row in enumerate(shown.itertuples()):
        axes.annotate(words.money(row.total), (max(row.total, row.estimated), place), (7, 0),
                      textcoords="offset points", va="center", fontsize=7.5, color=drawing.MUTED)  # fmt: skip
    axes.set_yticks(range(len(shown)), [words.shortened(name) for name in shown["tenant"]])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(0, max(shown["total"].max(), estimated.max()) * 1.14)
    axes.set_xlabel("US dollars")
    drawing.says(axes.xaxis, words.money)
    drawing.lines_of(axes, x=True)
    drawing.legend(
        made,
        [Patch(color=colour, label=kind) for kind, colour in _KINDS.items() if shown[kind].any()]
        + [Line2D([], [], color=drawing.INK, marker="D", markersize=5, markerfacecolor=drawing.PAPER,
                  linewidth=0, label="transcode, estimated")] * bool(places),
    )  # fmt: skip
    return made


_STORED: Final = """
SELECT date_trunc(:grain, day)::timestamp AS at, sum(published_bytes)::bigint AS published,
       sum(deleted_bytes)::bigint AS deleted, sum(replaced_bytes)::bigint AS replaced, sum(net_bytes)::bigint AS net
  FROM reporting.storage_growth WHERE {where} GROUP BY 1 ORDER BY 1
"""
_BEFORE: Final = """
SELECT coalesce(sum(net_bytes), 0)::bigint AS stored
  FROM reporting.storage_growth WHERE day < :first AND (:tenant = '' OR tenant = :tenant)
"""


def storage(query: Query) -> Drawn:
    """What is stored, and what came and went."""
    before = int(query(_BEFORE)["stored"].iloc[0])
    # Bytes are known by the day.
    frame = query(_STORED.replace(":grain", "'week'" if query.grain == "week" else "'day'"))
    if not before and (frame.empty or not frame[["published", "deleted"]].to_numpy().any()):
        return Drawn(f"Nothing was stored {query.when}.")
    if frame.empty:
        return Drawn(f"{words.size(before)} were stored {query.when}; nothing came and nothing went.")
    frame["stored"] = before + frame["net"].astype(float).cumsum()
    now, net = frame["stored"].iloc[-1], frame["net"].sum()
    said = (
        f"{words.size(now)} are stored at the end, {words.size(abs(net))} {'more' if net >= 0 else 'less'} than before"
    )
    replaced = frame["replaced"].sum()
    if replaced:
        said += f"; {words.size(replaced)} were replaced by later publications"
    grain = "week" if query.grain == "week" else "day"
    return Drawn(
        f"{said}.",
        f"Above: bytes stored at the end of the {grain}. Below: published and deleted by the {grain}, UTC.",
        _storage_figure(query, frame, grain),
        table(
            frame.assign(at=[f"{at:%Y-%m-%d}" for at in frame["at"]]),
            {"at": grain.capitalize(), "published": "Published", "deleted": "Deleted", "replaced": "Replaced",
             "net": "Net", "stored": "Stored at the end"},
            dict.fromkeys(["published", "deleted", "replaced", "net", "stored"], words.size),
        ),
    )  # fmt: skip


def _storage_figure(query: Query, frame: Frame, grain: str) -> Any:
    made, (above, below) = drawing.figure(3.1, 2, sharex=True, height_ratios=(3, 2))
    at = frame["at"].to_numpy().astype("datetime64[s]")
    width = 7 if grain == "week" else 1
    ends = np.append(at, at[-1] + np.timedelta64(width, "D"))
    stored = np.append(frame["stored"].to_numpy(float), frame["stored"].iloc[-1])
    above.fill_between(ends, stored, step="post", color=drawing.BLUE, alpha=0.25, linewidth=0)
    above.step(ends, stored, where="post", color=drawing.BLUE)
    below.bar(at, frame["published"].astype(float), width * 0.86, color=drawing.GREEN, align="edge", linewidth=0)
    below.bar(at, -frame["deleted"].astype(float), width * 0.86, color=drawing.VERMILLION, align="edge", linewidth=0)
    below.axhline(0, color=drawing.MUTED, linewidth=0.7)
    above.set_ylabel("stored")
    below.set_ylabel(f"by the {grain}")
    above.set_ylim(bottom=0)
    for axes in (above, below):
        drawing.lines_of(axes, y=True)
        axes.yaxis.get_major_locator().set_params(nbins=4)
        drawing.says(axes.yaxis, words.size)
    drawing.between(below, min(np.datetime64(query.first), at.min()), query.last)
    drawing.legend(made, [Patch(color=drawing.BLUE, alpha=0.6, label="stored"),
                          Patch(color=drawing.GREEN, label="published"),
                          Patch(color=drawing.VERMILLION, label="deleted")])  # fmt: skip
    return made
