"""Alg. 1 in float64 NumPy, the network's passes by hand, against ``common_noise.craft``.

On the shipped network, for three classes with four, three and two digits. Among them are none
that the network is so sure of that float64 has no digits left of 1 - p: its loss on
probabilities depends on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from hand_cnn import Array, HandCnn, loss_gradient
from plain_networks import digits, shipped
from torch import Tensor

from repro.lab.attacks.common_noise import craft
from repro.lab.attacks.iterative import AS_CODED, AS_WRITTEN, Switches
from repro.lab.networks.cnn import Cnn
from repro.lab.networks.cnn_training import CnnRecipe

pytestmark = pytest.mark.usefixtures("one_thread")

READINGS = {"as-written": AS_WRITTEN, "as-coded": AS_CODED}
CLASSES, COUNTS, EPS = (5, 3, 8), (4, 3, 2), (0.02, 0.012, 1.0)
STEP, EPOCHS = 1 / 255, 3
WITHIN = 1e-9


@dataclass(frozen=True)
class AlgorithmOne:
    """Alg. 1 for one class; the last fields are there to be got wrong."""

    network: HandCnn
    reading: str
    sign: float = 1.0
    box: bool = True
    pixels: bool = True
    loss: str = ""
    one_by_one: bool = True
    missing: int = 0

    def noise(self, images: Array, y: int, *, eps: float) -> Array:
        """The noise after each epoch: (EPOCHS, 28, 28)."""
        coded = self.reading == "as-coded"
        loss = self.loss or ("probabilities" if coded else "logits")
        e, after = np.zeros((28, 28)), []
        for _ in range(EPOCHS):
            start = e
            for image in images[: len(images) - self.missing]:
                fed = image + (e if self.one_by_one else start)
                if coded and self.pixels:
                    fed = np.clip(fed, 0, 1)
                gradient = self.network.gradient(fed, y, loss)
                e = e + self.sign * STEP * gradient / np.abs(gradient).max()
                if self.box:
                    e = np.clip(e, -eps, eps)
            after.append(e)
        return np.stack(after)


@pytest.fixture(scope="module")
def network() -> Cnn:
    return Cnn(shipped(CnnRecipe(seed=0)))


@pytest.fixture(scope="module")
def by_hand(network: Cnn) -> HandCnn:
    return HandCnn({name: w.double().numpy() for name, w in network.weights.items()})


@pytest.fixture(scope="module")
def sets(network: Cnn) -> list[Tensor]:
    x, y = digits(5)
    x = x.to(torch.float64)
    logits = network.to(torch.float64)(x)
    doubt = 1 - torch.softmax(logits, dim=1).gather(1, y[:, None])[:, 0]
    found = [x[(y == c) & (doubt > 1e-6)][:n] for c, n in zip(CLASSES, COUNTS, strict=True)]
    assert tuple(map(len, found)) == COUNTS
    return found


@pytest.fixture(scope="module")
def crafted(network: Cnn, sets: list[Tensor]) -> dict[str, Array]:
    """By reading, (EPOCHS, classes, 28, 28) of all classes crafted together."""
    made = {}
    for reading, switches in READINGS.items():
        noises = craft(
            network, sets, CLASSES, eps=EPS, switches=switches, step=STEP, epochs=EPOCHS
        )
        made[reading] = noises[:, :, 0].numpy()
    return made


def check(crafted: Array, algorithm: AlgorithmOne, sets: Sequence[Tensor]) -> None:
    """Every pixel of every noise after every epoch."""
    for k, (x, c, eps) in enumerate(zip(sets, CLASSES, EPS, strict=True)):
        expected = algorithm.noise(x[:, 0].numpy(), c, eps=eps)
        np.testing.assert_allclose(crafted[:, k], expected, rtol=0, atol=WITHIN)


@pytest.mark.parametrize("reading", READINGS)
def test_common_noise_is_the_transcription_of_alg_1(
    reading: str, crafted: dict[str, Array], by_hand: HandCnn, sets: list[Tensor]
) -> None:
    made = crafted[reading]
    check(made, AlgorithmOne(by_hand, reading), sets)
    largest = np.abs(made[-1]).max(axis=(1, 2))
    np.testing.assert_allclose(largest[:2], EPS[:2])  # two boxes bind, the third does not
    assert EPS[1] < largest[2] < EPS[2]


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize(
    "mistake",
    [{"sign": -1.0}, {"box": False}, {"one_by_one": False}, {"missing": 1}],
    ids=["wrong sign", "no eps clip", "mean of the epoch", "an image too few"],
)
def test_a_mistake_in_the_transcription_would_be_noticed(
    reading: str,
    mistake: dict[str, Any],
    crafted: dict[str, Array],
    by_hand: HandCnn,
    sets: list[Tensor],
) -> None:
    with pytest.raises(AssertionError, match="Mismatched elements"):
        check(crafted[reading], AlgorithmOne(by_hand, reading, **mistake), sets)


@pytest.mark.parametrize(
    ("reading", "mistake"),
    [
        ("as-coded", {"pixels": False}),
        ("as-coded", {"loss": "logits"}),
        ("as-written", {"loss": "probabilities"}),
    ],
    ids=["no pixel clip", "loss on logits", "loss on probabilities"],
)
def test_a_swapped_reading_would_be_noticed(
    reading: str,
    mistake: dict[str, Any],
    crafted: dict[str, Array],
    by_hand: HandCnn,
    sets: list[Tensor],
) -> None:
    with pytest.raises(AssertionError, match="Mismatched elements"):
        check(crafted[reading], AlgorithmOne(by_hand, reading, **mistake), sets)


@pytest.mark.parametrize(
    ("switches", "change"),
    [
        (AS_WRITTEN, {}),
        (replace(AS_CODED, pixel_clip=False), {}),
        (replace(AS_CODED, loss="logits"), {}),
        (AS_CODED, {"eps": [0.02, 0.012, 0.005]}),
        (AS_CODED, {"step": STEP * 1.001}),
    ],
    ids=["other reading", "no pixel clip", "loss on logits", "smaller box", "longer step"],
)
def test_another_call_of_ours_would_be_noticed(
    switches: Switches,
    change: dict[str, Any],
    network: Cnn,
    by_hand: HandCnn,
    sets: list[Tensor],
) -> None:
    settings = {"eps": EPS, "step": STEP, "epochs": EPOCHS, **change}
    made = craft(network, sets, CLASSES, switches=switches, **settings)[:, :, 0].numpy()
    with pytest.raises(AssertionError, match="Mismatched elements"):
        check(made, AlgorithmOne(by_hand, "as-coded"), sets)


# The passes by hand, held to differences


@pytest.mark.parametrize("loss", ["logits", "probabilities"])
def test_the_gradient_by_hand_is_the_slope_of_the_loss(loss: str, by_hand: HandCnn) -> None:
    """Central differences of the loss at three pixels."""
    draw = np.random.default_rng(0)
    image, y, h = draw.random((28, 28)), 4, 1e-6
    forward = Cnn({name: torch.from_numpy(w) for name, w in by_hand.w.items()})

    def cost(pixels: Array) -> float:
        logits = forward(torch.from_numpy(pixels)[None])[0].numpy()
        p = np.exp(logits) / np.exp(logits).sum()
        return float(
            -np.log(p[y]) if loss == "logits" else -np.log(np.exp(p[y]) / np.exp(p).sum())
        )

    gradient = by_hand.gradient(image, y, loss)
    spots = [(2, 3), (14, 14), (20, 7)]
    slopes = []
    for spot in spots:
        moved = np.zeros((28, 28))
        moved[spot] = h
        slopes.append((cost(image + moved) - cost(image - moved)) / (2 * h))
    at = np.array([gradient[spot] for spot in spots])
    np.testing.assert_allclose(at / at[0], np.array(slopes) / slopes[0], rtol=1e-3)


def test_the_two_losses_have_different_gradients() -> None:
    z = np.array([1.0, 0.0, -3.0])
    one, other = (loss_gradient(z, 0, loss) for loss in ("logits", "probabilities"))
    assert np.abs(one / np.abs(one).max() - other / np.abs(other).max()).max() > 1e-3
