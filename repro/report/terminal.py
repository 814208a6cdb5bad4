"""What a run says in the terminal when it closes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from repro.claims.verdict import PASSING, Verdict
from repro.judge.overview import Explained
from repro.report import red, words
from repro.report.layout import Cells, grouped
from repro.report.result_row import BROKEN, ResultRow, rank, unexpected

STYLES: dict[str, str] = {
    **dict.fromkeys(PASSING, "green"),
    Verdict.TREND_ONLY: "yellow",
    Verdict.NOT_REPRODUCED: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.PAPER_INCONSISTENT: "magenta",
    Verdict.NOT_RUN: "dim",
    **dict.fromkeys(("inside", "exact", "holds"), "green"),
    **dict.fromkeys(("outside", "differs", "fails"), "red"),
    "not-asked": "dim",
}
CAUSES = {
    "science": "The science: the populations give another verdict than the one on record",
    "numbers": "STALE, the code or this machine, not the science: the same weights give other "
    "numbers than the population has",
    "first": words.NO_SNAPSHOT,
    "control": "The check itself: a control that must fail its claim passes it",
    "broken": "Not measured, not judged: the code, the data or this machine broke; see above",
    "unfinished": "Not run to the end: give the command again",
}
"""What a failure says of the science, by its kind."""
FEW = 10
"""Rows with numbers that the closing screen shows; of more, the headline claims, in brief."""
MENDED = "What had failed passes now; whether the rest does, a run of all of it tells"
FEW_FAILED = 3
"""Failures of one kind that the closing screen names."""


def results(rows: Iterable[ResultRow], *, width: int | None) -> list[RenderableType]:
    """Return a table of what a run found, a row a claim and reading."""
    groups: dict[tuple[str, str], list[Cells]] = {}
    for row in rows:
        # "by": of an ordering, how much it holds by; the word has to fit with its numbers.
        population = words.population(row).replace("difference", "by")
        cells = (row["reading"], words.measured(row), population, verdict(row))
        groups.setdefault((row["id"], words.published(row)), []).append(cells)
    titles = ("claim", "published", "reading", "measured", "mean ± s (N)", "verdict")
    return grouped(titles, groups, width=width) if groups else []


def standings(rows: Iterable[ResultRow], *, width: int | None = None) -> list[RenderableType]:
    """Return a table of where a user's network stands, and why claims were not asked of it."""
    every = list(rows)
    groups: dict[tuple[str, str], list[Cells]] = {}
    unasked: dict[str, list[str]] = {}
    terms = {"band, yours": "of a curve, from the lowest to the highest of its points"}
    for row in every:
        cells = (
            *(row["reading"], words.bands(row), words.stands(row)),
            *(words.ordering(row), words.control(row), verdict(row)),
        )
        beside = f", ordering {row['ordering']}" if row["ordering"] != row["criterion"] else ""
        groups.setdefault((row["id"], words.published(row) + beside), []).append(cells)
        if row["standing"] == "not-asked":
            unasked.setdefault(row["reason"], []).append(f"{row['id']} ({row['reading']})")
    titles = ("claim", "published", "reading", "band", "yours", "ordering", "control", "stands")
    counted = ", ".join(f"{count} {name}" for name, _, count in words.counts(every) if count)
    return [
        *(grouped(titles, groups, width=width) if groups else []),
        Text(),
        *(Text(f"{', '.join(names)}: {why}") for why, names in unasked.items()),
        *(Text(f"{term}: {meaning}", "dim") for term, meaning in (terms | words.TERMS).items()),
        *map(Text, [counted, *words.caveats(every)]),
    ]


def verdict(row: ResultRow) -> Text:
    """Return what is said of a row in its colour, and what it may not be read without."""
    said, alarm = f"{words.said(row)} {words.where(row)}".rstrip(), words.alarm(row)
    if row["ours"] and row["standing"] not in (None, "not-asked"):
        said += ", our criterion"
    if row["post_hoc"]:
        said += ", post hoc"
    if row["indicative"]:
        said += ", indicative"
    if alarm:
        said += f", {alarm}"
    return Text(said, style="bold red" if alarm else STYLES[words.said(row)])


def whole_table(rows: Iterable[ResultRow], *, width: int) -> list[RenderableType]:
    """Return all that ran, worst first, and the health of the gradients behind it."""
    ran = [row for row in sorted(rows, key=rank) if row["outcome"] != "deselected"]
    meaning = Text(words.MEAN_AND_SPREAD, "dim")
    return [*results(ran, width=width), meaning, *map(Text, _health(ran)), Text()]


