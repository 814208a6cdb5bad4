"""What a page shows of a report: every text bounded and printable, every number formatted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from repro.claims.verdict import Verdict
from repro.report import words
from repro.report.page import curve_plot, seed_plot
from repro.report.result_row import BROKEN, BandRow, ResultRow, worst_first
from repro.report.sanitize import clean, finite, line
from repro.report.words import interval, mean_and_spread, number, ranges, short, whole

MOST_ROWS = 2000
"""Rows that a page shows; the rest is counted."""
MOST_ENTRIES = 40
"""Entries that are shown of a mapping or a list, such as versions or hashes."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class Row:
    """One claim under one reading, in words."""

    anchor: str
    paper: str
    reading: str
    published: str
    here: str
    population: str
    band: str
    margin: str
    verdict: str
    symbol: str
    notes: tuple[str, ...]
    broken: bool
    picture: Markup
    reason: str
    facts: tuple[Pair, ...]
    points: tuple[str, ...]
    hashes: tuple[str, ...]
    rerun: str


@dataclass(frozen=True)
class Group:
    """One claim with all its readings."""

    id: str
    paper: str
    place: str
    quote: str
    statement: str
    criterion: str
    headline: bool
    sentence: str
    rows: tuple[Row, ...]


def _gate(row: ResultRow) -> str:
    at_each = next((point["gate"] for point in row["points"] if point["gate"]), None)
    gate = at_each or row["gate"]
    if gate is None:
        return "none"
    what = " of the differences" if row["kind"] == "ordering" else ""
    where = "at each point, together 99.9 %" if at_each else interval(gate)
    held = "nothing was measured" if row["measured"] is None else "this machine's lies in it"
    place = "outside: stale" if row["stale"] else held
    return f"{_level(gate)} band{what} {where}; {place}"


def _difference(row: ResultRow) -> str:
    if row["difference"] is None:
        return ""
    return f"{number(row['difference'])} on this machine; the ordering holds above 0"


def _widened(row: ResultRow) -> str:
    unit = row["unit"]
    return "" if unit is None else f", widened by half the rounding unit {short(unit)}"


def _level(band: BandRow) -> str:
    level = finite(band["level"])
    return f"{100 * (level or 0.0):.4g} % ({line(band['method'], 40)})"


def _control(row: ResultRow) -> str:
    control = row["control"]
    if control is None:
        return "none"
    result = {True: "outside, as it must be", False: "NOT outside", None: "not judged"}
    text = f"{line(control['metric'], 100)} = {number(control['measured'])}"
    return f"{text}, {result[control['outside']]} ({line(control['why'], 300)})"


def _band(row: ResultRow) -> str:
    level = next((point["band"] for point in row["points"] if point["band"]), row["band"])
    if level is None:
        return "none"
    if row["points"]:
        return f"{_level(level)} at each point, together 95 %{_widened(row)}"
    return f"{_level(level)} {interval(level)}{_widened(row)}"


def _seeds(row: ResultRow) -> str:
    seeds = list(zip(row["seeds"], row["values"], strict=False))
    if not seeds:
        return ranges(row["seeds"][:1000])
    shown = ", ".join(f"{whole(seed)}: {number(value)}" for seed, value in seeds[:100])
    return shown + (" …" if len(seeds) > 100 else "")


def _facts(row: ResultRow) -> tuple[Pair, ...]:
    health = list(row["health"].items())[:MOST_ENTRIES]
    found = [
        ("experiment", f"{line(row['experiment'], 100)}, {line(row['metric'], 100)}"),
        ("expected", f"{row['expected']}; the evidence says {row['evidence_verdict']}"),
        ("outcome of the test", str(row["outcome"])),
        ("band", _band(row)),
        ("difference", _difference(row)),
        ("freshness gate", _gate(row)),
        ("control", _control(row)),
        ("seeds", _seeds(row)),
        ("health", ", ".join(f"{line(name, 60)} {number(value)}" for name, value in health)),
        ("seconds", number(row["seconds"])),
        ("tags", ", ".join(line(tag, 40) for tag in row["tags"][:MOST_ENTRIES])),
    ]
    return tuple((name, text) for name, text in found if text.strip(" ,") not in ("", "–"))


def _pictures(rows: Sequence[ResultRow]) -> list[Markup]:
    """Plot one claim's readings on one axis."""
    if rows[0]["kind"] == "curve":
        curves = [curve_plot.points(row) for row in rows]
        height = curve_plot.domain(curves)
        return [curve_plot.plot(drawn, height) for drawn in curves]
    marks = [seed_plot.marks(row) for row in rows]
    axis = seed_plot.domain(marks)
    return [seed_plot.plot(drawn, axis) for drawn in marks]


