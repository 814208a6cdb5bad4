"""Drawings for the page of a report, as PNG: curves with their populations, rows of images.

matplotlib is loaded where something is drawn, and nothing of the user's (styles, caches of
other settings) decides what comes out: the same numbers give the same bytes.
"""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from repro.report.page.curve_plot import Point
from repro.report.sanitize import line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 440
"""CSS pixels: as wide as a column of the page, and a little wider than a telephone."""
SCALE = 2
"""Pixels of the picture to one CSS pixel."""
_DPI, _SMALL, _TEXT = 96, 7.0, 8.5
_THICK = 1.4
_LEFT, _RIGHT, _PANEL, _LEGEND, _TITLE, _TICKS = 48, 8, 132, 26, 22, 24
_UNIT, _GAP, _LABEL, _LINE = 14, 2, 20, 12
"""Of images: half their side, the space between them, a row's label, a line below images."""


@dataclass(frozen=True)
class Theme:
    """The page's colours, as ``page.css`` has them."""

    paper: str
    ink: str
    soft: str
    line: str
    band: str
    seed: str
    published: str


LIGHT = Theme("#ffffff", "#1c1e21", "#565b63", "#d9dce1", "#cfe0f3", "#3c6ea3", "#b3360b")
DARK = Theme("#16181b", "#e4e6e9", "#a3a9b2", "#363a40", "#29405a", "#7fb0e6", "#ff9a6b")


@dataclass(frozen=True)
class Panel:
    """One reading of a curve: its title and its points."""

    title: str
    points: Sequence[Point]


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Strip:
    """One row of images.

    Args:
        label: what they are.
        images: (N, 28, 28) uint8.
        labels: N texts, one to stand below each.
    """

    label: str
    images: NDArray[np.uint8]
    labels: Sequence[str]


@dataclass(frozen=True)
class Drawing:
    """A PNG and its size in CSS pixels."""

    png: bytes
    width: int
    height: int


def positions(labels: Sequence[str]) -> list[float] | None:
    """Where points stand on an axis of numbers, such as eps; None for categories.

    Categories are texts, and whole numbers that follow one another, such as the classes 0 to 9.
    """
    try:
        found = [float(label) for label in labels]
    except ValueError:
        return None
    steps = [b - a for a, b in pairwise(found)]
    if len(found) < 2 or not all(map(math.isfinite, found)) or not min(steps) > 0:
        return None
    whole = all(x.is_integer() for x in found) and set(steps) == {1.0}
    return None if whole else found


def draw_curve(panels: Sequence[Panel], theme: Theme) -> Drawing:
    """A panel a reading, all on the same axes: lines over numbers, bars over categories."""
    each = _TITLE + _PANEL + _TICKS
    height = _LEGEND + len(panels) * each
    with _figure(WIDTH, height, theme) as figure:
        numbers = [x for panel in panels for point in panel.points for x in point.numbers]
        places = [positions([point.label for point in panel.points]) for panel in panels]
        bars = None in places
        for i, (panel, at) in enumerate(zip(panels, places, strict=True)):
            top = _LEGEND + i * each + _TITLE
            axes = _axes(figure, _LEFT, top, WIDTH - _LEFT - _RIGHT, _PANEL)
            axes.set_title(_plain(panel.title, 70), fontsize=_TEXT, loc="left", pad=5)
            if bars:
                _bars(axes, panel.points, theme)
            else:
                _lines(axes, panel.points, np.array(at), theme)
            _limits(axes, numbers, from_zero=bars)
        _legend(figure, theme, bars=bars)
        return _png(figure, WIDTH, height)


