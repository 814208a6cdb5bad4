from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.errors import ArgumentError
from repro.lab import rng
from repro.lab.attacks import fgsm as attacks
from repro.lab.attacks import metrics
from repro.lab.networks.mlp import Mlp

ATTACKS = [
    lambda x, eps: attacks.fgsm(x, torch.ones_like(x), eps=eps),
    lambda x, eps: attacks.random_sign(x, eps=eps, rng=rng.generator(0, "test")),
]


class Linear:
    """Logits x W: the gradient of the cross-entropy is (p - onehot) W^T, by hand."""

    def __init__(self, w: torch.Tensor) -> None:
        self.w = w

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.w

    def to(self, dtype: torch.dtype) -> Linear:
        return Linear(self.w.to(dtype))


def linear(seed: int, *, scale: float = 1.0, pixels: int = 20, count: int = 50):
    draw = np.random.default_rng(seed)
    w = torch.from_numpy(draw.standard_normal((pixels, 10)).astype(np.float32) * scale)
    x = torch.from_numpy(draw.random((count, pixels), dtype=np.float32))
    y = torch.from_numpy(draw.integers(0, 10, count))
    return Linear(w), x, y


def mlp(seed: int, *, scale: float = 0.5):
    draw = np.random.default_rng(seed)
    shapes = {"w_h": (20, 15), "w_h2": (15, 15), "w_o": (15, 10)}
    weights = {
        name: torch.from_numpy(draw.standard_normal(shape).astype(np.float32) * scale)
        for name, shape in shapes.items()
    }
    x = torch.from_numpy(draw.random((50, 20), dtype=np.float32))
    return Mlp(weights), x, torch.from_numpy(draw.integers(0, 10, 50))


def by_hand(network: Linear, x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    """The gradient of the cross-entropy of a linear model in numpy's float64."""
    w, x64 = network.w.double().numpy(), x.double().numpy()
    z = x64 @ w
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(p)), y.numpy()] -= 1
    return p @ w.T


def naive(network, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """-log(softmax[y]) in float64, differentiated as it stands."""
    image = x.double().requires_grad_()
    p = torch.softmax(network.to(torch.float64)(image), dim=1)
    return torch.autograd.grad(-p.gather(1, y[:, None]).log().sum(), image)[0]


# FGSM


def check_fgsm(fgsm) -> None:
    """The closed form on a linear softmax model; a zero gradient; pixels at the border."""
    network, x, y = linear(0)
    x[:, 0], x[:, 1] = 0.0, 1.0
    gradient = torch.from_numpy(by_hand(network, x, y))
    gradient[:, 2] = 0.0
    attacked = fgsm(x, gradient, eps=0.25)
    expected = x.numpy() + np.float32(0.25) * np.sign(gradient.numpy()).astype(np.float32)
    np.testing.assert_array_equal(attacked.numpy(), expected)
    assert (attacked[:, 2] == x[:, 2]).all()
    assert attacked.dtype == torch.float32
    assert attacked.min() == -0.25
    assert attacked.max() == 1.25


def test_fgsm_is_the_closed_form():
    check_fgsm(attacks.fgsm)


@pytest.mark.parametrize(
    "mutant",
    [
        lambda x, g, *, eps: x - eps * g.sign().float(),
        lambda x, g, *, eps: attacks.fgsm(x, g, eps=eps).clamp(0, 1),
        lambda x, g, *, eps: attacks.fgsm(x, g, eps=eps).clamp(min=0),
        lambda x, g, *, eps: x + eps * (2 * (g >= 0).float() - 1),
        lambda x, g, *, eps: x + eps * (g / g.abs().amax()).float(),
        lambda x, g, *, eps: attacks.fgsm(x, g, eps=eps / 2),
    ],
    ids=["wrong sign", "clipped", "clipped below", "sign(0) = 1", "no sign", "half of eps"],
)
def test_another_fgsm_would_be_noticed(mutant):
    with pytest.raises(AssertionError):
        check_fgsm(mutant)


def test_fgsm_raises_the_loss_of_a_linear_model_where_the_mutants_lower_it():
    network, x, y = linear(1)
    gradient = attacks.loss_gradient(network, x, y)

    def loss(images):
        return torch.nn.functional.cross_entropy(network(images).double(), y, reduction="none")

    assert (loss(attacks.fgsm(x, gradient, eps=0.1)) > loss(x)).all()
    assert (loss(attacks.fgsm(x, -gradient, eps=0.1)) < loss(x)).all()


def test_fgsm_leaves_its_inputs_alone():
    network, x, y = linear(0)
    kept = x.clone()
    gradient = attacks.loss_gradient(network, x, y, form="float32")
    attacks.fgsm(x, gradient, eps=0.1)
    assert torch.equal(x, kept)
    assert not x.requires_grad
    assert not gradient.requires_grad


@pytest.mark.parametrize("attack", ATTACKS, ids=["fgsm", "random"])
@pytest.mark.parametrize("eps", [-0.1, -math.inf, math.inf, math.nan])
def test_an_eps_below_zero_or_not_finite_is_refused(attack, eps):
    with pytest.raises(ArgumentError, match="eps") as caught:
        attack(torch.zeros(2, 3), eps)
    assert str(eps) in caught.value.found


@pytest.mark.parametrize("attack", ATTACKS, ids=["fgsm", "random"])
def test_an_eps_of_zero_changes_nothing(attack):
    x = torch.rand(2, 3)
    assert torch.equal(attack(x, 0), x)


# The gradient


@pytest.mark.parametrize("form", ["exact", "float32"])
def test_the_gradient_of_a_linear_model_is_the_one_by_hand(form):
    network, x, y = linear(0)
    gradient = attacks.loss_gradient(network, x, y, form=form)
    assert gradient.dtype == (torch.float64 if form == "exact" else torch.float32)
    assert gradient.shape == x.shape
    expected = by_hand(network, x, y)
    np.testing.assert_array_equal(gradient.sign(), np.sign(expected))
    if form == "float32":
        np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_float32_form_is_softmax_minus_one_hot_passed_back(seed):
    network, x, y = mlp(seed)
    gradient = attacks.loss_gradient(network, x, y, form="float32")
    np.testing.assert_allclose(gradient, naive(network, x, y), rtol=1e-3, atol=1e-5)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([0.1, 0.3, 0.5, 0.7]))
