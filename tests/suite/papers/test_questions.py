"""The networks of the open questions, and how images are moved, coloured and compared."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from repro.lab.networks import recipe as recipes
from repro.lab.networks.network import ModuleNetwork
from repro.papers.experiment import TARGET
from repro.papers.questions import experiments, networks, noise, other_networks
from repro.papers.questions.noise import MOTIONS, Motion, Moving

INNER = slice(2, 26)


def square(seed: int = 0) -> torch.Tensor:
    """One image of random pixels, (28, 28), none of them black."""
    return 0.1 + torch.rand(28, 28, generator=torch.Generator().manual_seed(seed)).double()


def moved(image: torch.Tensor, **motion: float) -> torch.Tensor:
    return Motion(**motion).of(image.reshape(1, 784)).reshape(28, 28)


# Motions


def test_no_motion_is_none():
    torch.testing.assert_close(moved(square()), square(), rtol=0, atol=1e-12)
    torch.testing.assert_close(moved(square().float()), square().float(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("by", [1, 2, 5])
def test_a_shift_moves_each_pixel_and_black_comes_in(by):
    image, black = square(), torch.zeros(28, by, dtype=torch.float64)
    right = torch.cat([black, image[:, :-by]], dim=1)
    left = torch.cat([image[:, by:], black], dim=1)
    down = torch.cat([black.T, image[:-by]])
    up = torch.cat([image[by:], black.T])
    for motion, expected in (
        ({"right": by}, right),
        ({"right": -by}, left),
        ({"down": by}, down),
        ({"down": -by}, up),
    ):
        torch.testing.assert_close(moved(image, **motion), expected, rtol=0, atol=1e-12)


def test_a_turn_is_clockwise():
    image = square()
    # numpy turns against the clock.
    clockwise = torch.from_numpy(np.rot90(image.numpy(), k=-1).copy())
    torch.testing.assert_close(moved(image, turn=90), clockwise, rtol=0, atol=1e-12)
    torch.testing.assert_close(moved(clockwise, turn=-90), image, rtol=0, atol=1e-12)
    torch.testing.assert_close(moved(image, turn=180), image.flip(0, 1), rtol=0, atol=1e-12)
    corner = moved(image, turn=45)[0, 0]
    assert corner == 0


def test_a_shift_comes_after_turn_and_scale():
    image = square()
    image[:4] = image[-4:] = image[:, :4] = image[:, -4:] = 0  # nothing is lost at an edge
    for first in ({"turn": 90.0}, {"scale": 0.8}):
        expected = moved(moved(image, **first), right=2, down=-1)
        found = moved(image, right=2, down=-1, **first)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_a_scale_above_1_is_larger():
    ramp = torch.arange(28.0).double().expand(28, 28)  # each pixel its column: linear throughout
    for scale in (0.9, 1.1, 2.0):
        found = moved(ramp, scale=scale)[INNER, INNER]
        expected = (13.5 + (ramp - 13.5) / scale)[INNER, INNER]
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    half = moved(torch.ones(28, 28).double(), scale=0.5)
    assert (half[7:21, 7:21] == 1).all()
    assert (half[:6] == 0).all()
    assert half.sum() == pytest.approx(14 * 14, rel=0.1)


def test_the_motions_are_those_of_the_statement():
    turns = [Motion(turn=-15), Motion(turn=15)]
    shifts = [Motion(right=-2), Motion(right=2), Motion(down=-2), Motion(down=2)]
    assert [*MOTIONS] == [*turns, *shifts, Motion(scale=0.9), Motion(scale=1.1)]


def test_a_moving_network_sees_its_images_moved_and_draws_anew_each_time():
    seen = []
    model = Moving(lambda x: seen.append(x) or x[:, :10], np.random.default_rng(0))  # type: ignore[arg-type, func-returns-value]
    image = square().reshape(1, 784)
    drawn = np.random.default_rng(0).integers(8, size=20)
    for _ in drawn:
        model(image)
    assert len(set(drawn)) > 4
    for i, found in zip(drawn, seen, strict=True):
        assert torch.equal(found, MOTIONS[i].of(image))


def test_a_moving_network_of_another_dtype_draws_on():
    made = Moving(SimpleNamespace(to=lambda dtype: dtype), np.random.default_rng(0))  # type: ignore[arg-type]
    other = made.to(torch.float64)
    assert other.inner is torch.float64
    assert other.draw is made.draw


# Networks


def test_the_narrow_network_is_the_authors_with_half_and_a_quarter():
    shapes = networks.network(seed=0).shapes()
    assert {name: shape for name, shape in shapes.items() if name.endswith("weight")} == {
        "1.weight": (16, 1, 5, 5),
        "4.weight": (32, 16, 5, 5),
        "8.weight": (256, 32 * 49),
        "11.weight": (10, 256),
    }
    assert networks.fine(seed=0).shapes()["8.weight"] == (256, 32 * 14 * 14)
    assert networks.colour(seed=0).shapes()["1.weight"] == (16, 3, 5, 5)


@pytest.mark.parametrize("recipe", [networks.network, networks.fine, networks.colour])
def test_training_begins_with_what_torch_draws(recipe):
    """Uniform in 1 / sqrt(number of inputs) either way, biases too."""
    made = recipe(seed=0)
    assert "weights and biases as torch draws them" in made.notes
    drawn = made.initial_weights()
    for name, values in drawn.items():
        inputs = drawn[f"{name.partition('.')[0]}.weight"][0].numel()
        spread = values.flatten().sort().values * math.sqrt(inputs)
        even = torch.linspace(-1, 1, len(spread))
        torch.testing.assert_close(spread, even, rtol=0, atol=3 / math.sqrt(len(spread)))


def test_a_colour_image_is_the_grey_one_in_each_plane():
    x = torch.stack([square(i)[None] for i in range(2)])
    found = networks.InColour()(x)
    assert found.shape == (2, 3, 28, 28)
    assert all(torch.equal(found[:, plane], x[:, 0]) for plane in range(3))


@pytest.mark.parametrize(
    ("recipe", "shape"),
    [
        (networks.network, (1, 28, 28)),
        (networks.fine, (1, 56, 56)),
        (networks.colour, (3, 28, 28)),
    ],
)
def test_behind_its_pixels_is_the_same_network(recipe, shape):
    made = recipe(seed=0)
    whole = made.network(made.initial_weights())
    model, pixels = networks.behind_pixels(whole)
    x = torch.stack([square(i).float().flatten() for i in range(3)])
    images = pixels(x)
    assert images.shape[1:] == model.shape == shape
    torch.testing.assert_close(model(images), whole(x), rtol=0, atol=1e-6)
    # And it has a gradient for every pixel of its own images.
    images = images.clone().requires_grad_()
    model(images).sum().backward()
    assert images.grad is not None
    assert (images.grad != 0).float().mean() > 0.5


def test_another_network_has_no_pixels_to_be_parted_from():
    for other in (ModuleNetwork(nn.Linear(784, 10)), lambda x: x):
        with pytest.raises(TypeError, match="was not made by narrow"):
            networks.behind_pixels(other)  # type: ignore[arg-type]


def test_the_penalties_are_of_all_weights_and_of_no_bias():
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[1.0, -2.0], [0.0, 3.0]]))
        module[1].weight.copy_(torch.tensor([[-0.5, 0.0], [0.0, 0.0]]))
        for layer in module:
            layer.bias.fill_(100.0)
    x, y = torch.zeros(1, 2), torch.tensor([0])
    # |w|: 1 + 2 + 3 + 0.5; w^2: 1 + 4 + 9 + 0.25.
    cross_entropy = math.log(1 + math.exp(50))  # logits 100 - 0.5 * 100 and 100
    found = networks.penalised(module, x, y, strength=0.1)
    assert float(found.detach()) == pytest.approx(cross_entropy + 0.1 * (6.5 + 14.25), rel=1e-6)


def test_the_penalties_are_lacok_s():
    cost = networks.regularised(seed=0).configuration()["cost"]
    assert cost == ["penalised", [], {"strength": 1e-4}]
    assert networks.network(seed=0).configuration()["cost"] == "mean_cross_entropy"


def difference(a: object, b: object) -> set[str]:
    """The keys of two recipes' configurations that differ."""
    one, two = (json.loads(json.dumps(r.configuration())) for r in (a, b))  # type: ignore[attr-defined]
    return {key for key in one | two if one.get(key) != two.get(key)}


