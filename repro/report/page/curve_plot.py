"""Plots of curves: published points, their bands and this machine's, as inline SVG."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

from markupsafe import Markup, escape

from repro.report.result_row import BandRow, ResultRow
from repro.report.sanitize import finite, line
from repro.report.words import inside, number

MOST_POINTS = 200
WIDTH, HEIGHT, LEFT, RIGHT = 240, 96, 40, 6
_TOP, _AXIS = 6, 78


@dataclass(frozen=True)
class Point:
    """One point of a curve; None for what is not known or cannot be drawn."""

    label: str
    published: float | None
    mean: float | None = None
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    inside: bool | None = None
    here: float | None = None
    gate: tuple[float, float] | None = None

    @property
    def numbers(self) -> list[float]:
        """Every number that the axis must reach."""
        each = (self.published, self.mean, self.low, self.high, self.here)
        return [x for x in each if x is not None]


def points(record: ResultRow) -> list[Point]:
    """The points of a curve's record; without evidence, the published and measured numbers."""
    found = []
    for point in record["points"][:MOST_POINTS]:
        low, high = _ends(point["band"])
        bottom, top = _ends(point["gate"])
        found.append(
            Point(
                label=line(point["label"], 60),
                published=finite(point["published"]),
                mean=finite(point["mean"]),
                sd=finite(point["sd"]),
                low=low,
                high=high,
                inside=point["inside"],
                here=finite(point["measured"]),
                gate=None if bottom is None or top is None else (bottom, top),
            )
        )
    if found or not isinstance(record["published"], list):
        return found
    said = record["published"][:MOST_POINTS]
    here = record["measured"] if isinstance(record["measured"], list) else []
    pairs = zip_longest(said, here[: len(said)])
    return [Point(str(i + 1), finite(x), here=finite(y)) for i, (x, y) in enumerate(pairs)]


def _ends(band: BandRow | None) -> tuple[float | None, float | None]:
    return (finite(band["low"]), finite(band["high"])) if band else (None, None)


def domain(curves: Iterable[list[Point]]) -> tuple[float, float]:
    """One vertical axis for several curves."""
    found = [x for curve in curves for point in curve for x in point.numbers] or [0.0]
    low, high = min(found), max(found)
    room = 0.03 * (high - low) or 0.01 * abs(low) or 1.0
    return low - room, high + room


def describe(drawn: list[Point]) -> str:
    """The plot in words, for those who do not see it."""
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


def plot(drawn: list[Point], axis: tuple[float, float]) -> Markup:
    """The plot, or nothing where there is nothing to draw."""
    if not any(point.numbers for point in drawn):
        return Markup("")
    low, high = axis
    step = (WIDTH - LEFT - RIGHT) / len(drawn)
    half = min(6.0, 0.35 * step)

    def y(value: float) -> float:
        share = min(max((value - low) / (high - low), 0.0), 1.0)
        return round(_AXIS - share * (_AXIS - _TOP), 1)

    parts = [f'<path class="axis" d="M{LEFT} {_TOP}V{_AXIS}H{WIDTH - RIGHT}"/>']
    for index, point in enumerate(drawn):
        x = round(LEFT + (index + 0.5) * step, 1)
        if point.low is not None and point.high is not None and point.low <= point.high:
            top = y(point.high)
            tall = max(round(y(point.low) - top, 1), 0.5)
            at, wide = round(x - half, 1), round(2 * half, 1)
            parts.append(f'<rect class="band" x="{at}" y="{top}" width="{wide}" height="{tall}"/>')
        if point.mean is not None:
            at, wide = round(x - half, 1), round(2 * half, 1)
            parts.append(f'<path class="mean" d="M{at} {y(point.mean)}h{wide}"/>')
        if point.published is not None:
            at, side, top = round(x - half - 1, 1), round(2 * half + 2, 1), y(point.published)
            tip = f"M{at} {top}l-3-2.5v5z" if step > 13 else ""
            parts.append(f'<path class="published" d="M{at} {top}h{side}{tip}"/>')
        if point.here is not None:
            radius = min(3.6, 0.3 * step)
            parts.append(f'<circle class="here" cx="{x}" cy="{y(point.here)}" r="{radius:.1f}"/>')
    first, last = drawn[0].label, drawn[-1].label
    parts += [
        f'<text class="high" x="{LEFT - 4}" y="{_TOP + 4}">{number(high)}</text>',
        f'<text class="high" x="{LEFT - 4}" y="{_AXIS}">{number(low)}</text>',
        f'<text class="low" x="{LEFT}" y="{HEIGHT - 5}">{escape(line(first, 20))}</text>',
        f'<text class="high" x="{WIDTH - RIGHT}" y="{HEIGHT - 5}">{escape(line(last, 20))}</text>',
    ]
    content = Markup("").join(Markup(part) for part in parts)  # noqa: S704 - numbers, escaped labels
    svg = '<svg class="strip" role="img" viewBox="0 0 {} {}" aria-label="{}">{}</svg>'
    return Markup(svg).format(WIDTH, HEIGHT, describe(drawn), content)  # noqa: S704 - as above
