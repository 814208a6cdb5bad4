from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
import torch

from repro.errors import UsageError
from repro.lab import rng
from repro.lab.mnist.data import Mnist
from repro.lab.mnist.idx import Digits
from repro.lab.networks import mlp
from repro.lab.networks import recipe as recipes
from repro.lab.networks.mlp import Mlp, MlpRecipe, MlpTrainer, rmsprop_step

PENALTIES = [(0.0, 0.0), (1e-3, 0.0), (0.0, 1e-3), (1e-4, 1e-4)]
MUTATIONS = [
    "epsilon outside the root",
    "penalties averaged",
    "penalties left out",
    "l2 halved",
    "input dropout left out",
    "hidden dropout left out",
    "rho on the gradient",
]


def trainer(count: int = 8, **settings) -> MlpTrainer:
    draw = np.random.default_rng(7)
    images = draw.integers(0, 256, (count, 784), dtype=np.uint8)
    labels = draw.integers(0, 10, count, dtype=np.uint8)
    return MlpTrainer(MlpRecipe(**{"seed": 3, **settings}), images, labels, device="cpu")


# RMSprop


def test_rmsprop_is_the_hand_arithmetic():
    w, acc = torch.tensor([1.0, 1.0]).double(), torch.tensor([0.5, 0.0]).double()
    rmsprop_step(w, acc, torch.tensor([2.0, 0.0]).double(), lr=0.1, rho=0.9, eps=0.01)
    # acc = 0.9 * 0.5 + 0.1 * 2^2 = 0.85; w = 1 - 0.1 * 2 / sqrt(0.85 + 0.01)
    assert acc.tolist() == pytest.approx([0.85, 0.0], rel=1e-15)
    assert w.tolist() == pytest.approx([1 - 0.2 / math.sqrt(0.86), 1.0], rel=1e-15)


def test_epsilon_stands_inside_the_root():
    w, acc, grad = torch.zeros(1), torch.zeros(1), torch.tensor([1e-4])
    rmsprop_step(w, acc, grad, lr=1.0, rho=0.9, eps=1e-6)
    assert -float(w) == pytest.approx(1e-4 / math.sqrt(1e-9 + 1e-6), rel=1e-5)
    # The text's formula would step thirty times as far.
    assert -float(w) < 0.05 * 1e-4 / (math.sqrt(1e-9) + 1e-6)


# One step against the appendix


def appendix_step(w, acc, x, y, masks, *, l1coef, l2coef, mutation=""):
    """One call of the appendix's ``train``, with autograd in the place of ``T.grad``."""
    w = {name: value.detach().clone().requires_grad_() for name, value in w.items()}
    if mutation == "input dropout left out":
        masks = [torch.ones_like(masks[0]), *masks[1:]]
    if mutation == "hidden dropout left out":
        masks = [*masks[:2], torch.ones_like(masks[2])]
    h = torch.relu((x * masks[0]) @ w["w_h"])
    h2 = torch.relu((h * masks[1]) @ w["w_h2"])
    py_x = torch.softmax((h2 * masks[2]) @ w["w_o"], dim=1)
    onehot = torch.nn.functional.one_hot(y, 10)
    entropy = -(onehot * torch.log(py_x)).sum(dim=1).mean()
    l1 = sum(value.abs().sum() for value in w.values())
    l2 = sum((value**2).sum() for value in w.values())
    if mutation == "penalties averaged":
        l1, l2 = (term / sum(value.numel() for value in w.values()) for term in (l1, l2))
    if mutation == "penalties left out":
        l1 = l2 = 0
    if mutation == "l2 halved":
        l2 = l2 / 2
    cost = entropy + l1coef * l1 + l2coef * l2
    updated, accumulated = {}, {}
    for name, g in zip(w, torch.autograd.grad(cost, list(w.values())), strict=True):
        rho, other = (0.1, 0.9) if mutation == "rho on the gradient" else (0.9, 1 - 0.9)
        accumulated[name] = rho * acc[name] + other * g**2
        if mutation == "epsilon outside the root":
            scaling = torch.sqrt(accumulated[name]) + 1e-6
        else:
            scaling = torch.sqrt(accumulated[name] + 1e-6)
        updated[name] = w[name].detach() - 0.001 * (g / scaling)
    return updated, accumulated, entropy.item()


