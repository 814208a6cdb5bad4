"""``repro train``: whose networks it trains and ships."""

from __future__ import annotations

from dataclasses import dataclass, replace

import fakes
import pytest

from repro.cli.main import main
from repro.lab import devices
from repro.lab.networks import store
from repro.lab.networks.store import Store, shipped_manifest
from repro.papers import registry


@dataclass(frozen=True)
class Named(fakes.SmallRecipe):
    called: str = ""

    @property
    def name(self) -> str:
        return self.called


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    fakes.settle(tmp_path, monkeypatch)
    offered = {}
    for name, on_demand in (("first", False), ("second", False), ("rare", True)):
        networks = {"target": Named(epochs=1, called=name), "same": Named(epochs=1, called="same")}
        offered[name] = replace(
            fakes.EXPERIMENTS[0],
            name=name,
            networks=lambda *_, networks=networks: networks,
            on_demand=on_demand,
        )
    monkeypatch.setattr(registry, "experiments", lambda _: offered)


@pytest.mark.parametrize(
    ("words", "shipped"),
    [
        ([], {"first", "second", "same"}),
        (["--experiment", "rare"], {"rare", "same"}),
        (["--experiment", "rare", "--experiment", "first"], {"rare", "first", "same"}),
    ],
)
def test_the_networks_of_all_experiments_that_ship_or_are_named(words, shipped, capsys):
    assert main(["train", "small", "--ship", *words]) == 0
    assert {entry["name"] for entry in shipped_manifest().values()} == shipped
    assert capsys.readouterr().out.count("same seed 0: ") == 1


def test_networks_are_trained_where_and_as_the_options_say(monkeypatch):
    asked = []
    monkeypatch.setattr(devices, "prepare_device", lambda _: None)
    monkeypatch.setattr(store, "Store", lambda **options: asked.append(options) or Store())
    assert main(["train", "small", "--device", "cuda:1", "--force"]) == 0
    assert main(["train", "small"]) == 0
    told = [{"device": "cuda:1", "retrain": True}, {"device": "cpu", "retrain": False}]
    assert asked == told
