"""The networks of Goodfellow et al. (2015) and what is measured of the shallow ones."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD

from repro.lab.attacks import fgsm
from repro.lab.mnist.data import Mnist
from repro.lab.mnist.idx import Digits
from repro.lab.networks.network import ModuleNetwork
from repro.papers import registry
from repro.papers.experiment import TARGET, Run
from repro.papers.goodfellow2015 import line, maxout, networks, regularised, shallow


def drawn(rows: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(rows, 784, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def run() -> Run:
    """Sixty random test images, and nothing that is trained."""
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (60, 28, 28), dtype=np.uint8)
    digits = Digits(images, np.arange(60, dtype=np.uint8) % 10)
    return Run(Mnist("full", "made up", {}, None, digits), 0, obtain=pytest.fail)


# What training begins with

BEGINS = {
    "weight": ("weights uniform in 0.005 either way", -0.005, 0.005),
    "bias": ("", 0.0, 0.0),
    "centre": ("centres uniform in 0 to 0.2", 0.0, 0.2),
    "log_b": ("every entry of B 0.01", math.log(0.01), math.log(0.01)),
}
"""What a recipe's notes say, and from where to where that is."""
RECIPES = {
    recipe.name: recipe
    for experiment in registry.experiments("goodfellow2015").values()
    for recipe in experiment.recipes(0)
}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_training_begins_with_what_the_notes_say(recipe):
    """A fifth of the way up the drawn values lies a fifth of the way up their range."""
    for name, drawn in recipe.initial_weights().items():
        said, low, high = BEGINS[name.rpartition(".")[2]]
        assert said in recipe.notes
        parts = torch.linspace(0, 1, 6)
        expected = low + (high - low) * parts
        torch.testing.assert_close(
            drawn.flatten().quantile(parts), expected, rtol=1e-6, atol=0.06 * (high - low)
        )


# Maxout


def test_a_maxout_unit_is_the_largest_of_its_pieces():
    module = networks.MaxoutNetwork(units=3, pieces=2).double().eval()  # whatever is drawn
    for weight in module.parameters():
        nn.init.uniform_(weight, -1, 1)
    x = h = drawn(4).double()
    for layer in (module.h0, module.h1):
        z = h @ layer.weight + layer.bias
        h = torch.stack([torch.maximum(z[:, unit], z[:, 3 + unit]) for unit in range(3)], dim=1)
    torch.testing.assert_close(module(x), h @ module.y.weight + module.y.bias)


def test_dropout_scales_units_and_not_pixels():
    """As mnist_pi.yaml has it: input_scales 1 beside input_include_probs 0.8."""
    module = networks.MaxoutNetwork(units=240, pieces=1).train()
    seen = {}
    module.h0.register_forward_hook(lambda _m, given, out: seen.update(x=given[0], h=out))
    module.h1.register_forward_hook(lambda _m, given, _out: seen.update(dropped=given[0]))
    with torch.no_grad():
        module(drawn(200) + 1)
    pixels = (seen["x"] != 0).float()
    assert pixels.mean() == pytest.approx(0.8, abs=0.01)
    assert torch.equal(seen["x"], (drawn(200) + 1) * pixels)
    units = (seen["dropped"] != 0).float()
    assert units.mean() == pytest.approx(0.5, abs=0.02)
    torch.testing.assert_close(seen["dropped"], 2 * seen["h"] * units)
    plain = module.eval()(drawn(2))
    assert torch.equal(plain, module(drawn(2)))


def test_columns_are_held_within_the_norm_and_shorter_ones_left():
    module = nn.Sequential(networks.Linear(2, 2))
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[3.0, 0.1], [4.0, 0.2]]))
        module[0].bias.fill_(7.0)
        networks.settle(module, SGD(module.parameters(), lr=0.1, momentum=0.5), 1)
    expected = torch.tensor([[3 / 5 * 1.9365, 0.1], [4 / 5 * 1.9365, 0.2]])
    torch.testing.assert_close(module[0].weight.detach(), expected)
    assert module[0].bias.tolist() == [7.0, 7.0]


