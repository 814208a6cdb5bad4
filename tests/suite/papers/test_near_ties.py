"""Near ties are counted behind every rate that has a printed number, on a small network."""

from __future__ import annotations

from functools import partial

import pytest
import small_runs
import torch

from repro.claims.records import PublishedClaim
from repro.lab.attacks import iterative
from repro.lab.attacks.iterative import AS_CODED, attack
from repro.lab.attacks.ties import Watched
from repro.lab.networks.cnn_training import CnnRecipe
from repro.papers import registry
from repro.papers.experiment import TARGET
from repro.papers.popovic2017 import near_ties, per_class

FEW = 8
EVERY = torch.finfo(torch.float64).max
PAPER = registry.load_all()["popovic2017"]
CLAIMS = [claim for claim in PAPER.claims if isinstance(claim, PublishedClaim)]
OFFERED = registry.experiments("popovic2017")
MEASURED = [
    (name, reading)
    for name in sorted({claim.experiment for claim in CLAIMS})
    for reading in OFFERED[name].readings
]


@pytest.fixture(scope="module", params=MEASURED, ids="@".join)
def measured(request):
    """A run in which an experiment was measured under a reading; and the two names."""
    name, reading = request.param
    with pytest.MonkeyPatch.context() as patch:
        small_runs.settle(patch)
        patch.setattr(iterative, "attack", partial(attack, max_iterations=FEW))
        patch.setattr(per_class, "LOG_EPOCHS", 2)
        patch.setattr(per_class, "TEXT_EPOCHS", 1)
        patch.setattr(per_class, "EPOCHS", {"as-written": 1, "as-coded": 2})
        run = small_runs.run(small_runs.FULL, 0)
        run.networks = {TARGET: run.trained(CnnRecipe(0))}
        values = OFFERED[name].measure(run, reading)
        yield run, name, reading, values


def test_every_printed_rate_has_its_images_and_nothing_else_has(measured):
    run, experiment, reading, values = measured
    found = near_ties.count(run, experiment, reading, 0.0)
    printed = {n for c in CLAIMS if c.experiment == experiment for n in c.own_metrics()}
    assert {name for name in printed if "rms" not in name} <= set(found) <= set(values)
    assert all(near == 0 for near, _ in found.values())
    for name, (_, every) in found.items():
        assert every * values[name] == pytest.approx(round(every * values[name])), name


def test_all_images_are_near_a_tie_that_is_wide_enough(measured):
    run, experiment, reading, _ = measured
    for near, every in near_ties.count(run, experiment, reading, EVERY).values():
        # An attack has an image at every step.
        assert near == every or (near > every and experiment in ("iterative", "steps"))


def test_the_images_are_those_of_the_rate(measured):
    run, experiment, reading, values = measured
    for name, logits in near_ties.judged(run, experiment, reading).items():
        if experiment == "network":
            right = logits.argmax(dim=1) == run.labels()
        else:
            right = logits.argmax(dim=1) != (5 if experiment == "common-fives" else int(name[-2]))
        assert float(right.double().mean()) == values[name], name


def test_nothing_is_counted_of_an_experiment_without_printed_numbers():
    run = small_runs.run(small_runs.FULL, 0)
    run.networks = {TARGET: torch.nn.Flatten()}
    assert near_ties.count(run, "targeted", "as-coded", EVERY) == {}


class Pixels:
    """A network whose logits are the two pixels of its images."""

    def __call__(self, x):
        return 1 * x

    def to(self, _):
        return self


@pytest.mark.parametrize(("within", "near"), [(0.0, 0), (0.05, 1 + 4 + 0), (EVERY, 1 + 7 + 9)])
def test_a_watched_attack_is_the_same_and_counts_every_decision(within, near):
    # Each step brings the pixels 0.02 closer: one image is wrong already, one after six steps
    # (0.109, ..., 0.049, 0.029, 0.009, -0.011), one never.
    x = torch.tensor([[0.5, 0.52], [0.6, 0.491], [0.9, 0.1]], dtype=torch.float64)
    y = torch.zeros(3, dtype=torch.int64)
    settings = {"switches": AS_CODED, "step": 0.01, "max_iterations": FEW}
    plain = attack(Pixels(), x, y, **settings)
    watched = Watched(Pixels(), within)
    seen = attack(watched, x, y, **settings)
    assert torch.equal(seen.noise, plain.noise)
    assert plain.iterations.tolist() == [0, 6, FEW]
    assert watched.near == near