def both_ways(monkeypatch, l1: float, l2: float, *, dtype=torch.float64, mutation: str = ""):
    """The largest difference in a weight, a mean square and a cost after three steps."""
    one = trainer(l1=l1, l2=l2)
    if dtype == torch.float64:  # the fast product is for float32 only
        monkeypatch.setattr(mlp, "matmul", torch.matmul)
    one.w = {name: value.to(dtype) for name, value in one.w.items()}
    one.acc = {name: value.to(dtype) for name, value in one.acc.items()}
    # With the initial weights, all of about the same small size, softmax is nearly flat.
    one.w["w_o"].mul_(30)
    w = {name: value.clone().double() for name, value in one.w.items()}
    acc = {name: value.clone().double() for name, value in one.acc.items()}
    masks, keep_mask = [], one.keep_mask
    one.keep_mask = lambda *shape: masks.append(keep_mask(*shape)) or masks[-1]
    costs = []
    for _ in range(3):
        masks.clear()
        cost = float(one.step(one.x.to(dtype), one.y))
        w, acc, expected = appendix_step(
            w, acc, one.x.double(), one.y, [m.double() for m in masks],
            l1coef=l1, l2coef=l2, mutation=mutation,
        )  # fmt: skip
        costs.append(abs(cost - expected))
    weights = max(float((one.w[name] - w[name]).abs().max()) for name in w)
    squares = max(float((one.acc[name] - acc[name]).abs().max()) for name in w)
    return weights, squares, max(costs)


@pytest.mark.parametrize(("l1", "l2"), PENALTIES)
def test_a_step_is_the_appendix_s(monkeypatch, l1, l2):
    assert max(both_ways(monkeypatch, l1, l2)) < 1e-13


def test_a_step_in_float32_is_the_appendix_s_to_rounding(monkeypatch):
    weights, squares, costs = both_ways(monkeypatch, 1e-4, 1e-4, dtype=torch.float32)
    assert weights < 1e-6
    assert squares < 1e-5  # of values up to about 2
    assert costs < 1e-5  # of about 6


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_another_step_than_the_appendix_s_would_be_noticed(monkeypatch, mutation):
    weights, squares, _ = both_ways(monkeypatch, 1e-3, 1e-3, mutation=mutation)
    assert max(weights, squares) > 1e-5


def test_the_cost_is_the_cross_entropy_without_penalties():
    assert float(trainer(l1=1e-2).step(*batch(trainer()))) == float(
        trainer().step(*batch(trainer()))
    )


def batch(one: MlpTrainer):
    return one.x, one.y


# Batches


@pytest.mark.parametrize("count", [129, 255, 256, 257, 384, 400])
def test_batches_come_in_file_order_and_the_last_is_dropped_as_zip_has_it(count):
    one, seen = trainer(count), []
    one.step = lambda x, y: seen.append((x, y)) or torch.tensor(float(len(seen)))
    cost = one.run_epoch()
    expected = list(zip(range(0, count, 128), range(128, count, 128)))  # noqa: B905 - the appendix
    assert len(seen) == len(expected)
    for (x, y), (start, end) in zip(seen, expected, strict=True):
        assert torch.equal(x, one.x[start:end])
        assert torch.equal(y, one.y[start:end])
        assert len(x) == 128
    assert cost == (len(seen) + 1) / 2


def test_the_60000_images_make_468_batches():
    assert len(list(zip(range(0, 60000, 128), range(128, 60000, 128)))) == 468  # noqa: B905
    assert len(range(0, 60000 - 128, 128)) == 468