def test_the_halves_are_disjoint_of_one_size_and_without_the_images_noise_is_made_on():
    (a, b), (c, d) = (r(seed=0).images for r in (networks.first_half, networks.second_half))
    whole = networks.network(seed=0).images
    assert whole == (5_000, 60_000)
    assert (a, d) == whole
    assert b == c
    assert b - a == d - c


def test_recipes_differ_in_what_they_are_named_for_and_in_nothing_else():
    base = networks.network(seed=0)
    assert difference(base, networks.other(seed=0)) == set()  # but for its seed, where it is used
    assert difference(base, networks.first_half(seed=0)) == {"images"}
    assert difference(base, networks.second_half(seed=0)) == {"images"}
    assert difference(base, networks.regularised(seed=0)) == {"cost"}
    assert difference(base, networks.fine(seed=0)) == {"architecture", "initial"}
    assert difference(base, networks.colour(seed=0)) == {"architecture", "initial"}


@pytest.mark.parametrize("experiment", experiments.EXPERIMENTS, ids=lambda e: e.name)
def test_the_networks_of_a_seed_are_no_other_seed_s(experiment):
    """Else populations would not be of independent trainings: no network is in two seeds."""
    keys = [recipes.key(r) for seed in range(30) for r in experiment.recipes(seed)]
    assert len(set(keys)) == len(keys)
    for role, recipe in experiment.networks(3, "narrow").items():
        apart = role in ("second", "other")
        assert recipe.seed == 3 + 1000 * apart
    assert experiment.on_demand


