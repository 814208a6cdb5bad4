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


def _gate(record: ResultRow) -> str:
    at_each = next((point["gate"] for point in record["points"] if point["gate"]), None)
    gate = at_each or record["gate"]
    if gate is None:
        return "none"
    what = " of the differences" if record["kind"] == "ordering" else ""
    where = "at each point, together 99.9 %" if at_each else interval(gate)
    held = "nothing was measured" if record["measured"] is None else "this machine's lies in it"
    place = "outside: stale" if record["stale"] else held
    return f"{_level(gate)} band{what} {where}; {place}"


def _difference(record: ResultRow) -> str:
    if record["difference"] is None:
        return ""
    return f"{number(record['difference'])} on this machine; the ordering holds above 0"


def _widened(record: ResultRow) -> str:
    unit = record["unit"]
    return "" if unit is None else f", widened by half the rounding unit {short(unit)}"


def _level(band: BandRow) -> str:
    level = finite(band["level"])
    return f"{100 * (level or 0.0):.4g} % ({line(band['method'], 40)})"


def _control(record: ResultRow) -> str:
    control = record["control"]
    if control is None:
        return "none"
    result = {True: "outside, as it must be", False: "NOT outside", None: "not judged"}
    text = f"{line(control['metric'], 100)} = {number(control['measured'])}"
    return f"{text}, {result[control['outside']]} ({line(control['why'], 300)})"


def _points(record: ResultRow) -> tuple[str, ...]:
    said = []
    for point in curve_plot.points(record):
        parts = [f"{point.label}: published {number(point.published)}"]
        if point.low is not None and point.high is not None:
            place = "inside" if point.inside else "OUTSIDE"
            parts.append(f"{place} the band [{number(point.low)}, {number(point.high)}]")
        if point.mean is not None:
            parts.append(f"population {mean_and_spread(point.mean, point.sd)}")
        if point.here is not None:
            parts.append(f"this machine {number(point.here)}")
        if point.gate:
            parts.append(f"gate [{number(point.gate[0])}, {number(point.gate[1])}]")
        said.append(", ".join(parts))
    return tuple(said)


def _band(record: ResultRow) -> str:
    level = next((point["band"] for point in record["points"] if point["band"]), record["band"])
    if level is None:
        return "none"
    if record["points"]:
        return f"{_level(level)} at each point, together 95 %{_widened(record)}"
    return f"{_level(level)} {interval(level)}{_widened(record)}"


def _seeds(record: ResultRow) -> str:
    seeds = list(zip(record["seeds"], record["values"], strict=False))
    if not seeds:
        return ranges(record["seeds"][:1000])
    shown = ", ".join(f"{whole(seed)}: {number(value)}" for seed, value in seeds[:100])
    return shown + (" …" if len(seeds) > 100 else "")


def _facts(record: ResultRow) -> tuple[Pair, ...]:
    health = list(record["health"].items())[:MOST_ENTRIES]
    found = [
        ("experiment", f"{line(record['experiment'], 100)}, {line(record['metric'], 100)}"),
        ("expected", f"{record['expected']}; the evidence says {record['evidence_verdict']}"),
        ("outcome of the test", str(record["outcome"])),
        ("band", _band(record)),
        ("difference", _difference(record)),
        ("freshness gate", _gate(record)),
        ("control", _control(record)),
        ("seeds", _seeds(record)),
        ("health", ", ".join(f"{line(name, 60)} {number(value)}" for name, value in health)),
        ("seconds", number(record["seconds"])),
        ("tags", ", ".join(line(tag, 40) for tag in record["tags"][:MOST_ENTRIES])),
    ]
    return tuple((name, text) for name, text in found if text.strip(" ,") not in ("", "–"))


def _pictures(records: Sequence[ResultRow]) -> list[Markup]:
    """The plots of one claim's readings, on one axis."""
    if records[0]["kind"] == "curve":
        curves = [curve_plot.points(record) for record in records]
        height = curve_plot.domain(curves)
        return [curve_plot.plot(drawn, height) for drawn in curves]
    marks = [seed_plot.marks(record) for record in records]
    axis = seed_plot.domain(marks)
    return [seed_plot.plot(drawn, axis) for drawn in marks]


def _row(record: ResultRow, anchor: str, picture: Markup) -> Row:
    verdict = Verdict(record["verdict"])
    return Row(
        anchor=anchor,
        paper=line(record["paper"], 60),
        reading=line(record["reading"], 80),
        published=words.published(record),
        here=number(record["measured"]),
        population=words.population(record),
        band=words.band(record),
        margin=short(record["margin"]),
        verdict=str(verdict),
        symbol=words.SYMBOLS[verdict],
        notes=words.notes(record),
        broken=record["outcome"] in BROKEN,
        picture=picture,
        reason=line(record["reason"]),
        facts=_facts(record),
        points=_points(record),
        hashes=tuple(line(h, 64) for h in record["weights_sha256"][:MOST_ENTRIES]),
        rerun=words.rerun(record),
    )


