"""What each reading of the papers' experiments is, told a second time."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from repro.errors import ArgumentError
from repro.lab.attacks.fgsm import loss_gradient
from repro.lab.attacks.iterative import Switches
from repro.lab.mnist import sample
from repro.lab.mnist.data import Mnist
from repro.lab.mnist.idx import Digits
from repro.lab.networks.mlp import MlpRecipe
from repro.lab.networks.store import Store
from repro.papers import registry
from repro.papers.experiment import Run
from repro.papers.popovic2017 import common

TABLES = registry.experiments("lacok2016")
PLAIN, PENALISED = MlpRecipe(seed=0), MlpRecipe(seed=0, l1=1e-4, l2=1e-4)


@pytest.fixture(scope="module")
def run() -> Run:
    """The shipped networks and a hundred digits."""
    found = sample.load()
    digits = Digits(found.images[::50], found.labels[::50])
    data = Mnist("embedded", "a hundred digits", {}, None, digits)
    store = Store()

    def obtain(recipe):
        artifact = store.lookup(recipe)
        assert artifact is not None, recipe.name
        return artifact

    return Run(data, 0, obtain)


def errs(run: Run, target: MlpRecipe, source: MlpRecipe, form) -> float:
    """Error rate of ``target``'s network on FGSM images made for ``source``'s."""
    x, y = run.images(), run.labels()
    gradient = loss_gradient(run.trained(source), x, y, form=form)
    logits = run.trained(target)(x + 0.25 * gradient.sign().float())
    return float((logits.argmax(dim=1) != y).double().mean())


def test_table_1_is_of_the_network_that_is_attacked(run):
    found = [TABLES["table1"].run(run, reading) for reading in ("as-written", "float32-gradient")]
    expected = [errs(run, PLAIN, PLAIN, form) for form in ("exact", "float32")]
    assert [measured["fgsm-025-error"] for measured in found] == expected
    assert expected[0] > expected[1]
    assert found[0]["sign-difference-share"] == 0 < found[1]["sign-difference-share"]


def test_table_2_is_of_the_penalised_network_and_the_cache_of_the_other(run):
    readings = {
        "as-written": errs(run, PENALISED, PENALISED, "exact"),
        "float32-gradient": errs(run, PENALISED, PENALISED, "float32"),
        "cached-adversarials": errs(run, PENALISED, PLAIN, "exact"),
    }
    for reading, expected in readings.items():
        assert TABLES["table2"].run(run, reading)["fgsm-025-error"] == expected
    assert readings["cached-adversarials"] < readings["as-written"] - 0.1


@pytest.mark.parametrize("reading", ["as-written", "float32-gradient"])
def test_a_gradient_that_is_not_finite_is_an_error_and_no_zero(run, reading):
    weights = {name: torch.full(shape, math.nan) for name, shape in PLAIN.shapes().items()}
    broken = Run(run.data, 0, lambda _: SimpleNamespace(weights=weights))
    with pytest.raises(ArgumentError, match="gradients that are not finite"):
        TABLES["table1"].run(broken, reading)


def test_the_attacks_of_popovic_are_the_paper_s_and_the_program_s():
    assert set(common.SWITCHES) == {"as-written", "as-coded"}
    assert common.SWITCHES["as-written"] == Switches(
        state="image",
        pixel_clip=False,
        loss="logits",
        judge_last=True,
        count_misclassified=False,
    )
    assert common.SWITCHES["as-coded"] == Switches(
        state="noise",
        pixel_clip=True,
        loss="probabilities",
        judge_last=False,
        count_misclassified=True,
    )


def test_the_networks_of_popovic_are_the_program_s_and_table_1_s():
    assert [common.network_of(3).units, common.network_of_table(3).units] == [1024, 1204]


def test_images_and_labels_are_those_of_the_sample(run):
    images = common.images(run)
    assert images.shape == (100, 1, 28, 28)
    assert torch.equal(images.flatten(1), run.images())
    assert run.labels().bincount().tolist() == [10] * 10
