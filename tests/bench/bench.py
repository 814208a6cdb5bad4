"""The benchmark: what the suite's speed is, as ratios within one run.

    tox -e bench                  everything, as a table and reports/benchmark.json
    tox -e bench -- mlp fgsm      these sections alone; others stay as they were measured last
    tox -e bench -- write         everything, and write docs/benchmark.md and its JSON
    tox -e bench -- mlp write     one section, and write all that were measured

Nothing else should be running. It decides no test: a figure that misses its goal is told.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attacks
import growth
import torch
import training
import whole
from rich.console import Console
from rich.table import Table
from table import Row, load, page, save, shown

from repro.lab import provenance

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "reports" / "benchmark.json"
PAGE = ROOT / "docs" / "benchmark.md"


def alone(rows: Callable[[], Iterator[Row]]) -> Callable[[], Iterator[Row]]:
    """The section on one thread, which is how the populations are trained."""

    def run() -> Iterator[Row]:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        yield from rows()
        torch.set_num_threads(threads)

    return run


SECTIONS: Mapping[str, Callable[[], Iterator[Row]]] = {
    "mlp": alone(training.mlp_rows),
    "cnn": alone(training.cnn_rows),
    "fgsm": attacks.fgsm_rows,
    "iterative": attacks.iterative_rows,
    "common": attacks.common_rows,
    "growth": growth.rows,
    "commands": whole.command_rows,
    "live": whole.live_rows,
    "headlines": whole.headline_rows,
    "own": whole.own_rows,
}


def drawn(rows: list[Row]) -> Table:
    """The table for a terminal."""
    table = Table("section", "what", "measured", "goal", "")
    for row in rows:
        goal = "" if row.goal is None else shown(row.goal, row.unit)
        met = {None: "", True: "met", False: "MISSED"}[row.met]
        table.add_row(row.section, row.what, shown(row.value, row.unit), goal, met)
    return table


def main(words: list[str]) -> int:
    """Run the sections, print the table, write the JSON.

    Args:
        words: sections, and ``write``.
    """
    unknown = sorted(set(words) - {"write", *SECTIONS})
    if unknown:
        text = f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}"
        print(text, file=sys.stderr)  # noqa: T201 - a program's own word
        return 2
    told = provenance.describe("cpu")
    about = {"on": told["cpu"], "threads": torch.get_num_threads(), "torch": told["torch"]}
    found = {} if set(words) <= {"write"} else earlier(about)
    console = Console(stderr=True)
    chosen = [name for name in SECTIONS if name in words] or list(SECTIONS)
    for place, name in enumerate(chosen, 1):
        found[name] = []
        with console.status(f"{name} ({place} of {len(chosen)})"):
            for row in SECTIONS[name]():
                found[name].append(row)
                console.print(f"{row.section}: {row.what}: {shown(row.value, row.unit)}")
        # What a run that is stopped has measured is kept.
        save(KEPT, about, found)
    rows = [row for name in SECTIONS for row in found.get(name, [])]
    Console().print(drawn(rows))
    if "write" in words:
        save(PAGE.with_suffix(".json"), about, {n: found[n] for n in SECTIONS if n in found})
        PAGE.write_text(page(about, rows), encoding="utf-8")
    return 0


def earlier(about: dict[str, Any]) -> dict[str, list[Row]]:
    """The sections that were measured before on this machine, by name."""
    if KEPT.exists():
        then, found = load(KEPT)
        if then == about:
            return found
    return {}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