def sentence(records: Sequence[ResultRow]) -> str:
    """What the paper says, and what became of it under each reading, with that one's numbers."""
    first = records[0]
    if first["kind"] == "ordering":
        says = f"The paper says {line(first['criterion'], 100)}"
    elif first["kind"] in ("value", "curve"):
        says = f"The paper says {words.published(first)}"
    else:
        says = "The paper contradicts itself"
    found: dict[str, list[str]] = {}
    for record in records[:MOST_ENTRIES]:
        heard = _heard(record)
        said = f"{' and '.join(heard)}: {record['verdict']}" if heard else str(record["verdict"])
        found.setdefault(said, []).append(line(record["reading"], 80))
    return (
        "; ".join([says, *(f"{said} ({', '.join(names)})" for said, names in found.items())]) + "."
    )


def _heard(record: ResultRow) -> list[str]:
    """What the population and this machine say of one reading, a clause each."""
    heard = []
    trainings = f"{whole(record['n'])} independent trainings"
    if record["mean"] is not None and record["kind"] == "ordering":
        holds = sum(1 for value in record["values"] if value > 0)
        heard.append(f"it holds in {holds} of {trainings}")
    elif record["points"] and record["n"]:
        drawn = curve_plot.points(record)
        banded = any(point.inside is not None for point in drawn)
        where = f"{words.band(record)} the bands of {trainings}"
        heard.append(where if banded else f"{trainings} gave no bands")
    elif record["mean"] is not None:
        heard.append(f"{trainings} gave {mean_and_spread(record['mean'], record['sd'])}")
    if record["measured"] is not None:
        verb = "measured" if not heard or record["kind"] == "ordering" else "gave"
        lone = "" if heard else ", with no population to judge it by"
        heard.append(f"this machine {verb} {number(record['measured'])}{lone}")
    return heard


def key(record: ResultRow) -> str:
    """The claim's id as an anchor; the schema's pattern lets nothing else pass but a newline."""
    return re.sub(r"[^a-z0-9-]", "", str(record["id"]))[:200]


def anchors(records: Sequence[ResultRow]) -> list[str]:
    """The claim's id for its first reading, ``id--reading`` for the others, each once."""
    taken = {key(record) for record in records}
    seen: set[str] = set()
    found = []
    for record in records:
        anchor = claim = key(record)
        if claim in seen:
            reading = re.sub(r"[^a-z0-9]+", "-", str(record["reading"]).lower())[:80].strip("-")
            wanted = anchor = f"{claim}--{reading or 'reading'}"
            count = 1
            while anchor in taken:
                count += 1
                anchor = f"{wanted}-{count}"
        seen.add(claim)
        taken.add(anchor)
        found.append(anchor)
    return found


def _group(claim: str, records: Sequence[ResultRow], anchors: Sequence[str]) -> Group:
    first = records[0]
    pictures = _pictures(records)
    return Group(
        id=claim,
        paper=line(first["paper"], 60),
        place=line(first["place"], 300),
        # The cells of a table's row stay apart, and nothing breaks the line.
        quote=line(clean(first["quote"], 600).replace("\t", " · ")),
        statement=line(first["statement"], 600),
        criterion=line(first["criterion"], 200),
        headline="headline" in first["tags"],
        sentence=sentence(records),
        rows=tuple(map(_row, records, anchors, pictures)),
    )


def groups(records: Iterable[ResultRow]) -> list[Group]:
    """The claims, the one with the worst reading first; readings in the report's order."""
    rows = list(records)[:MOST_ROWS]
    by_claim: dict[str, list[tuple[ResultRow, str]]] = {}
    for record, anchor in zip(rows, anchors(rows), strict=True):
        by_claim.setdefault(key(record), []).append((record, anchor))
    order = dict.fromkeys(key(record) for record in worst_first(rows))
    return [_group(claim, *zip(*by_claim[claim], strict=True)) for claim in order]


def seeds(records: Iterable[ResultRow]) -> str:
    """Every seed behind the populations, as ranges."""
    return ranges(seed for record in records for seed in record["seeds"][:1000])


def pairs(mapping: dict[str, Any], limit: int = 200) -> list[Pair]:
    """The entries of a mapping, bounded in number and length."""
    shown = list(mapping.items())[:MOST_ENTRIES]
    return [(line(name, 60), line(value, limit)) for name, value in shown]
