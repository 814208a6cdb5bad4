"""``repro train``: whose networks it trains and ships."""

from __future__ import annotations

from dataclasses import dataclass, replace

import fakes
import pytest

from repro.cli.main import main
from repro.lab.networks.store import shipped_manifest
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
