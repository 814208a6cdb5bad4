"""What is measured of the paper example2020, seed by seed."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from repro.lab.attacks import fgsm, metrics
from repro.lab.networks.modules import ModuleRecipe
from repro.papers.experiment import Experiment, Run


def recipe(seed: int) -> ModuleRecipe:
    """Say what is trained, and how: a change is another network, stored apart."""
    return ModuleRecipe(
        name="example2020-softmax",
        seed=seed,
        module=partial(nn.Linear, 784, 10),
        optimiser=partial(torch.optim.SGD, lr=0.1),
        epochs=2,
        images=(0, 2_000),
    )


def measure(run: Run, _reading: str) -> dict[str, float]:
    """Measure the error rates of Table 1."""
    network, x, y = run.networks["target"], run.images(), run.labels()
    attacked = fgsm.fgsm(x, fgsm.loss_gradient(network, x, y), eps=0.1)
    noisy = fgsm.random_sign(x, eps=0.1, rng=run.rng("example2020/noise"))
    return {
        "fgsm-error": metrics.error_rate(metrics.predict(network, attacked), y),
        "noise-error": metrics.error_rate(metrics.predict(network, noisy), y),
    }


EXPERIMENTS = (
    Experiment(
        name="table1",
        readings=("as-written",),
        networks=lambda seed, _reading: {"target": recipe(seed)},
        measure=measure,
        metrics=("fgsm-error", "noise-error"),
    ),
)
