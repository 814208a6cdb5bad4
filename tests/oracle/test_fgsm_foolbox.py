"""FGSM against foolbox's, pixel by pixel, on 200 digits and the three shipped networks.

foolbox differentiates the cross-entropy as it stands. In float32 that is the reading
``form="float32"``; where a network is sure to the last digit the exact gradient is another. In
float64 it is the exact gradient, but for digits that even float64 cannot tell from sure ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from foolbox_oracle import NETWORKS, NOTHING_CLIPS, PIXELS, Pair, fast_gradient
from plain_networks import digits
from torch import Tensor

from repro.lab.attacks.fgsm import GradientForm, fgsm, loss_gradient
from repro.lab.networks.network import as_network

pytestmark = pytest.mark.usefixtures("one_thread")

EPS = 0.25
X, Y = digits(25)
SOUND = 1e-9
"""1 - p_y from which on float64's p_y - 1 has some seven digits."""

CASES: dict[GradientForm, tuple[torch.dtype, float]] = {
    "float32": (torch.float32, 1e-4),
    "exact": (torch.float64, 1e-7),
}
"""foolbox's dtype for each of our forms, and the part of an image's largest gradient below
which rounding may decide a sign."""


@pytest.fixture(scope="module", params=NETWORKS)
def pair(request: pytest.FixtureRequest) -> Pair:
    return NETWORKS[request.param]()


def doubt(pair: Pair) -> Tensor:
    """1 - p_y of each digit, in float64."""
    logits = pair.to(torch.float64).ours(pair.images(X, torch.float64))
    return 1 - torch.softmax(logits, dim=1).gather(1, Y[:, None])[:, 0]


def differing(
    pair: Pair,
    form: GradientForm,
    *,
    ours: Callable[[Tensor, Tensor], Tensor] = lambda x, g: fgsm(x, g, eps=EPS),
    y: Tensor = Y,
    bounds: tuple[float, float] = NOTHING_CLIPS,
    sound: Tensor | None = None,
    gradient_form: GradientForm | None = None,
) -> tuple[int, int]:
    """(pixels that differ, those of them whose sign no rounding explains)."""
    dtype, small = CASES[form]
    rows = torch.ones(len(X), dtype=torch.bool) if sound is None else sound
    x = pair.images(X[rows], dtype)
    # Our gradient is always taken at the float32 images, as the experiments have them.
    at = pair.images(X[rows], torch.float32)
    gradient = loss_gradient(pair.ours, at, y[rows], form=gradient_form or form)
    theirs = fast_gradient(pair.to(dtype).plain, x, Y[rows], eps=EPS, bounds=bounds)
    made = ours(x, gradient)
    assert made.dtype == theirs.dtype == dtype
    apart = (made - theirs).abs() > 2 * torch.finfo(dtype).eps
    size = gradient.abs().flatten(1)
    clear = size > small * size.amax(dim=1, keepdim=True)
    return int(apart.sum()), int((apart.flatten(1) & clear).sum())


def same(counts: tuple[int, int]) -> bool:
    """No pixel differs but by rounding, and of those at most one in 10,000."""
    return counts[1] == 0 and counts[0] <= 1e-4 * X.numel()


@pytest.mark.parametrize("bounds", [NOTHING_CLIPS, PIXELS], ids=["unclipped", "clipped"])
def test_fgsm_in_float32_is_foolbox_s(pair: Pair, bounds: tuple[float, float]) -> None:
    counts = differing(
        pair, "float32", ours=lambda x, g: fgsm(x, g, eps=EPS).clamp(*bounds), bounds=bounds
    )
    assert same(counts), counts


@pytest.mark.parametrize("bounds", [NOTHING_CLIPS, PIXELS], ids=["unclipped", "clipped"])
def test_exact_fgsm_is_foolbox_s_in_float64(pair: Pair, bounds: tuple[float, float]) -> None:
    sound = doubt(pair) > SOUND
    assert int(sound.sum()) >= 100
    counts = differing(
        pair,
        "exact",
        ours=lambda x, g: fgsm(x, g, eps=EPS).clamp(*bounds),
        bounds=bounds,
        sound=sound,
    )
    assert same(counts), counts


