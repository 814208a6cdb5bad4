"""The iteration of signed steps against foolbox's basic iterative attack, step by step.

foolbox's goes on after a success. Ours stops, so it is told to stop only at a softmax output of
1 - 2^-53, which no digit reaches within these steps. Both run in float64, on digits whose
gradient float64 can tell (see ``test_fgsm_foolbox``). The digits are blurred by a thousandth of
noise: in a flat background all four pixels of a pooling window are the same, and which of them
gets the gradient is nobody's to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from foolbox_oracle import NETWORKS, NOTHING_CLIPS, PIXELS, Pair, basic_iterative
from plain_networks import digits
from torch import Tensor

from repro.lab.attacks import iterative
from repro.lab.attacks.iterative import AS_WRITTEN, Attacked, attack

pytestmark = pytest.mark.usefixtures("one_thread")

EPS, STEP, STEPS = 0.15, 0.04, 5
NEVER = float(np.nextafter(1, 0))
WITHIN = 1e-12
CLIPS = {"unclipped": NOTHING_CLIPS, "clipped": PIXELS}


@cache
def prepared(name: str) -> tuple[Pair, Tensor, Tensor]:
    """A network in float64 and the digits (N, ...) that it is not too sure of."""
    pair, (x, y) = NETWORKS[name]().to(torch.float64), digits(100)
    x = pair.images(x, torch.float64)
    noise = np.random.default_rng(0).random(tuple(x.shape)) / 1000
    x = (x + torch.from_numpy(noise)).clamp(0, 1)
    logits = pair.ours(x)
    sound = 1 - torch.softmax(logits, dim=1).gather(1, y[:, None])[:, 0] > 1e-7
    return pair, x[sound], y[sound]


def ours(name: str, clip: str, **changes: Any) -> Attacked:
    pair, x, y = prepared(name)
    settings: dict[str, Any] = {
        "switches": replace(AS_WRITTEN, pixel_clip=clip == "clipped"),
        "eps": EPS,
        "step": STEP,
        "max_iterations": STEPS,
        "confidence": NEVER,
        "sign": True,
        **changes,
    }
    return attack(pair.ours, x, y, **settings)


@cache
def theirs(name: str, clip: str, steps: int = STEPS) -> Tensor:
    pair, x, y = prepared(name)
    return basic_iterative(pair.plain, x, y, eps=EPS, step=STEP, steps=steps, bounds=CLIPS[clip])


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("name", NETWORKS)
def test_signed_steps_are_foolbox_s_step_by_step(name: str, clip: str) -> None:
    for steps in range(1, STEPS + 1):
        made = ours(name, clip, max_iterations=steps)
        assert len(made.success) >= 20
        assert made.iterations.tolist() == [steps] * len(made.success)
        torch.testing.assert_close(
            made.adversarial, theirs(name, clip, steps), rtol=0, atol=WITHIN
        )
    assert float(made.noise.abs().max()) == pytest.approx(EPS)  # four steps reach the box


@pytest.mark.parametrize("name", NETWORKS)
def test_stopping_at_a_success_is_what_foolbox_does_not_do(name: str) -> None:
    stopped = ours(name, "clipped", confidence=None)
    early = stopped.success & (stopped.iterations < STEPS)
    assert bool(early.any())
    differs = ~torch.isclose(stopped.adversarial, theirs(name, "clipped"), rtol=0, atol=WITHIN)
    assert torch.equal(differs.flatten(1).any(1), early)


# The comparison can fail


def backwards(honest: Callable[..., Any]) -> Callable[..., Any]:
    def direction(gradient: Tensor, *, sign: bool = False) -> tuple[Tensor, Tensor]:
        made, zero = honest(gradient, sign=sign)
        return -made, zero

    return direction


MISTAKES: dict[str, dict[str, Any]] = {
    "no eps clip": {"eps": 10.0},
    "no pixel clip": {"switches": AS_WRITTEN},
    "noise for state": {"switches": replace(AS_WRITTEN, pixel_clip=True, state="noise")},
    "an iteration too few": {"max_iterations": STEPS - 1},
    "an iteration too many": {"max_iterations": STEPS + 1},
    "value steps": {"sign": False},
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_mistake_would_be_noticed(name: str, mistake: str) -> None:
    made = ours(name, "clipped", **MISTAKES[mistake])
    assert not torch.allclose(made.adversarial, theirs(name, "clipped"), rtol=0, atol=WITHIN)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_wrong_sign_would_be_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iterative, "unit_direction", backwards(iterative.unit_direction))
    made = ours(name, "clipped")
    assert not torch.allclose(made.adversarial, theirs(name, "clipped"), rtol=0, atol=WITHIN)
