from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from iterative_helpers import (
    BOTH,
    F64,
    GREY,
    READINGS,
    ZERO,
    B,
    Linear,
    W,
    against,
    images,
    random_linear,
)
from numpy.typing import NDArray
from torch import Tensor

from repro.lab.attacks import iterative
from repro.lab.attacks.iterative import AS_CODED, AS_WRITTEN, Switches, attack
from repro.lab.networks.cnn import Cnn
from repro.lab.networks.cnn_training import CnnRecipe

# The loss


def hand_gradient(z: NDArray[Any], y: int, loss: str) -> NDArray[Any]:
    """dJ/dz in float64: p - 1_y, and through the second softmax p (g - p g), g = q - 1_y."""
    p = np.exp(z - z.max())
    p /= p.sum()
    onehot = np.eye(len(z))[y]
    if loss == "logits":
        return p - onehot
    q = np.exp(p) / np.exp(p).sum()
    return p * ((q - onehot) - p @ (q - onehot))


def unit(g: NDArray[Any]) -> NDArray[Any]:
    return g / np.abs(g).max()


@pytest.mark.parametrize("loss", ["logits", "probabilities"])
def test_loss_has_the_direction_of_the_hand_formula(loss: Any) -> None:
    draw = np.random.default_rng(5)
    for _ in range(20):
        z, y = draw.standard_normal(5) * 3, int(draw.integers(5))
        logits = torch.from_numpy(z)[None].requires_grad_()
        cost = iterative.adversarial_loss(logits, torch.tensor([y]), loss)
        (gradient,) = torch.autograd.grad(cost.sum(), logits)
        np.testing.assert_allclose(
            unit(gradient[0].numpy()), unit(hand_gradient(z, y, loss)), rtol=1e-9, atol=1e-12
        )


def test_loss_on_probabilities_is_the_softmax_of_the_softmax() -> None:
    z = torch.tensor([[1.0, 2.0, -1.0]], dtype=F64)
    p = np.exp(z[0].numpy()) / np.exp(z[0].numpy()).sum()
    expected = -math.log(math.exp(p[1]) / np.exp(p).sum())
    cost = iterative.adversarial_loss(z, torch.tensor([1]), "probabilities")
    assert float(cost[0]) == pytest.approx(expected)


def test_loss_on_probabilities_has_another_direction() -> None:
    """By 3 % of the step here; the surer the network is, the less."""
    for lead, apart in ((-1.0, 0.03), (3.0, 0.0005)):
        logits = torch.tensor([[lead, 0.0, -3.0]], dtype=F64)
        units = []
        for loss in ("logits", "probabilities"):
            z = logits.clone().requires_grad_()
            (g,) = torch.autograd.grad(iterative.adversarial_loss(z, ZERO, loss).sum(), z)
            units.append(unit(g[0].numpy()))
        assert apart < np.abs(units[0] - units[1]).max() < 2 * apart


def test_a_sure_network_has_a_direction_as_written_and_none_as_coded() -> None:
    """Its true class leads by 400: the other probability is 0 in float32, and so is J's slope."""
    network = against([4.0, 1.0], -400.0).to(torch.float32)
    x = torch.tensor([[0.5, 0.5]])
    written = attack(network, x, ZERO, switches=AS_WRITTEN, max_iterations=3)
    np.testing.assert_allclose(written.noise[0].numpy(), [30 / 255, 7.5 / 255], rtol=1e-5)
    assert int(written.zero_gradient.sum()) == 0
    coded = attack(network, x, ZERO, switches=AS_CODED, max_iterations=3)
    assert int(coded.zero_gradient.sum()) == 1
    assert coded.noise.abs().max() == 0


# Zero gradients


@BOTH
def test_a_zero_gradient_is_a_counted_no_op(switches: Switches) -> None:
    flat = Linear(torch.zeros(4, 2, dtype=F64), torch.tensor([1.0, 0.0], dtype=F64))
    x, y = GREY.repeat(3, 1), torch.tensor([0, 0, 0])
    done = attack(flat, x, y, switches=switches)
    assert done.zero_gradient.tolist() == [True] * 3
    assert int(done.zero_gradient.sum()) == 3
    assert done.success.tolist() == [False] * 3
    assert done.iterations.tolist() == [200] * 3
    assert torch.equal(done.noise, torch.zeros_like(x))
    assert torch.equal(done.adversarial, x)
    assert done.success_rate == 0.0
    assert math.isnan(done.mean_rms)


def test_a_no_op_before_the_first_judgement_is_judged_too() -> None:
    """To the letter x^1 is judged, even where it is x^0 because the gradient was zero."""
    flat = Linear(torch.zeros(4, 2, dtype=F64), torch.tensor([1.0, 0.0], dtype=F64))
    done = attack(flat, GREY, ZERO + 1, switches=AS_WRITTEN)
    assert done.success.tolist() == [True]
    assert done.iterations.tolist() == [1]
    assert done.zero_gradient.tolist() == [True]
    assert done.rms.tolist() == [0.0]


def test_going_on_keeps_the_zero_gradients_of_before() -> None:
    """That success is by a no-op; one step further on its failure makes none."""
    flat = Linear(torch.zeros(4, 2, dtype=F64), torch.tensor([1.0, 0.0], dtype=F64))
    x, y = GREY.repeat(2, 1), torch.tensor([0, 1])
    before = attack(flat, x, y, switches=AS_WRITTEN)
    assert (before.success.tolist(), before.zero_gradient.tolist()) == ([False, True], [True] * 2)
    on = attack(flat, x, y, switches=AS_WRITTEN, confidence=0.6, after=before)
    assert on.zero_gradient.tolist() == [True] * 2


