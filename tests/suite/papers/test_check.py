"""``repro check``: what a paper has wrong is told before anything is trained."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import fakes
import pytest
import torch
from torch import nn
from torch.optim import SGD

from repro.cli.main import main
from repro.lab.networks.modules import ModuleRecipe
from repro.papers import registry


class Trainer(fakes.SmallTrainer):
    """One that a training would only stumble over at its first checkpoint, or at its end."""

    def __init__(self, recipe, wrong):
        super().__init__(recipe)
        self.wrong = wrong

    def __getattribute__(self, name):
        if name in object.__getattribute__(self, "__dict__").get("wrong", {}):
            found = self.wrong[name]
            if found is None:
                raise AttributeError(name)
            return found
        return super().__getattribute__(name)


class Recipe(fakes.SmallRecipe):
    wrong = {}  # noqa: RUF012 - of one test

    def trainer(self, data, *, device):
        super().trainer(data, device=device)
        return Trainer(self, self.wrong)


@pytest.fixture
def checked(tmp_path, monkeypatch, capsys):
    """Check the small paper with changes to its records, its first experiment, its trainer."""
    fakes.settle(tmp_path, monkeypatch)
    path = tmp_path / "papers" / "small" / "claims.toml"
    records = path.read_text(encoding="utf-8")
    net, bare = fakes.EXPERIMENTS

    def run(before="", after="", *, trainer=None, **changes):
        assert before in records
        path.write_text(records.replace(before, after, 1), encoding="utf-8")
        if trainer is not None:
            monkeypatch.setattr(Recipe, "wrong", trainer)
            changes["networks"] = lambda seed, _: {"target": Recipe(seed)}
        listed = (replace(net, **changes), bare)
        monkeypatch.setattr(registry, "offered_by", lambda *_: listed)
        registry.experiments.cache_clear()
        status = main(["check", "small"])
        out = capsys.readouterr().out
        assert status == (1 if out else 0)
        return out

    yield run
    registry.experiments.cache_clear()


def test_a_sound_paper_has_no_faults(checked):
    assert checked() == ""
    assert "train 0" in fakes.notes()
    assert "epoch 0" not in fakes.notes()


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ('"metric" = "weights"', '"metric" = "weight"', "small-weights: no metric 'weight' in"),
        ('"metric" = "pixels"', '"metric" = "pixel"', "small-weights: no metric 'pixel' in"),
        ('"net"', '"nets"', "small-weights: no experiment 'nets' in experiments.py"),
    ],
)
def test_a_misspelt_name_in_a_record(checked, before, after, fault):
    assert fault in checked(before, after)


def test_a_reading_that_no_experiment_or_no_claim_has(checked):
    out = checked(readings=("plain",))
    assert "small-weights: no reading 'scaled' in experiments.py; expected: one of plain" in out
    out = checked('"plain" = "As it stands."', '"plain" = "As it stands.", "bold" = "As well."')
    assert out == "no claim is judged under the reading 'bold'\n"
    out = checked(readings=("plain", "scaled", "scald"))
    assert out == "experiment net: no reading 'scald' in claims.toml\n"


def test_names_that_stand_twice(checked):
    out = checked(metrics=("weights", "pixels", "draw", "draw"))
    assert out == "experiment net: 'draw' stands twice\n"
    assert "two experiments named 'bare'" in checked(name="bare")


@pytest.mark.parametrize(
    ("trainer", "fault"),
    [
        ({"run_epoch": None}, "its trainer has no run_epoch"),
        ({"texts": None, "epochs": None}, "its trainer has no texts, no epochs"),
        ({"texts": lambda: {"done": 0}}, "texts() gives 'done' as int, not str"),
        ({"tensors": lambda: {"w": [1.0]}}, "tensors() gives 'w' as list, not Tensor"),
        ({"tensors": dict}, "restore() does not take what tensors() and texts() give: KeyError"),
        ({"weights": dict}, "its trainer's weights() holds {}; shapes() says {'w': (3, 2)}"),
    ],
)
def test_a_trainer_that_could_not_finish(checked, trainer, fault):
    assert f"recipe small, seed 0: {fault}" in checked(trainer=trainer)
    assert "epoch 0" not in fakes.notes()


def test_a_recipe_that_lacks_something(checked):
    out = checked(networks=lambda *_: {"target": object()})
    assert out.count("experiment net: the recipe of 'target' has no name, no seed") == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"module": partial(nn.Linear, 784, 10, wrong=1)}, 'TypeError("Linear.__init__() got'),
        ({"optimiser": partial(SGD, lr=torch.tensor(0.1))}, "TypeError('Object of type Tensor"),
        ({"optimiser": partial(SGD, wrong=1)}, 'TypeError("SGD.__init__() got'),
        ({"module": lambda: nn.Linear(784, 10)}, "a recipe with the function <function"),
        ({"module": None, "no_such": 1}, 'TypeError("ModuleRecipe.__init__() got'),
    ],
)
def test_a_recipe_that_raises(checked, wrong, said):
    given = {"module": partial(nn.Linear, 784, 10), "optimiser": partial(SGD, lr=0.1), **wrong}
    out = checked(
        networks=lambda seed, _: {
            "target": ModuleRecipe(name="small", seed=seed, epochs=1, **given)
        },
    )
    assert f"experiment net, plain: a recipe fails: {said}" in out


def test_two_networks_that_would_ship_as_one_file(checked):
    def networks(seed, reading):
        return {"target": fakes.SmallRecipe(seed, rate=0.5 if reading == "plain" else 0.25)}

    assert "recipe small, seed 0: another network of this name" in checked(networks=networks)
    assert checked(networks=networks, on_demand=True) == ""  # which do not ship


def test_a_quotation_that_does_not_stand_in_the_text(checked, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("REPRO_PAPERS_DIR", str(tmp_path))
    assert main(["check", "small"]) == 2
    assert "small.txt cannot be read" in capsys.readouterr().err
    text = "A small paper\n\nHere are the sum of 3 and others.\n\nThere are 2 more."
    (tmp_path / "small.txt").write_text(text, encoding="utf-8")
    assert checked() == "neither claim, limitation nor background: 'There are 2 more.'\n"
    out = checked('"the sum"', '"the sums"')
    assert "not in the paper's text: small-weights: 'the sums'" in out
