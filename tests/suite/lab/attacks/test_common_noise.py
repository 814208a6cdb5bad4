from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest
import torch
from iterative_helpers import BOTH, READINGS, SLOPE, B, Linear, W, against, images, random_linear
from numpy.typing import NDArray
from torch import Tensor

from repro.errors import ArgumentError
from repro.lab.attacks import common_noise
from repro.lab.attacks.common_noise import craft
from repro.lab.attacks.iterative import AS_CODED, AS_WRITTEN, Switches, rms
from repro.lab.networks.cnn import Cnn
from repro.lab.networks.cnn_training import CnnRecipe
from repro.papers.popovic2017.common import fooled

TWO = against(W, B)  # class 1 wins where w x > 2


def alg_1(
    network: Linear, x: NDArray[Any], y: int, *, eps: float, step: float, epochs: int, coded: bool
) -> NDArray[Any]:
    """Alg. 1 in float64 NumPy, word for word; ``coded`` as in the authors' program."""
    w, b = network.w.numpy(), network.b.numpy()
    onehot = np.eye(w.shape[1])[y]
    e = np.zeros(x.shape[1])
    for _ in range(epochs):
        for image in x:
            fed = np.clip(image + e, 0, 1) if coded else image + e
            p = np.exp(fed @ w + b)
            p /= p.sum()
            q = np.exp(p) / np.exp(p).sum()
            g = w @ (p * ((q - onehot) - p @ (q - onehot)) if coded else p - onehot)
            e = np.clip(e + step * g / np.abs(g).max(), -eps, eps)
    return e


@pytest.mark.parametrize("reading", READINGS)
def test_noises_are_alg_1_s_whatever_their_number_of_images(reading: str) -> None:
    network = random_linear(0)
    sets = [images(1, 5), images(2, 3), images(3, 8)]
    classes, eps = [0, 2, 1], [0.2, 0.05, 0.4]
    made = craft(network, sets, classes, eps=eps, switches=READINGS[reading], step=0.03, epochs=4)
    for k in range(3):
        for epochs in (1, 4):
            expected = alg_1(
                network,
                sets[k].numpy(),
                classes[k],
                eps=eps[k],
                step=0.03,
                epochs=epochs,
                coded=reading == "as-coded",
            )
            np.testing.assert_allclose(made[epochs - 1, k].numpy(), expected, atol=1e-12)
        assert float(rms(made[-1])[k]) == pytest.approx(float(np.sqrt((expected**2).mean())))


def test_the_readings_differ() -> None:
    network, sets = random_linear(0), [images(1, 5)]
    made = [craft(network, sets, [0], eps=[0.2], switches=s) for s in READINGS.values()]
    assert not torch.allclose(made[0][-1], made[1][-1])


@BOTH
def test_noise_of_a_linear_network_is_the_closed_form_s(switches: Switches) -> None:
    """Its direction is w's for every image: pixel j is sign(w_j) min(eps, t step |w_j| / m)."""
    x = torch.full((3, 4), 0.5, dtype=torch.float64)
    made = craft(TWO, [x] * 2, [0, 0], eps=[1.0, 0.05], switches=switches, step=0.01, epochs=3)
    grown = 9 * 0.01 * SLOPE / 2
    np.testing.assert_allclose(made[-1][0].numpy(), grown, atol=1e-12)
    np.testing.assert_allclose(made[-1][1].numpy(), grown.clip(-0.05, 0.05), atol=1e-12)
    # A class 1's noise points the other way: a wrong sign would show here.
    other = craft(TWO, [x], [1], eps=[1.0], switches=switches, step=0.01, epochs=3)
    np.testing.assert_allclose(other[-1][0].numpy(), -grown, atol=1e-12)


@BOTH
def test_noise_with_a_target_descends_to_it(switches: Switches) -> None:
    """Of two classes, down to one is up from the other; and down to the true one goes back."""
    x = torch.full((3, 4), 0.5, dtype=torch.float64)
    settings: dict[str, Any] = {"switches": switches, "step": 0.01, "epochs": 3}
    made = craft(TWO, [x] * 3, [1, 0, 1], eps=[1.0, 1.0, 0.05], targeted=True, **settings)[-1]
    grown = 9 * 0.01 * SLOPE / 2  # w = (2, -1, 0.5, 0), m = 2
    np.testing.assert_allclose(made[0].numpy(), grown, atol=1e-12)
    np.testing.assert_allclose(made[1].numpy(), -grown, atol=1e-12)
    np.testing.assert_allclose(made[2].numpy(), grown.clip(-0.05, 0.05), atol=1e-12)


