from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from repro.errors import UsageError
from repro.lab import iterative
from repro.lab.cnn import Cnn, CnnRecipe
from repro.lab.iterative import AS_CODED, AS_WRITTEN, Switches, attack

READINGS = {"as-written": AS_WRITTEN, "as-coded": AS_CODED}
BOTH = pytest.mark.parametrize("switches", READINGS.values(), ids=READINGS)
F64 = torch.float64


@dataclass(frozen=True)
class Linear:
    """Logits x W + b."""

    w: Tensor
    b: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.w + self.b

    def to(self, dtype: torch.dtype) -> Linear:
        return Linear(self.w.to(dtype), self.b.to(dtype))


def against(w: list[float], b: float) -> Linear:
    """Two classes; class 1 wins where w x + b > 0."""
    slope = torch.tensor(w, dtype=F64)
    return Linear(
        torch.stack([torch.zeros_like(slope), slope], 1), torch.tensor([0.0, b], dtype=F64)
    )


def random_linear(seed: int, *, pixels: int = 12, classes: int = 4, scale: float = 3.0) -> Linear:
    draw = np.random.default_rng(seed)
    return Linear(
        torch.from_numpy(draw.standard_normal((pixels, classes)) * scale),
        torch.from_numpy(draw.standard_normal(classes)),
    )


def images(seed: int, count: int, pixels: int = 12) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((count, pixels)))


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Networks this small only lose time to a second thread, the more where cores are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


ZERO = torch.zeros(1, dtype=torch.int64)
W, B = [2.0, -1.0, 0.5, 0.0], -2.0
SLOPE = np.array(W)
GREY = torch.full((1, 4), 0.5, dtype=F64)
MARGIN = -(float(SLOPE @ GREY[0].numpy()) + B)  # by how much class 0 wins on GREY


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


@settings(max_examples=25, deadline=None)
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
    assert written.zero_gradients == 0
    coded = attack(network, x, ZERO, switches=AS_CODED, max_iterations=3)
    assert coded.zero_gradients == 1
    assert coded.noise.abs().max() == 0


# Zero gradients


@BOTH
def test_a_zero_gradient_is_a_counted_no_op(switches: Switches) -> None:
    flat = Linear(torch.zeros(4, 2, dtype=F64), torch.tensor([1.0, 0.0], dtype=F64))
    x, y = GREY.repeat(3, 1), torch.tensor([0, 0, 0])
    done = attack(flat, x, y, switches=switches)
    assert done.zero_gradient.tolist() == [True] * 3
    assert done.zero_gradients == 3
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
    with pytest.raises(UsageError) as error:
        attack(against(W, B), **chosen)
    assert found in error.value.found
    assert error.value.expected
    assert error.value.do
