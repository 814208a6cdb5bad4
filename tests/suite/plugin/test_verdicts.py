"""What pytest says of a claim: pass, known miss, failure or skip, and nothing else."""

from __future__ import annotations

import pytest
from tiny_paper import METRICS, SPREAD

from repro.judge.bands import prediction_band

ERRORS = [0.5 + off for off in SPREAD]
BAND = prediction_band(ERRORS, unit=0.01)
GATE = prediction_band(ERRORS, level=0.999)
TEMPLATE = ("why", "claim", "quote", "published", "verdict", "rerun")
ONE = ("--claim", "tiny-error", "--reading", "plain")


def test_every_claim_in_its_band_passes(runs):
    result = runs()
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=12, xfailed=1)
    assert runs.outcomes() == {
        "tiny-error@plain": "passed",
        "tiny-error@other": "passed",
        "tiny-clean@plain": "passed",
        "tiny-order@plain": "passed",
        "tiny-twice@plain": "xfailed",
    }
    record = runs.record()
    assert (record["verdict"], record["published"], record["measured"]) == ("reproduced", 0.5, 0.5)
    assert record["control"]["measured"] == 0.9
    assert record["control"]["outside"] is True


@pytest.mark.parametrize("edge", [BAND.low, BAND.high])
def test_at_the_bands_edge_is_inside(runs, edge):
    runs.tiny.claim()["published"] = edge
    result = runs(*ONE)
    result.assert_outcomes(passed=3, deselected=10)
    assert runs.record()["verdict"] == "reproduced"


@pytest.mark.parametrize("outside", [BAND.low - 1e-6, BAND.high + 1e-6])
def test_just_outside_the_band_fails(runs, outside):
    runs.tiny.claim().update({"published": outside, "margin": 1e-3})
    result = runs(*ONE)
    result.assert_outcomes(passed=2, failed=1, deselected=10)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert runs.record()["verdict"] == "trend-only"
    assert runs.record()["outcome"] == "failed"


@pytest.mark.parametrize(("than", "verdict"), [("small", "trend-only"), (0.9, "not-reproduced")])
def test_outside_as_expected_is_a_known_miss_with_its_reason(runs, than, verdict):
    runs.tiny.claim().update({"published": 0.7, "margin": 0.01})
    runs.tiny.claim()["ordering"]["than"] = than
    runs.tiny.expect(verdict)
    result = runs(*ONE, "-rx")
    result.assert_outcomes(passed=2, xfailed=1, deselected=10)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"XFAIL *tiny-error@plain* - *{verdict}: known*"])
    assert runs.record()["verdict"] == verdict
    assert runs.record()["outcome"] == "xfailed"


@pytest.mark.parametrize(
    ("published", "margin", "expected", "found"),
    [
        (0.7, 0.01, "reproduced", "trend-only"),  # worse
        (0.5, 0.2, "trend-only", "reproduced"),  # better, and a failure all the same
        (0.56, 0.2, "reproduced", "equivalent"),  # another way to pass
        (0.56, 0.2, "not-reproduced", "equivalent"),
        (0.5, 1e-3, "reproduced", "consistent"),
        (0.5, 0.2, "inconclusive", "reproduced"),
        (0.7, 0.01, "not-reproduced", "trend-only"),
    ],
)
def test_a_verdict_other_than_expected_fails_in_both_directions(
    runs, line_of, published, margin, expected, found
):
    runs.tiny.claim().update({"published": published, "margin": margin})
    runs.tiny.expect(expected)
    result = runs(*ONE)
    result.assert_outcomes(passed=2, failed=1, deselected=10)
    out = result.stdout.str()
    assert f"the evidence says {found}, the record expects {expected}: " in line_of(out, "why")
    assert line_of(out, "verdict").startswith(f"{found} (expected {expected}); seeds: ")
    record = runs.record()
    assert (record["outcome"], record["verdict"]) == ("failed", found)
    assert record["expected"] == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("expected", ["reproduced", "trend-only"])
def test_a_measurement_that_is_not_finite_fails(runs, line_of, value, expected):
    runs.tiny.values["error"] = value
    runs.tiny.expect(expected)
    result = runs(*ONE)
    result.assert_outcomes(failed=3, deselected=10)
    assert "not finite: ['error']" in line_of(result.stdout.str(), "why")
    assert "Traceback" not in result.stdout.str()
    record = runs.record()
    assert (record["outcome"], record["verdict"]) == ("failed", "not-run")
    assert record["measured"] is None
    assert "not finite" in record["reason"]


