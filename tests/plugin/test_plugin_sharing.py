"""What pytest-xdist's workers are given: experiments, not tests."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("xdist")


def told(runs) -> list[list[str]]:
    """(process, its threads) of every measurement."""
    return [line.split() for line in (runs.tiny.folder / "told").read_text().splitlines()]


def test_one_worker_measures_an_experiment_with_all_threads(runs):
    runs.tiny.values["do"] = "tell"
    runs("-n", "2").assert_outcomes(passed=8, xfailed=1)
    assert len(told(runs)) == 2  # readings
    assert {threads for _, threads in told(runs)} == {str(torch.get_num_threads())}


@pytest.mark.parametrize("dist", [[], ["--dist", "load"]])
def test_a_paper_s_tests_run_in_one_worker_and_in_order(runs, dist):
    result = runs("-n", "2", "-v", *dist)
    lines = [line for line in result.outlines if line.startswith("[gw") and "claims/" in line]
    assert len(lines) == 9
    assert len({line.split("]")[0] for line in lines}) == 1
    order = [line.rpartition("::")[2].strip() for line in lines]
    alone = [line for line in runs("-v", "-n", "0").outlines if line.startswith("claims/")]
    assert order == [line.partition("::")[2].split(" ")[0] for line in alone]


def test_another_way_of_sharing_is_left_to_who_asks_for_it(runs):
    result = runs("-n", "2", "--dist", "loadfile")
    result.assert_outcomes(passed=8, xfailed=1)
