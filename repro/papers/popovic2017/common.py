"""What all experiments on Popović & Mihajlović (2017) share: networks, images, noise."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from repro.lab.attacks import iterative, metrics
from repro.lab.attacks.iterative import AS_CODED, AS_WRITTEN, Attacked, Switches
from repro.lab.networks.cnn import Cnn
from repro.lab.networks.cnn_training import CnnRecipe
from repro.papers.experiment import Experiment, Measurements, Run

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


on_network = partial(Experiment, readings=READINGS, networks=lambda seed: (network_of(seed),))
"""Make an experiment on the authors' network, under both readings."""


def network(run: Run, recipe: CnnRecipe | None = None) -> Cnn:
    """Return the trained network of ``recipe``, the authors' where none is given."""
    return Cnn(run.obtain(recipe or network_of(run.seed)).weights)


def images(run: Run) -> Tensor:
    """Return the test images, (N, 1, 28, 28) float32 in [0, 1]."""
    return run.images().reshape(-1, 1, 28, 28)


def random_noise(run: Run, x: Tensor, rms: Tensor | float, name: str) -> Tensor:
    """Draw random-sign noise for images ``x``, each of its ``rms``: every attack's control."""
    signs = run.rng(f"popovic2017/{name}").integers(0, 2, size=tuple(x.shape), dtype=np.int8)
    scale = torch.as_tensor(rms, dtype=torch.float32).reshape(-1, 1, 1, 1)
    return torch.from_numpy(signs * 2 - 1).to(torch.float32) * scale


def logits(model: Cnn, x: Tensor, noise: Tensor, switches: Switches) -> Tensor:
    """Return the logits (N, 10) of ``x`` with ``noise`` (like ``x``, or one image) added."""
    noisy = x + noise
    return metrics.predict(model, noisy.clamp(0, 1) if switches.pixel_clip else noisy, batch=500)


def error_rate(model: Cnn, x: Tensor, y: Tensor) -> float:
    """Return the share of images ``x`` that are not given their class ``y``."""
    return metrics.error_rate(metrics.predict(model, x, batch=500), y)


def fooled(model: Cnn, x: Tensor, y: Tensor, noise: Tensor, switches: Switches) -> float:
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
    recipe: CnnRecipe | None = None,
    **options: float | bool,
) -> Measurements:
    """Attack the first ``SUBSET`` test images by eq. (1), once a run; return the :func:`summary`.

    The network is the authors' where no ``recipe`` is given; the options are those of
    :func:`repro.lab.attacks.iterative.attack`.
    """
    of = recipe or network_of(run.seed)

    def make() -> Measurements:
        x, y = images(run)[:SUBSET], run.labels()[:SUBSET]
        done = iterative.attack(network(run, of), x, y, switches=switches, **options)  # type: ignore[arg-type] # the keyword options of attack
        return summary("", done)

    found = run.once_in_all(f"attack {of} {switches} {sorted(options.items())}", make)
    return {f"{prefix}-{name}": value for name, value in found.items()}
