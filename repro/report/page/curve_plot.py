"""Plots of curves: published points, their bands and this machine's, as inline SVG.

The same plot is drawn small for a row of the table and large for a figure. Its colours come from
``page.css``, so that it suits light and dark pages.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

from markupsafe import Markup

from repro.report.result_row import BandRow, ResultRow
from repro.report.sanitize import finite, line
from repro.report.words import inside, number, short

MOST_POINTS = 200
Ends = tuple[float, float]


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


STRIP = Frame("strip", 240, 96, left=40, right=6, top=6, bottom=18)
PANEL = Frame("strip panel", 440, 180, left=46, right=10, top=8, bottom=24)


@dataclass(frozen=True)
class Point:
    """One point of a curve; None for what is not known or cannot be drawn."""

    label: str
    published: float | None
    mean: float | None = None
    band: Ends | None = None
    inside: bool | None = None
    here: float | None = None

    @property
    def numbers(self) -> list[float]:
        """Every number that the axis must reach."""
        each = (self.published, self.mean, self.here)
        return [*(self.band or ()), *(x for x in each if x is not None)]


def points(row: ResultRow) -> list[Point]:
    """Return a curve's points; without evidence, the published and measured numbers."""
    found = [
        Point(
            label=line(point["label"], 60),
            published=finite(point["published"]),
            mean=finite(point["mean"]),
            band=ends(point["band"]),
            inside=point["inside"],
            here=finite(point["measured"]),
        )
        for point in row["points"][:MOST_POINTS]
    ]
    if found or not isinstance(row["published"], list):
        return found
    said = row["published"][:MOST_POINTS]
    here = row["measured"] if isinstance(row["measured"], list) else []
    pairs = zip_longest(said, here[: len(said)])
    return [Point(str(i + 1), finite(x), here=finite(y)) for i, (x, y) in enumerate(pairs)]


def ends(band: BandRow | None) -> Ends | None:
    """Return a band's ends; None where they cannot be drawn as a band."""
    low, high = (finite(band["low"]), finite(band["high"])) if band else (None, None)
    return (low, high) if low is not None and high is not None and low <= high else None


def domain(numbers: Iterable[float]) -> tuple[float, float]:
    """Return one axis for several plots, a little longer than what stands on it."""
    found = list(numbers) or [0.0]
    low, high = min(found), max(found)
    room = 0.04 * (high - low) or 0.01 * abs(low) or 1.0
    return low - room, high + room


def describe(drawn: Sequence[Point]) -> str:
    """Return the plot in words, for those who do not see it."""
    parts = [f"{len(drawn)} points, published {number([p.published for p in drawn])}"]
    if any(point.inside is not None for point in drawn):
        missed = [point.label for point in drawn if point.inside is False]
        outside = f", outside at {line(', '.join(missed))}" if missed else ""
        parts.append(inside([point.inside for point in drawn]) + outside)
    if any(point.mean is not None for point in drawn):
        parts.append(f"population means {number([p.mean for p in drawn])}")
    if any(point.here is not None for point in drawn):
        parts.append(f"this machine {number([p.here for p in drawn])}")
    return "; ".join(parts)


def positions(labels: Sequence[str]) -> list[float]:
    """Return where points stand on the horizontal axis, from 0 to 1.

    Labels that are rising numbers, such as eps, are an axis; others are columns side by side.
    """
    numbers = []
    for label in labels:
        try:
            numbers.append(finite(float(label)))
        except ValueError:
            numbers.append(None)
    known = [x for x in numbers if x is not None]
    if len(known) == len(labels) > 1 and all(a < b for a, b in pairwise(known)):
        return [(x - known[0]) / (known[-1] - known[0]) for x in known]
    return [(i + 0.5) / len(labels) for i in range(len(labels))]


