from __future__ import annotations

import inspect
import math
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from iterative_helpers import (
    BOTH,
    F64,
    GREY,
    MARGIN,
    READINGS,
    SLOPE,
    ZERO,
    B,
    W,
    against,
    images,
    random_linear,
)
from torch import Tensor

from repro.errors import ArgumentError
from repro.lab.attacks import iterative
from repro.lab.attacks.iterative import AS_CODED, AS_WRITTEN, Switches, attack

# Closed forms on a linear network


@BOTH
@pytest.mark.parametrize("loss", ["logits", "probabilities"])
def test_stop_and_rms_are_the_closed_form_s(switches: Switches, loss: Any) -> None:
    """Each step adds step w / |w|_inf: after k of them class 1 gained k step |w|_2^2 / |w|_inf."""
    step, largest = 0.01, float(np.abs(SLOPE).max())
    stop = math.floor(MARGIN / (step * SLOPE @ SLOPE / largest)) + 1
    done = attack(
        against(W, B), GREY, ZERO, switches=replace(switches, loss=loss), eps=1.0, step=step
    )
    noise = stop * step * SLOPE / largest
    assert done.success.tolist() == [True]
    assert done.iterations.tolist() == [stop]
    np.testing.assert_allclose(done.noise[0].numpy(), noise, atol=1e-12)
    np.testing.assert_allclose(done.adversarial[0].numpy(), 0.5 + noise, atol=1e-12)
    assert float(done.rms[0]) == pytest.approx(float(np.sqrt((noise**2).mean())))
    assert done.success_rate == 1.0
    assert done.mean_rms == pytest.approx(float(done.rms[0]))


@BOTH
def test_smallest_fooling_eps_is_the_margin_over_the_l1_norm(switches: Switches) -> None:
    smallest = MARGIN / float(np.abs(SLOPE).sum())
    for factor, fooled in ((0.999, False), (1.001, True)):
        done = attack(
            against(W, B), GREY, ZERO, switches=switches, eps=factor * smallest, step=0.05
        )
        assert bool(done.success[0]) == fooled
        np.testing.assert_allclose(
            done.noise[0].numpy(), factor * smallest * np.sign(SLOPE), atol=1e-12
        )
    assert done.iterations[0] < 200


@BOTH
def test_sign_steps_move_each_pixel_by_the_whole_step(switches: Switches) -> None:
    step = 0.02
    stop = math.floor(MARGIN / (step * float(np.abs(SLOPE).sum()))) + 1
    done = attack(against(W, B), GREY, ZERO, switches=switches, eps=1.0, step=step, sign=True)
    assert done.iterations.tolist() == [stop]
    np.testing.assert_allclose(done.noise[0].numpy(), stop * step * np.sign(SLOPE), atol=1e-12)


@BOTH
def test_confidence_is_a_further_distance_to_go(switches: Switches) -> None:
    """Class 1 has softmax output c where w x + b = log(c / (1 - c))."""
    network, step, c = against(W, B + 1), 0.01, 0.6
    gain = step * SLOPE @ SLOPE / np.abs(SLOPE).max()
    stop = math.ceil((MARGIN - 1 + math.log(c / (1 - c))) / gain)
    done = attack(network, GREY, ZERO, switches=switches, eps=1.0, step=step, confidence=c)
    assert done.iterations.tolist() == [stop]
    plain = attack(network, GREY, ZERO, switches=switches, eps=1.0, step=step)
    assert int(plain.iterations[0]) < stop
    logits = network(done.adversarial)
    assert float(torch.softmax(logits, 1)[0, 1]) >= c


@BOTH
def test_going_on_after_a_success_is_the_same_attack(switches: Switches) -> None:
    network, x = random_linear(5), images(6, 20)
    y = torch.arange(20) % 4
    options: dict[str, Any] = {
        "switches": switches,
        "target": (y + 1) % 4,
        "eps": 0.3,
        "max_iterations": 40,
    }
    short = attack(network, x, y, **options)
    whole = attack(network, x, y, **options, confidence=0.9)
    on = attack(network, x, y, **options, confidence=0.9, after=short, batch=7)
    assert 0 < whole.success.sum() < short.success.sum() < 20  # all three kinds occur
    assert (on.success == whole.success).all()
    # A success that never gets sure goes on to the last step; a failure stays as it was.
    assert (on.iterations == whole.iterations).all()
    assert (on.iterations > short.iterations).any()
    torch.testing.assert_close(on.noise, whole.noise, rtol=0, atol=1e-12)
    torch.testing.assert_close(on.adversarial, whole.adversarial, rtol=0, atol=1e-12)