def closing_screen(
    rows: Iterable[ResultRow],
    explained: Iterable[Explained],
    *,
    width: int,
    header: Mapping[str, Any],
    report: str = "reports/report.json",
    snapshots: Collection[str] = (),
    first: Collection[str] = (),
) -> list[RenderableType]:
    """Return what a run came to, on one screen.

    What each reading explains; the headline claims, or all where few ran; how many verdicts
    there are of each kind, and which are not as on record; what was left out; what failed, why,
    and how to run it again.

    Args:
        rows: of the run, in the records' order.
        explained: of the papers that ran, as :func:`repro.judge.overview.explained` has them.
        width: of the window.
        header: of the report.
        report: where it is.
        snapshots: ``claim@reading`` of each snapshot that differs.
        first: the same of each that was not there, and was made.
    """
    every = list(rows)
    ran = [row for row in every if row["outcome"] != "deselected"]
    worst = sorted(ran, key=rank)
    headline = [row for row in ran if "headline" in row["tags"]]
    shown = ran if len(ran) <= FEW else headline or worst[:FEW]
    failed = _failed(worst, {"numbers": snapshots, "first": first})
    said = ", ".join(f"{count} {name}" for name, _, count in words.counts(ran) if count)
    other = sum(map(unexpected, ran))
    against = f"{other} of them NOT as on record" if other else "all as on record"
    brief = len(shown) > FEW  # of so many, the numbers are left to the page
    table = _in_brief(shown) if brief else results(shown, width=width)
    meaning = "" if brief or not ran else words.MEAN_AND_SPREAD
    parts = [*_explained(explained, width), *table, Text(meaning, "dim")]
    parts.append(Text(f"{said}: {against}" if said else "no claim was judged"))
    parts += map(Text, words.limits(every, header, {}))
    total, *next_steps = red.summary(ran, header, len(snapshots)) or [""]
    if not failed:
        parts += () if brief else map(Text, words.caveats(ran))
        again = bool(re.search(r"--(?:repro-)?failed\b", header["command"]))
        return [*parts, *[Text(f"{MENDED} ({words.run_command()}).")] * again]
    if total:
        parts.append(Text(total))
    for cause, (of_rows, of_snapshots) in failed.items():
        lines, count = of_rows + of_snapshots, red.counted(len(of_rows), len(of_snapshots))
        parts.append(Text(f"{CAUSES[cause]} ({count})", "bold red"))
        more = [f"and {len(lines) - FEW_FAILED} more"] if len(lines) > FEW_FAILED else []
        parts += [Padding.indent(Text(line), 2) for line in lines[:FEW_FAILED] + more]
    parts += map(Text, next_steps)
    spots = [f"{row['id']}@{row['reading']}" for row in worst if row["outcome"] in BROKEN]
    spots = list(dict.fromkeys([*spots, *snapshots, *first]))
    parts.append(f"rerun: {words.rerun(*spots[0].split('@'))}")
    if len(spots) > 1 and "unfinished" not in failed:
        parts.append(f"rerun all: {red.rerun(report)}")
    return parts


def _in_brief(rows: Iterable[ResultRow]) -> list[RenderableType]:
    """Say under which readings each claim gets which verdict, on two lines."""
    claims: dict[tuple[str, str], dict[str, list[ResultRow]]] = {}
    for row in rows:
        found = claims.setdefault((row["id"], words.published(row)), {})
        found.setdefault(verdict(row).plain, []).append(row)
    parts: list[RenderableType] = []
    for (claim, published), found in claims.items():
        said = [
            part
            for rows_of in found.values()
            for part in (verdict(rows_of[0]), f" {', '.join(r['reading'] for r in rows_of)}; ")
        ]
        said[-1] = str(said[-1]).removesuffix("; ")
        parts.append(Text(f"{claim}: published {published}"))
        parts.append(Padding.indent(Text.assemble(*said), 2))
    return parts


def _explained(lines: Iterable[Explained], width: int) -> list[RenderableType]:
    """Lay out how many numbers each reading explains, and the joint test of each table."""
    papers: dict[tuple[str, str], list[Cells]] = {}
    tests: dict[tuple[str, str], list[str]] = {}
    every = list(lines)
    for line in every:
        if line.p is not None:
            found = tests.setdefault((line.paper, line.reading), [])
            found.append(f"{line.table}: {line.p:.2g}")
    for line in every:
        if not (line.table or line.rest) and line.numbers:
            joint = ", ".join(tests.get((line.paper, line.reading), [])) or words.NOTHING
            cells = (line.reading, f"{line.inside} of {line.numbers}", joint)
            papers.setdefault((line.paper, ""), []).append(cells)
    titles = ("paper", "", "reading", "explained", "joint test, p")
    return [*grouped(titles, papers, width=width), Text()] if papers else []


def _failed(
    rows: Iterable[ResultRow], snapshots: Mapping[str, Iterable[str]]
) -> dict[str, tuple[list[str], list[str]]]:
    """Return which rows and which snapshots failed, a line each, by the keys of :data:`CAUSES`."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for cause in CAUSES:
        spots = snapshots.get(cause, ())
        found[cause] = [], [f"snapshot of the experiment of {spot}" for spot in spots]
    for row in (row for row in rows if row["outcome"] in BROKEN):
        for cause, said in _causes(row).items() or [("broken", "")]:
            name = f"{row['id']} ({row['reading']})"
            found[cause][0].append(f"{name}: {said}" if said else name)
    return {cause: both for cause, both in found.items() if any(both)}


def _causes(row: ResultRow) -> dict[str, str]:
    """Return why a row is broken, where the row itself tells."""
    if row["outcome"] == "unfinished":
        return {"unfinished": ""}
    found = {}
    if unexpected(row):
        found["science"] = f"{row['evidence_verdict']}, on record {row['expected']}"
    if row["stale"]:
        found["numbers"] = red.off(row)
    if row["control"] and row["control"]["outside"] is False:
        found["control"] = row["control"]["metric"]
    return found


def _health(rows: Iterable[ResultRow]) -> list[str]:
    """Write one line an experiment and reading on the gradients behind the figures."""
    found = {}
    for row in rows:
        shares = [f"{x:.2%} {words.HEALTH.get(name, name)}" for name, x in row["health"].items()]
        if shares:
            spot = f"{row['experiment']}, {row['reading']}"
            found[spot] = f"gradient health, {spot}: {', '.join(shares)}"
    return list(found.values())