def test_only_the_images_with_a_zero_gradient_are_counted() -> None:
    """A network that sees nothing above a threshold, for one image in two."""

    @dataclass(frozen=True)
    class Blind:
        def __call__(self, x: Tensor) -> Tensor:
            seen = torch.relu(0.7 - x).sum(1)
            return torch.stack([torch.ones_like(seen), 1.2 - seen], 1)

        def to(self, _dtype: torch.dtype) -> Blind:
            return self

    x = torch.tensor([[0.9, 0.9], [0.5, 0.5], [0.8, 0.9]], dtype=F64)
    y = torch.tensor([1, 0, 1])
    done = attack(Blind(), x, y, switches=AS_CODED, max_iterations=20)
    assert done.zero_gradient.tolist() == [True, False, True]
    assert done.success.tolist() == [False, True, False]


# One image at a time, and other plain words for the same thing


def small_cnn() -> tuple[Cnn, Tensor, Tensor]:
    network = Cnn(CnnRecipe(seed=0, units=24).initial_weights()).to(F64)
    x = torch.from_numpy(np.random.default_rng(6).random((9, 784)))
    y = network(x).argmax(1)
    y[4] = (y[4] + 1) % 10  # one that is already wrong
    return network, x, y


@BOTH
@pytest.mark.parametrize("aimed", [False, True], ids=["untargeted", "targeted"])
def test_batched_is_one_at_a_time(switches: Switches, aimed: bool) -> None:
    network, x, y = small_cnn()
    target = (y + 3) % 10 if aimed else None
    chosen = {"switches": switches, "eps": 0.15, "step": 5 / 255, "max_iterations": 8}
    alone = [
        attack(
            network,
            x[i : i + 1],
            y[i : i + 1],
            target=None if target is None else target[i : i + 1],
            **chosen,
        )
        for i in range(len(x))
    ]
    stops = torch.cat([one.iterations for one in alone])
    for batch in (4, 9):
        whole = attack(network, x, y, target=target, batch=batch, **chosen)
        assert torch.equal(whole.iterations, stops)
        assert torch.equal(whole.success, torch.cat([one.success for one in alone]))
        torch.testing.assert_close(
            whole.noise, torch.cat([one.noise for one in alone]), rtol=0, atol=1e-9
        )
    assert aimed or len(stops.unique()) > 2  # they do stop apart from each other


def reference(
    network: Linear, x: NDArray[Any], y: int, reading: str, eps: float, step: float, most: int
) -> tuple[NDArray[Any], bool, int]:
    """(e, success, steps) of one image, in float64 NumPy, each reading told on its own."""
    w, b = network.w.numpy(), network.b.numpy()

    def gradient(image: NDArray[Any], loss: str) -> NDArray[Any]:
        g: NDArray[Any] = w @ hand_gradient(image @ w + b, y, loss)
        return g / np.abs(g).max()

    def wrong(image: NDArray[Any]) -> bool:
        return int(np.argmax(image @ w + b)) != y

    if reading == "as-written":
        image = x.copy()
        for i in range(1, most + 1):
            image = np.clip(image + step * gradient(image, "logits"), x - eps, x + eps)
            if wrong(image):
                return image - x, True, i
        return image - x, False, most
    e = np.zeros_like(x)
    for i in range(most):
        image = np.clip(x + e, 0, 1)
        if wrong(image):
            return e, True, i
        e = np.clip(e + step * gradient(image, "probabilities"), -eps, eps)
    return e, False, most


@pytest.mark.parametrize("reading", READINGS)
def test_the_attack_is_the_plain_transcription(reading: str) -> None:
    network, x = random_linear(7), images(7, 40)
    y = network(x).argmax(1)
    y[:3] = (y[:3] + 1) % 4
    eps, step, most = 0.1, 0.013, 12
    done = attack(
        network, x, y, switches=READINGS[reading], eps=eps, step=step, max_iterations=most, batch=7
    )
    for i in range(len(x)):
        e, success, steps = reference(network, x[i].numpy(), int(y[i]), reading, eps, step, most)
        assert bool(done.success[i]) == success
        assert int(done.iterations[i]) == steps
        np.testing.assert_allclose(done.noise[i].numpy(), e, atol=1e-10)
    assert 0 < done.success_rate < 1


def test_a_wrong_sign_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest: Callable[..., tuple[Tensor, Tensor]] = iterative.unit_direction

    def mutated(gradient: Tensor, *, sign: bool = False) -> tuple[Tensor, Tensor]:
        direction, zero = honest(gradient, sign=sign)
        return -direction, zero

    monkeypatch.setattr(iterative, "unit_direction", mutated)
    for switches in READINGS.values():
        done = attack(against(W, B), GREY, ZERO, switches=switches, eps=1.0, step=0.01)
        assert not bool(done.success[0])


def test_inputs_are_left_alone_and_dtype_and_shape_are_kept() -> None:
    network = random_linear(8, pixels=16)
    x = images(8, 5, pixels=16).to(torch.float32).reshape(5, 1, 4, 4)
    y, before = network.to(torch.float32)(x).argmax(1), x.clone()
    for switches in READINGS.values():
        done = attack(network, x, y, switches=switches)
        assert torch.equal(x, before)
        assert done.adversarial.shape == done.noise.shape == x.shape
        assert done.adversarial.dtype == done.noise.dtype == torch.float32
        assert done.rms.dtype == F64
