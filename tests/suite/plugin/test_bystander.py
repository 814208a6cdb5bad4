"""The plugin installed beside tests that are none of its business."""

from __future__ import annotations

import pytest
from tiny_paper import write_tests

from repro.claims import records
from repro.lab.mnist import data

QUIET = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")


@pytest.fixture
def bystander(pytester, tiny, monkeypatch):
    """A folder with a test of something else, where any search for data is an error."""

    def never(*_, **__):
        raise AssertionError("this run has nothing to do with claims")

    tiny.write()
    monkeypatch.setattr(data, "find", never)
    monkeypatch.setattr(records, "load", never)
    pytester.makepyfile(test_other="def test_other():\n    pass\n")
    return pytester


def assert_undisturbed(result, folder, passed=1):
    result.assert_outcomes(passed=passed)
    text = result.stdout.str() + result.stderr.str()
    for word in ("repro:", "MNIST", "coverage:", "report:"):
        assert word not in text, text
    assert not list(folder.rglob("report.json"))


def test_other_tests_are_not_disturbed(bystander):
    assert_undisturbed(bystander.runpytest_inprocess(*QUIET), bystander.path)


@pytest.mark.parametrize("where", ["claims", "claims/deeper", "insurance/claims/tests"])
def test_a_folder_of_that_name_is_not_ours_by_itself(bystander, where):
    folder = bystander.path / where
    folder.mkdir(parents=True)
    (folder / "test_insured.py").write_text("def test_insured(tmp_path):\n    pass\n")
    assert_undisturbed(bystander.runpytest_inprocess(*QUIET, where), bystander.path)
    assert_undisturbed(bystander.runpytest_inprocess(*QUIET, folder), bystander.path)


def test_a_path_that_is_not_there_is_pytests_own_error(bystander):
    result = bystander.runpytest_inprocess(*QUIET, "claims/test_gone.py")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: file or directory not found: claims/test_gone.py"])


def test_claims_beside_other_tests_wait_until_they_are_asked_for(bystander):
    """``pytest`` over everything collects the claims, and measures none of them."""
    write_tests(bystander.path / "claims", "tiny")
    result = bystander.runpytest_inprocess(*QUIET)
    result.assert_outcomes(passed=1, skipped=3)
    assert not list(bystander.path.rglob("report.json"))


@pytest.mark.usefixtures("warm_workers")
def test_workers_of_other_tests_are_not_disturbed(bystander, monkeypatch, tmp_path):
    # A worker that loaded the records would find this folder missing.
    monkeypatch.setenv("REPRO_EXTRA_PAPERS", "no such folder")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    result = bystander.runpytest_inprocess(*QUIET, "-n", "1")
    assert_undisturbed(result, bystander.path)
    assert not list(tmp_path.rglob("repro"))
