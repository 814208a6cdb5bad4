"""Snapshots hold what they are there to hold: ``test_snapshot`` is seen to fail."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from repro.measure.session import Session
from repro.plugin.snapshots import Snapshot

CLAIMS = Path(__file__).parents[2] / "claims"
VALUES = {"error": 0.5, "success[0]": 0.25, "value-iterations": 30.0, "height": 200.0}
VALUES |= {"rate": 0.9995, "fooled": 1.0}
ARITHMETIC = """\
images,population,family,largest
full,toy-attack--plain,success[],0.002
embedded,toy-attack--plain,success[],0.02
full,other,error,0.1
"""


@pytest.fixture
def holds(num_regression, monkeypatch, tmp_path):
    """Whether ``test_snapshot``, the same in all papers, passes, with ``VALUES`` on file."""
    monkeypatch.setenv("REPRO_FIXTURES_DIR", str(tmp_path))
    monkeypatch.setenv("REPRO_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "arithmetic.csv").write_text(ARITHMETIC)
    spec = importlib.util.spec_from_file_location("claims", min(CLAIMS.glob("test_*.py")))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    snapshot = Snapshot("full", "toy-attack--plain")

    def check(values):
        try:
            module.test_snapshot(values, snapshot, num_regression)
        except (AssertionError, pytest.fail.Exception):
            return False
        return True

    assert not check(VALUES)  # there is no file yet, and one that was just made shows nothing
    assert check(VALUES)
    return check


@pytest.mark.parametrize(
    ("metric", "within", "beyond"),
    [
        ("error", 0.0009, 0.0011),  # ten images of ten thousand
        ("success[0]", 0.0039, 0.0041),  # twice what other arithmetic was measured to change
        ("value-iterations", 0.049, 0.051),
        ("height", 0.0009, 0.0011),  # whatever the size of the number
    ],
)
def test_a_number_that_moved_by_more_than_its_tolerance_fails(holds, metric, within, beyond):
    for sign in (1, -1):
        assert holds({**VALUES, metric: VALUES[metric] + sign * within})
        assert not holds({**VALUES, metric: VALUES[metric] + sign * beyond})


def test_a_rate_of_0_or_1_has_its_tolerance_too(holds):
    """It is written without a point, and read as an integer, which allows nothing."""
    assert holds({**VALUES, "rate": 1.0})
    assert holds({**VALUES, "fooled": 0.9995})
    assert not holds({**VALUES, "fooled": 0.9985})


@pytest.mark.parametrize("sources", ["shipped", "shipped shipped", "shipped trained", "cache"])
def test_a_snapshot_is_of_shipped_networks_alone(runs, monkeypatch, sources):
    measured = Session.measured

    def told(*asked):
        found = measured(*asked)
        return {name: replace(each, sources=sources.split()) for name, each in found.items()}

    monkeypatch.setattr(Session, "measured", told)
    runs.write()
    test = runs.pytester.path / "claims" / "test_more.py"
    test.write_text('PAPER = "tiny"\n\ndef test_of_shipped(shipped):\n    assert shipped\n')
    shown = runs.again("-k", "test_of_shipped", "-rs")
    if set(sources.split()) == {"shipped"}:
        shown.assert_outcomes(passed=2, deselected=13)
    else:
        shown.assert_outcomes(skipped=2, deselected=13)
        assert f"the networks are {', '.join(sources.split())};" in shown.stdout.str()


def test_a_metric_that_came_or_went_fails(holds):
    assert not holds({**VALUES, "new": 1.0})
    for gone in VALUES:  # which pytest-regressions does not miss
        assert not holds({name: value for name, value in VALUES.items() if name != gone})
