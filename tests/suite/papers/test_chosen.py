"""Numbers that are chosen from others, or made of them: each of those in turn decides.

The small runs of test_transcribed.py have what they happen to have: where the least of all is the
least of those meant as well, a wrong choice goes unseen. Here what is chosen from is made up.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import small_runs
import torch

from repro.errors import ArgumentError
from repro.papers.experiment import TARGET
from repro.papers.lacok2016 import experiments as lacok
from repro.papers.lacok2016 import fgsm_tables, penalty_grid
from repro.papers.popovic2017 import experiments as popovic
from repro.papers.popovic2017 import per_class

MIDDLE, SMALLER = "l1-4-l2-4", "l1-5-l2-5"


def grid(monkeypatch, errors, reading="as-written"):
    """The grid's measurements, of networks that err as they are told to."""
    monkeypatch.setattr(penalty_grid, "_errors", lambda _run, name, _source: errors[name])
    networks = {name: name for name in errors}
    return penalty_grid._grid(SimpleNamespace(networks=networks), reading)


@pytest.mark.parametrize("lowest", ["unregularised", *penalty_grid.CELLS])
def test_the_best_of_the_others_is_one_of_eight_pairs_of_penalties(monkeypatch, lowest):
    sets = ("original", "fgsm-010", "fgsm-025", "random-025")
    errors = {
        name: dict(zip(sets, (0.1, 0.5, 0.8, 0.2 if name == lowest else 0.6), strict=True))
        for name in ("unregularised", *penalty_grid.CELLS)
    }
    found = grid(monkeypatch, errors)
    least, others = pytest.approx(0.4), pytest.approx(0.5)
    assert found["unregularised-mean-error"] == (least if lowest == "unregularised" else others)
    assert found["middle-mean-error"] == (least if lowest == MIDDLE else others)
    is_another = lowest not in ("unregularised", MIDDLE)
    assert found["others-best-mean-error"] == (least if is_another else others)


@pytest.mark.parametrize(
    ("small", "large", "effect"),
    [(0.2, 0.04, 0.5), (-0.2, 0.04, 0.5), (0.1, 0.12, 0.75), (0.1, -0.12, 0.75)],
)
@pytest.mark.parametrize("cell", [SMALLER, MIDDLE])
def test_an_effect_is_the_larger_change_either_way(monkeypatch, cell, small, large, effect):
    """Of the two attacked error rates, in the paper's own gains: 0.40 and 0.16."""
    plain = {"original": 0.1, "fgsm-010": 0.5, "fgsm-025": 0.7, "random-025": 0.1}
    moved = {"original": 0.9, "fgsm-010": 0.5 + small, "fgsm-025": 0.7 + large, "random-025": 0.9}
    errors = dict.fromkeys(("unregularised", *penalty_grid.CELLS), plain) | {cell: moved}
    found = grid(monkeypatch, errors)
    assert found["smaller-effect"] == pytest.approx(effect if cell == SMALLER else 0)
    assert found["middle-effect"] == pytest.approx(effect if cell == MIDDLE else 0)


def test_a_threshold_tells_confidences_apart_that_are_1_in_float32(monkeypatch):
    """1 - 9 exp(-25) of what is attacked is less than 1 - 9 exp(-30) of every clean image."""
    clean, attacked = torch.full((4, 1), 30.0), torch.full((4, 1), 25.0)
    monkeypatch.setattr(fgsm_tables, "attacked", lambda *_: attacked)
    monkeypatch.setattr(fgsm_tables, "noisy", lambda *_: attacked)
    networks = {TARGET: lambda x: x * torch.eye(10)[0]}
    run = SimpleNamespace(networks=networks, images=lambda: clean)
    assert set(fgsm_tables._threshold(run, "as-written").values()) == {1.0}
    attacked[0] = torch.nan  # which is below no threshold
    with pytest.raises(ArgumentError, match="not finite"):
        fgsm_tables._threshold(run, "as-written")


