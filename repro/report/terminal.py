"""The closing table of a run, for the terminal."""

from __future__ import annotations

import io
import textwrap
from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from repro.claims.verdict import Verdict
from repro.report.result_row import BROKEN, ResultRow, worst_first
from repro.report.words import rerun_command

STYLES = {
    Verdict.REPRODUCED: "green",
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


def number(value: float | list[float] | None) -> str:
    """Four decimals; ``–`` for nothing; how many points for a curve."""
    if isinstance(value, list):
        return f"{len(value)} points"
    return "–" if value is None else f"{value:.4f}"


def closing_table(records: Iterable[ResultRow], *, width: int, plain: bool) -> str:
    """What ran, worst first, then the counts, gradient health, and how to rerun what failed.

    Two lines a claim and reading, so that ids, places and verdicts stay whole in 80 columns;
    a command to copy is one line, however long.
    """
    rows = [r for r in worst_first(records) if r["outcome"] != "deselected"]
    lines: list[Text | str] = [Text("claim (reading), place", "bold")]
    lines.append(Text(_columns("published", "measured", "95 % band", "verdict"), "bold"))
    for row in rows:
        criterion = f": {row['criterion']}" if row["criterion"] else ""
        title = f"{row['id']} ({row['reading']}), {row['place']}{criterion}"
        lines += _wrapped(title, width)
        cells = _columns(number(row["published"]), number(row["measured"]), _band(row), "")
        lines.append(Text.assemble(cells, _verdict(row)))
    lines.append("")
    for line in [*_counts(rows), *_health(rows)]:
        lines += _wrapped(line, width)
    lines += _reruns(rows)
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


def _band(row: ResultRow) -> str:
    if row["points"]:
        inside = [point["inside"] for point in row["points"]]
        return "–" if None in inside else f"{inside.count(True)} inside"
    band = row["band"]
    return "–" if band is None else f"{number(band['low'])} to {number(band['high'])}"


def _wrapped(line: str, width: int) -> list[str]:
    return textwrap.wrap(line, width, subsequent_indent="    ", break_on_hyphens=False)


def _verdict(row: ResultRow) -> Text:
    words = str(row["verdict"])
    if row["indicative"]:
        words += ", indicative"
    if row["stale"]:
        words += ", STALE"
    elif row["outcome"] in BROKEN:
        words += f", {row['outcome'].upper()}"
    style = "bold red" if row["outcome"] in BROKEN else STYLES[Verdict(row["verdict"])]
    return Text(words, style=style)


def _counts(rows: list[ResultRow]) -> list[str]:
    counts = {v: sum(r["verdict"] == v for r in rows) for v in Verdict}
    lines = [", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)]
    broken = Counter(r["outcome"] for r in rows if r["outcome"] in BROKEN)
    if broken:
        lines.append(
            f"of these {', '.join(f'{n} {outcome}' for outcome, n in broken.items())}: "
            "their verdicts do not count"
        )
    banded = sum(r["band"] is not None for r in rows)
    if banded:
        lines.append(
            f"of {banded} bands of 95 %, {0.05 * banded:.1f} would miss by chance "
            "if every claim held"
        )
    return lines


def _health(rows: list[ResultRow]) -> list[str]:
    """One line an experiment and reading on the gradients behind the figures."""
    found = {}
    for row in rows:
        shares = [f"{x:.2%} {HEALTH.get(name, name)}" for name, x in row["health"].items()]
        if shares:
            spot = f"{row['experiment']}, {row['reading']}"
            found[spot] = f"gradient health, {spot}: {', '.join(shares)}"
    return list(found.values())


def _reruns(rows: list[ResultRow]) -> list[str]:
    broken = [r for r in rows if r["outcome"] in BROKEN]
    return [f"rerun: {rerun_command(r['id'], r['reading'])}" for r in broken]