def _row(row: ResultRow, anchor: str, picture: Markup) -> Row:
    verdict = Verdict(row["verdict"])
    return Row(
        anchor=anchor,
        paper=line(row["paper"], 60),
        reading=line(row["reading"], 80),
        published=words.published(row),
        here=number(row["measured"]),
        population=words.population(row),
        band=words.band(row),
        margin=short(row["margin"]),
        verdict=str(verdict),
        symbol=words.SYMBOLS[verdict],
        notes=words.notes(row),
        broken=row["outcome"] in BROKEN,
        picture=picture,
        reason=line(row["reason"]),
        facts=_facts(row),
        points=tuple(map(words.point, row["points"][: curve_plot.MOST_POINTS])),
        hashes=tuple(line(h, 64) for h in row["weights_sha256"][:MOST_ENTRIES]),
        rerun=words.rerun(row),
    )


def sentence(rows: Sequence[ResultRow]) -> str:
    """Say what the paper says, and what each reading's numbers make of it."""
    first = rows[0]
    if first["kind"] == "ordering":
        says = f"The paper says {line(first['criterion'], 100)}"
    elif first["kind"] in ("value", "curve"):
        says = f"The paper says {words.published(first)}"
    else:
        says = "The paper contradicts itself"
    found: dict[str, list[str]] = {}
    for row in rows[:MOST_ENTRIES]:
        heard = _heard(row)
        said = f"{' and '.join(heard)}: {row['verdict']}" if heard else str(row["verdict"])
        found.setdefault(said, []).append(line(row["reading"], 80))
    return (
        "; ".join([says, *(f"{said} ({', '.join(names)})" for said, names in found.items())]) + "."
    )


def _heard(row: ResultRow) -> list[str]:
    """Say what the population and this machine found under one reading, a clause each."""
    heard = []
    trainings = f"{whole(row['n'])} independent trainings"
    if row["mean"] is not None and row["kind"] == "ordering":
        holds = sum(1 for value in row["values"] if value > 0)
        heard.append(f"it holds in {holds} of {trainings}")
    elif row["points"] and row["n"]:
        drawn = curve_plot.points(row)
        banded = any(point.inside is not None for point in drawn)
        where = f"{words.band(row)} the bands of {trainings}"
        heard.append(where if banded else f"{trainings} gave no bands")
    elif row["mean"] is not None:
        heard.append(f"{trainings} gave {mean_and_spread(row['mean'], row['sd'])}")
    if row["measured"] is not None:
        verb = "measured" if not heard or row["kind"] == "ordering" else "gave"
        lone = "" if heard else ", with no population to judge it by"
        heard.append(f"this machine {verb} {number(row['measured'])}{lone}")
    return heard


def key(row: ResultRow) -> str:
    """Return the claim's id as an anchor; the schema lets nothing else pass but a newline."""
    return re.sub(r"[^a-z0-9-]", "", str(row["id"]))[:200]


def anchors(rows: Sequence[ResultRow]) -> list[str]:
    """Return the claim's id for its first reading, ``id--reading`` for the others, each once."""
    taken = {key(row) for row in rows}
    seen: set[str] = set()
    found = []
    for row in rows:
        anchor = claim = key(row)
        if claim in seen:
            reading = re.sub(r"[^a-z0-9]+", "-", str(row["reading"]).lower())[:80].strip("-")
            wanted = anchor = f"{claim}--{reading or 'reading'}"
            count = 1
            while anchor in taken:
                count += 1
                anchor = f"{wanted}-{count}"
        seen.add(claim)
        taken.add(anchor)
        found.append(anchor)
    return found


def _group(claim: str, rows: Sequence[ResultRow], anchors: Sequence[str]) -> Group:
    first = rows[0]
    pictures = _pictures(rows)
    return Group(
        id=claim,
        paper=line(first["paper"], 60),
        place=line(first["place"], 300),
        # The cells of a table's row stay apart, and nothing breaks the line.
        quote=line(clean(first["quote"], 600).replace("\t", " · ")),
        statement=line(first["statement"], 600),
        criterion=line(first["criterion"], 200),
        headline="headline" in first["tags"],
        sentence=sentence(rows),
        rows=tuple(map(_row, rows, anchors, pictures)),
    )


def groups(rows: Iterable[ResultRow]) -> list[Group]:
    """Group the rows by claim, the worst reading first; readings in the report's order."""
    rows = list(rows)[:MOST_ROWS]
    by_claim: dict[str, list[tuple[ResultRow, str]]] = {}
    for row, anchor in zip(rows, anchors(rows), strict=True):
        by_claim.setdefault(key(row), []).append((row, anchor))
    order = dict.fromkeys(key(row) for row in worst_first(rows))
    return [_group(claim, *zip(*by_claim[claim], strict=True)) for claim in order]


def seeds(rows: Iterable[ResultRow]) -> str:
    """Write every seed behind the populations, as ranges."""
    return ranges(seed for row in rows for seed in row["seeds"][:1000])


def pairs(mapping: dict[str, Any], limit: int = 200) -> list[Pair]:
    """Return the entries of a mapping, bounded in number and length."""
    shown = list(mapping.items())[:MOST_ENTRIES]
    return [(line(name, 60), line(value, limit)) for name, value in shown]