def test_a_module_that_foolbox_attacks_is_attacked_the_same_here(pair: Pair) -> None:
    own = replace(pair, ours=as_network(pair.to(torch.float32).plain))
    assert own.ours.shape == (1, 28, 28)
    counts = differing(own, "float32")
    assert same(counts), counts
    assert pair.plain(pair.images(X[:1], torch.float32)).dtype == torch.float32


def test_the_two_gradients_are_different_readings(pair: Pair) -> None:
    """The oracle tells them apart wherever a digit's p_y rounds to 1 in float32."""
    x = pair.images(X, torch.float32)
    certain = torch.softmax(pair.to(torch.float32).ours(x), dim=1).gather(1, Y[:, None]) == 1
    for form, other in (("float32", "exact"), ("exact", "float32")):
        apart, _ = differing(pair, form, gradient_form=other)
        assert apart > 1000 if bool(certain.any()) else apart < 100


# Where foolbox in float64 and the exact gradient part


def signs_in_extended_precision(pair: Pair, image: Tensor, y: int) -> np.ndarray[Any, Any]:
    """Signs of the cross-entropy's gradient of the fully connected network, by hand.

    1 - p_y is the sum of the other outputs, so nothing cancels.
    """
    w = {name: t.double().numpy().astype(np.longdouble) for name, t in pair.ours.weights.items()}
    h = image.double().numpy().astype(np.longdouble) @ w["w_h"]
    h2 = np.maximum(h, 0) @ w["w_h2"]
    z = np.maximum(h2, 0) @ w["w_o"]
    p = np.exp(z - z.max())
    p[y] = 0
    p[y] = -p.sum()
    to_h2 = (w["w_o"] @ p) * (h2 > 0)
    return np.sign(w["w_h"] @ ((w["w_h2"] @ to_h2) * (h > 0))).astype(int)


@pytest.mark.skipif(
    np.finfo(np.longdouble).nmant <= np.finfo(np.float64).nmant,
    reason="this machine's long double is a double",
)
def test_extended_precision_sides_with_the_exact_gradient() -> None:
    """On the digits that float64 takes for sure, p_y - 1 has lost the digits, not our form."""
    pair = NETWORKS["lacok"]()
    sure = ((doubt(pair) <= SOUND) & (doubt(pair) > 0)).nonzero().flatten()
    x = pair.images(X[sure], torch.float32)
    ours = loss_gradient(pair.ours, x, Y[sure]).sign()
    theirs = fast_gradient(
        pair.to(torch.float64).plain, x.double(), Y[sure], eps=EPS, bounds=NOTHING_CLIPS
    )
    apart = ((theirs - x.double()).sign() != ours).any(dim=1).nonzero().flatten()
    assert len(apart) > 0
    for i in apart.tolist():
        expected = signs_in_extended_precision(pair, x[i], int(Y[sure[i]]))
        np.testing.assert_array_equal(ours[i].int().numpy(), expected)


# The comparison can fail

MISTAKES: dict[str, dict[str, Any]] = {
    "wrong sign": {"ours": lambda x, g: fgsm(x, -g, eps=EPS)},
    "half of eps": {"ours": lambda x, g: fgsm(x, g, eps=EPS / 2)},
    "no sign": {"ours": lambda x, g: x + EPS * (g / g.abs().amax()).to(x.dtype)},
    "clipped": {"ours": lambda x, g: fgsm(x, g, eps=EPS).clamp(0, 1)},
    "not clipped": {"bounds": PIXELS},
    "labels shifted": {"y": (Y + 1) % 10},
}


@pytest.mark.parametrize("form", CASES)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_would_be_noticed(pair: Pair, form: GradientForm, mistake: str) -> None:
    apart, unexplained = differing(pair, form, **MISTAKES[mistake])
    assert not same((apart, unexplained))
    assert unexplained > 1000
