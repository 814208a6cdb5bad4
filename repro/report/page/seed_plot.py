"""Strip plots: the seeds of a population on one axis, as inline SVG with a text alternative.

Of an ordering, the population is of differences, and the axis has a mark at 0, above which it
holds.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from repro.report import words
from repro.report.page.curve_plot import label, path, svg
from repro.report.result_row import ResultRow
from repro.report.words import number, short

WIDTH, HEIGHT, EDGE = 240, 48, 24
_AXIS, _MIDDLE = 31, 17
_MOST_DOTS = 200


def _zero(row: ResultRow) -> bool:
    return row["kind"] == "ordering" and bool(row["values"])


def _published_and_here(row: ResultRow) -> tuple[float | None, float | None]:
    """Return the paper's number and this machine's; of an ordering, its difference."""
    published, here = row["published"], row["measured"]
    if row["kind"] == "ordering":
        here = row["difference"]
    return (
        None if isinstance(published, list) else published,
        None if isinstance(here, list) else here,
    )


def numbers(row: ResultRow) -> list[float]:
    """Return every number that the axis of a row must reach."""
    band = row["band"]
    single = [row["mean"], *_published_and_here(row), 0.0 if _zero(row) else None]
    ends = [band["low"], band["high"]] if band else []
    return [*row["values"][:_MOST_DOTS], *ends, *(x for x in single if x is not None)]


def describe(row: ResultRow) -> str:
    """Return the plot in words, for those who do not see it."""
    parts, band, seeds = [], row["band"], row["values"][:_MOST_DOTS]
    published, here = _published_and_here(row)
    if seeds:
        what = "differences" if _zero(row) else "values"
        ends = f"{number(min(seeds))} to {number(max(seeds))}"
        parts.append(f"{what} of {len(seeds)} seeds from {ends}")
    if band:
        parts.append(f"band from {number(band['low'])} to {number(band['high'])}")
    if published is not None:
        place = ""
        if band:
            above = "above" if published > band["high"] else "in"
            place = f", {'below' if published < band['low'] else above} the band"
        parts.append(f"published {number(published)}{place}")
    if here is not None:
        parts.append(f"{words.here([row])} {number(here)}")
    if _zero(row):
        parts.append("the ordering holds above 0")
    return "; ".join(parts)


def plot(row: ResultRow, axis: Sequence[float]) -> Markup:
    """Return the strip plot on the ticks of ``axis``; nothing where there is nothing to draw."""
    if len(numbers(row)) < 2:  # one mark on an axis of its own says nothing
        return Markup("")
    low, high = axis[0], axis[-1]
    published, here = _published_and_here(row)

    def x(value: float) -> float:
        share = min(max((value - low) / (high - low), 0.0), 1.0)
        return round(EDGE + share * (WIDTH - 2 * EDGE), 1)

    parts = [path("axis", f"M{EDGE} {_AXIS}H{WIDTH - EDGE}")]
    if row["band"]:
        left, right = x(row["band"]["low"]), x(row["band"]["high"])
        band = Markup('<rect class="band" x="{}" y="5" width="{:.1f}" height="{}"/>')
        parts.append(band.format(left, max(right - left, 0.5), _AXIS - 5))
    if _zero(row):
        parts.append(path("zero", f"M{x(0.0)} 3V{_AXIS + 3}"))
    if row["mean"] is not None and row["values"]:
        parts.append(path("mean", f"M{x(row['mean'])} 8V{_AXIS - 5}"))
    for index, value in enumerate(row["values"][:_MOST_DOTS]):
        # Neighbours are kept apart by height alone, the same way on every machine.
        y = _MIDDLE + (index % 5 - 2) * 2.4
        dot = Markup('<circle class="seed" cx="{}" cy="{:.1f}" r="2.3"/>')
        parts.append(dot.format(x(value), y))
    if published is not None:
        at = x(published)
        parts.append(path("published", f"M{at} 6V{_AXIS}M{at} 7l-4-6h8z"))
    if here is not None:
        dot = Markup('<circle class="here" cx="{}" cy="{}" r="4.6"/>')
        parts.append(dot.format(x(here), _MIDDLE))
    for tick in axis:
        parts.append(path("axis", f"M{x(tick)} {_AXIS}v4"))
        parts.append(label("tick", x(tick), HEIGHT - 2, short(tick)))
    return svg("strip", WIDTH, HEIGHT, describe(row), parts)