@pytest.mark.parametrize(
    ("value", "fresh"),
    [
        (GATE.high - 1e-6, True),
        (GATE.high + 1e-6, False),
        (GATE.low + 1e-6, True),
        (GATE.low - 1e-6, False),
    ],
)
def test_a_measurement_outside_the_gate_is_stale_and_fails(runs, value, fresh):
    runs.tiny.values["error"] = value
    result = runs(*ONE)
    result.assert_outcomes(passed=2 + fresh, failed=1 - fresh, deselected=10)
    record = runs.record()
    assert record["stale"] is not fresh
    assert record["verdict"] == "reproduced"  # the evidence has not changed; the code has


@pytest.mark.parametrize(
    ("metric", "named"),
    [
        ("error", "error"),
        ("control-error", "its control, control-error,"),
        ("small", "its ordering's small"),
    ],
)
@pytest.mark.parametrize(
    ("off", "judged"), [(0.0021, "2.1 times what"), (0.5, "500 times what"), (0.0009, "")]
)
def test_on_the_same_weights_it_is_said_which_number_moved_how_far(
    runs, line_of, metric, named, off, judged
):
    runs.tiny.provenance = {"weights_sha256": ""}
    runs.tiny.measure()
    runs.tiny.values = {name: mean + SPREAD[0] for name, mean in METRICS.items()}
    there = runs.tiny.values[metric]
    runs.tiny.values[metric] -= off
    result = runs(*ONE)
    assert runs.record()["stale"] is bool(judged)
    drift = dict.fromkeys(("error", "control-error", "small"), 0.0) | {metric: 1000 * off}
    assert runs.record()["drift"] == pytest.approx(drift, abs=1e-6)
    if judged:
        why = line_of(result.stdout.str(), "why")
        start = f"code and evidence disagree: {named} is {there - off:.6g} here and "
        assert why.startswith(f"{start}{there:.6g} in the population on the same weights")
        text = " ".join(result.stdout.str().split())
        who = "the code, or this machine" if off < 0.01 else "the code"
        assert f"{judged} is allowed for other processors: {who} " in text
        held = ", ".join(sorted(drift.keys() - {metric}))
        assert f"metrics that moved: {metric}; not moved: {held} Up to {judged} is allowed" in text


def test_a_stale_known_miss_fails_too(runs):
    runs.tiny.claim().update({"published": 0.7, "margin": 0.01})
    runs.tiny.expect("trend-only")
    runs.tiny.values["error"] = GATE.high + 0.01
    result = runs(*ONE)
    result.assert_outcomes(passed=1, xfailed=1, failed=1, deselected=10)
    assert runs.record()["outcome"] == "failed"
    assert runs.record()["stale"] is True


@pytest.mark.parametrize("outcome", ["failed", "error"])
def test_a_claim_that_is_not_fresh_has_failed_in_whatever_order_its_tests_run(runs, outcome):
    runs.tiny.values["error"] = GATE.high + 0.01
    runs.write()
    if outcome == "error":  # in what the test is given, before its own lines
        with (runs.pytester.path / "claims" / "test_tiny.py").open("a") as file:
            file.write("\n\n@pytest.fixture\ndef seed0():\n    raise OSError\n")
    tests = [f"claims/test_tiny.py::test_{name}[tiny-error@plain]" for name in ("fresh", "claim")]
    words = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", *tests)
    found = runs.pytester.runpytest_inprocess(*words)
    found.assert_outcomes(passed=1, **{"failed" if outcome == "failed" else "errors": 1})
    record = runs.record()
    assert (record["outcome"], record["stale"]) == (outcome, outcome == "failed")
    assert (record["verdict"], record["measured"]) == ("reproduced", GATE.high + 0.01)


@pytest.mark.parametrize("asked", ["test_fresh", "test_control"])
def test_what_fails_without_its_claim_s_verdict_stays_failed_and_stale(runs, asked):
    runs.tiny.values |= {"error": GATE.high + 0.01, "control-error": 0.5}
    runs(*ONE, "-k", asked).assert_outcomes(failed=1, deselected=12)
    record = runs.record()
    assert (record["outcome"], record["stale"]) == ("failed", asked == "test_fresh")
    # What was measured is told, and the closing screen knows what failed.
    assert record["measured"] == runs.tiny.values["error"]
    assert record["control"]["outside"] is False
    assert (record["verdict"], record["evidence_verdict"]) == ("not-run", "reproduced")