def draw_images(rows: Sequence[Strip], theme: Theme) -> Drawing:
    """Rows of images, each with its label above and those of its images below."""
    most = max(len(row.images) for row in rows)
    # A whole number of picture pixels to each of theirs keeps them sharp.
    fits = (WIDTH + _GAP) // most - _GAP
    side = _UNIT * min(6, max(2, fits // _UNIT))
    # Where one label is too wide for a line, all of them take two.
    wide = any(5 * len(label) > side - 6 for row in rows for label in row.labels)
    below = [[_lines_of(label, wide) for label in row.labels] for row in rows]
    heights = [_LABEL + side + _LINE * max(map(len, texts), default=0) for texts in below]
    with _figure(WIDTH, sum(heights) + _GAP, theme) as figure:
        top = 0
        for row, texts, height in zip(rows, below, heights, strict=True):
            _text(figure, row.label, 0, top + _LABEL / 2 + 1, _TEXT, theme.ink, "left")
            for i, image in enumerate(row.images):
                left = i * (side + _GAP)
                axes = _axes(figure, left, top + _LABEL, side, side)
                axes.set_axis_off()
                grey = np.repeat(image[:, :, None], 3, axis=2)
                axes.imshow(grey, interpolation="nearest")
                for n, text in enumerate(texts[i]):
                    y = top + _LABEL + side + _LINE * (n + 0.5)
                    _text(figure, text, left + side / 2, y, _SMALL, theme.soft, "center")
            top += height
        return _png(figure, WIDTH, sum(heights) + _GAP)


def _lines_of(label: str, wide: bool) -> list[str]:
    """What stands below an image: nothing, a line, or two."""
    if not label:
        return []
    return label.split(", ", maxsplit=1) if wide else [label]


@contextmanager
def _figure(width: int, height: int, theme: Theme) -> Iterator[Figure]:
    """A figure of that size in CSS pixels, under matplotlib's own settings and no other."""
    matplotlib = _loaded()
    from matplotlib.figure import Figure

    own: dict[Any, Any] = {
        "text.parse_math": False,  # a label may be anything, and $ is only a character
        "font.size": _TEXT,
        "axes.linewidth": 0.8,
        "text.color": theme.ink,
        **dict.fromkeys(("axes.edgecolor", "axes.labelcolor"), theme.line),
        **dict.fromkeys(("xtick.color", "ytick.color"), theme.line),
        **dict.fromkeys(("xtick.labelcolor", "ytick.labelcolor"), theme.soft),
        **dict.fromkeys(("xtick.labelsize", "ytick.labelsize"), _SMALL + 0.5),
    }
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(own)
        yield Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor=theme.paper)


def _loaded() -> Any:
    """matplotlib, without a word on where it may keep its list of fonts."""
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        import matplotlib
        import matplotlib.font_manager
    finally:
        log.setLevel(level)
    return matplotlib


def _png(figure: Figure, width: int, height: int) -> Drawing:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=SCALE * _DPI, metadata={"Software": None})
    return Drawing(out.getvalue(), width, height)


