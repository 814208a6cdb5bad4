"""The closing table of a run, for the terminal."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from repro.claims.verdict import Verdict
from repro.report import words
from repro.report.result_row import BROKEN, Measurement, ResultRow, worst_first

STYLES = {
    Verdict.REPRODUCED: "green",
    Verdict.CONSISTENT: "green",
    Verdict.EQUIVALENT: "green",
    Verdict.TREND_ONLY: "yellow",
    Verdict.NOT_REPRODUCED: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.PAPER_INCONSISTENT: "magenta",
    Verdict.NOT_RUN: "dim",
}
HEALTH = {
    "zero-gradient-share": "of images with an all-zero gradient",
    "sign-difference-share": "of signs differ from float64",
}
"""What the shares of gradient health say, in words."""


def closing_table(rows: Iterable[ResultRow], *, width: int, plain: bool) -> str:
    """Return what ran, worst first, then counts, gradient health and commands to rerun failures.

    Two lines a claim and reading, so that ids, places and verdicts stay whole in 80 columns;
    a command to copy is one line, however long.
    """
    ran = [row for row in worst_first(rows) if row["outcome"] != "deselected"]
    lines: list[Text | str] = [Text("claim (reading), place", "bold")]
    lines.append(Text(_columns("published", "measured", "95 % band", "verdict"), "bold"))
    for row in ran:
        criterion = f": {row['criterion']}" if row["criterion"] else ""
        lines += _wrapped(f"{row['id']} ({row['reading']}), {row['place']}{criterion}", width)
        numbers = _number(row["published"]), _number(row["measured"]), words.band(row)
        lines.append(Text.assemble(_columns(*numbers, ""), _verdict(row)))
    lines.append("")
    for line in [*_counts(ran), *_health(ran)]:
        lines += _wrapped(line, width)
    broken = [row for row in ran if row["outcome"] in BROKEN]
    lines += [f"rerun: {words.rerun(row['id'], row['reading'])}" for row in broken]
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=not plain, no_color=plain, legacy_windows=False
    )
    for each in lines:
        # No markup, highlighter or emoji of its own: brackets and numbers are ours.
        console.print(each, soft_wrap=True, markup=False, highlight=False, emoji=False)
    return out.getvalue()


def _columns(published: str, measured: str, band: str, verdict: str) -> str:
    return f"  {published:>9}  {measured:>8}  {band:<16}  {verdict}"


def _number(value: Measurement | None) -> str:
    return f"{len(value)} points" if isinstance(value, list) else words.number(value)


def _wrapped(line: str, width: int) -> list[str]:
    return textwrap.wrap(line, width, subsequent_indent="    ", break_on_hyphens=False)


def _verdict(row: ResultRow) -> Text:
    broken = row["outcome"] in BROKEN
    said = str(row["verdict"])
    if row["indicative"]:
        said += ", indicative"
    if row["stale"]:
        said += ", STALE"
    elif broken:
        said += f", {row['outcome'].upper()}"
    return Text(said, style="bold red" if broken else STYLES[Verdict(row["verdict"])])


def _counts(rows: list[ResultRow]) -> list[str]:
    lines = [", ".join(f"{count} {verdict}" for verdict, _, count in words.counts(rows) if count)]
    if broken := words.broken(rows):
        lines.append(f"of these {broken}: their verdicts do not count")
    return [*lines, *words.caveats(rows)]


def _health(rows: list[ResultRow]) -> list[str]:
    """Write one line an experiment and reading on the gradients behind the figures."""
    found = {}
    for row in rows:
        shares = [f"{x:.2%} {HEALTH.get(name, name)}" for name, x in row["health"].items()]
        if shares:
            spot = f"{row['experiment']}, {row['reading']}"
            found[spot] = f"gradient health, {spot}: {', '.join(shares)}"
    return list(found.values())
