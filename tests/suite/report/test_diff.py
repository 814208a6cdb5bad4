"""``repro diff``: a change is a change, noise is noise, and the exit status says which."""

from __future__ import annotations

import json

import pytest
from sample_reports import curve, make, mixed, not_run, ordering, record, trial, write
from scipy.special import stdtrit

from repro.cli.main import main
from repro.report.diff import as_text, difference, noise, spread

OTHER = ["cd" * 32]


def between(before, after):
    return difference(make(before), make(after))


def test_a_report_does_not_differ_from_itself():
    found = difference(mixed(), mixed())
    assert found["status"] == 0
    assert as_text(found) == "no verdict changed\n"
    assert not any(v for k, v in found.items() if k not in ("status", "compared"))


def test_another_verdict_is_a_change():
    worse = record(verdict="not-reproduced", reason="it lies above", outcome="failed")
    found = between(record(), worse)
    assert found["status"] == 1
    assert as_text(found) == (
        "verdicts changed (1)\n  tiny-error (plain): reproduced -> not-reproduced; it lies above\n"
    )
    assert not found["outcomes"]


def test_where_a_network_stands_is_compared_with_where_another_does():
    before, after = trial(), trial()
    after["claims"][0] |= {"standing": "outside", "measured": 0.7, "weights_sha256": OTHER}
    found = difference(before, after)
    assert found["status"] == 1
    assert [(c["before"], c["after"]) for c in found["verdicts"]] == [("inside", "outside")]
    assert [c["id"] for c in found["measurements"]] == ["tiny-in"]
    # What a run found is no standing; its measurements can be compared all the same.
    run = make(record("tiny-in", measured=0.9), record("tiny-out", measured=0.6))
    found = difference(run, trial())
    assert found["verdicts"] == []
    assert [c["id"] for c in found["measurements"]] == ["tiny-in"]


def test_a_claim_that_was_skipped_is_a_change_and_a_deselected_one_is_not():
    assert between(record(), not_run("tiny-error"))["status"] == 1
    for pair in (
        (record(), not_run("tiny-error", "deselected")),
        (not_run("tiny-error", "deselected"), record()),
    ):
        found = difference(*(make(row, record("other")) for row in pair))
        assert found["status"] == 0
        assert found["not_compared"] == [("tiny-error", "plain")]
        assert not found["measurements"]
        assert "not compared" in as_text(found)
        # And where that is all there is, nothing says that the verdicts are the same.
        alone = between(*pair)
        assert alone["status"] == 1
        assert as_text(alone).endswith("nothing was compared\n")


def test_another_outcome_with_the_same_verdict_is_told():
    found = between(record(), record(outcome="failed", stale=True))
    assert (found["status"], len(found["outcomes"])) == (0, 1)
    assert "tiny-error (plain): passed -> failed" in as_text(found)


@pytest.mark.parametrize(("moved", "count"), [(0.0009, 0), (0.0011, 1), (-0.0011, 1)])
def test_the_same_weights_may_move_by_the_snapshots_tolerance(moved, count):
    found = between(record(measured=0.5), record(measured=0.5 + moved))
    assert len(found["measurements"]) == count
    assert found["status"] == 0


def test_the_same_weights_may_move_as_other_arithmetic_was_measured_to_move_them(
    tmp_path, monkeypatch
):
    (tmp_path / "arithmetic.csv").write_text(
        "images,population,family,largest\nfull,tiny-toy--plain,error,0.01\n"
        "full,tiny-toy--plain,success[],0.03\nembedded,tiny-toy--plain,error,1\n"
    )
    monkeypatch.setenv("REPRO_FIXTURES_DIR", str(tmp_path))
    for moved, count in ((0.019, 0), (0.021, 1)):
        found = between(record(measured=0.5), record(measured=0.5 + moved))
        assert len(found["measurements"]) == count
    assert between(record("a", "other"), record("a", "other", measured=0.51))["measurements"]
    a = curve(metric="success")
    for moved, count in ((0.059, 0), (0.061, 1)):
        after = [x + moved for x in a["measured"]]
        assert len(between(a, curve(metric="success", measured=after))["measurements"]) == count


def test_large_numbers_have_a_relative_tolerance():
    assert not between(record(measured=2000.0), record(measured=2001.9))["measurements"]
    assert between(record(measured=2000.0), record(measured=2002.1))["measurements"]


def test_other_weights_may_move_as_two_trainings_differ():
    allowed = float(stdtrit(7, 0.9995)) * 0.006 * 2**0.5
    a = record(measured=0.5)
    assert noise(0.5, (0.006, 8)) == pytest.approx(allowed)
    assert noise(0.5, None) == 1e-3
    for share, count in ((0.99, 0), (1.01, 1)):
        moved = record(measured=0.5 + share * allowed, weights_sha256=OTHER)
        found = between(a, moved)
        assert len(found["measurements"]) == count
    assert "other weights" in found["measurements"][0]["note"]


