"""``repro calibrate --check``: fresh seeds against the committed bands."""

from __future__ import annotations

from dataclasses import replace

import fakes
import pytest
from tiny_paper import configuration

from repro.cli import main
from repro.judge.populations import Archive
from repro.lab.mnist import data
from repro.lab.mnist.data import Mnist
from repro.lab.mnist.idx import Digits
from repro.measure import recheck
from repro.papers import registry
from repro.papers.experiment import Experiment

CURVE = {
    "id": "tiny-curve",
    "kind": "curve",
    "statement": "The error rate rises.",
    "place": "Figure 1",
    "quote": "it rises",
    "published": [0.5, 0.7],
    "labels": ["one", "two"],
    "unit": 0.01,
    "experiment": "toy",
    "metric": "curve",
    "margin": 0.2,
    "margin_reason": "a reason",
    "control": {"metric": "far", "why": "another network"},
    "readings": {"plain": {"expected": "reproduced"}},
}


@pytest.fixture
def check(tiny, monkeypatch, capsys):
    """Run the command on the tiny paper: (status, lines of standard output, standard error)."""
    digits = Digits(*map(fakes.np.zeros, ((3, 28, 28), 3), ("uint8", "uint8")))
    mnist = Mnist("full", "three blanks", {}, None, digits)
    monkeypatch.setattr(data, "find", lambda *_, **__: mnist)
    monkeypatch.setattr(registry, "folders", lambda: {"tiny": tiny.folder})
    tiny.write()
    tiny.measure()

    def run(*words):
        before = {p: p.read_bytes() for p in tiny.root.rglob("*.csv")}
        registry.experiments.cache_clear()
        tiny.write()
        status = main.main(["calibrate", "--check", *words])
        assert {p: p.read_bytes() for p in tiny.root.rglob("*.csv")} == before
        out, err = capsys.readouterr()
        return status, out.splitlines(), err

    return run


def test_seeds_inside_every_band_pass(check):
    status, lines, err = check()
    assert status == 0
    assert lines == ["seeds 8, 9: 0 of 4 numbers outside with every seed, on one side"]
    assert "2 seeds to measure" in err


def test_a_value_outside_is_named_with_its_seeds_and_its_band(check, tiny):
    tiny.values["clean"] = 0.4
    status, (line, last), _ = check("--seeds", "20,30")
    assert status == 1
    assert line.startswith(
        "tiny-clean@plain: code and evidence disagree: seed 20: 0.4, seed 30: 0.4"
    )
    assert "99.9% band" in line
    assert last.startswith("seeds 20, 30: 1 of 4")


def test_an_ordering_is_held_by_its_difference(check, tiny):
    tiny.values["error"] = 0.1
    status, lines, _ = check()
    assert status == 1
    assert [line.partition(":")[0] for line in lines[:-1]] == [
        "tiny-error@plain",
        "tiny-error@other",
        "tiny-order@plain",
    ]
    assert "seed 8: -0.1" in lines[2]


def test_a_curve_is_held_point_by_point(check, tiny):
    tiny.paper["claim"].append(CURVE)
    tiny.metrics |= {"curve[0]": 0.5, "curve[1]": 0.7, "far[0]": 0.1, "far[1]": 0.7}
    tiny.measure()
    tiny.values |= tiny.metrics
    assert check()[0] == 0
    tiny.values["curve[1]"] = 0.9
    status, (line, _), _ = check()
    assert status == 1
    assert line.startswith("tiny-curve@plain, two: ")
    assert "seed 8: 0.9, seed 9: 0.9" in line


def test_what_is_measured_is_never_remembered(check, tiny):
    assert check()[0] == 0
    tiny.values["clean"] = 0.4
    assert check()[0] == 1


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--seeds", "7-9"], "--check with --seeds 7, which the populations have"),
        (["--seeds", "45"], "--check with --seeds 45, one seed"),
        (["--data", "embedded"], "--check with --data embedded"),
        (["--seeds", ""], "--seeds "),
        (["--paper", "tinny"], "no paper 'tinny'"),
        (["--experiment", "toi"], "no experiment ['toi']"),
        (["--workers", "2", "--scheduler", "tcp://a:1"], "--workers and --scheduler together"),
    ],
)
def test_a_mistake_is_a_clear_error(check, words, found):
    status, lines, err = check(*words)
    assert (status, lines) == (2, [])
    assert f"repro: UsageError\nfound: {found}" in err


@pytest.mark.parametrize("n", [0, 4])
def test_without_a_band_nothing_passes(check, tiny, n):
    for path in tiny.populations.rglob("*.csv"):
        path.unlink()
    if n:
        tiny.measure(n=n)
    status, lines, err = check()
    assert (status, lines) == (2, [])
    assert "repro: EvidenceError\nfound: no population with a band" in err


def test_a_population_of_another_configuration_speaks_for_nothing(check, monkeypatch):
    monkeypatch.setattr(Experiment, "configuration", lambda *_: "f" * 64)
    status, lines, err = check()
    assert (status, lines) == (2, [])
    assert "tiny-toy--plain.csv has seed 0 of another configuration" in err


def test_each_row_of_each_population_is_of_the_code_s_configuration(check, tiny):
    path = tiny.populations / "full" / "tiny-toy--other.csv"
    path.write_text(path.read_text().replace(configuration(7, "other"), "f" * 64))
    status, lines, err = check()
    assert (status, lines) == (2, [])
    assert "tiny-toy--other.csv has seed 7 of another configuration" in err


def test_an_experiment_that_no_claim_reads_is_held_metric_by_metric(check, tiny):
    tiny.paper["claim"] = [tiny.claim("tiny-twice")]
    assert check()[1] == ["seeds 8, 9: 0 of 12 numbers outside with every seed, on one side"]
    tiny.values["clean"] = 0.4
    status, lines, _ = check()
    assert status == 1
    assert [line.partition(":")[0] for line in lines[:-1]] == [
        "tiny-toy@plain, clean",
        "tiny-toy@other, clean",
    ]


def test_a_metric_without_spread_may_move_by_what_other_arithmetic_changes(check, tiny):
    tiny.paper["claim"], tiny.spread = [tiny.claim("tiny-twice")], [0.0] * 8
    tiny.measure()
    tiny.values["clean"] = 0.3009
    assert check()[0] == 0
    tiny.values["clean"] = 0.3011
    assert check()[0] == 1


def test_of_what_no_claim_reads_no_two_committed_seeds_alarm_when_they_are_left_out():
    checked = 0
    for paper in registry.load_all().values():
        claimed = {claim.experiment for claim in paper.claims}
        for name, experiment in registry.experiments(paper.id).items():
            for reading in experiment.readings if name not in claimed else ():
                population = Archive().population("full", paper.id, name, reading)
                rows = population.rows
                for first in range(0, len(rows) - 1 if len(rows) >= 10 else 0, 2):
                    known = replace(population, rows=rows[:first] + rows[first + 2 :])
                    held = recheck._unclaimed(paper.id, experiment, reading, known)
                    pair = rows[first : first + 2]
                    checked += len(held.bands)
                    assert recheck.outside([held], {held.spot: pair}) == []
    assert checked > 300