def test_a_failure_prints_the_whole_template_and_its_rerun_command_works(runs, line_of):
    runs.tiny.values["error"] = 0.75
    runs.tiny.claim()["quote"] = "Original\t0.50\n0.99"
    result = runs("--claim", "tiny-error")
    result.assert_outcomes(passed=4, failed=2, deselected=7)
    # Nothing but the template: no line of any code.
    text = result.stdout.str().partition(" test_fresh[tiny-error@plain] ")[2].partition("\n_")[0]
    names = [line.partition(":")[0] for line in text.splitlines()[1:] if line[:1] != " "]
    assert names == [*TEMPLATE]
    assert all(len(line) <= 160 for line in text.splitlines())
    found = {name: line_of(text, name) for name in TEMPLATE}
    assert found["claim"] == "tiny-error (plain), Table 1, row 1"
    assert found["why"].startswith("code and evidence disagree: this machine's 0.75 lies 0.1")
    assert f"99.9% band [{GATE.low:.6g}, {GATE.high:.6g}]" in found["why"]
    assert found["quote"] == "“Original 0.50 0.99”"
    band = f"[{BAND.low:.4f}, {BAND.high:.4f}], published is inside"
    assert found["published"] == f"0.5; measured: 0.75; band: {band}"
    verdict = "reproduced (expected reproduced); seeds: 0-7 (8); weights: none"
    assert found["verdict"] == verdict
    words = found["rerun"].removeprefix("repro run ")
    assert words == "--claim 'tiny-error' --reading plain"
    again = runs(*(word.strip("'") for word in words.split()))
    again.assert_outcomes(passed=2, failed=1, deselected=10)
    again.stdout.fnmatch_lines(["*tiny-error@plain*"])


def test_a_failing_ordering_prints_its_criterion_and_its_difference(runs, line_of):
    runs.tiny.values["error"] = 0.19
    result = runs("--claim", "tiny-order")
    result.assert_outcomes(passed=2, failed=1, deselected=10)
    out = result.stdout.str()
    numbers = "error > 0.2; measured: 0.19; band: none, published is no band"
    assert line_of(out, "published") == numbers
    assert "this machine's -0.01 lies" in line_of(out, "why")


def test_no_population_is_a_skip_and_never_a_pass(runs):
    for path in runs.tiny.populations.rglob("*.csv"):
        path.unlink()
    result = runs("-rs")
    assert result.ret == pytest.ExitCode.OK
    assert set(runs.outcomes().values()) == {"skipped", "xfailed"}
    result.stdout.fnmatch_lines(["SKIPPED *not-run: no population yet*"])
    record = runs.record()
    assert (record["verdict"], record["n"], record["band"]) == ("not-run", 0, None)
    assert record["measured"] is None  # it might have cost a training
    assert "no population" in record["reason"]


@pytest.mark.parametrize("n", [1, 4])
def test_few_seeds_are_inconclusive(runs, n):
    runs.tiny.measure(n=n)
    runs.tiny.expect("inconclusive")
    result = runs(*ONE)
    result.assert_outcomes(xfailed=1, skipped=2, deselected=10)
    assert runs.record()["verdict"] == "inconclusive"


def test_no_spread_is_inconclusive(runs):
    runs.tiny.spread = [0.0] * 8
    runs.tiny.measure()
    result = runs(*ONE)
    result.assert_outcomes(failed=1, skipped=2, deselected=10)
    assert runs.record()["verdict"] == "inconclusive"


def test_a_control_inside_the_band_fails_the_control_test_only(runs):
    runs.tiny.values["control-error"] = 0.501
    result = runs(*ONE)
    result.assert_outcomes(passed=2, failed=1, deselected=10)
    result.stdout.fnmatch_lines(
        ["why: *the control control-error = 0.501 passes, and must not: another network"]
    )
    record = runs.record()
    assert (record["outcome"], record["control"]["outside"]) == ("failed", False)


def test_a_control_that_keeps_the_ordering_fails_the_control_test(runs):
    runs.tiny.values["small"] = 0.21
    result = runs("--claim", "tiny-order")
    result.assert_outcomes(passed=2, failed=1, deselected=10)
    result.stdout.fnmatch_lines(["why: *the control small = 0.21 passes, and must not: *"])


