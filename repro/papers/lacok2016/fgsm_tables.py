"""Measure Tables 1 and 2 of Lacok (2016), transfer between networks, and a threshold."""

from __future__ import annotations

import torch
from torch import Tensor

from repro.lab.attacks import fgsm, metrics
from repro.lab.attacks.checks import check_finite
from repro.lab.attacks.fgsm import GradientForm
from repro.lab.networks.mlp import MlpRecipe
from repro.lab.networks.network import Network
from repro.papers.experiment import TARGET, Experiment, Measurements, Run, named

GRADIENT_OF: dict[str, GradientForm] = {
    "as-written": "exact",
    "float32-gradient": "float32",
    "cached-adversarials": "exact",
}
"""How each reading takes the gradient that FGSM follows."""

EPS = {"fgsm-010": 0.10, "fgsm-025": 0.25}
"""The attacked sets of Tables 1 and 2."""

SETS = ("original", "fgsm-010", "fgsm-025", "random-025", "random-010", "untrained")
"""The four sets of the tables, then two controls: weaker random noise, an untrained network."""

BOTH = ("error", "confidence")
"""What Tables 1 and 2 have of every set."""

DROPS, INCREASES = ("fgsm-010", "fgsm-025", "random-025"), ("fgsm-010", "random-025")
"""The sets whose drop of confidence, and whose increase of the error rate, are measured."""

TABLE_METRICS = (
    *named(SETS, BOTH),
    *named(DROPS, ("confidence-drop",)),
    *named(INCREASES, ("error-increase",)),
    "zero-gradient-share",
    "sign-difference-share",
)
PLAIN = "unregularised"
"""The role of Table 1's network where Table 2's is the target."""

GAINS = {"gain-010": "fgsm-010", "gain-025": "fgsm-025", "random-gain-025": "random-025"}
"""What regularisation gains, and on which set."""

LOSSES = (0.005, 0.01, 0.02, 0.05, 0.10, 0.20)
"""Shares of clean images that a confidence threshold may reject."""


def unregularised(seed: int) -> MlpRecipe:
    """Return the recipe of Table 1's network."""
    return MlpRecipe(seed=seed)


def regularised(seed: int) -> MlpRecipe:
    """Return the recipe of Table 2's network: lambda_1 = lambda_2 = 0.0001."""
    return MlpRecipe(seed=seed, l1=1e-4, l2=1e-4)


def another(seed: int) -> MlpRecipe:
    """Return that of an independent training: seeds 0 and 1 are each other's, 2 and 3, ..."""
    return unregularised(seed ^ 1)


def _signs(run: Run, network: Network, form: GradientForm) -> Tensor:
    """Return the signs of the loss's gradient, (N, 784) int8: an eighth of its memory."""

    def make() -> Tensor:
        gradient = fgsm.loss_gradient(network, run.images(), run.labels(), form=form)
        check_finite(gradient, "gradients")  # the sign of NaN is 0, as if it were zero
        return gradient.sign_().to(torch.int8)

    return run.once(("signs", network, form), make)


def attacked(run: Run, network: Network, form: GradientForm, name: str) -> Tensor:
    """Return the FGSM images of one set, (N, 784), made for ``network``."""
    return fgsm.fgsm(run.images(), _signs(run, network, form), eps=EPS[name])


def noisy(run: Run, eps: float) -> Tensor:
    """Return the images with random-sign noise of size ``eps``, (N, 784): the control of FGSM."""
    rng = run.rng(f"lacok2016/random-{eps:.2f}")
    return fgsm.random_sign(run.images(), eps=eps, rng=rng)


def error_and_confidence(name: str, logits: Tensor, y: Tensor) -> Measurements:
    """Name the error rate and the confidence of ``logits`` by ``name``."""
    return {
        f"{name}-error": metrics.error_rate(logits, y),
        f"{name}-confidence": metrics.mean_confidence(logits),
    }


def under_attack(
    run: Run, prefix: str, network: Network, source: Network, form: GradientForm
) -> Measurements:
    """Measure ``network`` on the two attacked sets that are made for ``source``."""
    result: Measurements = {}
    for name in EPS:
        logits = metrics.predict(network, attacked(run, source, form, name))
        result |= error_and_confidence(f"{prefix}{name}", logits, run.labels())
    return result


