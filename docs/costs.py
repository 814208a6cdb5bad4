"""Print the README's table of what the commands cost: ``python docs/costs.py [REPORT ...]``.

What a run of claims takes is read from the report.json of one of all claims (default:
``reports/report.json``), and for other machines from those that follow. What calibrates or trains
for minutes is added up from the times that stand beside the populations and the shipped weights;
the rest is measured here and now.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from repro import paths
from repro.judge.populations import Archive, Population
from repro.lab.networks import recipe as recipes
from repro.papers import registry
from repro.plugin import xdist

ROOT = Path(__file__).resolve().parents[1]
ALL = "`tox run -e reproduce`"
CORES = 2
"""Of the machine that the README tells of."""


def size(path: Path) -> str:
    """Write what a file or a folder takes of the disk."""
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return in_words(sum(p.stat().st_size for p in files))


def in_words(count: float) -> str:
    """Write bytes as MB or GB."""
    mega = count / 1e6
    return f"{mega / 1000:.1f} GB" if mega >= 1000 else f"{mega:.0f} MB" if mega >= 1 else "< 1 MB"


def installed() -> float:
    """Return the bytes that the packages of requirements/reproduce.txt take here."""
    pins = (ROOT / "requirements" / "reproduce.txt").read_text(encoding="utf-8")
    total = 0.0
    for name in re.findall(r"^([\w.-]+)==", pins, re.M):
        for file in metadata.files(name) or ():
            place = Path(str(file.locate()))
            total += place.stat().st_size if place.is_file() else 0
    return total


def manifest() -> dict[str, dict[str, Any]]:
    """Return how each shipped network was made, by its key."""
    text = (paths.fixtures() / "weights" / "manifest.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text)
    return found


def evidence(paper: str) -> list[Population]:
    """Return the populations, on full MNIST, of a paper's experiments that every run measures."""
    archive = Archive()
    claimed = {(c.experiment, r) for c in registry.load_all()[paper].claims for r in c.readings}
    return [
        archive.population("full", paper, name, reading)
        for name, experiment in registry.experiments(paper).items()
        for reading in (() if experiment.on_demand else experiment.readings)
        if (name, reading) in claimed
    ]


def training(paper: str) -> float:
    """Return the seconds that training one seed's networks took, of those that ship."""
    made, every = manifest(), registry.experiments(paper).values()
    keys = {recipes.key(r) for e in every if not e.on_demand for r in e.recipes(0)}
    return sum(made[key]["seconds"] for key in keys & set(made))


def about(seconds: float) -> str:
    """Write a time no finer than it is known."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def by_group(report: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return the seconds that each paper's groups of experiments took in a run of all claims."""
    groups: dict[str, dict[str, float]] = {}
    for record in report["claims"]:
        paper, of = record["paper"], groups.setdefault(record["paper"], {})
        group = xdist.group_of(paper, record["experiment"])
        of[group] = of.get(group, 0.0) + (record["seconds"] or 0.0)
    return groups


def runs(report: dict[str, Any]) -> dict[str, float]:
    """Return the seconds of a run of each paper's claims alone; of the whole run under ``""``.

    Those of a paper are added up from what its groups of experiments took in the run of all.
    """
    groups = by_group(report)

    def longest(seconds: Iterable[float]) -> float:
        busy = [0.0] * CORES
        for each in sorted(seconds, reverse=True):
            busy[busy.index(min(busy))] += each
        return max(busy)

    whole: float = report["footer"]["seconds"]
    every = [seconds for of in groups.values() for seconds in of.values()]
    around = whole - longest(every)  # starting, and making the page
    return {"": whole} | {paper: longest(of.values()) + around for paper, of in groups.items()}


def rows(
    known: dict[str, list[Population]], report: dict[str, Any], others: Iterable[dict[str, Any]]
) -> Iterator[tuple[str, str, str]]:
    """Make the rows (command, time, disk) from populations, a run's report and other machines'."""
    yield f"{ALL}, once: the installation", "minutes", f"{in_words(installed())} in `.tox/`"
    measured = {paper: sum(p.seconds() for p in found) for paper, found in known.items()}
    took = runs(report)
    yield f"{ALL}, {CORES} cores", about(took.pop("")), f"{size(ROOT / 'reports')} in `reports/`"
    for other in others:
        machine = f"{other['header']['cpu']} ({other['header']['instructions']})"
        yield f"{ALL}, {CORES} cores of {machine}", about(other["footer"]["seconds"]), "as above"
    # What is measured on demand alone costs a run nothing.
    groups = {paper: of for paper, of in by_group(report).items() if sum(of.values()) > 1}
    for paper, seconds in ((paper, took[paper]) for paper in groups):
        yield f"{ALL[:-1]} -- --paper {paper}`, {CORES} cores", about(seconds), "as above"
    for paper, of in groups.items():  # in one process, one after another
        command = f"`repro try NETWORK --paper {paper}`"
        yield command, about(sum(of.values())), "< 1 MB in `reports/try/`"
    weights = size(paths.fixtures() / "weights")
    seconds = sum(network["seconds"] for network in manifest().values())
    yield f"{ALL[:-1]} -- --retrain`, besides", about(seconds), f"{weights} in the cache"
    for paper, seconds in ((paper, measured[paper]) for paper in groups):
        each = about(seconds + training(paper))
        yield f"`repro calibrate --paper {paper}`, a seed", each, "its weights, in the cache"
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "repro", "verdicts"], check=False, capture_output=True)
    yield "`repro verdicts`", about(time.monotonic() - start), "nothing"


def whole_run(path: str) -> dict[str, Any]:
    """Return the report of a run of all claims; of any other, say so and leave."""
    report: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    if "footer" not in report or report["header"]["threads"] != CORES:
        sys.exit(f"{path} is not of a whole run on {CORES} cores: make one with {ALL}")
    left = [record["outcome"] for record in report["claims"]].count("deselected")
    if left or report["header"]["data"]["kind"] != "full":
        sys.exit(f"{path} is not of all claims on full MNIST: make one with {ALL}")
    return report


def main(words: list[str]) -> None:
    """Print the table, and what it was measured on."""
    report, *others = map(whole_run, words or [str(ROOT / "reports" / "report.json")])
    known = {paper: evidence(paper) for paper in registry.folders()}
    empty = sum(not population.rows for found in known.values() for population in found)
    if empty:
        print(f"{empty} populations have no row yet: they count nothing", file=sys.stderr)
    print("| command | time | disk |\n| --- | --- | --- |")
    for row in rows(known, report, others):
        print(f"| {' | '.join(row)} |")
    told = [row.provenance for found in known.values() for p in found for row in p.rows]
    told = [each for each in told if each["device"] == "cpu"]  # as the seconds are
    machines = sorted({f"{p['cpu']}, {p['threads']} thread" for p in told})
    print(
        f"\nOn {' and '.join(machines)}: what measuring a seed took in the middle of the seeds, "
        "and training in the case of the shipped networks. Runs of claims: "
        f"on {report['header']['cpu']}, {report['header']['threads']} threads, where no other is "
        "named, those of one paper added up from their parts, and so is `repro try`, of a network "
        "such as the paper's."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
