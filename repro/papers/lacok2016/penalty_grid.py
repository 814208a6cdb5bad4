"""Measure the nine pairs of penalties from which Lacok (2016) chose that of Table 2."""

from __future__ import annotations

import numpy as np

from repro.lab.attacks import metrics
from repro.lab.networks.mlp import MlpRecipe
from repro.lab.networks.network import Network
from repro.papers.experiment import Experiment, Measurements, Run, named
from repro.papers.lacok2016.fgsm_tables import EPS, PLAIN, SETS, attacked, noisy, unregularised

EXPONENTS = (3, 4, 5)
CELLS = {
    f"l1-{a}-l2-{b}": (float(f"1e-{a}"), float(f"1e-{b}")) for a in EXPONENTS for b in EXPONENTS
}
"""Name to (lambda_1, lambda_2): ``l1-3-l2-5`` has 0.001 and 0.00001."""

MIDDLE, SMALLER = "l1-4-l2-4", "l1-5-l2-5"
PAPER_GAIN = {"fgsm-010": 0.40, "fgsm-025": 0.16}
"""What the paper's penalties, 0.0001, gain in its text."""


def networks_of(seed: int, _reading: str) -> dict[str, MlpRecipe]:
    """Return the recipes of all nine, and of the unregularised network; no one is the target."""
    penalised = {c: MlpRecipe(seed=seed, l1=l1, l2=l2) for c, (l1, l2) in CELLS.items()}
    return {PLAIN: unregularised(seed), **penalised}


def _errors(run: Run, network: Network, source: Network) -> Measurements:
    """Measure a network's error rates on the four sets, attacked by the gradient of ``source``."""
    x, y = run.images(), run.labels()
    sets = {
        "original": x,
        **{name: attacked(run, source, "exact", name) for name in EPS},
        "random-025": noisy(run, 0.25),
    }
    return {name: metrics.error_rate(metrics.predict(network, v), y) for name, v in sets.items()}


def _effect(errors: Measurements, plain: Measurements) -> float:
    """Return the larger change of the two attacked error rates, as a share of the paper's gain."""
    return max(abs(errors[name] - plain[name]) / gain for name, gain in PAPER_GAIN.items())


def _grid(run: Run, reading: str) -> Measurements:
    """Measure every pair of penalties, and none, on the four sets of Table 2.

    Under ``cached-adversarials`` all are attacked with the unregularised network's images.
    """
    cached = run.networks[PLAIN] if reading == "cached-adversarials" else None
    found = {cell: _errors(run, each, cached or each) for cell, each in run.networks.items()}
    means = {cell: float(np.mean(list(errors.values()))) for cell, errors in found.items()}
    return {
        **{f"{cell}-{n}-error": errors[n] for cell, errors in found.items() for n in errors},
        "unregularised-mean-error": means[PLAIN],
        "middle-mean-error": means[MIDDLE],
        "others-best-mean-error": min(means[cell] for cell in CELLS if cell != MIDDLE),
        "smaller-effect": _effect(found[SMALLER], found[PLAIN]),
        "middle-effect": _effect(found[MIDDLE], found[PLAIN]),
    }


EXPERIMENTS = (
    Experiment(
        name="grid",
        readings=("as-written", "cached-adversarials"),
        networks=networks_of,
        measure=_grid,
        metrics=(
            *named((PLAIN, *CELLS), (f"{name}-error" for name in SETS[:4])),
            "unregularised-mean-error",
            "middle-mean-error",
            "others-best-mean-error",
            "smaller-effect",
            "middle-effect",
        ),
        on_demand=True,
    ),
)