def test_the_exact_gradient_has_the_naive_one_s_signs(seed, scale):
    network, x, y = mlp(seed, scale=scale)
    expected = naive(network, x, y)
    # Where 1 - p_y has lost its digits, the naive form is no reference.
    sound = (1 - torch.softmax(network.to(torch.float64)(x.double()), dim=1)).gather(1, y[:, None])
    sound = (sound > 1e-4) & (expected.abs() > 1e-10 * expected.abs().amax(dim=1, keepdim=True))
    assert sound.any()
    exact = attacks.loss_gradient(network, x, y)
    assert torch.equal(exact.sign()[sound], expected.sign()[sound])


def test_the_exact_gradient_is_the_cross_entropy_s_over_one_minus_p():
    network, x, y = mlp(1)
    p = torch.softmax(network.to(torch.float64)(x.double()), dim=1).gather(1, y[:, None])
    exact = attacks.loss_gradient(network, x, y)
    torch.testing.assert_close(exact * (1 - p), naive(network, x, y), rtol=1e-9, atol=1e-12)


def test_log_odds_against_is_what_its_name_says():
    logits = torch.tensor([[0.0, 1.0, 2.0], [3.0, -1.0, 0.5]]).double()
    y = torch.tensor([2, 1])
    p = torch.softmax(logits, dim=1).gather(1, y[:, None])[:, 0]
    torch.testing.assert_close(attacks.log_odds_against(logits, y), ((1 - p) / p).log())
    huge = attacks.log_odds_against(torch.tensor([[9000.0, 0.0, 0.0]]), torch.tensor([0]))
    assert float(huge) == pytest.approx(math.log(2) - 9000)


# A sure network: class 0 is true and far ahead; of the others, class 1 is far ahead.
# By hand, the gradient is that of class 1 minus that of class 0: (1, -1) - (2, -4) = (-1, 3).
SURE = torch.tensor([[2.0, 1.0, 0.0], [-4.0, -1.0, 0.0]])


@pytest.mark.parametrize("size", [20.0, 60.0, 400.0, 5000.0])
def test_the_exact_gradient_does_not_vanish_where_p_rounds_to_one(size):
    network, x, y = Linear(SURE), torch.tensor([[size, 0.0]]), torch.tensor([0])
    assert float(torch.softmax(network(x), dim=1)[0, 0]) == 1.0
    exact = attacks.loss_gradient(network, x, y)
    assert exact.sign().tolist() == [[-1, 1]]
    assert exact[0].tolist() == pytest.approx([-1, 3], rel=1e-6)


def test_the_float32_form_loses_the_true_class_where_p_rounds_to_one():
    network, x, y = Linear(SURE), torch.tensor([[20.0, 0.0]]), torch.tensor([0])
    rounded = attacks.loss_gradient(network, x, y, form="float32")
    # Of (p - onehot) W^T only class 1's term is left, and it points the other way.
    p = float(torch.softmax(network(x), dim=1)[0, 1])
    assert p > 0
    assert rounded[0].tolist() == pytest.approx([p, -p], rel=1e-3)
    exact = attacks.loss_gradient(network, x, y)
    assert attacks.sign_difference_share(rounded, exact) == 1.0
    assert attacks.zero_gradient_share(rounded) == 0.0