@pytest.mark.parametrize("targeted", [False, True])
@BOTH
def test_sign_steps_are_of_one_size_in_every_pixel_that_matters(
    switches: Switches, targeted: bool
) -> None:
    x = torch.full((3, 4), 0.5, dtype=torch.float64)
    settings: dict[str, Any] = {"switches": switches, "step": 0.01, "epochs": 3, "sign": True}
    made = craft(TWO, [x, x], [0, 0], eps=[1.0, 0.05], targeted=targeted, **settings)
    signs = torch.tensor([1.0, -1.0, 1.0, 0.0], dtype=torch.float64) * (-1 if targeted else 1)
    torch.testing.assert_close(made[0, 0], 0.03 * signs)
    torch.testing.assert_close(made[-1][0], 0.09 * signs)
    torch.testing.assert_close(made[-1][1], 0.05 * signs)


@BOTH
def test_together_is_one_noise_at_a_time(switches: Switches) -> None:
    network = Cnn(CnnRecipe(seed=0, units=16).initial_weights()).to(torch.float64)
    sets = [images(1, 3, 784), images(2, 1, 784), images(3, 2, 784)]
    classes, eps = [3, 5, 0], [0.01, 0.2, 0.02]
    whole = craft(network, sets, classes, eps=eps, switches=switches, epochs=3)
    for k in range(3):
        alone = craft(
            network,
            sets[k : k + 1],
            classes[k : k + 1],
            eps=eps[k : k + 1],
            switches=switches,
            epochs=3,
        )
        torch.testing.assert_close(whole[:, k], alone[:, 0], rtol=0, atol=1e-9)


def test_readings_together_are_each_reading_alone_bit_for_bit() -> None:
    """Float32 as in the experiments: what is selected beside a noise must not show in it."""
    network = Cnn(CnnRecipe(seed=0, units=16).initial_weights())
    sets = [images(1, 4, 784).float(), images(2, 2, 784).float()]
    both = [*READINGS.values()]
    whole = craft(network, sets, [3, 5], eps=[0.2, 0.1], switches=both, epochs=3)
    for k, switches in enumerate(both):
        alone = craft(
            network, [sets[k]], [[3, 5][k]], eps=[[0.2, 0.1][k]], switches=switches, epochs=3
        )
        assert torch.equal(whole[:, k], alone[:, 0])
    swapped = craft(network, sets, [3, 5], eps=[0.2, 0.1], switches=both[::-1], epochs=3)
    assert not torch.equal(whole[-1][0], swapped[-1][0])


@BOTH
def test_clip_holds_and_binds(switches: Switches) -> None:
    network, x = random_linear(4), images(4, 6)
    made = craft(
        network, [x] * 3, [1] * 3, eps=[0.0, 0.03, 10.0], switches=switches, step=0.01, epochs=5
    )
    largest = made.abs().amax(dim=(0, 2))
    assert float(largest[0]) == 0
    assert float(largest[1]) == pytest.approx(0.03)
    assert float(largest[2]) > 0.03


def test_images_move_the_noise_one_after_the_other() -> None:
    """Not their mean gradient once an epoch: the order shows."""
    network, x = random_linear(5), images(5, 6)
    first, second = (
        craft(network, [z], [1], eps=[1.0], switches=AS_WRITTEN, step=0.05, epochs=1)
        for z in (x, x.flip(0))
    )
    assert float((first[-1] - second[-1]).abs().max()) > 1e-4


@BOTH
def test_more_epochs_only_go_on(switches: Switches) -> None:
    network, sets = random_linear(6), [images(6, 4), images(7, 7)]
    short, long = (
        craft(network, sets, [0, 1], eps=[0.2, 0.2], switches=switches, epochs=epochs)
        for epochs in (2, 5)
    )
    assert long.shape == (5, 2, 12)
    torch.testing.assert_close(short, long[:2], rtol=0, atol=1e-12)