def _table(run: Run, source: Network, form: GradientForm) -> Measurements:
    """Measure the target on the sets of a table, attacked by the gradient of ``source``."""
    network, x, y = run.networks[TARGET], run.images(), run.labels()
    # Regularised training begins with the same weights.
    untrained = run.untrained(unregularised(run.seed))
    logits = {
        "original": metrics.predict(network, x),
        **{name: metrics.predict(network, attacked(run, source, form, name)) for name in EPS},
        "random-025": metrics.predict(network, noisy(run, 0.25)),
        "random-010": metrics.predict(network, noisy(run, 0.10)),
        "untrained": metrics.predict(untrained, x),
    }
    result: Measurements = {}
    for name, values in logits.items():
        result |= error_and_confidence(name, values, y)
    for name in DROPS:
        drop = result["original-confidence"] - result[f"{name}-confidence"]
        result[f"{name}-confidence-drop"] = drop
    for name in INCREASES:
        result[f"{name}-error-increase"] = result[f"{name}-error"] - result["original-error"]
    signs, exact = _signs(run, source, form), _signs(run, source, "exact")
    result["zero-gradient-share"] = fgsm.zero_gradient_share(signs)
    result["sign-difference-share"] = fgsm.sign_difference_share(signs, exact)
    return result


def _table1(run: Run, reading: str) -> Measurements:
    """Measure Table 1: the network on images that are made for itself."""
    return _table(run, run.networks[TARGET], GRADIENT_OF[reading])


def _table2(run: Run, reading: str) -> Measurements:
    """Measure Table 2, and what regularisation gains over the unregularised network.

    Under ``cached-adversarials`` the attacked images are those made for the unregularised
    network, as the appendix's program has them when the files of Table 1 still lie there.
    """
    form, plain = GRADIENT_OF[reading], run.networks[PLAIN]
    source = plain if reading == "cached-adversarials" else run.networks[TARGET]
    result = _table(run, source, form)
    for gain, name in GAINS.items():
        images = attacked(run, plain, form, name) if name in EPS else noisy(run, 0.25)
        logits = metrics.predict(plain, images)
        result[gain] = metrics.error_rate(logits, run.labels()) - result[f"{name}-error"]
    return result


def _transfer(run: Run, reading: str) -> Measurements:
    """Measure an unregularised network of another seed on the images made for this one.

    This is the part of the drop under ``cached-adversarials`` that is mere transfer between two
    trainings, without any regularisation.
    """
    form, source = GRADIENT_OF[reading], run.networks["source"]
    return under_attack(run, "", run.networks[TARGET], source, form)


def _threshold(run: Run, reading: str) -> Measurements:
    """Measure what share of attacked images a confidence threshold rejects.

    The threshold is the confidence that a given share of clean images falls below.
    """
    network = run.networks[TARGET]

    def confidence(x: Tensor) -> Tensor:
        logits = metrics.predict(network, x).double()
        check_finite(logits, "logits")  # NaN lies below no threshold
        return torch.softmax(logits, dim=1).amax(dim=1)

    clean = confidence(run.images())
    sets = {n: confidence(attacked(run, network, GRADIENT_OF[reading], n)) for n in EPS}
    sets["random-025"] = confidence(noisy(run, 0.25))
    result = {}
    for loss in LOSSES:
        limit = torch.quantile(clean, loss)
        for name, values in sets.items():
            result[_rejected(name, loss)] = float((values < limit).double().mean())
    return result


def _rejected(name: str, loss: float) -> str:
    return f"{name}-rejected-at-{round(1000 * loss):03}"


EXPERIMENTS = (
    Experiment(
        name="table1",
        readings=("as-written", "float32-gradient"),
        networks=lambda seed, _: {TARGET: unregularised(seed)},
        measure=_table1,
        metrics=TABLE_METRICS,
    ),
    Experiment(
        name="table2",
        readings=("as-written", "float32-gradient", "cached-adversarials"),
        networks=lambda seed, _: {PLAIN: unregularised(seed), TARGET: regularised(seed)},
        measure=_table2,
        metrics=(*TABLE_METRICS, *GAINS),
    ),
    Experiment(
        name="transfer",
        readings=("cached-adversarials",),
        networks=lambda seed, _: {"source": unregularised(seed), TARGET: another(seed)},
        measure=_transfer,
        metrics=named(EPS, BOTH),
    ),
    Experiment(
        name="threshold",
        readings=("as-written", "float32-gradient"),
        networks=lambda seed, _: {TARGET: unregularised(seed)},
        measure=_threshold,
        metrics=tuple(_rejected(n, loss) for loss in LOSSES for n in (*EPS, "random-025")),
    ),
)
