"""What a red run says, of rows that are made up."""

from __future__ import annotations

import pytest
from sample_reports import HEADER, curve, ordering, record

from repro.report import red

TIMES = "times what is allowed"
KNOWN = HEADER | {"evidence": "07ca1b4"}


def stale(make=record, claim="tiny-error", **changes):
    return make(claim, outcome="failed", stale=True, **changes)


def test_a_green_run_says_nothing():
    assert red.summary([record(drift={"error": 0.5})], KNOWN, 0) == []


def test_every_number_says_what_it_counts():
    rows = [stale(), record("b", outcome="error"), record("c"), record("d", outcome="deselected")]
    total = "Of 3 rows that ran, one a claim and reading, 1 failed, 1 error"
    assert red.summary(rows, KNOWN, 0)[0] == f"{total}; this run does not confirm these"
    both = f"{total}; 2 snapshots of the shipped networks differ; this run does not confirm these"
    assert red.summary(rows, KNOWN, 2)[0] == both
    assert red.summary([record()], KNOWN, 1)[0] == "1 snapshot of the shipped networks differs"


@pytest.mark.parametrize(
    ("drift", "said"),
    [
        (
            {"fgsm-010-error": 9.0, "fgsm-025-error": 2.0, "random-error": 0.2},
            "fgsm-*|random-error",
        ),
        ({"fgsm-error": 9.0, "fgsm-drop": 0.0, "other": 1.0}, "fgsm-error|fgsm-drop, other"),
        ({"a-b-c": 2.0, "a-b-d": 2.0, "a-c-c": 0.0, "a-c-d": 1.0}, "a-b-*|a-c-*"),
        ({"up": 2.0, "up-to": 0.0}, "up|up-to"),
        ({"success[0]": 0.5, "success[1]": 3.0, "mean": 0.0}, "success[]|mean"),  # as a whole
        ({"all": 2.0}, "all|"),
    ],
)
def test_what_moved_is_told_by_kind(drift, said):
    moved, _, held = said.partition("|")
    rows = [stale(drift=drift), record("b", drift={"all": 0.0} if "all" in drift else {})]
    told = f"metrics that moved: {moved}" + (f"; not moved: {held}" if held else "")
    assert red.summary(rows, KNOWN, 0)[1] == told


def test_what_moved_is_told_only_of_what_is_stale():
    rows = [record(drift={"error": 3.0}), record("b", outcome="failed")]
    assert "moved" not in " ".join(red.summary(rows, KNOWN, 0))
    many = {f"m{i}": 2.0 for i in range(50)}
    assert red.summary([stale(drift=many)], KNOWN, 0)[1].endswith(", ...")


@pytest.mark.parametrize(
    ("times", "said", "machine"),
    [
        (250.4, "Up to 250 times what is allowed for other processors: the code. Look", False),
        (10.0, "Up to 10 times what is allowed for other processors: the code. Look", False),
        (1.44, "Up to 1.4 times what is allowed for other processors: the code, or this", True),
        (None, "Each failure says how far off it is: 10 times what is allowed, or more", True),
    ],
)
def test_how_far_off_the_numbers_are_is_judged(times, said, machine):
    rows = [stale(drift={} if times is None else {"error": times, "noise": 1.01})]
    *_, advice, code = red.summary(rows, KNOWN, 0)
    assert advice.startswith(said)
    assert ("where that commit is red here, too, it is this machine" in advice) is machine
    assert "evidence was last committed (git diff 07ca1b4)" in advice
    assert code == "Which function measures it: repro show tiny-error"


def test_a_name_that_a_shell_would_run_is_in_no_command():
    said = red.summary([stale(claim="$(rm -r)", drift={"error": 50.0})], KNOWN, 0)
    assert "$(" not in " ".join(said)


@pytest.mark.parametrize("evidence", ["", "$(rm -r)", None])
def test_no_commit_is_named_where_none_is_known(evidence):
    header = HEADER if evidence is None else HEADER | {"evidence": evidence}
    advice = red.summary([stale(drift={"error": 50.0})], header, 0)[-2]
    assert advice.endswith(f": the code. {red.SINCE}.")


def test_what_is_not_committed_is_looked_at_first():
    said = red.summary([stale(drift={"error": 50.0})], KNOWN | {"dirty": True}, 0)
    assert said[-3].endswith("50 times what is allowed for other processors: the code.")
    assert said[-2] == red.CHANGED


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (stale(drift={"error": 50.0}), "0.5010 here, 0.5000 in the population"),
        (stale(indicative=True), "0.5010 here"),
        (stale(seeds=[1, 2]), "0.5010 here"),
        (
            stale(drift={"error": 1.0, "noise": 50.0}),
            "its control, noise, by 50 times what is allowed",
        ),
        (stale(drift={"small": 2.0}), "its ordering's small by 2.0 times what is allowed"),
        (
            stale(drift={"small": 2.0}, control=None),
            "its ordering's small by 2.0 times what is allowed",
        ),
        (stale(ordering, drift={"error": 50.0}), "by 0.3010 here, 0.3000 in the population"),
        (
            stale(ordering, drift={"noise": 50.0}),
            "its control, noise, by 50 times what is allowed",
        ),
        (stale(curve, metric="success", drift={"success[1]": 12.0}), f"success[1] by 12 {TIMES}"),
    ],
)
def test_it_is_said_which_number_of_a_claim_moved(row, said):
    assert red.off(row) == said


def test_the_command_for_a_report_is_safe_to_paste():
    assert red.rerun("reports/report.json") == "repro run --failed reports/report.json"
    assert red.rerun("a b/$(x).json").endswith(" --failed 'a b/$(x).json'")