def test_the_networks_of_two_halves_share_no_draw():
    halves = next(e for e in experiments.EXPERIMENTS if e.name == "halves")
    first, second = halves.networks(0, "narrow").values()
    assert difference(first, second) == {"images", "seed"}
    assert TARGET not in halves.networks(0, "narrow")


# What is measured


def run_of(**generators: np.random.Generator) -> SimpleNamespace:
    return SimpleNamespace(rng=lambda name: generators[name.partition("/")[2]])


def test_random_noise_has_the_rms_of_each_noise():
    noises = torch.stack([(k + 1) * square(k)[None, :4, :4] for k in range(3)])
    made = noise.random_like(run_of(a=np.random.default_rng(0)), noises, "a")  # type: ignore[arg-type]
    for k in range(3):
        size = float(noises[k].square().mean().sqrt())
        assert made[k].abs().unique().tolist() == pytest.approx([size])
        assert 0 < (made[k] > 0).double().mean() < 1


def test_agreement_is_among_the_images_that_both_get_wrong():
    y = torch.tensor([0, 0, 0, 0, 1, 1, 1])
    one = torch.tensor([1, 2, 3, 0, 0, 0, 0])
    two = torch.tensor([1, 2, 4, 5, 0, 2, 1])  # both wrong: 1st, 2nd, 3rd, 5th and 6th
    turned = SimpleNamespace(permutation=lambda n: (np.arange(n) + 1) % max(n, 1))
    found = other_networks.agreement(run_of(a=turned), "a", y, one, two)  # type: ignore[arg-type]
    # In class 0 the second's (1, 2, 4) become (2, 4, 1), in class 1 its (0, 2) become (2, 0).
    assert found == pytest.approx(
        {"a-second-errs": 5 / 7, "a-agree": 3 / 5, "a-agree-by-chance": 1 / 5}
    )
