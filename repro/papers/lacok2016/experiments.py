"""What is measured for Lacok (2016)."""

from __future__ import annotations

from torch import Tensor

from repro.experiment import Experiment, Measurements, Run
from repro.lab import attacks, metrics
from repro.lab.attacks import GradientForm
from repro.lab.mlp import Mlp, MlpRecipe

GRADIENT_OF: dict[str, GradientForm] = {"as-written": "exact", "float32-gradient": "float32"}
"""How each reading takes the gradient that FGSM follows."""

SETS = ("original", "fgsm-010", "fgsm-025", "random-025", "random-010", "untrained")
"""The four sets of Table 1, then two controls: weaker random noise, an untrained network."""

TABLE_METRICS = (
    *(f"{name}-{what}" for name in SETS for what in ("error", "confidence")),
    *(f"{name}-confidence-drop" for name in ("fgsm-010", "fgsm-025", "random-025")),
    *(f"{name}-error-increase" for name in ("fgsm-010", "random-025")),
    "zero-gradient-share",
    "sign-difference-share",
)


def _table(run: Run, reading: str, *, recipe: MlpRecipe) -> Measurements:
    """Error rate and confidence on the four sets, as in Tables 1 and 2, with their controls."""
    network = Mlp(run.obtain(recipe).weights)
    x, y = run.images(), run.labels()
    exact = run.once(f"{recipe.name} exact", lambda: attacks.loss_gradient(network, x, y))
    form = GRADIENT_OF[reading]
    gradient = exact if form == "exact" else attacks.loss_gradient(network, x, y, form=form)

    def noisy(eps: float) -> Tensor:
        return attacks.random_sign(x, eps=eps, rng=run.rng(f"lacok2016/random-{eps:.2f}"))

    logits = {
        "original": metrics.predict(network, x),
        "fgsm-010": metrics.predict(network, attacks.fgsm(x, gradient, eps=0.10)),
        "fgsm-025": metrics.predict(network, attacks.fgsm(x, gradient, eps=0.25)),
        "random-025": metrics.predict(network, noisy(0.25)),
        "random-010": metrics.predict(network, noisy(0.10)),
        "untrained": metrics.predict(Mlp(recipe.initial_weights()), x),
    }
    result = {}
    for name, values in logits.items():
        result[f"{name}-error"] = metrics.error_rate(values, y)
        result[f"{name}-confidence"] = metrics.mean_confidence(values)
    for name in ("fgsm-010", "fgsm-025", "random-025"):
        drop = result["original-confidence"] - result[f"{name}-confidence"]
        result[f"{name}-confidence-drop"] = drop
    for name in ("fgsm-010", "random-025"):
        result[f"{name}-error-increase"] = result[f"{name}-error"] - result["original-error"]
    result["zero-gradient-share"] = attacks.zero_gradient_share(gradient)
    result["sign-difference-share"] = attacks.sign_difference_share(gradient, exact)
    return result


def unregularised(seed: int) -> MlpRecipe:
    """The network of Table 1."""
    return MlpRecipe(seed=seed)


def _table1(run: Run, reading: str) -> Measurements:
    return _table(run, reading, recipe=unregularised(run.seed))


EXPERIMENTS = (
    Experiment(
        name="table1",
        readings=("as-written", "float32-gradient"),
        networks=lambda seed: (unregularised(seed),),
        measure=_table1,
        metrics=TABLE_METRICS,
    ),
)
