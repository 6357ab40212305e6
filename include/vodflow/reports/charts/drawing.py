"""From a matplotlib figure to an SVG that belongs into a page: the page's colours and fonts, no styles, no foreign ids.

Nothing of pyplot is used, whose figures are global; matplotlib's settings are, so one figure is drawn at a time.
"""

from __future__ import annotations

import io
import itertools
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from lxml import etree
from matplotlib import dates as moments
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

#: Colours that pages may change: each is drawn as a CSS variable with the light value behind it. The palette is that of
#: Okabe and Ito ("Color Universal Design"), which people with colour-blindness tell apart; yellow, which white
#: swallows, is left out.
BLUE, ORANGE, GREEN, PURPLE, VERMILLION, SKY = "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9"
GREY: Final = "#8a9099"
PALETTE: Final = (BLUE, ORANGE, GREEN, PURPLE, VERMILLION, SKY, GREY)
INK, MUTED, GRID, PAPER = "#010101", "#010102", "#010103", "#010104"
_VARIABLES: Final = {
    BLUE: "var(--chart-blue, #0072b2)",
    ORANGE: "var(--chart-orange, #e69f00)",
    GREEN: "var(--chart-green, #009e73)",
    PURPLE: "var(--chart-purple, #cc79a7)",
    VERMILLION: "var(--chart-vermillion, #d55e00)",
    SKY: "var(--chart-sky, #56b4e9)",
    GREY: "var(--chart-grey, #8a9099)",
    INK: "currentColor",
    MUTED: "var(--chart-muted, #59606b)",
    GRID: "var(--chart-grid, #dde0e5)",
    PAPER: "var(--chart-paper, #ffffff)",
}

#: What a dark page says about them.
DARK: Final = (
    "--chart-blue:#4aa3df;--chart-orange:#f0b429;--chart-green:#2fc49a;--chart-purple:#dd9cc0;--chart-vermillion:#ff8448;"
    "--chart-sky:#8fd0f7;--chart-grey:#8d95a1;--chart-muted:#a7afbb;--chart-grid:#343b46;--chart-paper:#14171c"
)

#: Inches; on a page as wide as A4's text the letters are about 7 points high.
WIDTH: Final = 7.4

_STYLE: Final[Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "vodflow",
    "font.size": 8.5,
    "text.parse_math": False,  # names of tenants and profiles may have dollars
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.unicode_minus": True,
    "figure.facecolor": "none",
    "figure.constrained_layout.use": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "timezone": "UTC",
}
_LOCK: Final = threading.Lock()

_SVG: Final = "{http://www.w3.org/2000/svg}"
_HREF: Final = "{http://www.w3.org/1999/xlink}href"
_NUMBER: Final = re.compile(r"-?\d+\.\d{2,}")
_REFERENCE: Final = re.compile(r"url\(#([^)]+)\)")
_FONT: Final = re.compile(r"(?:(?P<slant>italic|oblique) )?(?:(?P<weight>bold|\d+) )?(?P<size>[\d.]+px) ")
#: Attributes whose numbers are rounded: a hundredth of a point is finer than any screen.
_ROUNDED: Final = ("d", "x", "y", "width", "height", "transform", "points", "viewBox", "stroke-width", "font-size")


@contextmanager
def style() -> Iterator[None]:
    """Draw with our settings, alone in this process."""
    with _LOCK, mpl.rc_context(_STYLE):
        yield


