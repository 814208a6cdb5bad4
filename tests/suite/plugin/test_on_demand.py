"""Experiments whose networks do not ship: judged from the evidence, measured where it can be."""

from __future__ import annotations

import pytest

from repro.lab.networks import recipe as recipes
from repro.lab.networks.mlp import MlpRecipe
from repro.measure.session import Session


@pytest.fixture
def on_demand(runs, monkeypatch):
    """The tiny paper's experiment wants a network that nobody has, and dies if it is run."""
    write = runs.tiny.write

    def wanting() -> None:
        write()
        path = runs.tiny.folder / "experiments.py"
        text = path.read_text().replace(
            "lambda *_: {}", "lambda seed, _: {'target': MlpRecipe(seed=seed, epochs=7)}"
        )
        head, _, tail = text.rpartition("),\n)")
        path.write_text(
            f"from repro.lab.networks.mlp import MlpRecipe\n{head}, on_demand=True),\n){tail}"
        )

    monkeypatch.setattr(runs.tiny, "write", wanting)
    runs.tiny.networks = lambda seed: [recipes.key(MlpRecipe(seed=seed, epochs=7))]
    runs.tiny.measure()
    return runs


def test_without_its_networks_the_population_alone_is_judged(on_demand):
    on_demand.tiny.values["do"] = "die"  # nothing may be trained or measured
    result = on_demand()
    result.assert_outcomes(passed=8, skipped=4, xfailed=1)
    record = on_demand.record()
    assert record["verdict"] == "reproduced"
    assert record["measured"] is None
    assert record["stale"] is False
    assert "from the committed population alone: 1 networks" in record["reason"]
    assert "repro train tiny --experiment toy" in record["reason"]


def test_its_verdict_is_still_held_against_the_record(on_demand):
    on_demand.tiny.claim().update({"published": 0.9, "margin": 0.01})
    on_demand().assert_outcomes(passed=6, failed=2, skipped=4, xfailed=1)


def test_its_control_is_the_population_s_own_and_can_fail(on_demand):
    on_demand.tiny.claim()["control"]["metric"] = "error"
    on_demand().assert_outcomes(passed=6, failed=2, skipped=4, xfailed=1)


def test_where_the_networks_are_at_hand_it_is_measured(on_demand, monkeypatch):
    monkeypatch.setattr(Session, "at_hand", lambda *_: True)
    monkeypatch.setattr(Session, "_obtain", lambda *_: pytest.fail("no such weights"))
    on_demand().assert_outcomes(failed=12, xfailed=1)


def test_at_hand_is_what_the_store_has(tmp_path):
    session = Session(tmp_path)
    assert session.at_hand([MlpRecipe(seed=0)])  # shipped
    assert not session.at_hand([MlpRecipe(seed=0), MlpRecipe(seed=0, epochs=7)])
    assert not Session(tmp_path, retrain=True).at_hand([MlpRecipe(seed=0)])
