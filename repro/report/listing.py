"""Claims and their verdicts in the terminal: tables that fit the window, and one claim's story."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from repro.claims.records import Claim
from repro.claims.verdict import Verdict
from repro.judge.bands import Band
from repro.judge.cases import Case, unjudged
from repro.report import words
from repro.report.layout import Cells, grouped
from repro.report.result_row import new_row
from repro.report.terminal import STYLES


def claims(
    listed: Iterable[tuple[Claim, Sequence[str]]], *, width: int | None = None
) -> list[RenderableType]:
    """Return a table of claims, a row for each of their readings, with the verdicts on record."""
    groups: dict[tuple[str, str], Sequence[Cells]] = {}
    for claim, readings in listed:
        cases = [unjudged(claim, reading) for reading in readings]
        cells = [(case.reading, _coloured(case.expected.verdict)) for case in cases]
        groups[claim.id, words.published(new_row(cases[0]))] = cells
    return grouped(("claim", "published", "reading", "on record"), groups, width=width)


def verdicts(cases: Iterable[Case], *, width: int | None = None) -> list[RenderableType]:
    """Return a table of verdicts from the populations, a row a claim and reading."""
    groups: dict[tuple[str, str], list[Cells]] = {}
    for case in cases:
        row = new_row(case)
        cells = (case.reading, words.population(row).replace("difference", "by"), said(case))
        groups.setdefault((case.claim.id, words.published(row)), []).append(cells)
    titles = ("claim", "published", "reading", "mean ± s (N)", "verdict")
    return [*grouped(titles, groups, width=width), Text(words.MEAN_AND_SPREAD, "dim")]


def said(case: Case) -> Text:
    """Return a case's verdict in its colour, and what it may not be read without."""
    more = ", post hoc" * (case.reading in case.claim.post_hoc)
    return _coloured(case.judgement.verdict, more + ", UNEXPECTED" * (not case.as_expected))


def _coloured(verdict: Verdict, more: str = "") -> Text:
    return Text(f"{verdict}{more}", STYLES[verdict])


def seeds(cases: Sequence[Case], *, width: int) -> list[RenderableType]:
    """Draw a claim's seeds, a line a reading on one axis; of a curve, a table of its points."""
    drawn = [case for case in cases if case.values]
    if not drawn:
        return _points(cases)
    claim = cases[0].claim
    mark = claim.published if isinstance(claim.published, float) else 0.0
    ends = [mark, *(value for case in drawn for value in case.values)]
    for band in (case.judgement.band for case in drawn):
        ends += [band.low, band.high] if band else []
    low, high = min(ends), max(ends)
    names = max(len(case.reading) for case in drawn)
    columns = max(10, min(width, 100) - names - 2)
    number = f"published {words.short(mark)}" if claim.published is not None else "no difference"
    parts: list[RenderableType] = []
    for case in drawn:
        line = strip(case.values, mark, case.judgement.band, low, high, columns)
        parts.append(Text(f"{case.reading:<{names}}  {line}", no_wrap=True))
    left, right = words.short(low), words.short(high)
    parts.append(Text(f"{'':<{names}}  {left}{right:>{columns - len(left)}}", no_wrap=True))
    band_said = "; 95 % band [ ]" if any(case.judgement.band for case in drawn) else ""
    parts.append(Text(f"a digit: how many seeds fall there; x: {number}{band_said}", "dim"))
    return parts


def strip(
    values: Sequence[float],
    mark: float,
    band: Band | None,
    low: float,
    high: float,
    columns: int,
) -> str:
    """Draw numbers between ``low`` and ``high`` as how many fall into each of ``columns``.

    ``x`` stands at the ``mark``, and brackets at the ends of the band.

    >>> strip([0.5, 0.5, 0.6, 0.9], 0.1, None, 0.0, 1.0, 11)
    ' x   21  1 '
    """

    def column(x: float) -> int:
        return round((x - low) / (high - low) * (columns - 1)) if high > low else 0

    cells = [" "] * columns
    for at, count in Counter(map(column, values)).items():
        cells[at] = str(count) if count < 10 else "+"
    if band is not None:
        cells[column(band.low)], cells[column(band.high)] = "[", "]"
    cells[column(mark)] = "x"
    return "".join(cells)


def _points(cases: Sequence[Case]) -> list[RenderableType]:
    """Lay out a curve's points, a column a reading."""
    points = [new_row(case)["points"] for case in cases]
    if not points[0]:
        return []
    made = Table("point", "published", *(case.reading for case in cases), box=None, pad_edge=False)
    for at in zip(*points, strict=True):
        cells = []
        for point in at:
            outside = point["inside"] is False
            number = words.mean_and_spread(point["mean"], point["sd"])
            cells.append(
                Text(f"{number}{' OUTSIDE' if outside else ''}", "red" if outside else "")
            )
        made.add_row(at[0]["label"], words.short(at[0]["published"]), *cells)
    said = "mean ± s of the seeds; OUTSIDE: the published number is not in the band"
    return [made, Text(said, "dim")]
