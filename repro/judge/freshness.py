"""Freshness: do code and evidence still agree? It says nothing of a paper.

Measured on the same weights, a number must be the one on record, but for what other arithmetic
(another processor, other threads) was measured to change: :func:`tolerance`. On other weights it
must lie in the population's 99.9 % band.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from repro import paths
from repro.judge.bands import Band, Values
from repro.judge.populations import Kind
from repro.judge.verdicts import Judgement

FLOOR = 1e-3
"""The least tolerance of rates, confidences and RMS; one image of ten thousand is 1e-4."""
MANY = 10
"""So many times its tolerance is further than any processor moves a number: the code did."""
STEPS = 0.05
"""The least tolerance of mean counts of iterations."""


def family(metric: str) -> str:
    """Return what the points of a curve, or the cells of a table of classes, have in common.

    >>> family("success[3]"), family("target-rms-4-9"), family("fgsm-025-error")
    ('success[]', 'target-rms-to', 'fgsm-025-error')
    """
    return re.sub(r"-\d-\d$", "-to", re.sub(r"\[\d+\]$", "[]", metric))


def other_arithmetic(population: str, metric: str, kind: Kind) -> float:
    """Return twice the most that other arithmetic was measured to change of a metric.

    It is on record in ``fixtures/arithmetic.csv``, which ``docs/arithmetic.py`` writes. On the
    embedded sample, where an image is more of a rate, what holds on full MNIST holds as well.

    Args:
        population: by name, such as ``lacok2016-table1--as-written``; 0 of one not on record.
        metric: of the population.
        kind: of the images.

    >>> other_arithmetic("none", "error", "full")
    0.0
    """
    changes = _changes(paths.fixtures() / "arithmetic.csv")
    of_both = {"full", kind}
    return max(changes.get((images, population, family(metric)), 0.0) for images in of_both)


@cache
def _changes(path: Path) -> Mapping[tuple[str, str, str], float]:
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {
            (row["images"], row["population"], row["family"]): 2 * float(row["largest"])
            for row in csv.DictReader(file)
        }


def tolerance(population: str, metric: str, kind: Kind) -> float:
    """Return how far a measurement on the same weights may lie from the one on record.

    The arguments are those of :func:`other_arithmetic`.

    >>> [tolerance("none", metric, "full") for metric in ("error", "value-iterations")]
    [0.001, 0.05]
    """
    least = STEPS if "iterations" in metric else FLOOR
    return max(least, other_arithmetic(population, metric, kind))


def gates(judgement: Judgement) -> list[Band | None]:
    """Return the 99.9 % bands of a judgement: one, or one a point of a curve."""
    return [point.gate for point in judgement.points] or [judgement.gate]


def outside_gate(measured: float | Values, judgement: Judgement) -> str:
    """Say how a live measurement lies outside the judgement's 99.9 % band, or say nothing.

    For a curve ``measured`` has one value a point, and one outside its band suffices. Without a
    band nothing lies outside.
    """
    values, bands = np.atleast_1d(measured).tolist(), gates(judgement)
    for i, (value, gate) in enumerate(zip(values, bands, strict=True)):
        if gate is not None and _beyond(gate, value):
            where = f"point {i} of " if len(values) > 1 else ""
            return (
                f"code and evidence disagree: {where}this machine's {value:.6g} lies "
                f"{abs(gate.distance(value)):.2g} outside the population's {gate.level:.1%} band "
                f"[{gate.low:.6g}, {gate.high:.6g}]"
            )
    return ""


def all_beyond(measured: Sequence[float], gate: Band) -> bool:
    """Return whether all fresh seeds lie outside the band, on one side of it.

    One honest seed in a thousand lies outside, and more where a population is skewed; two that do
    so on the same side are no chance.

    >>> gate = Band(0.1, 0.2, 0.999, "t")
    >>> all_beyond([0.25, 0.3], gate), all_beyond([0.25, 0.05], gate)
    (True, False)
    """
    distances = [_beyond(gate, value) for value in measured]
    return min(distances) > 0 or max(distances) < 0


def _beyond(gate: Band, value: float) -> float:
    """Return by how much a value lies above the band, or below it (negative); else 0.

    Where seeds do not spread the band is one value, which other bits may miss by an image.
    """
    near = gate.method == "exact" and abs(value - (gate.low + gate.high) / 2) <= FLOOR
    return 0.0 if near else gate.distance(value)
