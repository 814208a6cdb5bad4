"""Strip plots: the seeds of a population on one axis, as inline SVG with a text alternative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from repro.report.result_row import BandRow, ResultRow
from repro.report.words import number

WIDTH, HEIGHT, EDGE = 240, 44, 10
_AXIS, _MIDDLE = 31, 17
_MOST_DOTS = 200


@dataclass(frozen=True)
class Marks:
    """What a strip plot shows.

    Args:
        seeds: the population, one value a seed; of an ordering, the differences.
        band: the 95 % prediction band.
        mean: of the population.
        published: the paper's number.
        here: this machine's number.
        zero: whether 0 is marked, above which an ordering holds.
    """

    seeds: Sequence[float] = ()
    band: BandRow | None = None
    mean: float | None = None
    published: float | None = None
    here: float | None = None
    zero: bool = False

    @property
    def numbers(self) -> list[float]:
        """Every number that the axis must reach."""
        ends = (self.band["low"], self.band["high"]) if self.band else ()
        single = (self.mean, self.published, self.here, 0.0 if self.zero else None)
        return [*self.seeds, *ends, *(x for x in single if x is not None)]


def marks(row: ResultRow) -> Marks:
    """Return what is to be drawn of a row."""
    ordering = row["kind"] == "ordering"
    published, here = row["published"], row["difference" if ordering else "measured"]
    return Marks(
        seeds=row["values"][:_MOST_DOTS],
        band=row["band"],
        mean=row["mean"],
        published=None if isinstance(published, list) else published,
        here=None if isinstance(here, list) else here,
        zero=ordering and bool(row["values"]),
    )


def describe(drawn: Marks) -> str:
    """Return the plot in words, for those who do not see it."""
    parts, band = [], drawn.band
    if drawn.seeds:
        what = "differences" if drawn.zero else "values"
        low, high = number(min(drawn.seeds)), number(max(drawn.seeds))
        parts.append(f"{what} of {len(drawn.seeds)} seeds from {low} to {high}")
    if band:
        parts.append(f"band from {number(band['low'])} to {number(band['high'])}")
    if drawn.published is not None:
        place = ""
        if band:
            above = "above" if drawn.published > band["high"] else "in"
            place = f", {'below' if drawn.published < band['low'] else above} the band"
        parts.append(f"published {number(drawn.published)}{place}")
    if drawn.here is not None:
        parts.append(f"this machine {number(drawn.here)}")
    if drawn.zero:
        parts.append("the ordering holds above 0")
    return "; ".join(parts)


def plot(drawn: Marks, axis: tuple[float, float]) -> Markup:
    """Return the strip plot, or nothing where there is nothing to draw."""
    if len(drawn.numbers) < 2:  # one mark on an axis of its own says nothing
        return Markup("")
    low, high = axis

    def x(value: float) -> str:
        share = min(max((value - low) / (high - low), 0.0), 1.0)
        return f"{EDGE + share * (WIDTH - 2 * EDGE):.1f}"

    parts = [f'<path class="axis" d="M{EDGE} {_AXIS}H{WIDTH - EDGE}"/>']
    if drawn.band:
        left, right = x(drawn.band["low"]), x(drawn.band["high"])
        wide = max(float(right) - float(left), 0.5)
        parts.append(
            f'<rect class="band" x="{left}" y="5" width="{wide:.1f}" height="{_AXIS - 5}"/>'
        )
    if drawn.zero:
        at = x(0.0)
        parts.append(f'<path class="zero" d="M{at} 3V{_AXIS + 3}"/>')
        parts.append(f'<text class="tick" x="{at}" y="{HEIGHT - 2}">0</text>')
    if drawn.mean is not None and drawn.seeds:
        parts.append(f'<path class="mean" d="M{x(drawn.mean)} 8V{_AXIS - 5}"/>')
    for index, value in enumerate(drawn.seeds):
        # Neighbours are kept apart by height alone, the same way on every machine.
        y = _MIDDLE + (index % 5 - 2) * 2.4
        parts.append(f'<circle class="seed" cx="{x(value)}" cy="{y:.1f}" r="2.3"/>')
    if drawn.published is not None:
        at = x(drawn.published)
        parts.append(f'<path class="published" d="M{at} 6V{_AXIS}M{at} 7l-4-6h8z"/>')
    if drawn.here is not None:
        parts.append(f'<circle class="here" cx="{x(drawn.here)}" cy="{_MIDDLE}" r="4.6"/>')
    parts += [
        f'<text class="low" x="{EDGE}" y="{HEIGHT - 2}">{escape(number(low))}</text>',
        f'<text class="high" x="{WIDTH - EDGE}" y="{HEIGHT - 2}">{escape(number(high))}</text>',
    ]
    inside = Markup("").join(Markup(part) for part in parts)  # noqa: S704 - numbers and own words
    return Markup(
        '<svg class="strip" role="img" viewBox="0 0 {} {}" aria-label="{}">{}</svg>'
    ).format(WIDTH, HEIGHT, describe(drawn), inside)
