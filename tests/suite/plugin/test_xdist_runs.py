"""What pytest-xdist's workers are given: experiments, not tests."""

from __future__ import annotations

import os

import pytest

pytest.importorskip("xdist")
pytestmark = pytest.mark.usefixtures("warm_workers")


def told(runs) -> list[list[str]]:
    """(process, its threads) of every measurement."""
    return [line.split() for line in (runs.tiny.folder / "told").read_text().splitlines()]


@pytest.fixture
def two_threads(runs, monkeypatch):
    """Runs in which every measurement tells its process and its threads, of which there are 2."""
    if (os.cpu_count() or 1) < 2:
        pytest.skip("one core has no threads to share")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    runs.tiny.values["do"] = "tell"
    return runs


def test_a_paper_is_measured_by_one_worker_in_order_and_with_all_threads(two_threads):
    result = two_threads("-n", "2", "-v")
    result.assert_outcomes(passed=12, xfailed=1)
    assert len(told(two_threads)) == 2  # readings
    assert {each for _, each in told(two_threads)} == {"2"}
    lines = [line for line in result.outlines if line.startswith("[gw") and "claims/" in line]
    assert len(lines) == 13
    assert len({line.split("]")[0] for line in lines}) == 1
    order = [line.rpartition("::")[2].strip() for line in lines]
    alone = two_threads("-v", "-n", "0").outlines
    alone = [line for line in alone if line.startswith("claims/")]
    assert order == [line.partition("::")[2].split(" ")[0] for line in alone]


def test_another_way_of_sharing_is_left_to_who_asks_for_it(two_threads):
    two_threads("-n", "2", "--dist", "loadfile").assert_outcomes(passed=12, xfailed=1)
    assert {each for _, each in told(two_threads)} == {"1"}


def test_workers_run_again_what_failed_in_the_report_that_the_run_replaces(runs):
    runs.tiny.values["clean"] = 0.7
    runs()
    result = runs("-n", "2", "--failed", str(runs.report_path))
    result.assert_outcomes(passed=2, failed=1)
    assert runs.record("tiny-clean")["stale"]


@pytest.mark.parametrize("option", ["-k", "-m"])
def test_a_mistyped_expression_is_told_at_once(runs, option):
    result = runs("-n", "2", option, "a and")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: Wrong expression passed to '{option}': a and: *"])
    result.stdout.no_fnmatch_line("*worker*")


HALF_WAY = """
import pytest

def pytest_collection_modifyitems():
    raise pytest.UsageError("half way")
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_collection_that_stops_half_way_crashes_nothing(runs, workers):
    runs("--claim", "tiny-error")
    before = runs.report_path.read_text(encoding="utf-8")
    with (runs.pytester.path / "conftest.py").open("a") as conftest:
        conftest.write(HALF_WAY)
    result = runs.again("-n", workers)
    assert result.ret != pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["no claim was tested: no report is written*"])
    assert "INTERNALERROR" not in result.stdout.str()
    assert runs.report_path.read_text(encoding="utf-8") == before


DEADLY = """
import os

def test_that_kills():
    os._exit(17)

def test_after_it():
    pass
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_worker_s_death_is_one_failure_and_the_rest_goes_on(runs, workers):
    runs.write()
    (runs.pytester.path / "claims" / "test_deadly.py").write_text(DEADLY)
    words = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "claims", "-n", workers)
    result = runs.pytester.runpytest_subprocess(*words, timeout=120)
    result.assert_outcomes(passed=13, xfailed=1, failed=1)
    assert "test_that_kills" in result.stdout.str()


def test_a_paper_whose_experiments_break_spoils_no_other_claim(runs):
    runs.write()
    (runs.tiny.folder / "experiments.py").write_text("import no_such_module\n")
    words = ("-p", "no:cacheprovider", "claims", "-n", "2", "--claim", "tiny-[tc]*")
    result = runs.pytester.runpytest_inprocess(*words)
    result.assert_outcomes(xfailed=1, failed=3)  # the inconsistency needs no measurement
    assert "INTERNALERROR" not in result.stdout.str()


def test_that_no_claim_was_tested_is_said_once_whatever_the_workers(runs):
    told = [line for line in runs("-n", "2", "-k", "nothing").outlines if "no claim was" in line]
    assert told == ["no claim was tested: no report is written, and none is replaced"]