@BOTH
def test_a_zero_gradient_is_a_no_op(switches: Switches) -> None:
    blind = Linear(torch.zeros(12, 2).double(), torch.zeros(2).double())
    made = craft(
        blind, [images(8, 3), images(9, 2)], [0, 1], eps=[0.1, 0.1], switches=switches, epochs=4
    )
    assert float(made[-1].abs().max()) == 0


def test_fooled_counts_the_misclassified_images() -> None:
    """w x = 2 x_0 here, and class 1 wins above 2: x_0 must exceed 1, or 0.7 with noise 0.3."""
    x = torch.tensor([[0.6, 0, 0, 0], [0.8, 0, 0, 0], [0.9, 0, 0, 0], [1.0, 0, 0, 0]]).double()
    y, noise = torch.zeros(4, dtype=torch.int64), torch.tensor([0.3, 0.0, 0.0, 0.0])
    assert fooled(TWO, x, y, noise, AS_WRITTEN) == 0.75
    assert fooled(TWO, x, y, -noise, AS_WRITTEN) == 0
    assert fooled(TWO, x, 1 - y, -noise, AS_WRITTEN) == 1  # wrong anyway counts
    assert fooled(TWO, x, y, noise, AS_CODED) == 0  # a clipped image cannot exceed 1


@BOTH
def test_noise_fools_images_it_was_not_crafted_on(switches: Switches) -> None:
    network = random_linear(10, pixels=40)
    seen, unseen = (z[network(z).argmax(1) == 2] for z in (images(i, 400, 40) for i in (11, 12)))
    made = craft(network, [seen[:20]], [2], eps=[0.15], switches=switches, step=0.02, epochs=3)
    y = torch.full((len(unseen),), 2)
    assert fooled(network, unseen, y, made[-1][0], switches) > 0.5
    assert fooled(network, unseen, y, torch.zeros(40), switches) == 0
    assert fooled(network, unseen, y, -made[-1][0], switches) == 0


X = images(1, 2)
BAD: list[tuple[dict[str, Any], str]] = [
    ({"images": [X, X[:0]]}, "no images"),
    ({"images": [X]}, "1 sets of images, 2 classes"),
    ({"switches": [AS_CODED]}, "1 readings for 2 noises"),
    ({"images": [], "classes": [], "eps": []}, "0 sets of images"),
    ({"eps": [0.1]}, "1 values of eps"),
    ({"eps": [0.1, -0.1]}, "eps = -0.1"),
    ({"eps": [0.1, math.nan]}, "eps = nan"),
    ({"images": [X, X * 2]}, "between"),
    ({"images": [X, X.float()]}, "torch.float32 for class 1"),
    ({"images": [X, X[:, :4]]}, "images of (4,)"),
    ({"step": 0.0}, "step = 0.0"),
    ({"epochs": 0}, "epochs = 0"),
]


@pytest.mark.parametrize(("change", "found"), BAD)
def test_arguments_out_of_range_are_refused(change: dict[str, Any], found: str) -> None:
    chosen: dict[str, Any] = {
        "images": [X, X],
        "classes": [0, 1],
        "eps": [0.1, 0.2],
        "switches": AS_WRITTEN,
        **change,
    }
    with pytest.raises(ArgumentError) as error:
        craft(random_linear(0), **chosen)
    assert found in error.value.found
    assert error.value.expected
    assert error.value.do


def test_a_wrong_sign_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = common_noise.unit_direction

    def mutated(gradient: Tensor, **options: bool) -> tuple[Tensor, Tensor]:
        direction, zero = honest(gradient, **options)
        return -direction, zero

    monkeypatch.setattr(common_noise, "unit_direction", mutated)
    with pytest.raises(AssertionError):
        test_noise_of_a_linear_network_is_the_closed_form_s(AS_CODED)
    with pytest.raises(AssertionError):
        test_noise_fools_images_it_was_not_crafted_on(AS_WRITTEN)


def test_the_settings_of_figs_4_to_6_are_the_defaults() -> None:
    settings = inspect.signature(craft).parameters
    assert {n: p.default for n, p in settings.items() if p.default is not p.empty} == {
        "step": 1 / 255,
        "epochs": 25,
        "targeted": False,
        "sign": False,
    }
