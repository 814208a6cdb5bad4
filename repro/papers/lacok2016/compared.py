"""Measure what Lacok (2016) says of Goodfellow et al. (2015): his network beside theirs.

Each seed's networks are attacked by their own gradients, with eps 0.25 and without clipping.
"""

from __future__ import annotations

from repro.lab.attacks import fgsm, metrics
from repro.papers.experiment import TARGET, Experiment, Measurements, Run, named
from repro.papers.goodfellow2015.networks import maxout, softmax_regression
from repro.papers.lacok2016.fgsm_tables import noisy, unregularised

EPS = 0.25
OTHERS = ("maxout", "softmax")


def _compared(run: Run, _reading: str) -> Measurements:
    """Measure error under FGSM, and how far the confidence falls, of each network."""
    x, y = run.images(), run.labels()
    result: Measurements = {}
    for role, network in run.networks.items():
        attacked = fgsm.fgsm(x, fgsm.loss_gradient(network, x, y), eps=EPS)
        logits = [metrics.predict(network, each) for each in (x, attacked, noisy(run, EPS))]
        clean, fooled, random = map(metrics.mean_confidence, logits)
        result |= {
            f"{role}-error": metrics.error_rate(logits[1], y),
            f"{role}-random-error": metrics.error_rate(logits[2], y),
            f"{role}-drop": clean - fooled,
            f"{role}-random-drop": clean - random,
        }
    for role in OTHERS:
        for name in ("error", "random-error"):
            gap = abs(result[f"{TARGET}-{name}"] - result[f"{role}-error"])
            result[f"{role}-{name}-gap"] = gap
    return result


EXPERIMENTS = (
    Experiment(
        name="compared",
        readings=("as-written",),
        networks=lambda seed, _: {
            TARGET: unregularised(seed),
            "maxout": maxout(seed=seed),
            "softmax": softmax_regression(seed, 1),
        },
        measure=_compared,
        metrics=(
            *named((TARGET, *OTHERS), ("error", "random-error", "drop", "random-drop")),
            *named(OTHERS, ("error-gap", "random-error-gap")),
        ),
    ),
)
