"""The closing table of a run, for the terminal."""

from __future__ import annotations

import io
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from repro.checking import rerun_command
from repro.claims.report import BROKEN, Record, worst_first
from repro.claims.verdicts import Verdict

STYLES = {
    Verdict.REPRODUCED: "green",
    Verdict.EQUIVALENT: "green",
    Verdict.TREND_ONLY: "yellow",
    Verdict.NOT_REPRODUCED: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.PAPER_INCONSISTENT: "magenta",
    Verdict.NOT_RUN: "dim",
}


def number(value: float | None) -> str:
    """Four decimals; ``–`` for nothing."""
    return "–" if value is None else f"{value:.4f}"


def render(table: Table, *, width: int, plain: bool) -> str:
    """A table as text, with colours unless ``plain``."""
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=not plain, no_color=plain, legacy_windows=False
    )
    console.print(table)
    return out.getvalue()


def closing_table(records: Iterable[Record], *, width: int, plain: bool) -> str:
    """What ran, worst first, then the counts, gradient health, and how to rerun what failed."""
    rows = [r for r in worst_first(records) if r["outcome"] != "deselected"]
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    wide = width >= 120
    table.add_column("claim", overflow="fold", min_width=36)
    if wide:
        table.add_column("place", overflow="fold")
    table.add_column("published", overflow="fold", min_width=9)
    for name in ("measured", "95 % band", "verdict"):
        table.add_column(name, no_wrap=True)
    for row in rows:
        band, under = row["band"], f"\n  {row['reading']}"
        cells = [
            Text(row["id"] + under + ("" if wide else f", {row['place']}")),
            *([Text(row["place"])] if wide else []),
            row["criterion"].partition(" ")[2] or number(row["published"]),
            number(row["measured"]),
            "–" if band is None else f"{band['low']:.4f}\n{band['high']:.4f}",
            _verdict(row),
        ]
        table.add_row(*cells)
    text = render(table, width=width, plain=plain)
    return text + "\n" + "\n".join([*_counts(rows), *_health(rows), *_reruns(rows)]) + "\n"


def _verdict(row: Record) -> Text:
    words = str(row["verdict"])
    if row["indicative"]:
        words += "\nindicative"
    if row["stale"]:
        words += "\nSTALE"
    elif row["outcome"] in BROKEN:
        words += f"\n{row['outcome'].upper()}"
    style = "bold red" if row["outcome"] in BROKEN else STYLES[Verdict(row["verdict"])]
    return Text(words, style=style)


def _counts(rows: list[Record]) -> list[str]:
    counts = {v: sum(r["verdict"] == v for r in rows) for v in Verdict}
    lines = [", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)]
    banded = sum(r["band"] is not None for r in rows)
    if banded:
        lines.append(
            f"of {banded} bands of 95 %, {0.05 * banded:.1f} would miss by chance "
            "if every claim held"
        )
    return lines


def _health(rows: list[Record]) -> list[str]:
    """One line an experiment and reading on the gradients behind the figures."""
    found = {}
    for row in rows:
        if row["health"]:
            zero, signs = row["health"].values()
            found[row["experiment"], row["reading"]] = (
                f"gradient health, {row['experiment']}, {row['reading']}: {zero:.2%} of images "
                f"with an all-zero gradient, {signs:.2%} of signs differ from float64"
            )
    return list(found.values())


def _reruns(rows: list[Record]) -> list[str]:
    broken = [r for r in rows if r["outcome"] in BROKEN]
    return [f"rerun: {rerun_command(r['id'], r['reading'])}" for r in broken]