@pytest.mark.parametrize("table", ["table1", "table2"])
def test_the_health_is_that_of_the_gradient_which_is_followed(monkeypatch, table):
    """Of a network surer than float32 can tell, nothing is left of that one."""
    small_runs.settle(monkeypatch)
    w = torch.from_numpy(2000 * small_runs.SHAPES.T)
    monkeypatch.setattr(small_runs, "_obtained", lambda _: {"w": w})
    experiment = next(each for each in lacok.EXPERIMENTS if each.name == table)
    run = small_runs.run(small_runs.FULL, 0)
    exact, rounded = (experiment.run(run, r) for r in ("as-written", "float32-gradient"))
    assert exact["zero-gradient-share"] == pytest.approx(1 / len(run.images()))  # the blank one
    assert rounded["zero-gradient-share"] > 0.5


# Noise is known by its size: that of the n-th is n.


@pytest.fixture
def sized(monkeypatch):
    small_runs.settle(monkeypatch)

    def craft(_network, images, classes, *, epochs, **_):
        sizes = torch.arange(1.0, len(classes) + 1).reshape(-1, 1, 1, 1)
        noise = sizes.expand(len(images), *images[0].shape[1:])
        return noise.expand(epochs, *noise.shape)

    monkeypatch.setattr(per_class.common_noise, "craft", craft)


def measured(name):
    experiment = next(each for each in popovic.EXPERIMENTS if each.name == name)
    return experiment.run(small_runs.run(small_runs.FULL, 0), "as-written")


@pytest.mark.usefixtures("sized")
def test_the_rates_at_and_from_an_eps_of_fig_2(monkeypatch):
    own, random = np.random.default_rng(1).permutation(32).reshape(2, 16) / 32

    def fooled(_model, _x, _y, noise, _switches):
        rates = random if noise.min() < 0 else own
        return float(rates[round(float(noise.max())) - 1])

    monkeypatch.setattr(per_class, "fooled", fooled)
    for lowest in (0, 8, 9, 12, 13, 15):  # 0.15, 0.23, 0.24, 0.27, 0.28, 0.30
        own[lowest] -= 1
        found = measured("common-fives")
        assert [found[f"success[{i}]"] for i in range(16)] == own.tolist()
        assert [found[f"random-success[{i}]"] for i in range(16)] == random.tolist()
        assert found["success-at-020"] == own[5]
        assert found["success-at-024"] == own[9]
        assert found["random-success-at-024"] == random[9]
        assert found["success-min-from-024"] == min(own[9:])
        assert found["success-min-from-028"] == min(own[13:])
        own[lowest] += 1


@pytest.mark.usefixtures("sized")
def test_the_least_the_mean_and_the_spread_over_the_classes(monkeypatch):
    """The other class is the next one, and after the last the first."""
    rates = np.random.default_rng(2).permutation(30).reshape(3, 10) / 32
    images = np.bincount(small_runs.FULL.test.labels)

    def fooled(_model, _x, y, noise, _switches):
        c = int(y[0])
        assert len(y) == images[c]
        size = round(float(noise.max()))
        kind = 2 if noise.min() < 0 else 0 if size == c + 1 else 1
        assert size == ((c + 1) % 10 if kind == 1 else c) + 1
        return float(rates[kind, c])

    def attacked(_run, name, _switches, *, eps=0.15):
        return {f"{name}-rms": eps}

    monkeypatch.setattr(per_class, "fooled", fooled)
    monkeypatch.setattr(per_class, "attacked", attacked)
    for lowest in (0, 4, 9):
        for kind in range(3):
            rates[kind, lowest] -= 1
        own, other, random = rates
        found = measured("common-classes")
        assert [found[f"success[{c}]"] for c in range(10)] == own.tolist()
        assert [found[f"other-class[{c}]"] for c in range(10)] == other.tolist()
        for name, each in (("success", own), ("other-class", other), ("random-success", random)):
            expected = {"min": min(each), "spread": max(each) - min(each)}
            expected["mean"] = sum(each * images) / sum(images)
            for what in expected.keys() & {n.removeprefix(f"{name}-") for n in found}:
                assert found[f"{name}-{what}"] == pytest.approx(expected[what])
        assert found["rms-mean"] == pytest.approx(5.5)
        assert found["rms-spread"] == pytest.approx(9)
        assert found["small-box-rms"] == pytest.approx(11)
        assert (found["single-rms"], found["single-rms-024"]) == (0.15, 0.24)
        for kind in range(3):
            rates[kind, lowest] += 1