def _axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes at a place that is given in CSS pixels from the upper left corner."""
    across, down = figure.get_size_inches() * _DPI
    axes: Axes = figure.add_axes(
        (left / across, 1 - (top + height) / down, width / across, height / down)
    )
    axes.set_facecolor("none")
    return axes


def _text(
    figure: Figure, text: str, x: float, y: float, size: float, color: str, side: str
) -> None:
    """A text at a place in CSS pixels from the upper left corner."""
    across, down = figure.get_size_inches() * _DPI
    place: Any = {"ha": side, "va": "center"}
    figure.text(x / across, 1 - y / down, _plain(text, 80), fontsize=size, color=color, **place)


def _column(points: Sequence[Point], name: str) -> NDArray[np.float64]:
    """One number of every point; NaN, which is not drawn, for those that are not known."""
    values = [getattr(point, name) for point in points]
    return np.array([math.nan if value is None else value for value in values])


def _lines(axes: Axes, points: Sequence[Point], x: NDArray[np.float64], theme: Theme) -> None:
    low, high = _column(points, "low"), _column(points, "high")
    axes.fill_between(x, low, high, color=theme.band, linewidth=0)
    axes.plot(x, _column(points, "mean"), color=theme.seed, linewidth=_THICK)
    axes.plot(x, _column(points, "published"), **_published(theme))
    axes.plot(x, _column(points, "here"), **_here(theme))
    _ticks(axes, points, x)


def _bars(axes: Axes, points: Sequence[Point], theme: Theme) -> None:
    x = np.arange(len(points), dtype=np.float64)
    mean, low, high = (_column(points, name) for name in ("mean", "low", "high"))
    axes.bar(x - 0.2, _column(points, "published"), 0.36, color=_faint(theme))
    axes.bar(x + 0.2, mean, 0.36, color=theme.band)
    axes.vlines(x + 0.2, low, high, color=theme.seed, linewidth=_THICK)
    axes.plot(x + 0.2, _column(points, "here"), **_here(theme))
    _ticks(axes, points, x)


def _published(theme: Theme) -> dict[str, Any]:
    return {"color": theme.published, "marker": "v", "markersize": 3.4, "linewidth": 1.1}


def _faint(theme: Theme) -> str:
    """The colour of published bars: that of published lines, mixed with the paper's."""
    from matplotlib.colors import to_hex, to_rgb

    pairs = zip(to_rgb(theme.published), to_rgb(theme.paper), strict=True)
    return to_hex([0.6 * a + 0.4 * b for a, b in pairs])  # type: ignore[arg-type] # three of them


def _here(theme: Theme) -> dict[str, Any]:
    ring = {"markerfacecolor": "none", "markeredgecolor": theme.ink, "markeredgewidth": 1.1}
    return {"linestyle": "none", "marker": "o", "markersize": 5, "zorder": 5, **ring}


def _ticks(axes: Axes, points: Sequence[Point], x: NDArray[np.float64]) -> None:
    """Labels below the points, as many as there is room for."""
    labels = [_plain(point.label, 12) for point in points]
    wide = 6 * max(map(len, labels), default=1) + 6
    step = math.ceil(len(labels) * wide / (WIDTH - _LEFT - _RIGHT)) or 1
    axes.set_xticks(x[::step], labels[::step])
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="y", color=axes.spines["left"].get_edgecolor(), linewidth=0.5)
    axes.set_axisbelow(True)


def _limits(axes: Axes, numbers: Sequence[float], *, from_zero: bool) -> None:
    found = [*numbers, *([0.0] if from_zero else [])] or [0.0]
    low, high = min(found), max(found)
    room = 0.05 * (high - low) or 0.01 * abs(low) or 1.0
    axes.set_ylim(low - (0 if from_zero and low == 0 else room), high + room)


def _legend(figure: Figure, theme: Theme, *, bars: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    mean: dict[str, Any] = {"color": theme.seed, "linewidth": _THICK}
    patch: dict[str, Any] = {"color": theme.band}
    handles = [
        Patch(color=_faint(theme)) if bars else Line2D([], [], **_published(theme)),
        Patch(**patch) if bars else Line2D([], [], **mean),
        # As a band stands in the drawing: upright beside bars, an area below lines.
        Line2D([], [], linestyle="none", marker="|", markersize=9, markeredgewidth=_THICK, **mean)
        if bars
        else Patch(**patch),
        Line2D([], [], **_here(theme)),
    ]
    figure.legend(
        handles,
        ["published", "population mean", "95 % band", "this machine"],
        loc="upper left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.2,
        ncols=4,
        frameon=False,
        fontsize=_SMALL + 0.5,
        handlelength=1.4,
        handletextpad=0.5,
        columnspacing=1.4,
    )


def _plain(text: str, limit: int) -> str:
    """The text on one line, in characters that the font has."""
    from matplotlib import font_manager

    known = font_manager.get_font(font_manager.findfont("DejaVu Sans")).get_charmap()
    return "".join(c if ord(c) in known else "?" for c in line(text, limit))
