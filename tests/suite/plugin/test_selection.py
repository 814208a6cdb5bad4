"""Choosing claims on pytest's command line, and listing them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sample_reports import make, record, trial

from repro.papers import registry


@pytest.fixture
def runs(runs):
    """With one of the shipped papers, so that there is one to choose."""
    runs.only = {"lacok2016": Path(registry.__file__).parent / "lacok2016", **runs.only}
    return runs


ERROR = ["tiny-error@plain", "tiny-error@other"]
PLAIN = ["tiny-error@plain", "tiny-clean@plain", "tiny-order@plain", "tiny-twice@plain"]


def ran(runs) -> list[str]:
    return [name for name, outcome in runs.outcomes().items() if outcome != "deselected"]


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ("--claim tiny-error", ERROR),
        ("--claim tiny-*r*r", [*ERROR, "tiny-order@plain"]),
        ("--claim tiny-clean --claim tiny-twice", ["tiny-clean@plain", "tiny-twice@plain"]),
        ("--claim tiny-[ct]*", ["tiny-clean@plain", "tiny-twice@plain"]),
        ("--paper tiny --paper lacok2016", [*ERROR, *PLAIN[1:]]),
        ("--tag headline", ERROR),
        ("--tag text --tag code", ["tiny-order@plain", "tiny-twice@plain"]),
        ("--reading plain", PLAIN),
        ("--reading other --reading plain", [*ERROR, *PLAIN[1:]]),
        ("--tag table1 --reading plain --claim *clean --paper tiny", ["tiny-clean@plain"]),
    ],
)
def test_selecting(runs, words, chosen):
    result = runs(*words.split())
    assert result.ret == pytest.ExitCode.OK
    assert sorted(ran(runs)) == sorted(chosen)


def test_the_controls_follow_the_selection(runs):
    result = runs("--claim", "tiny-error", "--reading", "other", "-v")
    result.assert_outcomes(passed=3, deselected=10)
    result.stdout.fnmatch_lines(
        [
            "*test_claim[[]tiny-error@other[]] PASSED*",
            "*test_fresh[[]tiny-error@other[]] PASSED*",
            "*test_control[[]tiny-error@other[]] PASSED*",
        ]
    )


def test_pytests_own_selection_is_honest_in_the_report(runs):
    runs("-k", "order and test_claim")
    assert ran(runs) == ["tiny-order@plain"]
    runs("claims/test_tiny.py::test_claim[tiny-clean@plain]")
    assert "tiny-clean@plain" in ran(runs)


@pytest.mark.parametrize(
    ("words", "found", "near"),
    [
        ("--claim tiny-eror", "--claim tiny-eror, which matches nothing", "tiny-error"),
        ("--claim *-errors-*", "--claim *-errors-*, which", "-error"),
        ("--claim error", "--claim error, which", "tiny-error"),
        ("--paper tinny", "--paper tinny", "tiny"),
        ("--tag headlines", "--tag headlines", "headline"),
        ("--reading plane", "--reading plane", "plain"),
        ("--claim tiny-clean --reading other", "no claim matches them all", "at least one claim"),
        ("--claim tiny-eror --list-claims", "--claim tiny-eror, which", "tiny-error"),
        ("--paper lacok2016 --claim tiny-*", "no claim matches them all", "at least one claim"),
    ],
)
def test_selecting_nothing_is_a_usage_error_with_near_misses(runs, words, found, near):
    result = runs(*words.split())
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = result.stderr.str()
    assert "ERROR: UsageError\nfound: " in text
    assert found in text
    assert near in text.partition("expected: ")[2].partition("\n")[0]
    assert "what to do: " in text
    assert "Traceback" not in text + result.stdout.str()
    assert not runs.report_path.exists()


def test_listing_claims_runs_nothing(runs):
    runs.tiny.values["do"] = "break"
    result = runs("--list-claims", "--paper", "tiny", "--reading", "plain")
    assert result.ret == pytest.ExitCode.OK
    assert result.outlines == [
        "tiny-error",
        "    The error rate.",
        "    plain: reproduced",
        "tiny-clean",
        "    The error rate on clean images.",
        "    plain: reproduced",
        "tiny-order",
        "    The error rate is above 0.2.",
        "    plain: reproduced",
        "tiny-twice",
        "    Text and code differ.",
        "    plain: paper-inconsistent",
        "",
        "4 claims",
    ]
    assert not runs.report_path.exists()
    one = runs("--list-claims", "--claim", "tiny-error")
    assert one.outlines[2:] == ["    plain: reproduced, other: reproduced", "", "1 claim"]


@pytest.mark.parametrize("paper", ["PAPER = 'tinny'", "paper = 'tiny'"])
def test_a_test_module_without_a_known_paper_is_an_error(runs, paper):
    runs.write()
    path = runs.pytester.path / "claims" / "test_other.py"
    path.write_text(f"{paper}\ndef test_claim(claim):\n    pass\n")
    result = runs()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["test_other has PAPER = *", "expected: *'lacok2016' or *"])
    assert "AttributeError" not in result.stdout.str()


# --- what failed in an earlier report ------------------------------------------------------

SNAPSHOT = """
import pytest

PAPER = "tiny"

@pytest.fixture
def shipped(claim, measure):
    return measure(claim).values

def test_snapshot(shipped, snapshot):
    assert shipped["small"] == 0.1
"""


def failed_with(runs, **values) -> str:
    """The report of a run that measured ``values``; the next one measures what it should."""
    before = dict(runs.tiny.values)
    runs.write()
    (runs.pytester.path / "claims" / "test_more.py").write_text(SNAPSHOT)
    runs.tiny.values |= values
    assert runs("--paper", "tiny").ret == pytest.ExitCode.TESTS_FAILED
    runs.tiny.values = before
    return str(runs.report_path.rename(runs.pytester.path / "of-ci.json"))


def test_a_report_alone_tells_which_claims_to_run_again(runs):
    path = failed_with(runs, clean=0.7)
    result = runs("--failed", path)
    result.assert_outcomes(passed=3, deselected=12)  # no snapshot, and no other claim
    assert ran(runs) == ["tiny-clean@plain"]
    runs("--failed", path, "--reading", "other").assert_outcomes(deselected=15)


def test_a_report_alone_tells_which_snapshots_to_run_again(runs):
    path = failed_with(runs, small=0.099)
    result = runs("--failed", path)
    result.assert_outcomes(passed=2, deselected=13)  # under both readings
    assert ran(runs) == []


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "no.json cannot be read: "),
        ("{}", "no.json has no footer"),
        (make(record()), "no.json, in which nothing failed"),
        (trial(), "no.json, which is of `repro try`"),
    ],
)
def test_a_report_that_tells_of_no_failure_is_a_usage_error(runs, tmp_path, content, found):
    path = tmp_path / "no.json"
    if content is not None:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    result = runs("--failed", str(path))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert found in result.stderr.str()
    assert "Traceback" not in result.stderr.str()