@BOTH
def test_of_two_classes_the_target_is_the_error(switches: Switches) -> None:
    """With two classes, descending to the other one is climbing away from the true one."""
    plain = attack(against(W, B), GREY, ZERO, switches=switches, eps=1.0, step=0.01)
    aimed = attack(
        against(W, B), GREY, ZERO, switches=switches, eps=1.0, step=0.01, target=ZERO + 1
    )
    assert torch.equal(plain.iterations, aimed.iterations)
    torch.testing.assert_close(plain.noise, aimed.noise)


@BOTH
def test_target_is_what_the_network_outputs(switches: Switches) -> None:
    network, x = random_linear(1), images(1, 30)
    y = network(x).argmax(1)
    target = (y + 1 + torch.arange(30) % 3) % 4
    done = attack(network, x, y, switches=switches, eps=1.0, step=0.02, target=target)
    output = network(done.adversarial).argmax(1)
    assert bool(done.success.any())
    assert torch.equal(output[done.success], target[done.success])
    assert not bool((output == target)[~done.success].any())
    error = attack(network, x, y, switches=switches, eps=1.0, step=0.02)
    assert float(error.iterations.double().mean()) < float(done.iterations.double().mean())


# The five switches


def test_the_last_step_is_judged_or_not() -> None:
    step = 0.01
    stop = math.floor(MARGIN / (step * SLOPE @ SLOPE / np.abs(SLOPE).max())) + 1
    for switches in READINGS.values():
        for most, fooled in ((stop, switches.judge_last), (stop + 1, True)):
            done = attack(
                against(W, B),
                GREY,
                ZERO,
                switches=switches,
                eps=1.0,
                step=step,
                max_iterations=most,
            )
            assert bool(done.success[0]) == fooled
            assert done.iterations.tolist() == [stop]


def test_an_image_that_is_already_wrong() -> None:
    wrong = ZERO + 1  # the network says 0
    literal = attack(against(W, B), GREY, wrong, switches=AS_WRITTEN, step=0.01)
    assert literal.success.tolist() == [True]
    assert literal.iterations.tolist() == [1]
    np.testing.assert_allclose(literal.noise[0].numpy(), -0.01 * SLOPE / 2, atol=1e-12)
    counted = attack(against(W, B), GREY, wrong, switches=AS_CODED, step=0.01)
    assert counted.success.tolist() == [True]
    assert counted.iterations.tolist() == [0]
    assert counted.rms.tolist() == [0.0]
    assert torch.equal(counted.adversarial, GREY)


def test_a_noise_buffer_does_not_notice_the_pixel_range() -> None:
    """One pixel at 0 that the gradient pushes below, one in the middle that fools."""
    x = torch.tensor([[0.0, 0.5]], dtype=F64)
    network, step = against([-1.0, 1.0], -0.5 - 0.075), 0.02
    made = {
        state: attack(
            network, x, ZERO, switches=replace(AS_CODED, state=state), eps=1.0, step=step
        )
        for state in ("image", "noise")
    }
    # Only the second pixel counts where the network sees clipped images: 0.075 in steps of 0.02.
    for done in made.values():
        assert done.iterations.tolist() == [4]
        np.testing.assert_allclose(done.adversarial[0].numpy(), [0.0, 0.58], atol=1e-12)
    np.testing.assert_allclose(made["noise"].noise[0].numpy(), [-0.08, 0.08], atol=1e-12)
    np.testing.assert_allclose(made["image"].noise[0].numpy(), [0.0, 0.08], atol=1e-12)
    # And so does the RMS: the buffer's is over all of it, fed or not.
    assert made["noise"].rms.tolist() == pytest.approx([0.08])
    assert made["image"].rms.tolist() == pytest.approx([0.08 / math.sqrt(2)])
    unclipped = attack(network, x, ZERO, switches=AS_WRITTEN, eps=1.0, step=step)
    assert unclipped.iterations.tolist() == [2]
    np.testing.assert_allclose(unclipped.adversarial[0].numpy(), [-0.04, 0.54], atol=1e-12)


def test_without_pixel_clip_the_state_makes_no_difference() -> None:
    network, x = random_linear(2), images(2, 20)
    y = network(x).argmax(1)
    made = [
        attack(network, x, y, switches=replace(AS_WRITTEN, state=state))
        for state in ("image", "noise")
    ]
    assert torch.equal(made[0].iterations, made[1].iterations)
    torch.testing.assert_close(made[0].noise, made[1].noise)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    eps=st.floats(0, 0.5),
    step=st.floats(0.01, 0.3),
    name=st.sampled_from(sorted(READINGS)),
    state=st.sampled_from(["image", "noise"]),
)
def test_boxes_hold(seed: int, eps: float, step: float, name: str, state: Any) -> None:
    network, x = random_linear(seed), images(seed, 6)
    y = network(x).argmax(1)
    switches = replace(READINGS[name], state=state)
    done = attack(network, x, y, switches=switches, eps=eps, step=step, max_iterations=10)
    assert float(done.noise.abs().max()) <= eps + 1e-12
    assert float((done.adversarial - x).abs().max()) <= eps + 1e-12
    if switches.pixel_clip:
        assert float(done.adversarial.min()) >= 0
        assert float(done.adversarial.max()) <= 1