def test_images_are_scaled_to_one_and_labels_kept():
    images = np.arange(2 * 784, dtype=np.uint8).reshape(2, 784)
    one = MlpTrainer(MlpRecipe(seed=0), images, np.array([9, 0], np.uint8), device="cpu")
    assert one.x.dtype == torch.float32
    assert torch.equal(one.x, torch.from_numpy(images.astype(np.float32) / np.float32(255)))
    assert one.y.tolist() == [9, 0]


# Dropout


@pytest.mark.parametrize("drop", [0.2, 0.5])
def test_inverted_dropout_keeps_the_mean(drop):
    mask = trainer().keep_mask(1000, 625, drop)
    assert mask.dtype == torch.float32
    assert mask.unique().tolist() == [0.0, float(np.float32(1 / (1 - drop)))]
    # Five standard errors of the mean of 625,000 units.
    tolerance = 5 * math.sqrt(drop / (1 - drop) / mask.numel())
    assert float(mask.double().mean()) == pytest.approx(1.0, abs=tolerance)
    for axis in (0, 1):  # no row or column is favoured
        assert float((mask.double().mean(dim=axis) - 1).abs().max()) < 0.3


@pytest.mark.parametrize(("rows", "columns"), [(1, 8), (3, 5), (128, 625)])
def test_a_half_is_one_random_bit_a_unit(rows, columns):
    one = trainer()
    mask = one.keep_mask(rows, columns, 0.5)
    count = rows * columns
    replay = rng.generator(3, "lacok2016/dropout").bytes(math.ceil(count / 8))
    bits = np.unpackbits(np.frombuffer(replay, np.uint8))[:count]
    assert mask.flatten().tolist() == (2.0 * bits).tolist()


def test_a_fifth_is_dropped_below_0_2():
    mask = trainer().keep_mask(20, 784, 0.2)
    draws = rng.generator(3, "lacok2016/dropout").random((20, 784), dtype=np.float32)
    assert torch.equal(mask > 0, torch.from_numpy(draws >= 0.2))


def test_masks_depend_on_the_seed_alone():
    def masks(one: MlpTrainer):
        return [one.keep_mask(8, 784, 0.2), one.keep_mask(8, 625, 0.5)]

    expected = masks(trainer())
    for other in (trainer(129), trainer(l1=1e-3, l2=1e-3), trainer(epochs=1)):
        assert all(map(torch.equal, masks(other), expected))
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002 - the point is that the global state has no say
    assert all(map(torch.equal, masks(trainer()), expected))
    assert not any(map(torch.equal, masks(trainer(seed=4)), expected))


def test_a_step_draws_the_input_s_mask_then_both_hidden_layers_():
    one, asked = trainer(), []
    keep_mask = one.keep_mask
    one.keep_mask = lambda *shape: asked.append(shape) or keep_mask(*shape)
    one.step(one.x, one.y)
    assert asked == [(8, 784, 0.2), (8, 625, 0.5), (8, 625, 0.5)]


# The network


