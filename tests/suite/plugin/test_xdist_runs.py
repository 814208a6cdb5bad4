"""What pytest-xdist's workers are given: experiments, not tests."""

from __future__ import annotations

import os

import pytest

pytest.importorskip("xdist")
pytestmark = pytest.mark.usefixtures("warm_workers")


def told(runs) -> list[list[str]]:
    """(process, its threads) of every measurement."""
    return [line.split() for line in (runs.tiny.folder / "told").read_text().splitlines()]


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has no threads to share")
@pytest.mark.parametrize(("dist", "threads"), [("load", "2"), ("loadfile", "1")])
def test_one_worker_measures_an_experiment_with_all_threads(runs, monkeypatch, dist, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    runs.tiny.values["do"] = "tell"
    runs("-n", "2", "--dist", dist).assert_outcomes(passed=12, xfailed=1)
    assert len(told(runs)) == 2  # readings
    assert {each for _, each in told(runs)} == {threads}


@pytest.mark.parametrize("dist", [[], ["--dist", "load"]])
def test_a_paper_s_tests_run_in_one_worker_and_in_order(runs, dist):
    result = runs("-n", "2", "-v", *dist)
    lines = [line for line in result.outlines if line.startswith("[gw") and "claims/" in line]
    assert len(lines) == 13
    assert len({line.split("]")[0] for line in lines}) == 1
    order = [line.rpartition("::")[2].strip() for line in lines]
    alone = [line for line in runs("-v", "-n", "0").outlines if line.startswith("claims/")]
    assert order == [line.partition("::")[2].split(" ")[0] for line in alone]


def test_another_way_of_sharing_is_left_to_who_asks_for_it(runs):
    result = runs("-n", "2", "--dist", "loadfile")
    result.assert_outcomes(passed=12, xfailed=1)


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
    words = ("-p", "no:cacheprovider", "claims", "-n", "2", "--claim")
    inconsistent = runs.pytester.runpytest_inprocess(*words, "tiny-twice")
    inconsistent.assert_outcomes(xfailed=1)
    measured = runs.pytester.runpytest_inprocess(*words, "tiny-clean")
    assert measured.parseoutcomes()["failed"] == 3
    assert "INTERNALERROR" not in measured.stdout.str()