@pytest.mark.parametrize("what", ["break", "assert"])
def test_an_experiment_that_breaks_is_a_failure_even_of_a_known_miss(runs, what):
    runs.tiny.claim().update({"published": 0.7, "margin": 0.01})
    runs.tiny.expect("trend-only")
    runs.tiny.values["do"] = what
    result = runs(*ONE)
    result.assert_outcomes(failed=3, deselected=10)
    result.stdout.fnmatch_lines(["*experiments.py:*: *Error"])  # what broke is shown
    record = runs.record()
    assert (record["outcome"], record["verdict"]) == ("failed", "not-run")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"experiment": "gone"}, "no experiment 'gone'"),
        ({"metric": "gone"}, "no metric 'gone'"),
        ({"control": {"metric": "gone", "why": "so"}}, "no metric 'gone'"),
        ({"ordering": {"metric": "gone", "relation": ">", "than": 0.1, "why": "so"}}, "'gone'"),
    ],
)
def test_a_record_of_what_is_not_offered_fails_with_one_clear_error(runs, line_of, change, found):
    for path in runs.tiny.populations.rglob("*.csv"):
        path.unlink()  # else judging the population would say so first
    runs.tiny.claim().update(change)
    result = runs(*ONE)
    result.assert_outcomes(failed=3, deselected=10)
    assert found in line_of(result.stdout.str(), "why")
    assert "Traceback" not in result.stdout.str()
    assert "KeyError" not in result.stdout.str()


def test_an_experiment_with_one_metric_too_many_or_too_few_fails(runs, line_of):
    for values in ({**METRICS, "more": 1.0}, {k: v for k, v in METRICS.items() if k != "small"}):
        runs.tiny.values = values
        result = runs(*ONE)
        result.assert_outcomes(failed=3, deselected=10)
        assert "experiment toy measured [" in line_of(result.stdout.str(), "why")


# --- curves -------------------------------------------------------------------------------

CURVE = {"curve[0]": 0.5, "curve[1]": 0.7, "far[0]": 0.1, "far[1]": 0.7}


@pytest.fixture
def curve(runs):
    """Runs of the tiny paper with a claim of two points."""
    runs.tiny.paper["claim"].append(
        {
            "id": "tiny-curve",
            "kind": "curve",
            "statement": "The error rate at two strengths.",
            "place": "Figure 1",
            "quote": "0.5 and 0.7",
            "published": [0.5, 0.7],
            "labels": ["weak", "strong"],
            "unit": 0.01,
            "experiment": "toy",
            "metric": "curve",
            "margin": 0.2,
            "margin_reason": "a reason",
            "control": {"metric": "far", "why": "another attack"},
            "readings": {"plain": {"expected": "reproduced"}},
        }
    )
    runs.tiny.metrics |= CURVE
    runs.tiny.values |= CURVE
    runs.tiny.measure()
    return lambda: runs("--claim", "tiny-curve")


def test_a_curve_in_its_bands_passes(runs, curve):
    curve().assert_outcomes(passed=3, deselected=13)
    record = runs.record("tiny-curve")
    assert (record["verdict"], record["measured"]) == ("reproduced", [0.5, 0.7])
    assert [point["inside"] for point in record["points"]] == [True, True]
    weak, strong = (point["gate"] for point in record["points"])
    assert weak["low"] < 0.5 < weak["high"] < strong["low"] < 0.7 < strong["high"]
    assert weak["level"] == 0.999  # of all points together
    assert record["control"]["outside"] is True  # one point outside is enough


def test_a_curve_without_population_keeps_its_labels(runs, curve):
    for path in runs.tiny.populations.rglob("*.csv"):
        path.unlink()
    curve()
    points = runs.record("tiny-curve")["points"]
    assert [(p["label"], p["published"], p["mean"]) for p in points] == [
        ("weak", 0.5, None),
        ("strong", 0.7, None),
    ]


def test_a_curve_with_one_point_outside_fails_and_names_it(runs, curve, line_of):
    runs.tiny.claim("tiny-curve").update(published=[0.5, 0.9], margin=0.06)
    result = curve()
    result.assert_outcomes(passed=2, failed=1, deselected=13)
    assert line_of(result.stdout.str(), "published").endswith("outside at strong")
    assert runs.record("tiny-curve")["verdict"] == "not-reproduced"


def test_a_curve_with_one_stale_point_fails_and_says_which(runs, curve, line_of):
    runs.tiny.values["curve[1]"] = 0.9
    result = curve()
    result.assert_outcomes(passed=2, failed=1, deselected=13)
    assert "point 1 of this machine's 0.9 lies" in line_of(result.stdout.str(), "why")
    assert runs.record("tiny-curve")["stale"] is True


def test_a_curve_whose_control_keeps_to_its_bands_fails_the_control_test(runs, curve):
    runs.tiny.values["far[0]"] = 0.5
    result = curve()
    result.assert_outcomes(passed=2, failed=1, deselected=13)
    result.stdout.fnmatch_lines(["why: *the control far = 0.5 0.7 passes, and must not: *"])
    assert "TypeError" not in result.stdout.str()
