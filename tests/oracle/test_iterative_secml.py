"""The ``as-coded`` iterative attack against one built from secml-torch's parts.

On the shipped network in float64, from 50 digits, two of them with a wrong label, in twelve
steps of the paper's length: some stop at once, some after a few steps, some never.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from plain_networks import digits, plain_cnn, shipped
from secml_oracle import Expected, as_coded
from torch import Tensor, nn

from repro.lab.attacks.iterative import AS_CODED, AS_WRITTEN, Attacked, attack
from repro.lab.networks.cnn import Cnn
from repro.lab.networks.cnn_training import CnnRecipe

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS: dict[str, Any] = {"eps": 0.15, "step": 10 / 255, "max_iterations": 12}
WITHIN = 1e-6


@pytest.fixture(scope="module")
def networks() -> tuple[Cnn, nn.Module]:
    w = shipped(CnnRecipe(seed=0))
    plain = plain_cnn(w).to(torch.float64).requires_grad_(False)
    return Cnn(w), plain


def images(every: int) -> tuple[Tensor, Tensor]:
    """Every n-th digit in float64; of these, every 25th has a wrong label."""
    x, y = digits(every)
    y[::25] = (y[::25] + 1) % 10
    return x.to(torch.float64), y


def check(made: Attacked, expected: Expected) -> None:
    assert made.success.tolist() == expected.success.tolist()
    assert made.iterations.tolist() == expected.iterations.tolist()
    torch.testing.assert_close(made.noise, expected.noise, rtol=0, atol=WITHIN)
    torch.testing.assert_close(made.adversarial, expected.adversarial, rtol=0, atol=WITHIN)


def test_the_attack_as_coded_is_secml_torch_s(networks: tuple[Cnn, nn.Module]) -> None:
    ours, plain = networks
    x, y = images(100)
    made = attack(ours, x, y, switches=AS_CODED, **SETTINGS)
    check(made, as_coded(plain, x, y, **SETTINGS))
    # The digits cover what there is: no step, some steps, all steps; both clips bind.
    assert made.iterations[::25].tolist() == [0, 0]
    assert len(made.iterations.unique()) >= 8
    assert 10 < int(made.success.sum()) < 40
    assert float(made.noise.abs().max()) == pytest.approx(SETTINGS["eps"])
    assert bool((x + made.noise < 0).any())
    assert bool((x + made.noise > 1).any())


# The comparison can fail


@pytest.fixture(scope="module")
def few(networks: tuple[Cnn, nn.Module]) -> tuple[Tensor, Tensor, Expected]:
    x, y = images(500)
    return x, y, as_coded(networks[1], x, y, **SETTINGS)


def test_the_few_digits_agree_too(
    networks: tuple[Cnn, nn.Module], few: tuple[Tensor, Tensor, Expected]
) -> None:
    x, y, expected = few
    check(attack(networks[0], x, y, switches=AS_CODED, **SETTINGS), expected)


OURS: dict[str, dict[str, Any]] = {
    "no eps clip": {"eps": 10.0},
    "no pixel clip": {"switches": replace(AS_CODED, pixel_clip=False)},
    "loss on logits": {"switches": replace(AS_CODED, loss="logits")},
    "image for state": {"switches": replace(AS_CODED, state="image")},
    "wrong images judged after a step": {"switches": replace(AS_CODED, count_misclassified=False)},
    "an iteration too few": {"max_iterations": 11},
    "an iteration too many": {"max_iterations": 13},
    "signed steps": {"sign": True},
    "as written": {"switches": AS_WRITTEN},
}


@pytest.mark.parametrize("mistake", OURS)
def test_a_mistake_of_ours_would_be_noticed(
    mistake: str, networks: tuple[Cnn, nn.Module], few: tuple[Tensor, Tensor, Expected]
) -> None:
    x, y, expected = few
    settings = {"switches": AS_CODED, **SETTINGS, **OURS[mistake]}
    with pytest.raises(AssertionError):
        check(attack(networks[0], x, y, **settings), expected)


def test_a_judged_last_step_would_be_noticed(networks: tuple[Cnn, nn.Module]) -> None:
    """With a budget that ends where one of the digits would just have fooled the network."""
    x, y = images(500)
    free = attack(networks[0], x, y, switches=AS_CODED, **SETTINGS)
    settings = {**SETTINGS, "max_iterations": int(free.iterations[free.success].max())}
    expected = as_coded(networks[1], x, y, **settings)
    check(attack(networks[0], x, y, switches=AS_CODED, **settings), expected)
    judged = replace(AS_CODED, judge_last=True)
    with pytest.raises(AssertionError):
        check(attack(networks[0], x, y, switches=judged, **settings), expected)


@pytest.mark.parametrize(
    "mistake",
    [{"sign": -1.0}, {"box": False}, {"pixels": False}, {"probabilities": False}],
    ids=["wrong sign", "no eps clip", "no pixel clip", "loss on logits"],
)
def test_a_mistake_in_the_oracle_would_be_noticed(
    mistake: dict[str, Any],
    networks: tuple[Cnn, nn.Module],
    few: tuple[Tensor, Tensor, Expected],
) -> None:
    x, y, _ = few
    made = attack(networks[0], x, y, switches=AS_CODED, **SETTINGS)
    with pytest.raises(AssertionError):
        check(made, as_coded(networks[1], x, y, **SETTINGS, **mistake))
