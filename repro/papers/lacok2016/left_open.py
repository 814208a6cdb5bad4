"""Measure what Lacok (2016) leaves open: whose images were cached, and how long was trained.

No claim is judged by these: they are the evidence for and against the readings, in
``docs/readings.md``.
"""

from __future__ import annotations

from repro.lab.attacks import metrics
from repro.lab.attacks.fgsm import GradientForm
from repro.lab.networks.mlp import MlpRecipe
from repro.papers.experiment import TARGET, Experiment, Measurements, Run, named
from repro.papers.lacok2016.fgsm_tables import (
    BOTH,
    EPS,
    another,
    error_and_confidence,
    regularised,
    under_attack,
    unregularised,
)

FORMS: tuple[GradientForm, ...] = ("exact", "float32")
SOURCES = ("same", "other")
"""Whose images are cached: the unregularised network of the same seed, or of another.

The appendix's program draws without a seed, so that its two runs share neither initial weights
nor dropout masks; ``cached-adversarials`` takes both networks of one seed.
"""

EPOCHS = (10, 25, 50, 75, 100)
"""50 in the appendix; the program saves after each, and the tutorial it follows trains 100."""


def _caches(run: Run, _reading: str) -> Measurements:
    """Attack Table 2's network with images of two sources, made in either arithmetic."""
    result: Measurements = {}
    for form in FORMS:
        for name in SOURCES:
            images_of = run.networks[name]
            result |= under_attack(run, f"{form}-{name}-", run.networks[TARGET], images_of, form)
    return result


def _epochs(run: Run, _reading: str) -> Measurements:
    """Attack Table 1's network after more and fewer epochs, by its own gradient."""
    result: Measurements = {}
    for epochs, network in run.networks.items():
        clean = metrics.predict(network, run.images())
        result |= error_and_confidence(f"{epochs}-original", clean, run.labels())
        for form in FORMS:
            result |= under_attack(run, f"{epochs}-{form}-", network, network, form)
    return result


EXPERIMENTS = (
    Experiment(
        name="caches",
        readings=("cached-adversarials",),
        networks=lambda seed, _: {
            "same": unregularised(seed),
            "other": another(seed),
            TARGET: regularised(seed),
        },
        measure=_caches,
        metrics=named(
            [f"{form}-{source}" for form in FORMS for source in SOURCES], named(EPS, BOTH)
        ),
    ),
    Experiment(
        name="epochs",
        readings=("as-written",),
        networks=lambda seed, _: {str(n): MlpRecipe(seed=seed, epochs=n) for n in EPOCHS},
        measure=_epochs,
        metrics=named(
            map(str, EPOCHS),
            (*named(("original",), BOTH), *named(FORMS, named(EPS, BOTH))),
        ),
        on_demand=True,
    ),
)
