"""Train the maxout network with what should regularise it, and measure it beside one without.

Goodfellow et al. (2015) train it on its own FGSM examples, alpha J(theta, x, y) + (1 - alpha)
J(theta, x + eps sign(grad_x J(theta, x, y)), y) with alpha 0.5 and, as controls, on images with
noise (section 6); and with L1 weight decay (section 5).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from repro.lab.attacks import metrics
from repro.lab.networks.modules import ModuleRecipe
from repro.papers.experiment import Experiment, Measurements, Run, named
from repro.papers.goodfellow2015.networks import maxout
from repro.papers.goodfellow2015.shallow import (
    EPS,
    SCORES,
    made_for,
    noisy,
    scores,
    softmax_of,
)

ORIGINAL, ADVERSARIAL, L1 = "original", "adversarial", "l1"
NOISES = SIGN_NOISE, UNIFORM_NOISE = "sign-noise", "uniform-noise"
"""The roles. No network of somebody else's can stand for one that is trained beside another."""

READINGS = ("thirty-epochs",)
TRAINING_IMAGES = 10_000
"""Of those trained on, the first: as many as there are test images."""


def adversarial_cost(
    module: nn.Module, x: Tensor, y: Tensor, *, alpha: float, eps: float
) -> Tensor:
    """Mix the cross-entropy of ``x`` (N, 784) and of its FGSM examples, which are not clipped.

    The gradient is that of the very cost of ``x``, with the pixels and units that dropout left
    in it; for the attacked images others are left. The sign has no gradient: how the attack
    would answer to other weights does not enter.
    """
    x = x.detach().requires_grad_()
    clean = cross_entropy(module(x), y)
    (gradient,) = torch.autograd.grad(clean, x, retain_graph=True)
    attacked = (x + eps * gradient.sign()).detach()
    return alpha * clean + (1 - alpha) * cross_entropy(module(attacked), y)


def cost_with_sign_noise(module: nn.Module, x: Tensor, y: Tensor, *, eps: float) -> Tensor:
    """Compute the cross-entropy of images with ``eps`` added to or taken from each pixel."""
    signs = torch.randint_like(x, 2) * 2 - 1
    return cross_entropy(module(x + eps * signs), y)


def cost_with_uniform_noise(module: nn.Module, x: Tensor, y: Tensor, *, eps: float) -> Tensor:
    """Compute the cross-entropy of images with noise from U(-eps, eps) added to each pixel."""
    return cross_entropy(module(x + torch.empty_like(x).uniform_(-eps, eps)), y)


def cost_with_l1(module: nn.Module, x: Tensor, y: Tensor, *, coefficient: float) -> Tensor:
    """Add ``coefficient`` times the absolute weights of the first layer to the cross-entropy."""
    first: Tensor = next(module.parameters())
    return cross_entropy(module(x), y) + coefficient * first.abs().sum()


COSTS = {
    ADVERSARIAL: partial(adversarial_cost, alpha=0.5, eps=EPS),
    SIGN_NOISE: partial(cost_with_sign_noise, eps=EPS),
    UNIFORM_NOISE: partial(cost_with_uniform_noise, eps=EPS),
    L1: partial(cost_with_l1, coefficient=0.0025),
}
"""What each network's training makes small; the original's makes the cross-entropy small."""

TRAININGS = {
    ORIGINAL: maxout,
    **{
        role: partial(maxout, name=f"goodfellow2015-maxout-{role}", cost=cost)
        for role, cost in COSTS.items()
    },
}
"""Role to what makes the recipe of a seed."""


def _adversarial(run: Run, _reading: str) -> Measurements:
    """Measure both networks on images that are made for either, and on random noise."""
    x, y = run.images(), run.labels()
    own, other = (made_for(run, run.networks[role]) for role in (ADVERSARIAL, ORIGINAL))
    sets = {
        ADVERSARIAL: {"clean": x, "random": noisy(run, x), "fgsm": own, "transferred": other},
        ORIGINAL: {"clean": x, "random": noisy(run, x), "fgsm": other, "transferred": own},
    }
    result: Measurements = {}
    for role, each in sets.items():
        for name, images in each.items():
            result |= scores(f"{role}-{name}", softmax_of(run.networks[role], images), y)
    return result


def _noise(run: Run, _reading: str) -> Measurements:
    """Measure the networks that are trained with noise, and the two beside them, under FGSM."""
    x, y = run.images(), run.labels()
    result: Measurements = {}
    for role, network in run.networks.items():
        for name, images in (("clean", x), ("fgsm", made_for(run, network))):
            result |= scores(f"{role}-{name}", softmax_of(network, images), y)
    return result


def _l1(run: Run, _reading: str) -> Measurements:
    """Measure error rates on training images; all of the sample's are such."""
    digits = run.data.test if run.data.train is None else run.data.train
    part = slice(TRAINING_IMAGES)
    x = torch.from_numpy(digits.images[part].reshape(-1, 784) / np.float32(255.0))
    y = torch.from_numpy(digits.labels[part].astype(np.int64))
    return {
        f"{role}-training-error": metrics.error_rate(metrics.predict(network, x), y)
        for role, network in run.networks.items()
    }


def _trained(*roles: str) -> Callable[[int, str], dict[str, ModuleRecipe]]:
    """Give seed and reading to the recipes of these roles."""
    return lambda seed, _: {role: TRAININGS[role](seed=seed) for role in roles}


EXPERIMENTS = (
    Experiment(
        name="adversarial-training",
        readings=READINGS,
        networks=_trained(ADVERSARIAL, ORIGINAL),
        measure=_adversarial,
        metrics=named(
            named((ADVERSARIAL, ORIGINAL), ("clean", "random", "fgsm", "transferred")), SCORES
        ),
        alone=True,
    ),
    Experiment(
        name="noise-training",
        readings=READINGS,
        networks=_trained(*NOISES, ADVERSARIAL, ORIGINAL),
        measure=_noise,
        metrics=named(named((*NOISES, ADVERSARIAL, ORIGINAL), ("clean", "fgsm")), SCORES),
        on_demand=True,
    ),
    Experiment(
        name="l1",
        readings=READINGS,
        networks=_trained(L1, ORIGINAL),
        measure=_l1,
        metrics=named((L1, ORIGINAL), ("training-error",)),
        on_demand=True,
    ),
)