@pytest.mark.parametrize(
    ("updates", "rate", "momentum"),
    [
        (1, 0.1 / 1.000004, 0.5),
        (500, 0.1 / 1.000004**500, 0.5),
        (500 * 125, 0.1 / 1.000004**62500, 0.5 + 0.2 * 124 / 249),
        (500 * 250, 0.1 / 1.000004**125000, 0.7),
        (500 * 400, 0.1 / 1.000004**200000, 0.7),
        (10**7, 1e-6, 0.7),
    ],
)
def test_rate_and_momentum_are_pylearn2_s(updates, rate, momentum):
    module = networks.Linear(2, 2)
    optimiser = SGD(module.parameters(), lr=0.1, momentum=0.5)
    with torch.no_grad():
        networks.settle(module, optimiser, updates)
    (group,) = optimiser.param_groups
    assert (group["lr"], group["momentum"]) == pytest.approx((rate, momentum))


# What should regularise it


def of_units(*, dropout: bool = False) -> nn.Module:
    """A small maxout network, with weights as large as trained ones."""
    module = networks.MaxoutNetwork(units=3, pieces=2).train(dropout)
    for weight in module.parameters():
        nn.init.uniform_(weight, -1, 1)
    return module


def test_l1_is_of_the_first_layer_alone():
    module, x, y = of_units(), drawn(5), torch.arange(5)
    with_l1 = regularised.cost_with_l1(module, x, y, coefficient=0.5)
    without = regularised.cost_with_l1(module, x, y, coefficient=0.0)
    expected = 0.5 * module.h0.weight.abs().sum()
    torch.testing.assert_close(with_l1 - without, expected, rtol=1e-4, atol=1e-5)


def test_the_adversarial_cost_is_the_paper_s():
    """And its gradient is that of fixed images: the attack's answer does not enter."""
    module, x, y = of_units(), drawn(5), torch.arange(5)
    image = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(cross_entropy(module(image), y), image)
    attacked = x + 0.25 * slope.sign()
    expected = 0.3 * cross_entropy(module(x), y) + 0.7 * cross_entropy(module(attacked), y)
    found = regularised.adversarial_cost(module, x, y, alpha=0.3, eps=0.25)
    torch.testing.assert_close(found, expected)
    weights = tuple(module.parameters())
    for one, other in zip(
        torch.autograd.grad(found, weights), torch.autograd.grad(expected, weights), strict=True
    ):
        torch.testing.assert_close(one, other)
    assert not x.requires_grad


def test_the_attacked_images_drop_pixels_of_their_own():
    seen = []
    module = of_units(dropout=True)
    module.h0.register_forward_hook(lambda _m, given, _out: seen.append(given[0] != 0))
    regularised.adversarial_cost(module, drawn(5) + 1, torch.arange(5), alpha=0.5, eps=0.25)
    clean, attacked = seen
    assert not torch.equal(clean, attacked)


@pytest.mark.parametrize(
    ("cost", "low", "middle"),
    [
        (regularised.cost_with_sign_noise, 0.25, 0.25),
        (regularised.cost_with_uniform_noise, 0.0, 0.125),
    ],
)
def test_noise_is_of_the_size_and_drawn_anew(cost, low, middle):
    seen = []
    module = of_units()
    module.h0.register_forward_hook(lambda _m, given, _out: seen.append(given[0] - x))
    x = drawn(50)
    for _ in range(2):
        cost(module, x, torch.zeros(50, dtype=torch.int64), eps=0.25)
    size = seen[0].abs()
    assert size.min() >= low - 1e-6
    assert size.max() <= 0.25 + 1e-6
    assert size.mean() == pytest.approx(middle, abs=0.002)
    assert seen[0].mean() == pytest.approx(0, abs=0.005)
    assert not torch.equal(*seen)


def test_the_trainings_differ_in_the_cost_alone():
    """And in what the paper says of it."""
    original = networks.maxout(seed=3).configuration()
    for role, cost in regularised.COSTS.items():
        found = regularised.TRAININGS[role](seed=3).configuration()
        assert {**found, "cost": None} == {**original, "cost": None}
        assert found["cost"][2] == cost.keywords
    assert [c.keywords for c in regularised.COSTS.values()] == [
        {"alpha": 0.5, "eps": 0.25},
        {"eps": 0.25},
        {"eps": 0.25},
        {"coefficient": 0.0025},
    ]


# RBF units