def ticks(low: float, high: float) -> list[float]:
    """Return three to seven round numbers between ``low`` and ``high``."""
    size = 10.0 ** math.floor(math.log10(high - low))
    many = (high - low) / size if size else 1.0  # 1 to 10
    step = size * (0.2 if many <= 1.2 else 0.5 if many <= 3 else 1 if many <= 6 else 2)
    if not step:  # the ends differ by next to nothing
        return []
    return [step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def plot(drawn: Sequence[Point], axis: tuple[float, float], frame: Frame = STRIP) -> Markup:
    """Return the plot, or nothing where there is nothing to draw.

    Args:
        drawn: the points.
        axis: the ends of the vertical axis.
        frame: ``STRIP`` for a row of the table, ``PANEL`` for a figure.
    """
    if not any(point.numbers for point in drawn):
        return Markup("")
    places = positions([point.label for point in drawn])
    gap = min((b - a for a, b in pairwise(places)), default=1.0)
    end, bottom = frame.width - frame.right, frame.height - frame.bottom
    half = min(6.0, max(0.5, 0.35 * gap * (end - frame.left)))
    xs = [frame.left + half + 3 + place * (end - frame.left - 2 * half - 6) for place in places]

    def y(value: float) -> float:
        share = min(max((value - axis[0]) / (axis[1] - axis[0]), 0.0), 1.0)
        return round(bottom - share * (bottom - frame.top), 1)

    parts = [_path("axis", f"M{frame.left} {frame.top}V{bottom}H{end}")]
    if frame is PANEL:
        for tick in ticks(*axis):
            parts.append(_path("axis", f"M{frame.left} {y(tick)}H{end}"))
            parts.append(_text("high", frame.left - 4, y(tick) + 4, short(tick)))
    else:
        parts.append(_text("high", frame.left - 4, frame.top + 4, number(axis[1])))
        parts.append(_text("high", frame.left - 4, bottom, number(axis[0])))
    for x, point in zip(xs, drawn, strict=True):
        parts += _marks(point, x, half, y)
    labels = [line(point.label, 20) for point in drawn]
    under = frame.height - 5
    if frame is PANEL:
        # As many labels as there is room for.
        wide = 6 * max(map(len, labels)) + 8
        step = math.ceil(len(labels) * wide / (end - frame.left))
        shown = zip(xs[::step], labels[::step], strict=True)
        parts += [_text("tick", x, under, label) for x, label in shown]
    else:
        parts.append(_text("low", frame.left, under, labels[0]))
        parts.append(_text("high", end, under, labels[-1]))
    return Markup(
        '<svg class="{}" role="img" viewBox="0 0 {} {}" aria-label="{}">{}</svg>'
    ).format(frame.kind, frame.width, frame.height, describe(drawn), Markup("").join(parts))


def _path(kind: str, steps: str) -> Markup:
    return Markup('<path class="{}" d="{}"/>').format(kind, steps)


def _text(kind: str, x: float, y: float, text: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(kind, x, y, text)


def _marks(point: Point, x: float, half: float, y: Callable[[float], float]) -> Iterable[Markup]:
    """Return a point's band, mean, published number and this machine's, from back to front."""
    left, wide = round(x - half, 1), round(2 * half, 1)
    if point.band:
        top = y(point.band[1])
        tall = max(round(y(point.band[0]) - top, 1), 0.5)
        yield Markup('<rect class="band" x="{}" y="{}" width="{}" height="{}"/>').format(
            left, top, wide, tall
        )
    if point.mean is not None:
        yield _path("mean", f"M{left} {y(point.mean)}h{wide}")
    if point.published is not None:
        tip = "l-3-2.5v5z" if half > 4.5 else ""
        start = f"M{left - 1:.1f} {y(point.published)}"
        yield _path("published", f"{start}h{wide + 2:.1f}" + (start + tip if tip else ""))
    if point.here is not None:
        yield Markup('<circle class="here" cx="{:.1f}" cy="{}" r="{:.1f}"/>').format(
            x, y(point.here), min(3.6, 0.85 * half)
        )
