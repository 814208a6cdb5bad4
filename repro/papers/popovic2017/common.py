"""What all experiments on Popović & Mihajlović (2017) share: networks, images, noise."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from repro.lab.attacks import iterative, metrics
from repro.lab.attacks.iterative import AS_CODED, AS_WRITTEN, Attacked, Switches
from repro.lab.networks.cnn_training import CnnRecipe
from repro.lab.networks.network import Network
from repro.papers.experiment import TARGET, Experiment, Measurements, Run

SWITCHES: dict[str, Switches] = {"as-written": AS_WRITTEN, "as-coded": AS_CODED}
READINGS = tuple(SWITCHES)
SUBSET = 1000
"""Test images, the first in file order, on which switches and comparisons are measured."""

SUMMARY = ("success", "rms", "iterations")
"""What is measured of every attack by eqs. (1) and (3)."""


def network_of(seed: int) -> CnnRecipe:
    """Return the recipe of the authors' network: 1,024 units in the fully connected layer."""
    return CnnRecipe(seed=seed)


def network_of_table(seed: int) -> CnnRecipe:
    """Return the recipe of the network as Table I has it: 1,204 units."""
    return CnnRecipe(seed=seed, units=1204)


on_network = partial(
    Experiment, readings=READINGS, networks=lambda seed, _: {TARGET: network_of(seed)}
)
"""Make an experiment on the authors' network, under both readings."""


def images(run: Run) -> Tensor:
    """Return the test images, (N, 1, 28, 28) float32 in [0, 1]."""
    return run.images().reshape(-1, 1, 28, 28)


def random_noise(run: Run, x: Tensor, rms: Tensor | float, name: str) -> Tensor:
    """Draw random-sign noise for images ``x``, each of its ``rms``: every attack's control."""
    signs = run.rng(f"popovic2017/{name}").integers(0, 2, size=tuple(x.shape), dtype=np.int8)
    scale = torch.as_tensor(rms, dtype=torch.float32).reshape(-1, 1, 1, 1)
    return torch.from_numpy(signs * 2 - 1).to(torch.float32) * scale


def logits(model: Network, x: Tensor, noise: Tensor, switches: Switches) -> Tensor:
    """Return the logits (N, 10) of ``x`` with ``noise`` (like ``x``, or one image) added."""
    noisy = x + noise
    return metrics.predict(model, noisy.clamp(0, 1) if switches.pixel_clip else noisy, batch=500)


def error_rate(model: Network, x: Tensor, y: Tensor) -> float:
    """Return the share of images ``x`` that are not given their class ``y``."""
    return metrics.error_rate(metrics.predict(model, x, batch=500), y)


def fooled(model: Network, x: Tensor, y: Tensor, noise: Tensor, switches: Switches) -> float:
    """Return the share of images misclassified with ``noise`` added."""
    return metrics.error_rate(logits(model, x, noise, switches), y)


def summary(prefix: str, done: Attacked) -> Measurements:
    """Name success rate, mean RMS of the successes and mean number of steps: ``SUMMARY``."""
    values = (done.success_rate, done.mean_rms, float(done.iterations.double().mean()))
    return {f"{prefix}{name}": value for name, value in zip(SUMMARY, values, strict=True)}


def attacked(
    run: Run,
    prefix: str,
    switches: Switches,
    role: str = TARGET,
    **options: float | bool,
) -> Measurements:
    """Attack the first ``SUBSET`` test images by eq. (1), once a run; return the :func:`summary`.

    The options are those of :func:`repro.lab.attacks.iterative.attack`; a ``role`` is one
    network's in all experiments of the paper.
    """

    def make() -> Measurements:
        x, y = images(run)[:SUBSET], run.labels()[:SUBSET]
        done = iterative.attack(run.networks[role], x, y, switches=switches, **options)  # type: ignore[arg-type] # the keyword options of attack
        return summary("", done)

    found = run.once_in_all(f"attack {role} {switches} {sorted(options.items())}", make)
    return {f"{prefix}-{name}": value for name, value in found.items()}
