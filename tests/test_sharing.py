"""How the workers of pytest-xdist share a run."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from repro import papers, paths, sharing
from repro.claims import evidence
from repro.experiment import Run
from repro.lab import common_noise, iterative
from repro.lab.common_noise import CommonNoise
from repro.lab.data import Digits, Mnist
from repro.lab.iterative import Attacked


@pytest.fixture(scope="module")
def cases():
    root = paths.fixtures() / "populations"
    return [case for paper in papers.load_all().values() for case in evidence.judge(paper, root)]


def test_only_what_shares_no_result_is_measured_apart(cases):
    group = sharing.groups(cases)
    assert set(group.values()) == {
        *("lacok2016", "popovic2017"),
        *("popovic2017-common-fives", "popovic2017-iterative"),
    }
    for case in cases:
        name = case.claim.experiment
        alone = name in ("common-fives", "iterative")
        assert group[case.id] == case.claim.paper + (f"-{name}" if alone else "")
        assert group[sharing.snapshot_id(case)] == group[case.id]


def test_the_longest_group_comes_first_and_each_keeps_its_order(cases, monkeypatch):
    took = {"network": 9.0, "iterative": 2.0, "steps": 1.0, "common-fives": 30.0, "table1": 0.5}
    monkeypatch.setattr(sharing, "seconds_of", lambda _paper, name, _reading: took.get(name, 0.0))
    group = sharing.groups(cases)
    ids = [case.id for case in cases]
    order, count = sharing.arranged(cases, ids)
    assert sorted(order) == list(range(len(ids)))
    arranged = [group[ids[i]] for i in order]
    assert list(dict.fromkeys(arranged)) == [
        "popovic2017-common-fives",
        "popovic2017",
        "popovic2017-iterative",
        "lacok2016",
    ]
    assert count == 4
    for name in set(arranged):
        places = [i for i in order if group[ids[i]] == name]
        assert places == sorted(places)


def test_only_what_is_selected_counts(cases):
    ids = [case.id for case in cases if case.claim.experiment == "iterative"]
    assert sharing.arranged(cases, ids) == (list(range(len(ids))), 1)


def _remembered(name: str, reading: str) -> set[str]:
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
    )
    papers.experiments("popovic2017")[name].measure(run, reading)
    return set(run.memory) - {"images", "labels"}


def test_what_is_measured_apart_shares_nothing_with_the_rest(monkeypatch):
    def attack(_network, x, _y, **_options):
        every = torch.ones(len(x), dtype=torch.bool)
        zero = torch.zeros(len(x))
        return Attacked(x, torch.zeros_like(x), every, zero.long(), zero.double(), ~every)

    def craft(_network, images, _classes, *, epochs, **_options):
        shape = (epochs, len(images), *images[0].shape[1:])
        return CommonNoise(torch.zeros(shape), torch.zeros(len(images)).long())

    monkeypatch.setattr(iterative, "attack", attack)
    monkeypatch.setattr(common_noise, "craft", craft)
    offered = papers.experiments("popovic2017")
    kept = {
        name: set.union(*(_remembered(name, reading) for reading in experiment.readings))
        for name, experiment in offered.items()
    }
    assert kept["steps"] & kept["switches"]  # so that the sets do say what is shared
    for name in (name for name, experiment in offered.items() if experiment.alone):
        others = set.union(*(kept[other] for other in kept if other != name))
        assert kept[name]
        assert not kept[name] & others