@pytest.mark.parametrize("widths", [1, 784])
def test_an_rbf_unit_falls_with_the_distance_from_its_centre(widths):
    module = networks.RbfNetwork(widths).double()
    x = drawn(6).double()
    with torch.no_grad():
        module.log_b.uniform_(-5, -3)
        b = module.log_b.exp().expand(10, 784)
        expected = torch.stack(
            [-(b[c] * (x - module.centre[c]).square()).sum(dim=1) for c in range(10)], dim=1
        )
        torch.testing.assert_close(module(x), expected)
        at_centre = module(module.centre).diagonal()
    assert ((at_centre <= 0) & (at_centre > -1e-5)).all()  # log p has no value above 0


def test_the_cost_of_independent_classes_is_a_sum_of_log_likelihoods():
    p = torch.tensor([[0.9, 0.2, 0.6]], dtype=torch.float64)
    cost = networks.cost_of_log_p(p.log(), torch.tensor([0]))
    torch.testing.assert_close(cost, -(p[:, 0].log() + (1 - p[0, 1:]).log().sum()))


def test_the_attack_on_rbf_units_follows_the_cost_of_their_training():
    module = networks.RbfNetwork(1).double()
    x, y = drawn(3).double(), torch.tensor([1, 4, 9])
    gradient = shallow._gradient(ModuleNetwork(module.requires_grad_(False)), x.float(), y)
    for pixel in (0, 400, 783):
        ahead, behind = x.clone(), x.clone()
        ahead[:, pixel] += 1e-5
        behind[:, pixel] -= 1e-5
        cost = partial(networks.cost_of_log_p, y=y)
        slope = (cost(module(ahead)) - cost(module(behind))) / 2e-5
        torch.testing.assert_close(gradient[:, pixel], slope, rtol=1e-5, atol=1e-7)


# Logistic regression


def logistic() -> ModuleNetwork:
    return ModuleNetwork(networks.LogisticRegression().requires_grad_(False))


def test_logistic_regression_is_a_sigmoid():
    network, x = logistic(), drawn(5)
    z = x @ network.module.weight + network.module.bias
    torch.testing.assert_close(torch.softmax(network(x), dim=1)[:, 1], torch.sigmoid(z))


def test_fgsm_is_exact_for_logistic_regression():
    network, x, y = logistic(), drawn(5), torch.tensor([0, 1, 1, 0, 1])
    signs = shallow.worst_signs(network, y)
    assert torch.equal(signs[y == 1][0], -network.module.weight.double().sign())
    assert torch.equal(signs[y == 0][0], network.module.weight.double().sign())
    gradient = fgsm.loss_gradient(network, x, y)
    assert shallow._same_signs(gradient, signs) == 1
    gradient[0, 5] *= -1
    assert shallow._same_signs(gradient, signs) == 0.8


def test_threes_and_sevens_are_the_two_classes(run):
    x, y = shallow.threes_and_sevens(run)
    labels = run.labels()[(run.labels() == 3) | (run.labels() == 7)]
    assert y.tolist() == [int(label == 7) for label in labels]
    assert len(x) == 12


# What is measured


def test_scores_are_over_all_and_over_the_mistakes():
    p = torch.tensor([[0.9, 0.1], [0.3, 0.7], [0.6, 0.4]])
    assert shallow.scores("a", p.double(), torch.tensor([0, 0, 1])) == pytest.approx(
        {"a-error": 2 / 3, "a-confidence": 2.2 / 3, "a-confidence-on-mistakes": 0.65}
    )


def test_rubbish_is_standard_normal_and_the_seed_s_own(run):
    drawn = shallow.rubbish(run)
    assert drawn.shape == (10_000, 784)
    assert (drawn.mean(), drawn.std()) == pytest.approx((0, 1), abs=0.002)
    other = Run(run.data, 1, run.obtain)
    assert not torch.equal(shallow.rubbish(other), drawn)


@pytest.mark.parametrize("name", [e.name for e in shallow.EXPERIMENTS])
def test_each_reading_measures_its_own_network(name):
    experiment = next(e for e in shallow.EXPERIMENTS if e.name == name)
    recipes = [each for r in experiment.readings for each in experiment.networks(0, r).values()]
    keys = {str(recipe.configuration()) for recipe in recipes}
    clipped = sum("clipped" in reading for reading in experiment.readings)  # an attack's switch
    assert len(keys) == len(experiment.readings) - clipped


