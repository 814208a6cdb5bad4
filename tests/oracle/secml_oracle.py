"""The ``as-coded`` reading put together from the parts of secml-torch.

Its modular attack, with an additive manipulation whose state is the noise, a clip of the noise
and one of what is fed, plain gradient descent, and the softmax output in the place of logits.
The largest absolute value to divide a gradient by is the one part that the library lacks.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

with warnings.catch_warnings():
    # secml-torch loads foolbox where it is there, and foolbox 3.3.4 asks SciPy for a moved name.
    warnings.simplefilter("ignore", DeprecationWarning)
    pytest.importorskip("secmlt", reason="tox -e oracle installs it")
    from secmlt.adv.evasion.modular_attacks.modular_attack_fixed_eps import (
        ModularEvasionAttackFixedEps,
    )
    from secmlt.manipulations.manipulation import AdditiveManipulation
    from secmlt.models.pytorch.base_pytorch_nn import BasePyTorchClassifier
    from secmlt.optimization.constraints import ClipConstraint, LInfConstraint
    from secmlt.optimization.gradient_processing import GradientProcessing
    from secmlt.optimization.initializer import Initializer
    from secmlt.optimization.optimizer_factory import OptimizerFactory
    from secmlt.optimization.scheduler_factory import LRSchedulerFactory
    from secmlt.trackers.trackers import Tracker


class NoiseState(AdditiveManipulation):
    """x + noise, where the clip of the sum leaves the noise as it is."""

    def _invert_manipulation(self, x: Tensor, x_adv: Tensor) -> None:  # noqa: ARG002 # its interface
        return None


class LargestIsOne(GradientProcessing):
    """Each image's gradient over its largest absolute value, times ``sign``."""

    def __init__(self, sign: float = 1.0) -> None:
        self.sign = sign

    def __call__(self, grad: Tensor) -> Tensor:
        largest = torch.linalg.vector_norm(grad, ord=torch.inf, dim=(1, 2, 3), keepdim=True)
        return self.sign * grad / largest


class History(Tracker):
    """What the attack holds before each of its steps."""

    def __init__(self) -> None:
        super().__init__("history")
        self.scores: list[Tensor] = []
        self.fed: list[Tensor] = []
        self.noise: list[Tensor] = []

    def track(
        self,
        iteration: int,  # noqa: ARG002 # its interface
        loss: Tensor,  # noqa: ARG002 # its interface
        scores: Tensor,
        x_adv: Tensor,
        delta: Tensor,
        grad: Tensor,  # noqa: ARG002 # its interface
    ) -> None:
        for kept, value in ((self.scores, scores), (self.fed, x_adv), (self.noise, delta)):
            kept.append(value.clone())


@dataclass(frozen=True)
class Expected:
    """What the attack must come to: (N,) success and iterations, (N, 1, 28, 28) the rest."""

    success: Tensor
    iterations: Tensor
    noise: Tensor
    adversarial: Tensor


def as_coded(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    eps: float,
    step: float,
    max_iterations: int,
    box: bool = True,
    pixels: bool = True,
    probabilities: bool = True,
    sign: float = 1.0,
) -> Expected:
    """The attack's history, read as the authors' program reads it: judged before each step.

    Args:
        network: PyTorch's own layers, giving logits.
        x: (N, 1, 28, 28) images.
        y: (N,) true classes.
        eps: the noise is clipped to ± eps.
        step: the most that a step changes a pixel.
        max_iterations: steps an image may take; what the last one made is not judged.
        box: False forgets the clip of the noise (for mistakes on purpose, as the rest).
        pixels: False forgets the clip of what is fed.
        probabilities: False takes the loss of the logits.
        sign: -1 goes down.
    """
    history = History()
    bounds = [ClipConstraint(0.0, 1.0)] if pixels else []
    boxes = [LInfConstraint(torch.tensor(eps, dtype=x.dtype))] if box else []
    attack = ModularEvasionAttackFixedEps(
        y_target=None,
        # One more than allowed: the history then has the state after the last step too.
        num_steps=max_iterations + 1,
        step_size=step,
        loss_function=nn.CrossEntropyLoss(reduction="none"),
        optimizer_cls=OptimizerFactory.create_sgd(step),
        scheduler_cls=LRSchedulerFactory.create_no_scheduler(),
        manipulation_function=NoiseState(
            domain_constraints=bounds, perturbation_constraints=boxes
        ),
        initializer=Initializer(),
        gradient_processing=LargestIsOne(sign),
        trackers=[history],
    )
    output = nn.Softmax(dim=1) if probabilities else None
    model = BasePyTorchClassifier(network, postprocessing=output)
    attack(model, DataLoader(TensorDataset(x, y), batch_size=len(x)))

    wrong = torch.stack(history.scores[:max_iterations]).argmax(dim=-1) != y
    success = wrong.any(dim=0)
    iterations = torch.where(success, wrong.int().argmax(dim=0), max_iterations)
    each = torch.arange(len(x))
    return Expected(
        success,
        iterations,
        torch.stack(history.noise)[iterations, each],
        torch.stack(history.fed)[iterations, each],
    )
