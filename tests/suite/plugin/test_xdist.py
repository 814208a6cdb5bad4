"""How the workers of pytest-xdist share a run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from repro.claims.selection import Selection
from repro.judge.populations import Archive
from repro.lab.attacks import common_noise, iterative
from repro.lab.attacks.iterative import Attacked
from repro.lab.mnist.data import Mnist
from repro.lab.mnist.idx import Digits
from repro.lab.networks.cnn_training import CnnRecipe
from repro.papers import registry
from repro.papers.experiment import Run
from repro.plugin import options, xdist


@pytest.fixture(scope="module")
def spots():
    """What each claim's test measures, in the order of the records, of two papers."""
    papers = registry.load_all()
    claims = [c for name in ("lacok2016", "popovic2017") for c in papers[name].claims]
    return [(claim.paper, claim.experiment, r) for claim in claims for r in claim.readings]


def test_a_worker_is_told_what_failed_as_its_run_s_report_may_be_in_the_place_of_that_one():
    given = {f"--repro-{name}": () for name in options.OPTIONS} | {"--repro-failed": "gone.json"}
    told = {"repro_failed": ("tiny-clean@plain",)}
    worker = SimpleNamespace(getoption=given.__getitem__, workerinput=told)
    assert options.selection(worker) == Selection(failed=("tiny-clean@plain",))


APART = ("common-classes", "common-fives", "iterative", "steps", "targeted")
"""The experiments with claims that share nothing in memory."""


def test_only_what_shares_no_result_is_measured_apart(spots):
    assert {xdist.group_of(paper, name) for paper, name, _ in spots} == {
        *("lacok2016", "popovic2017"),
        *(f"popovic2017-{name}" for name in APART),
    }
    for paper, name, _ in spots:
        assert xdist.group_of(paper, name) == paper + (f"-{name}" if name in APART else "")


def test_the_longest_group_comes_first_and_each_keeps_its_order(spots, monkeypatch):
    took = {name: 0.1 * (1 + i) for i, name in enumerate(APART)}
    took |= {"network": 9.0, "iterative": 2.0, "common-fives": 30.0, "table1": 1.0}
    took |= {"grid": 99.0, "units": 99.0}  # on demand
    monkeypatch.setattr(xdist, "seconds_of", lambda _archive, spot: took.get(spot[1], 0.0))
    order, count = xdist.arranged(Archive(), spots)
    assert sorted(order) == list(range(len(spots)))
    arranged = [xdist.group_of(*spots[i][:2]) for i in order]
    assert list(dict.fromkeys(arranged)) == [
        "popovic2017-common-fives",
        "popovic2017",
        "popovic2017-iterative",
        "lacok2016",
        "popovic2017-targeted",
        "popovic2017-steps",
        "popovic2017-common-classes",
    ]
    assert count == 7
    for name in set(arranged):
        places = [i for i, group in zip(order, arranged, strict=True) if group == name]
        assert places == sorted(places)


def test_only_what_is_selected_counts(spots):
    mine = [spot for spot in spots if spot[1] == "iterative"]
    assert xdist.arranged(Archive(), mine) == (list(range(len(mine))), 1)
    assert xdist.arranged(Archive(), [None, *mine])[1] == 2  # a test of something else


def _remembered(name: str, reading: str, shared: Path | None) -> set[str]:
    """What an experiment of Popović & Mihajlović keeps in the memory of its process."""
    rng = np.random.default_rng(0)
    digits = Digits(
        rng.integers(0, 256, (20, 28, 28), dtype=np.uint8), np.arange(20, dtype=np.uint8) % 10
    )
    run = Run(
        Mnist("full", "random", {}, digits, digits),
        0,
        lambda recipe: SimpleNamespace(weights=recipe.initial_weights()),
        readings=("as-written", "as-coded"),
        shared=shared,
    )
    experiment = registry.experiments("popovic2017")[name]
    run.networks = {
        role: run.built(recipe, recipe.initial_weights())
        for role, recipe in experiment.networks(run.seed, reading).items()
    }
    experiment.measure(run, reading)
    return set(run.memory) - {"images", "labels"}


@pytest.fixture
def no_attacks(monkeypatch):
    """Attacks that do nothing; the list of those on one experiment's few images."""
    done = []

    def attack(_network, x, _y, **options):
        done.append(str(options))
        every = torch.ones(len(x), dtype=torch.bool)
        zero = torch.zeros(len(x))
        return Attacked(x, torch.zeros_like(x), every, zero.long(), zero.double(), ~every)

    def craft(_network, images, _classes, *, epochs, **_options):
        shape = (epochs, len(images), *images[0].shape[1:])
        return torch.zeros(shape)

    def weights(recipe):
        return {name: torch.zeros(shape) for name, shape in recipe.shapes().items()}

    # The networks' true weights would take seconds to draw, and nothing here looks at them.
    monkeypatch.setattr(CnnRecipe, "initial_weights", weights)
    monkeypatch.setattr(iterative, "attack", attack)
    monkeypatch.setattr(common_noise, "craft", craft)
    return done


@pytest.mark.usefixtures("no_attacks")
def test_what_is_measured_apart_shares_nothing_in_memory(tmp_path):
    offered = registry.experiments("popovic2017")

    def kept(name: str, shared: Path | None) -> set[str]:
        return set.union(*(_remembered(name, r, shared) for r in offered[name].readings))

    assert kept("steps", None) & kept("switches", None)  # so that the sets do say what is shared
    of = {name: kept(name, tmp_path) for name in offered}
    for name in (name for name, experiment in offered.items() if experiment.alone):
        others = set.union(*(of[other] for other in offered if other != name))
        assert not of[name] & others


@pytest.mark.parametrize("other", ["switches", "common-classes", "units"])
def test_no_attack_is_made_twice_for_experiments_measured_apart(no_attacks, tmp_path, other):
    _remembered("steps", "as-written", tmp_path)
    steps = list(no_attacks)
    _remembered(other, "as-written", tmp_path)
    both = list(no_attacks)
    no_attacks.clear()
    _remembered(other, "as-written", tmp_path / "another run")
    assert len(both) == len(steps) + len(no_attacks) - 1