def test_the_float32_form_is_zero_where_every_other_class_underflows():
    network, x, y = Linear(SURE), torch.tensor([[400.0, 0.0], [0.5, 0.0]]), torch.tensor([0, 0])
    rounded = attacks.loss_gradient(network, x, y, form="float32")
    assert not rounded[0].any()
    assert rounded[1].all()
    assert attacks.zero_gradient_share(rounded) == 0.5
    assert torch.equal(attacks.fgsm(x, rounded, eps=0.25)[0], x[0])


@pytest.mark.parametrize("form", ["exact", "float32"])
@pytest.mark.parametrize("make", [linear, mlp])
def test_the_batch_size_has_no_effect(form, make):
    network, x, y = make(2)
    whole = attacks.loss_gradient(network, x, y, form=form)
    for batch in (1, 7, 49, 50):
        part = attacks.loss_gradient(network, x, y, form=form, batch=batch)
        torch.testing.assert_close(part, whole, rtol=1e-4, atol=1e-7)
        assert torch.equal(part.sign(), whole.sign())


# Health


def test_the_health_figures_by_hand():
    rows = [[0.0, 0.0], [0.0, 1e-300], [-1.0, 2.0], [-0.0, 0.0]]
    gradient = torch.tensor(rows, dtype=torch.float64)
    reference = torch.tensor([[0.0, 1.0], [0.0, 5.0], [-1.0, -2.0], [0.0, 0.0]]).double()
    assert attacks.zero_gradient_share(gradient) == 0.5
    assert attacks.sign_difference_share(gradient, reference) == 2 / 8
    assert attacks.sign_difference_share(gradient.float(), reference) == 3 / 8
    square = gradient.reshape(2, 2, 2)
    assert attacks.zero_gradient_share(square) == 0.0
    assert attacks.zero_gradient_share(torch.zeros(3, 1, 28, 28)) == 1.0


# The random control


def test_random_noise_is_plus_or_minus_eps():
    noise = attacks.random_sign(torch.zeros(500, 784), eps=0.25, rng=rng.generator(0, "noise"))
    assert noise.dtype == torch.float32
    assert noise.unique().tolist() == [-0.25, 0.25]
    share = float((noise > 0).double().mean())
    assert share == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(noise.numel()))
    # No image is all of one sign, and no two are alike.
    assert int((noise > 0).sum(dim=1).min()) > 300
    assert len(noise.unique(dim=0)) == 500


def test_random_noise_is_added_without_clipping():
    x = torch.tensor([[0.0, 1.0, 0.5]]).repeat(50, 1)
    noisy = attacks.random_sign(x, eps=0.25, rng=rng.generator(0, "noise"))
    assert noisy[:, 0].unique().tolist() == [-0.25, 0.25]
    assert noisy[:, 1].unique().tolist() == [0.75, 1.25]
    assert noisy[:, 2].unique().tolist() == [0.25, 0.75]
    assert x[0].tolist() == [0.0, 1.0, 0.5]


def test_random_noise_is_the_seed_s():
    x = torch.rand(3, 1, 28, 28)

    def noisy(seed: int, name: str = "noise"):
        return attacks.random_sign(x, eps=0.1, rng=rng.generator(seed, name))

    assert noisy(0).shape == x.shape
    assert torch.equal(noisy(0), noisy(0))
    assert not torch.equal(noisy(0), noisy(1))
    assert not torch.equal(noisy(0), noisy(0, "other"))


# Through to a figure


def test_fgsm_flips_a_linear_model_exactly_where_the_margin_says():
    # Two classes, logits (x.w, 0): FGSM moves the margin by eps * |w|_1 against the truth.
    w = torch.tensor([[1.0], [-2.0], [0.5]])
    network = Linear(torch.cat([w, torch.zeros(3, 1)], dim=1))
    x = torch.tensor([[0.30, 0.0, 0.0], [0.40, 0.0, 0.0], [0.0, 0.15, 0.0], [0.0, 0.20, 0.0]])
    y = torch.tensor([0, 0, 1, 1])
    assert metrics.error_rate(network(x), y) == 0.0
    attacked = attacks.fgsm(x, attacks.loss_gradient(network, x, y), eps=0.1)
    # eps |w|_1 = 0.35 against margins of 0.30, 0.40, 0.30 and 0.40.
    assert (network(attacked).argmax(dim=1) != y).tolist() == [True, False, True, False]
    assert metrics.error_rate(network(attacked), y) == 0.5


def test_the_gradient_is_exact_unless_said_otherwise():
    settings = inspect.signature(attacks.loss_gradient).parameters
    assert settings["form"].default == "exact"
    for attack in (attacks.fgsm, attacks.random_sign):  # the paper has two eps, and no usual one
        assert inspect.signature(attack).parameters["eps"].default is inspect.Parameter.empty
