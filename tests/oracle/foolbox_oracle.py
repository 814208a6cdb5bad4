"""foolbox's gradient-sign attacks on the shipped networks in PyTorch's own layers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from plain_networks import plain_cnn, plain_mlp, shipped
from torch import Tensor, nn

from repro.lab.networks.cnn import Cnn
from repro.lab.networks.cnn_training import CnnRecipe
from repro.lab.networks.mlp import Mlp, MlpRecipe

with warnings.catch_warnings():
    # foolbox 3.3.4 asks SciPy for a name that moved.
    warnings.simplefilter("ignore", DeprecationWarning)
    foolbox = pytest.importorskip("foolbox", reason="tox -e oracle installs it")

NOTHING_CLIPS = (-1.0, 2.0)
"""Bounds that no attack of at most 0.9 reaches."""

PIXELS = (0.0, 1.0)


@dataclass(frozen=True)
class Pair:
    """A shipped network twice: as the suite computes it, and in PyTorch's own layers."""

    ours: Any
    plain: nn.Module
    flat: bool

    def to(self, dtype: torch.dtype) -> Pair:
        return Pair(self.ours.to(dtype), self.plain.to(dtype), self.flat)

    def images(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """``x`` (N, 1, 28, 28) in the shape and dtype that the network takes."""
        return (x.flatten(1) if self.flat else x).to(dtype)


def _mlp(l1: float, l2: float) -> Pair:
    w = shipped(MlpRecipe(seed=0, l1=l1, l2=l2))
    return Pair(Mlp(w), plain_mlp(w), flat=True)


def _cnn() -> Pair:
    w = shipped(CnnRecipe(seed=0))
    return Pair(Cnn(w), plain_cnn(w), flat=False)


NETWORKS: Mapping[str, Callable[[], Pair]] = {
    "lacok": lambda: _mlp(0.0, 0.0),
    "lacok-regularised": lambda: _mlp(1e-4, 1e-4),
    "popovic": _cnn,
}


def fast_gradient(
    network: nn.Module, x: Tensor, y: Tensor, *, eps: float, bounds: tuple[float, float]
) -> Tensor:
    """foolbox's FGSM: one signed step of ``eps``, then its clip to ``bounds``."""
    model = foolbox.PyTorchModel(network, bounds=bounds)
    attacked: Tensor = foolbox.attacks.LinfFastGradientAttack().run(model, x, y, epsilon=eps)
    return attacked


def basic_iterative(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    eps: float,
    step: float,
    steps: int,
    bounds: tuple[float, float],
) -> Tensor:
    """foolbox's iteration of signed steps; it never stops early."""
    attack = foolbox.attacks.LinfBasicIterativeAttack(
        abs_stepsize=step, steps=steps, random_start=False
    )
    attacked: Tensor = attack.run(foolbox.PyTorchModel(network, bounds=bounds), x, y, epsilon=eps)
    return attacked