def test_without_the_boxes_images_leave_them() -> None:
    """What the test above would miss were it blind: both boxes bind on these networks."""
    network, x = random_linear(3), images(3, 20)
    y = network(x).argmax(1)
    free = attack(network, x, y, switches=AS_WRITTEN, eps=10.0)
    assert float(free.noise.abs().max()) > 0.15
    assert float(free.adversarial.min()) < 0
    assert float(free.adversarial.max()) > 1


def test_each_alone_flips_one_switch_at_a_time() -> None:
    flipped = iterative.each_alone(AS_WRITTEN, AS_CODED)
    assert list(flipped) == [field.name for field in fields(Switches)]
    for name, switches in flipped.items():
        assert getattr(switches, name) == getattr(AS_CODED, name)
        assert replace(switches, **{name: getattr(AS_WRITTEN, name)}) == AS_WRITTEN
    assert iterative.each_alone(AS_CODED, AS_CODED) == {}


# Small parts


def test_unit_direction_divides_each_image_by_its_largest() -> None:
    gradient = torch.tensor([[[1.0, -4.0]], [[0.0, 0.0]], [[1e-40, 0.0]]])
    direction, zero = iterative.unit_direction(gradient)
    assert direction.tolist() == [[[0.25, -1.0]], [[0.0, 0.0]], [[1.0, 0.0]]]
    assert zero.tolist() == [False, True, False]
    signs, _ = iterative.unit_direction(gradient, sign=True)
    assert signs.tolist() == [[[1.0, -1.0]], [[0.0, 0.0]], [[1.0, 0.0]]]


def test_rms_is_eq_4() -> None:
    noise = torch.tensor([[[3.0, -4.0]], [[0.0, 0.0]]])
    assert iterative.rms(noise).tolist() == pytest.approx([math.sqrt(12.5), 0.0])
    many = torch.arange(1203.0)[:, None, None].expand(1203, 2, 2)
    assert iterative.rms(many).tolist() == list(range(1203))
    assert iterative.rms(many[:0]).tolist() == []


# Arguments


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"eps": -0.1}, "eps = -0.1"),
        ({"eps": math.nan}, "eps = nan"),
        ({"eps": math.inf}, "eps = inf"),
        ({"step": 0.0}, "step = 0.0"),
        ({"step": math.nan}, "step = nan"),
        ({"max_iterations": 0}, "max_iterations = 0"),
        ({"confidence": 1.0}, "confidence = 1.0"),
        ({"confidence": math.nan}, "confidence = nan"),
        ({"x": GREY * 3}, "between 1.5 and 1.5"),
        ({"x": GREY - 1}, "between -0.5 and -0.5"),
        ({"x": GREY * math.nan}, "nan"),
        ({"x": torch.zeros(1, 4, dtype=torch.uint8)}, "torch.uint8"),
        ({"x": GREY[:0], "y": ZERO[:0]}, "no images"),
        ({"y": torch.zeros(2, dtype=torch.int64)}, "for 1 images"),
        ({"y": torch.zeros(1)}, "torch.float32"),
        ({"target": ZERO}, "whose target is their true class"),
        ({"target": torch.ones(2, dtype=torch.int64)}, "targets"),
    ],
)
def test_arguments_out_of_range_are_refused(change: dict[str, Any], found: str) -> None:
    chosen: dict[str, Any] = {"x": GREY, "y": ZERO, "switches": AS_WRITTEN, **change}
    with pytest.raises(ArgumentError) as error:
        attack(against(W, B), **chosen)
    assert found in error.value.found
    assert error.value.expected
    assert error.value.do


def test_the_settings_of_the_98_6_percent_are_the_defaults() -> None:
    """Section III, below eq. (5), and a batch that has no effect on the result."""
    settings = inspect.signature(attack).parameters
    assert {n: p.default for n, p in settings.items() if p.default is not p.empty} == {
        "eps": 0.15,
        "step": 10 / 255,
        "max_iterations": 200,
        "target": None,
        "confidence": None,
        "sign": False,
        "after": None,
        "batch": 100,
    }


@pytest.mark.parametrize("batch", [1, 3, 20])
def test_no_more_images_than_a_batch_are_fed_at_once(batch: int) -> None:
    network, x = random_linear(4), images(4, 12)
    fed: list[int] = []

    class Counted:
        def __call__(self, image: Tensor) -> Tensor:
            fed.append(len(image))
            return network(image)

        def to(self, _: torch.dtype) -> Counted:
            return self

    y = network(x).argmax(1)
    attack(Counted(), x, y, switches=AS_WRITTEN, max_iterations=9, batch=batch)
    assert max(fed) == min(batch, len(x))
