"""Plots of curves: published points, their bands and this machine's, as inline SVG.

The same plot is drawn small for a row of the table and large for a figure. Its colours come from
``page.css``, so that it suits light and dark pages.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from repro.report import words
from repro.report.result_row import PointRow, ResultRow
from repro.report.sanitize import line
from repro.report.words import number, short

MOST_POINTS = 200


@dataclass(frozen=True)
class Frame:
    """The size of a plot and of the margins around its axes, in CSS pixels."""

    kind: str
    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int


STRIP = Frame("strip", 240, 100, left=44, right=8, top=8, bottom=20)
PANEL = Frame("strip panel", 560, 240, left=60, right=10, top=30, bottom=52)


def numbers(row: ResultRow) -> list[float]:
    """Return every number that the axis of a curve must reach."""
    found: list[float | None] = []
    for point in row["points"][:MOST_POINTS]:
        found += [point["published"], point["mean"], point["measured"]]
        found += [point["band"]["low"], point["band"]["high"]] if point["band"] else []
    return [x for x in found if x is not None]


def ticks(numbers: Iterable[float]) -> list[float]:
    """Return the axis of one or several plots: two to five round numbers around what is on it.

    They are multiples of 1, 2 or 5 times a power of ten, so that rates never leave [0, 1].

    >>> ticks([0.03, 0.98]), ticks([0.137, 0.279])
    ([0.0, 0.5, 1.0], [0.1, 0.15, 0.2, 0.25, 0.3])
    """
    found = list(numbers) or [0.0]
    low, high = min(found), max(found)
    if high - low <= max(1e-9 * max(abs(low), abs(high)), 1e-300):  # one number, or as good as
        room = 0.1 * abs(low) if abs(low) > 1e-300 else 1.0
        rates = 0 <= low <= high <= 1
        low, high = low - room, high + room
        low, high = (max(low, 0.0), min(high, 1.0)) if rates else (low, high)
    least = (high - low) / (3 + 1e-6)
    power = 10.0 ** math.floor(math.log10(least))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= least)
    # What rounding alone keeps from a tick is on it.
    ends = math.floor(low / step + 1e-6), math.ceil(high / step - 1e-6)
    return [float(f"{step * i:.9g}") for i in range(ends[0], ends[1] + 1)]


def describe(row: ResultRow) -> str:
    """Return the plot in words, for those who do not see it."""
    drawn = row["points"][:MOST_POINTS]
    means = [point["mean"] for point in drawn if point["mean"] is not None]
    here = [point["measured"] for point in drawn if point["measured"] is not None]
    missed = [point["label"] for point in drawn if point["inside"] is False]
    held = words.inside([point["inside"] for point in drawn])
    parts = [f"{len(drawn)} points, published {number([p['published'] for p in drawn])}"]
    if held != words.NOTHING:
        parts.append(held + (f", outside at {line(', '.join(missed))}" if missed else ""))
    parts += [f"population means {number(means)}"] if means else []
    parts += [f"{words.here([row])} {number(here)}"] if here else []
    return "; ".join(parts)


def positions(labels: Sequence[str]) -> list[float]:
    """Return where points stand on the horizontal axis, from 0 to 1.

    Labels that are rising numbers, such as eps, are an axis; others are columns side by side.
    """
    try:
        numbers = [float(label) for label in labels]
    except ValueError:
        numbers = []
    if len(numbers) > 1 and all(a < b for a, b in pairwise(numbers)):
        width = numbers[-1] - numbers[0]
        if math.isfinite(width):
            return [(x - numbers[0]) / width for x in numbers]
    return [(i + 0.5) / len(labels) for i in range(len(labels))]


def plot(row: ResultRow, axis: Sequence[float], frame: Frame = STRIP) -> Markup:
    """Return the plot of a curve on the ticks of ``axis``; nothing without points.

    ``STRIP`` is the frame of a row of the table, ``PANEL`` that of a figure.
    """
    drawn = row["points"][:MOST_POINTS]
    if not drawn:
        return Markup("")
    places = positions([point["label"] for point in drawn])
    gap = min((b - a for a, b in pairwise(places)), default=1.0)
    end, bottom = frame.width - frame.right, frame.height - frame.bottom
    half = min(6.0, max(0.5, 0.35 * gap * (end - frame.left)))
    xs = [frame.left + half + 3 + place * (end - frame.left - 2 * half - 6) for place in places]

    def y(value: float) -> float:
        share = min(max((value - axis[0]) / (axis[-1] - axis[0]), 0.0), 1.0)
        return round(bottom - share * (bottom - frame.top), 1)

    parts = [path("axis", f"M{frame.left} {frame.top}V{bottom}H{end}")]
    for tick in axis if frame is PANEL else (axis[0], axis[-1]):
        parts.append(path("axis", f"M{frame.left} {y(tick)}H{end}"))
        parts.append(label("high", frame.left - 5, y(tick) + 4, short(tick)))
    for x, point in zip(xs, drawn, strict=True):
        parts += _marks(point, x, half, y)
    labels, title = [line(point["label"], 20) for point in drawn], line(row["axis"], 40)
    middle, under = (frame.left + end) / 2, bottom + (24 if frame is PANEL else 16)
    if frame is PANEL:
        # As many labels as there is room for.
        wide = 8 * max(map(len, labels)) + 8
        step = math.ceil(len(labels) * wide / (end - frame.left))
        shown = zip(xs[::step], labels[::step], strict=True)
        parts += [label("tick", x, under, text) for x, text in shown]
        parts.append(label("tick title", middle, frame.height - 6, title))
        parts.append(label("title", 2, 14, line(row["metric"], 60)))
    else:
        parts.append(label("tick", xs[0], under, labels[0][:12]))
        parts.append(label("tick title", middle, under, title[:12]))
        parts.append(label("tick", xs[-1], under, labels[-1][:12]))
    return svg(frame.kind, frame.width, frame.height, describe(row), parts)


def svg(kind: str, width: int, height: int, said: str, parts: Iterable[Markup]) -> Markup:
    """Return a plot with its text alternative."""
    return Markup(
        '<svg class="{}" role="img" viewBox="0 0 {} {}" aria-label="{}">{}</svg>'
    ).format(kind, width, height, said, Markup("").join(parts))


def path(kind: str, steps: str) -> Markup:
    """Return a line or an outline."""
    return Markup('<path class="{}" d="{}"/>').format(kind, steps)


def label(kind: str, x: float, y: float, text: str) -> Markup:
    """Return a word beside an axis."""
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(kind, x, y, text)


def _marks(
    point: PointRow, x: float, half: float, y: Callable[[float], float]
) -> Iterable[Markup]:
    """Return a point's band, mean, published number and this machine's, from back to front."""
    left, wide = round(x - half, 1), round(2 * half, 1)
    if point["band"]:
        top = y(point["band"]["high"])
        tall = max(round(y(point["band"]["low"]) - top, 1), 0.5)
        yield Markup('<rect class="band" x="{}" y="{}" width="{}" height="{}"/>').format(
            left, top, wide, tall
        )
    if point["mean"] is not None:
        yield path("mean", f"M{left} {y(point['mean'])}h{wide}")
    start = f"M{left - 1:.1f} {y(point['published'])}"
    tip = f"{start}l-3-2.5v5z" if half > 4.5 else ""
    yield path("published", f"{start}h{wide + 2:.1f}{tip}")
    if point["measured"] is not None:
        yield Markup('<circle class="here" cx="{:.1f}" cy="{}" r="{:.1f}"/>').format(
            x, y(point["measured"]), min(3.6, 0.85 * half)
        )
