"""Inputs that make no sense: one clear error, or the result that mathematics gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from repro.errors import ArgumentError
from repro.lab.attacks import common_noise, fgsm, iterative, metrics
from repro.lab.attacks.iterative import AS_CODED, AS_WRITTEN

X, Y = torch.full((2, 4), 0.5), torch.tensor([0, 1])
NAN, INF = float("nan"), float("inf")


class Linear:
    """Logits ``x @ w``; ``scale`` 0 gives gradients of zero."""

    def __init__(self, scale: float = 1.0, dtype: torch.dtype = torch.float32) -> None:
        self.scale, self.dtype = scale, dtype

    def __call__(self, x):
        w = torch.arange(40.0, dtype=self.dtype).reshape(4, 10).sin()
        return x.flatten(1) @ (self.scale * w)

    def to(self, dtype: torch.dtype) -> Linear:
        return Linear(self.scale, dtype)


BAD_IMAGES = [
    *(torch.full((2, 4), value) for value in (-0.01, 1.01, 255.0, NAN, INF, -INF)),
    torch.tensor([[0.5, NAN, 0.5, 0.5], [0.5] * 4]),
    torch.zeros(2, 4, dtype=torch.uint8),
    torch.zeros(0, 4),
]


@pytest.mark.parametrize("x", BAD_IMAGES)
@pytest.mark.parametrize("switches", [AS_WRITTEN, AS_CODED])
def test_images_outside_the_pixel_range_are_refused(x, switches):
    y = Y[: len(x)]
    with pytest.raises(ArgumentError):
        iterative.attack(Linear(), x, y, switches=switches)
    with pytest.raises(ArgumentError):
        common_noise.craft(Linear(), [x], [0], eps=[0.1], switches=switches)


@pytest.mark.parametrize("eps", [-0.1, NAN, INF, -INF])
def test_an_eps_that_is_no_box_is_refused(eps):
    with pytest.raises(ArgumentError, match="eps"):
        fgsm.fgsm(X, X, eps=eps)
    with pytest.raises(ArgumentError, match="eps"):
        fgsm.random_sign(X, eps=eps, rng=np.random.default_rng(0))
    with pytest.raises(ArgumentError, match="eps"):
        iterative.attack(Linear(), X, Y, switches=AS_WRITTEN, eps=eps)
    with pytest.raises(ArgumentError, match="eps"):
        common_noise.craft(Linear(), [X], [0], eps=[eps], switches=AS_WRITTEN)


def test_an_eps_of_zero_changes_nothing():
    assert torch.equal(fgsm.fgsm(X, torch.ones(2, 4), eps=0.0), X)
    assert torch.equal(fgsm.random_sign(X, eps=0.0, rng=np.random.default_rng(0)), X)
    found = iterative.attack(Linear(), X, Y, switches=AS_WRITTEN, eps=0.0, max_iterations=3)
    assert torch.equal(found.adversarial, X)
    assert found.rms.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("switches", [AS_WRITTEN, AS_CODED])
def test_gradients_of_zero_move_nothing_and_are_counted(switches):
    gradient = fgsm.loss_gradient(Linear(0.0), X, Y)
    assert fgsm.zero_gradient_share(gradient) == 1.0
    assert torch.equal(fgsm.fgsm(X, gradient, eps=0.1), X)
    y = torch.tensor([0, 0])  # what a network without an opinion says
    found = iterative.attack(Linear(0.0), X, y, switches=switches)
    assert torch.equal(found.adversarial, X)
    assert not found.success.any()
    assert found.zero_gradient.tolist() == [True, True]
    noise = common_noise.craft(Linear(0.0), [X], [0], eps=[0.1], switches=switches, epochs=2)
    assert not noise.any()


def test_a_class_without_images_is_refused():
    with pytest.raises(ArgumentError, match="no images"):
        common_noise.craft(Linear(), [X, X[:0]], [0, 7], eps=[0.1] * 2, switches=AS_WRITTEN)


def test_the_gradient_of_no_images_is_none():
    assert fgsm.loss_gradient(Linear(), X[:0], Y[:0]).shape == (0, 4)
    assert fgsm.fgsm(X[:0], X[:0], eps=0.1).shape == (0, 4)


@pytest.mark.parametrize(
    "measure",
    [
        lambda none: metrics.predict(Linear(), none),
        lambda none: metrics.error_rate(none, none[:, 0].long()),
        metrics.mean_confidence,
        fgsm.zero_gradient_share,
        lambda none: fgsm.sign_difference_share(none, none),
    ],
)
def test_a_share_of_no_images_is_refused(measure):
    with pytest.raises(ArgumentError, match="no images"):
        measure(torch.zeros(0, 4))


@pytest.mark.parametrize("bad", [NAN, INF])
def test_logits_and_gradients_that_are_not_finite_are_no_result(bad):
    """A NaN compares as wrong with everything: the error rate would count it as an error."""
    logits = torch.zeros(2, 10)
    logits[1, 3] = bad
    with pytest.raises(ArgumentError, match="not finite"):
        metrics.error_rate(logits, Y)
    with pytest.raises(ArgumentError, match="not finite"):
        metrics.mean_confidence(logits)
    gradient = torch.zeros(2, 4)
    gradient[0, 1] = bad
    with pytest.raises(ArgumentError, match="not finite"):
        iterative.unit_direction(gradient)
