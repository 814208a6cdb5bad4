"""Measure what other arithmetic changes in the shipped networks' numbers.

What is found is ``fixtures/arithmetic.csv``.

    python docs/arithmetic.py measure avx2.json    all experiments of seed 0, in this arithmetic
    python docs/arithmetic.py write *.json         add the changes against seed 0's own rows

Other processors are emulated by ``ATEN_CPU_CAPABILITY`` (``avx2`` or ``default``), with
``ONEDNN_MAX_CPU_ISA`` (``AVX2`` or ``SSE41``) for the convolutions; other threads by
``OMP_NUM_THREADS``. A measurement that is stopped goes on where it was.
"""

from __future__ import annotations

import csv
import itertools
import json
import sys
from pathlib import Path

import torch

from repro import paths
from repro.judge.freshness import FLOOR, STEPS, family
from repro.judge.populations import Archive, name_of
from repro.lab.mnist import data as mnist
from repro.lab.networks.store import Store
from repro.papers import registry
from repro.papers.experiment import Run

TARGET = paths.fixtures() / "arithmetic.csv"


def measure(out: Path) -> None:
    """Measure every experiment whose networks ship, on full MNIST and on the embedded sample."""
    torch.set_num_threads(torch.get_num_threads())
    full, store = mnist.find(None, require_full=True), Store()
    found = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    for data, paper in itertools.product((full, mnist.embedded()), registry.folders()):
        run = Run(data, 0, lambda recipe: store.obtain(recipe, full))
        for name, experiment in registry.experiments(paper).items():
            if not all(store.lookup(recipe) for recipe in experiment.recipes(0)):
                continue
            for reading in experiment.readings:
                key = f"{data.kind}/{name_of(paper, name, reading)}"
                if key not in found:
                    run.readings = experiment.readings
                    found[key] = experiment.run(run, reading)
                    out.write_text(json.dumps(found), encoding="utf-8")
                    print(key, flush=True)


def write(sources: list[Path]) -> None:
    """Write the largest change of each family of metrics that exceeds half its least tolerance.

    Which of a curve's points, or of a table's cells of a few images each, changes most is chance.
    """
    archive = Archive(check_sums=False)
    with TARGET.open(encoding="utf-8", newline="") as file:  # what is known already
        rows = csv.DictReader(file)
        largest = {(r["images"], r["population"], r["family"]): float(r["largest"]) for r in rows}
    for source in sources:
        for place, measured in json.loads(source.read_text(encoding="utf-8")).items():
            kind, _, key = place.partition("/")
            name, _, reading = key.partition("--")
            paper, _, experiment = name.partition("-")
            row = archive.population(kind, paper, experiment, reading).rows[0]
            for metric, value in measured.items():
                change = abs(value - row.measurements[metric])
                spot = kind, key, family(metric)
                largest[spot] = max(change, largest.get(spot, 0.0))
    with TARGET.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["images", "population", "family", "largest"])
        for (kind, key, name), change in sorted(largest.items()):
            least = (STEPS if "iterations" in name else FLOOR) / 2
            if change > max(least, largest.get(("full", key, name), 0.0) * (kind != "full")):
                out.writerow([kind, key, name, f"{change:.6g}"])


if __name__ == "__main__":
    command, *files = sys.argv[1:]
    if command == "measure":
        measure(Path(files[0]))
    else:
        write([Path(name) for name in files])