def test_an_orderings_spread_is_that_of_its_metric():
    own = record(sd=0.006)
    report = make(own, ordering(sd=0.5))
    assert spread(report, report["claims"][1]) == (0.006, 8)
    assert spread(make(ordering()), ordering()) is None
    assert spread(make(record(n=5)), record(n=5)) == (record(n=5)["sd"], 5)
    assert spread(make(record(n=4)), record(n=4)) is None


def test_a_measurement_that_appears_or_vanishes_is_told():
    found = between(record(), record(measured=None))
    assert (found["measurements"][0]["before"], found["measurements"][0]["after"]) == (
        "0.5010",
        "–",
    )
    assert "measured in one run only" in found["measurements"][0]["note"]
    assert not between(record(measured=None), record(measured=None))["measurements"]


def test_a_curve_is_compared_point_by_point():
    assert not between(curve(), curve())["measurements"]
    moved = curve(measured=[0.12, 0.48, 0.73])
    found = between(curve(), moved)
    assert (
        found["measurements"][0]["note"]
        == "point 3: moved by 0.02, noise is 0.001; the same weights"
    )
    # A hundredth of spread and seven degrees of freedom: two trainings may differ by 0.076.
    assert not between(curve(), moved | {"weights_sha256": OTHER})["measurements"]
    far = curve(measured=[0.12, 0.40, 0.71], weights_sha256=OTHER)
    assert between(curve(), far)["measurements"][0]["note"].startswith("point 2: moved by 0.08")
    assert between(curve(), curve(measured=[0.12]))["measurements"]
    again = curve(n=9)
    assert len(between(curve(), again)["evidence"]) == 1


def test_another_population_is_told():
    found = between(record(), record(n=9, mean=0.51))
    assert "0.5004 ± 0.0060 (8) -> 0.5100 ± 0.0060 (9)" in as_text(found)
    assert found["status"] == 0


@pytest.mark.parametrize(
    "change",
    [{"n": 9}, {"mean": 0.51}, {"sd": 0.01}, {"seeds": [1, *range(2, 9)]}, {"values": [0.5] * 8}],
    ids=lambda change: next(iter(change)),
)
def test_whatever_changed_in_a_population_is_told(change):
    assert len(between(record(), record(**change))["evidence"]) == 1
    assert not between(record(**change), record(**change))["evidence"]


def test_claims_added_and_removed():
    found = difference(make(record("a"), record("b")), make(record("b"), record("b", "other")))
    assert found["removed"] == [("a", "plain")]
    assert found["added"] == [("b", "other")]
    assert found["status"] == 1  # a verdict is gone
    assert difference(make(record("b")), make(record("b"), record("b", "other")))["status"] == 0
    assert difference(make(record("a")), make(record("b")))["status"] == 1
    text = as_text(found)
    assert "only in the first report (1)\n  a (plain)" in text
    assert "only in the second report (1)\n  b (other)" in text


def test_the_environment():
    elsewhere = {
        "commit": "f" * 40,
        "versions": {"python": "3.12.1", "torch": "2.13.0", "jax": "1"},
        "threads": 8,
        "instructions": "AVX2",
        "data": {"kind": "embedded", "source": "y", "hashes": {}},
        "command": "another",
    }
    found = difference(make(record()), make(record(), **elsewhere))
    assert {name for name, _, _ in found["environment"]} == {
        *("commit", "threads", "instructions", "data", "SHA-256 of train-images"),
        *("version of python", "version of numpy", "version of jax"),
    }
    assert "version of python: 3.11.7 -> 3.12.1" in as_text(found)
    assert "version of jax: – -> 1" in as_text(found)
    assert "instructions: – -> AVX2" in as_text(found)


def test_a_hostile_report_writes_nothing_but_text():
    evil = "\x1b[2J\x1b]0;x\x07\r\n\u202e"
    rows = record("a", evil, verdict="not-run", reason=evil, measured=None)
    found = difference(
        make(record("a", evil)), make(rows, record("b", evil), versions={evil: evil}, cpu=evil)
    )
    text = as_text(found)
    assert found["status"] == 1
    assert not set(text) & set("\x1b\x07\r\u202e")


@pytest.mark.parametrize("as_data", [True, False])
def test_the_command(tmp_path, capsys, as_data):
    a = write(tmp_path / "a.json", make(record()))
    b = write(tmp_path / "b.json", make(record(verdict="inconclusive")))
    words = ["--json"] if as_data else []
    assert main(["diff", str(a), str(a), *words]) == 0
    capsys.readouterr()
    assert main(["diff", str(a), str(b), *words]) == 1
    out = capsys.readouterr().out
    if as_data:
        told = json.loads(out)
        assert told["status"] == 1
        assert told["verdicts"][0]["before"] == "reproduced"
        assert told["verdicts"][0]["after"] == "inconclusive"
    else:
        assert "reproduced -> inconclusive" in out


def test_bad_input(tmp_path, capsys):
    good = write(tmp_path / "a.json", make(record()))
    (tmp_path / "b.json").write_text("{}")
    assert main(["diff", str(good), str(tmp_path / "b.json")]) == 2
    assert main(["diff", str(tmp_path / "none.json"), str(good)]) == 2
    assert "no footer" in capsys.readouterr().err