def test_the_network_predicts_without_dropout_or_biases():
    one = trainer()
    network = Mlp(one.weights())
    before = one.texts()
    x = one.x.double().numpy()
    w = {name: value.double().numpy() for name, value in one.weights().items()}
    expected = np.maximum(np.maximum(x @ w["w_h"], 0) @ w["w_h2"], 0) @ w["w_o"]
    np.testing.assert_allclose(network(one.x).double(), expected, rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(
        network.to(torch.float64)(one.x.double()), expected, rtol=1e-12, atol=1e-15
    )
    assert torch.equal(network(one.x), network(one.x))
    assert one.texts() == before
    assert not network(torch.zeros(1, 784)).any()


def test_initial_weights_are_normal_with_standard_deviation_0_01():
    weights = MlpRecipe(seed=0).initial_weights()
    assert {name: tuple(w.shape) for name, w in weights.items()} == {
        "w_h": (784, 625),
        "w_h2": (625, 625),
        "w_o": (625, 10),
    }
    for w in weights.values():
        assert w.dtype == torch.float32
        z = w.double() / 0.01
        error = 5 / math.sqrt(w.numel())
        assert float(z.mean()) == pytest.approx(0, abs=error)
        assert float(z.var()) == pytest.approx(1, abs=error * math.sqrt(2))
        assert float((z**4).mean()) == pytest.approx(3, abs=error * math.sqrt(96))
    again = MlpRecipe(seed=0, l1=1e-3, epochs=2).initial_weights()
    other = MlpRecipe(seed=1).initial_weights()
    for name, w in weights.items():
        assert torch.equal(w, again[name])
        assert not torch.equal(w, other[name])


# The recipe


def test_the_recipe_is_the_appendix_s():
    recipe = MlpRecipe(seed=0)
    assert (recipe.epochs, recipe.batch) == (50, 128)
    assert (recipe.learning_rate, recipe.rho, recipe.epsilon) == (0.001, 0.9, 1e-6)
    assert (recipe.drop_input, recipe.drop_hidden, recipe.init_std) == (0.2, 0.5, 0.01)
    assert (recipe.l1, recipe.l2) == (0, 0)
    assert recipe.shapes() == {"w_h": (784, 625), "w_h2": (625, 625), "w_o": (625, 10)}


def test_the_content_addresses_of_the_evidence_stand():
    # Populations and shipped weights carry these; a change would disown them all.
    assert recipes.key(MlpRecipe(seed=0)) == (
        "72f435e83435c96fdf86be021e22bbaced5911237154bdae6c9a569fd0c397e4"
    )
    assert recipes.key(MlpRecipe(seed=5, l1=1e-4, l2=1e-4)) == (
        "6fdbb3251170a51217cbc0ecb4d04ef702100c1b37b2cff747719121e50bd1c6"
    )


def test_the_masks_of_the_evidence_stand():
    one, digest = trainer(seed=0), hashlib.sha256()
    for _ in range(2):
        for columns, drop in [(784, 0.2), (625, 0.5), (625, 0.5)]:
            digest.update(one.keep_mask(128, columns, drop).numpy().astype("<f4").tobytes())
    assert digest.hexdigest() == (
        "8db4a4497f72b960e289a7adec0900d2f4bb82e4320d84831c5107a959546a3d"
    )


def test_each_setting_has_a_key_of_its_own():
    changed = [
        {"seed": 1}, {"l1": 1e-4}, {"l2": 1e-4}, {"epochs": 49}, {"batch": 64}, {"rho": 0.8},
        {"learning_rate": 0.01}, {"epsilon": 1e-5}, {"drop_input": 0.1}, {"drop_hidden": 0.4},
        {"init_std": 0.1},
    ]  # fmt: skip
    keys = {recipes.key(MlpRecipe(**{"seed": 0, **change})) for change in [{}, *changed]}
    assert len(keys) == 1 + len(changed)


def test_names_tell_the_penalties():
    assert MlpRecipe(seed=0).name == "lacok2016-mlp"
    assert MlpRecipe(seed=0, l1=1e-4, l2=1e-3).name == "lacok2016-mlp-l1-0.0001-l2-0.001"


def test_training_takes_read_only_images_and_needs_a_training_set():
    images, labels = np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8)
    images.setflags(write=False)
    labels.setflags(write=False)
    digits = Digits(images, labels)
    made = MlpRecipe(seed=0).trainer(Mnist("full", "", {}, digits, digits), device="cpu")
    assert made.x.shape == (2, 784)
    with pytest.raises(UsageError, match="no training set") as caught:
        MlpRecipe(seed=0).trainer(Mnist("embedded", "", {}, None, digits), device="cpu")
    assert "--mnist-dir" in caught.value.do


def test_a_state_of_other_texts_changes_nothing():
    one, other = trainer(), trainer(seed=4)
    with pytest.raises(KeyError):
        one.restore(other.tensors(), {})
    with pytest.raises(ValueError, match="PCG64"):
        one.restore(other.tensors(), {"masks": '{"bit_generator": "MT19937"}'})
    expected = trainer()
    assert one.texts() == expected.texts()
    assert all(torch.equal(t, expected.tensors()[n]) for n, t in one.tensors().items())
