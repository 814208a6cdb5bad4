"""What a page says of each claim: numbers and judgements as short sentences.

The template bounds and escapes every text; what is cut here keeps one part of a sentence from
crowding out the others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, count

from markupsafe import Markup

from repro.report import words
from repro.report.page import curve_plot, seed_plot
from repro.report.result_row import BandRow, ResultRow, rank
from repro.report.sanitize import line
from repro.report.words import interval, mean_and_spread, number, ranges, short

MOST_ROWS = 2000
"""Rows that a page shows; the rest is counted."""
MOST_ENTRIES = 40
"""Entries that are shown of a mapping or a list, such as versions or hashes."""


@dataclass(frozen=True)
class Row:
    """A result row on the page, with its anchor and its claim's."""

    record: ResultRow
    claim: str
    anchor: str


def anchored(rows: Sequence[ResultRow]) -> list[Row]:
    """Give rows their anchors, each once: the claim's id for its first reading."""
    # The schema lets nothing else pass but a newline.
    claims = [re.sub(r"[^a-z0-9-]", "", row["id"])[:200] for row in rows[:MOST_ROWS]]
    taken, seen, found = set(claims), set[str](), []
    for row, claim in zip(rows, claims, strict=False):
        anchor = free_anchor(claim, row["reading"], taken) if claim in seen else claim
        seen.add(claim)
        found.append(Row(row, claim, anchor))
    return found


def free_anchor(name: str, reading: str, taken: set[str]) -> str:
    """Take the first of ``name``, ``name--reading`` and ``name--reading-2``, ... that is free."""
    said = re.sub(r"[^a-z0-9]+", "-", reading[:80].lower()).strip("-") or "reading"
    numbered = (f"{name}--{said}-{i}" for i in count(2))
    wanted = chain([name, f"{name}--{said}"], numbered)
    found = next(anchor for anchor in wanted if anchor not in taken)
    taken.add(found)
    return found


def by_claim(rows: Sequence[ResultRow]) -> dict[str, list[Row]]:
    """Group the rows by claim, in the report's order."""
    found: dict[str, list[Row]] = {}
    for row in anchored(rows):
        found.setdefault(row.claim, []).append(row)
    return found


def worst_first(claims: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Sort claims by the worst of their readings."""
    return dict(sorted(claims.items(), key=lambda each: min(rank(row.record) for row in each[1])))


def pictures(claim: Sequence[Row]) -> dict[str, Markup]:
    """Plot one claim's readings on one axis; the plots by their rows' anchors."""
    kind = curve_plot if claim[0].record["kind"] == "curve" else seed_plot
    axis = curve_plot.ticks(x for row in claim for x in kind.numbers(row.record))
    return {row.anchor: kind.plot(row.record, axis) for row in claim}


def facts(row: ResultRow) -> list[tuple[str, str]]:
    """Return (name, text) of all that is known of a row beside its numbers."""
    here = words.here([row])
    ordering = line(row["ordering"], 100) or "the ordering"
    difference = f"{number(row['difference'])}, {here}; {ordering} holds above 0"
    health = list(row["health"].items())[:MOST_ENTRIES]
    found = {
        "experiment": f"{line(row['experiment'], 100)}, {line(row['metric'], 100)}",
        "expected": f"{row['expected']}; the evidence says {row['evidence_verdict']}",
        "post hoc": row["post_hoc"],
        "outcome of the test": "" if row["standing"] else row["outcome"],
        "band": _band(row),
        "difference": "" if row["difference"] is None else difference,
        "freshness": _gate(row),
        "control": _control(row),
        "seeds": _seeds(row),
        "health": ", ".join(f"{line(name, 60)} {number(value)}" for name, value in health),
        "seconds": number(row["seconds"]),
        "tags": ", ".join(line(tag, 40) for tag in row["tags"][:MOST_ENTRIES]),
    }
    return [(name, text) for name, text in found.items() if text.strip(" ,") not in ("", "–")]


def _gate(row: ResultRow) -> str:
    at_each = next((point["gate"] for point in row["points"] if point["gate"]), None)
    gate = at_each or row["gate"]
    if row["standing"]:
        return ""  # it is for the networks of the evidence
    if gate is None:
        return "none"
    what = " of the differences" if row["kind"] == "ordering" else ""
    where = "at each point, together 99.9 %" if at_each else interval(gate)
    held = "nothing was measured" if row["measured"] is None else "this machine's lies in it"
    place = "outside: stale" if row["stale"] else held
    return f"{_level(gate)} band{what} {where}; {place}"


def _level(band: BandRow) -> str:
    return f"{100 * band['level']:.4g} % ({line(band['method'], 40)})"


def _control(row: ResultRow) -> str:
    control = row["control"]
    if control is None:
        return "none"
    result = {True: "excluded, as it must be", False: "NOT excluded", None: "not judged"}
    text = f"{line(control['metric'], 100)} = {number(control['measured'])}"
    return f"{text}, {result[control['outside']]} ({line(control['why'], 300)})"


def _band(row: ResultRow) -> str:
    level = next((point["band"] for point in row["points"] if point["band"]), row["band"])
    if level is None:
        return "none"
    where = "at each point, together 95 %" if row["points"] else interval(level)
    unit = row["unit"]
    widened = "" if unit is None else f", widened by half the rounding unit {short(unit)}"
    return f"{_level(level)} {where}{widened}"


def _seeds(row: ResultRow) -> str:
    seeds = list(zip(row["seeds"], row["values"], strict=False))
    if not seeds:
        return ranges(row["seeds"][:1000])
    shown = ", ".join(f"{seed}: {number(value)}" for seed, value in seeds[:100])
    return shown + (" …" if len(seeds) > 100 else "")


def paper_says(row: ResultRow) -> str:
    """Say what is published of a claim."""
    if row["kind"] == "ordering":
        return f"The paper says {line(row['criterion'], 100)}."
    if row["kind"] in ("value", "curve"):
        points = f" at {len(row['points'])} points" if row["points"] else ""
        return f"The paper says {words.published(row)}{points}."
    return "The paper contradicts itself or its code."


def sentence(row: ResultRow) -> str:
    """Say what the population and this machine found under one reading; empty for nothing."""
    heard = []
    trainings = f"{row['n']} independent training{'s' * (row['n'] != 1)}"
    if row["mean"] is not None and row["kind"] == "ordering":
        holds = sum(1 for value in row["values"] if value > 0)
        heard.append(f"it holds in {holds} of {trainings}")
    elif row["points"] and row["n"]:
        band = words.band(row)
        if band == words.NOTHING:
            heard.append(f"{trainings} gave no bands")
        elif row["standing"]:
            heard.append(f"{trainings} gave bands from {words.bands(row)}")
        else:
            heard.append(f"{band} the bands of {trainings}")
    elif row["mean"] is not None:
        heard.append(f"{trainings} gave {mean_and_spread(row['mean'], row['sd'])}")
    if row["measured"] is not None:
        verb = "measured" if not heard or row["kind"] == "ordering" else "gave"
        lone = "" if heard else ", with no population to judge it by"
        where = words.where(row) and f", {row['standing']} {words.where(row)}"
        heard.append(f"{words.here([row])} {verb} {number(row['measured'])}{where}{lone}")
    said = " and ".join(heard)
    return said[:1].upper() + said[1:] + "." if said else ""