def figure(height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """A figure of its own and its axes; within :func:`style`.

    :param height: inches
    """
    made = Figure(figsize=(WIDTH, height), layout="constrained")
    return made, made.subplots(rows, columns, **options)


def lines_of(axes: Axes, *, x: bool = False, y: bool = False) -> None:
    """Leave the grid lines of these directions, and the axis line of the other."""
    axes.xaxis.grid(visible=x)
    axes.yaxis.grid(visible=y)
    axes.spines["left"].set_visible(not y)
    axes.spines["bottom"].set_visible(not x)
    if x:
        axes.tick_params(axis="x", length=0)


def says(axis: Any, words: Callable[[float], str]) -> None:
    """Have an axis say its numbers in these words."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: words(value)))


def between(axes: Axes, first: Any, last: date) -> None:
    """Have the horizontal axis reach from a moment to the end of a day, and say as few days and hours as fit."""
    axis: Any = axes.xaxis
    # Not the next day's midnight itself, which would be marked.
    end: Any = np.datetime64(last, "m") + np.timedelta64(1439, "m")
    axes.set_xlim(first, end)
    locator = moments.AutoDateLocator(minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
    axis.set_major_locator(locator)
    axis.set_major_formatter(moments.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def legend(made: Figure, handles: list[Any], columns: int = 6) -> None:
    """Name what the colours mean, above the figure."""
    made.legend(handles=handles, loc="outside upper left", ncols=columns, handlelength=1.2, columnspacing=1.4)


def to_svg(made: Figure, name: str, alt: str) -> str:
    """The figure as an ``<svg>`` element for an HTML page; the same figure gives the same text.

    Without ``<style>`` and ``style=``, which a strict content security policy refuses, and without a size: it is as
    wide as its place. Text is text, in the page's font.

    :param name: what its ids begin with, so that many stand in one page
    :param alt: what it shows, for those who do not see it
    """
    sink = io.BytesIO()
    # Dates and versions would make the bytes others tomorrow.
    canvas: Any = FigureCanvasSVG(made)
    canvas.print_svg(sink, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = etree.fromstring(sink.getvalue(), etree.XMLParser(resolve_entities=False, remove_comments=True))
    for element in list(root.iter(f"{_SVG}metadata", f"{_SVG}style")):
        parent = element.getparent()
        assert parent is not None  # noqa: S101 - the root is <svg>
        parent.remove(element)
    for element in root.iter():
        _plain(element)
    _rename(root, name)
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, "")
    root.set("role", "img")
    root.set("aria-label", alt)
    root.set("stroke-linejoin", "round")
    text: str = etree.tostring(root, encoding="unicode")
    text = re.sub(r' xmlns(:xlink)?="[^"]+"', "", text)
    return re.sub(r">\s+<", "><", text).strip()


def _plain(element: Any) -> None:
    """Styles as attributes, colours as variables, numbers rounded."""
    for part in (str(element.attrib.pop("style", ""))).split(";"):
        key, _, value = (word.strip() for word in part.partition(":"))
        if key == "font":
            _font(element, value)
        elif key:
            element.set(key, _VARIABLES.get(value.lower(), value))
    for key in ("fill", "stroke"):
        if (value := element.get(key)) is not None:
            element.set(key, _VARIABLES.get(value.lower(), value))
    element.attrib.pop("font-family", "")
    for key in _ROUNDED:
        if value := element.get(key):
            value = " ".join(value.split())
            element.set(key, _NUMBER.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), value))
    if target := element.attrib.pop(_HREF, ""):
        element.set("href", target)


def _font(element: Any, value: str) -> None:
    if found := _FONT.match(value):
        element.set("font-size", found["size"])
        if found["weight"]:
            element.set("font-weight", found["weight"])


def _rename(root: Any, name: str) -> None:
    """Ids that are used get names of ours, the others go."""
    used = {found for item in root.iter() for value in item.attrib.values() for found in _REFERENCE.findall(value)}
    used |= {item.get("href")[1:] for item in root.iter() if item.get("href")}
    fresh = (f"{name}-{number}" for number in itertools.count(1))
    names = {old: next(fresh) for item in root.iter() if (old := item.get("id")) in used}
    for item in root.iter():
        old = item.attrib.pop("id", None)
        if old in names:
            item.set("id", names[old])
        if href := item.get("href"):
            item.set("href", f"#{names[href[1:]]}")
        if clip := item.get("clip-path"):
            item.set("clip-path", _REFERENCE.sub(lambda found: f"url(#{names[found[1]]})", clip))
        if (fill := item.get("fill", "")).startswith("url("):
            item.set("fill", _REFERENCE.sub(lambda found: f"url(#{names[found[1]]})", fill))