def test_a_network_of_ten_logits_may_stand_for_softmax_regression_alone():
    offered = shallow.EXPERIMENTS
    assert [e.name for e in offered if TARGET in e.networks(0, e.readings[0])] == ["softmax"]


def test_the_clipped_reading_clips_what_is_classified(run, monkeypatch):
    seen = []

    def softmax_of(_network, x):
        seen.append((float(x.min()), float(x.max())))
        p = torch.full((len(x), 10), 0.05, dtype=torch.float64)
        p[:, 0] = 0.55
        return p

    monkeypatch.setattr(shallow, "softmax_of", softmax_of)
    recipe = networks.softmax_regression(0, 1)
    run.networks = {TARGET: recipe.network(recipe.initial_weights())}
    ranges = {}
    for reading in ("one-epoch", "one-epoch-clipped"):
        shallow._softmax(run, reading)
        ranges[reading] = [r for r in seen if r[0] > -1]  # not the rubbish
        seen.clear()
    assert ranges["one-epoch-clipped"] == [(0, 1)] * 3
    assert ranges["one-epoch"] == [(0, 1), *[(-0.25, 1.25)] * 2]


# The maxout network's numbers


class Pixels(nn.Module):
    """Gives the logits that stand in ten of the pixels, from ``first``, twenty times as large."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(20.0), requires_grad=False)
        self.first = first

    def forward(self, x):
        return self.gain * x[:, self.first : self.first + 10]


def test_the_confidence_on_mistakes_takes_the_place_of_that_over_all(run):
    run.networks = {TARGET: ModuleNetwork(Pixels(0))}
    plain, mistakes = (maxout._maxout(run, reading) for reading in maxout.READINGS[:2])
    for name in ("clean", "fgsm", "random"):
        assert mistakes[f"{name}-confidence"] == plain[f"{name}-confidence-on-mistakes"]
    assert plain["clean-confidence"] != plain["clean-confidence-on-mistakes"]


def test_rubbish_is_counted_by_the_class_it_is_given(run):
    run.networks = {TARGET: ModuleNetwork(Pixels(0))}
    measured = maxout._maxout(run, "thirty-epochs")
    p = torch.softmax(20 * shallow.rubbish(run)[:, :10].double(), dim=1)
    given = p.argmax(dim=1)[p.amax(dim=1) > 0.5]
    assert measured["rubbish-error"] == len(given) / 10_000
    assert measured["rubbish-share-of-5s"] == pytest.approx(float((given == 5).sum()) / len(given))
    assert measured["rubbish-given-8"] == pytest.approx(float((given == 8).sum()) / 10_000)


def test_agreement_is_over_the_mistakes_of_those_compared(run):
    roles = {TARGET: 0, "softmax": 5, "rbf": 300}  # the first two share half of their pixels
    run.networks = {role: ModuleNetwork(Pixels(first)) for role, first in roles.items()}
    measured = maxout._agreement(run, "thirty-epochs")
    x, y = maxout.attacked(run, run.networks[TARGET]), run.labels()
    m, s, r = (x[:, first : first + 10].argmax(dim=1) for first in roles.values())
    wrong = m != y
    assert measured["softmax-gives-maxouts-class"] == pytest.approx(
        float((s == m)[wrong].double().mean())
    )
    both = wrong & (r != y) & (s != y)
    assert measured["rbf-gives-softmaxs-class-both-wrong"] == pytest.approx(
        float((r == s)[both].double().mean())
    )
    assert set(measured) == set(maxout.EXPERIMENTS[1].metrics)


# The line of Fig. 4


def test_a_stay_is_in_one_wrong_class():
    """Of four steps: the right class throughout, two wrong ones by turns, three of one."""
    classes = torch.tensor([[4, 1, 7], [4, 2, 4], [4, 1, 4], [4, 2, 4]])
    found = line.longest_stay(classes, torch.tensor([4, 4, 7]))
    assert found == pytest.approx((0 + 1 / 4 + 3 / 4) / 3)


def test_straight_is_what_a_line_a_class_explains():
    steps = line.STEPS.double()
    lines = torch.stack([2 * steps, -steps + 3], dim=1)[:, None]
    assert line.straightness(lines) == pytest.approx(1)
    assert line.straightness((steps - 7.5).abs()[:, None, None]) == pytest.approx(0)
    assert line.straightness(torch.ones(len(steps), 1, 2).double()) == 1
