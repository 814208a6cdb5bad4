"""Runs of claims under settings of Python, and beside plugins, that change what pytest does."""

from __future__ import annotations

import os
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from repro.plugin import options

SETTINGS = Path(__file__).parents[3] / "pyproject.toml"


# What torch and the like are compiled to for -O is rarely there, and takes seconds to make.
STARTUP = """
import _frozen_importlib_external as files

compiled = files.cache_from_source

def found(path, debug=None, *, optimization=None):
    ours = "site-packages" not in path or "pytest" in path
    return compiled(path, optimization=optimization if ours else "")

files.cache_from_source = found
"""


@pytest.fixture
def python(runs, monkeypatch):
    """Runs the tiny paper's claims by the project's own settings, in a fresh interpreter."""
    startup = runs.pytester.mkdir("startup")
    (startup / "sitecustomize.py").write_text(STARTUP)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(startup), str(SETTINGS.parent)]))

    def run(*words: str) -> pytest.RunResult:
        runs.write()
        options = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--rootdir", ".")
        ours = ("-c", SETTINGS, *options, "claims", "--paper", "tiny")
        return runs.pytester.run(sys.executable, "-m", "pytest", *ours, *words)

    return run


def test_optimised_python_asserts_what_the_tests_assert(runs, python, monkeypatch):
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    # And whoever of ours opens a file without an encoding fails.
    monkeypatch.setenv("PYTHONWARNDEFAULTENCODING", "1")
    runs.tiny.values["error"] = 0.75
    result = python()
    result.assert_outcomes(passed=9, failed=3, xfailed=1)
    plain = python("--assert=plain")  # which would leave out every assertion
    assert plain.ret != 0
    plain.stderr.fnmatch_lines(["*FAILING TESTS WILL PASS*"])


# As pytest-repeat and pytest-flakefinder do: every test is there several times.
REPEATED = """
def pytest_generate_tests(metafunc):
    metafunc.fixturenames.append("again")
    metafunc.parametrize("again", range(2))
"""
# As pytest-rerunfailures does: a test that failed runs again, and its failures are told as such.
RERUN = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for last in (False, False, True):
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        last = last or not any(report.failed for report in reports)
        for report in reports:
            if report.failed and not last:
                report.outcome = "rerun"
            item.ihook.pytest_runtest_logreport(report=report)
        if last:
            break
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True

def pytest_report_teststatus(report):
    return ("rerun", "R", "RERUN") if report.outcome == "rerun" else None
"""


def beside(runs, plugin: str, *words: str) -> dict[str, list[str]]:
    """Run beside a plugin; the names of JUnit's properties, by test."""
    runs.pytester.makepyfile(other_plugin=plugin)
    runs.pytester.syspathinsert()
    runs("-p", "other_plugin", "--junitxml", "junit.xml", "--claim", "tiny-error", *words)
    suite = ElementTree.parse(runs.pytester.path / "junit.xml")  # noqa: S314 - our own
    return {
        case.get("name"): [p.get("name") for p in case.iter("property")]
        for case in suite.iter("testcase")
    }


FOUR = ["id", "published", "measured", "verdict"]


def test_repeated_tests_are_of_their_claims(runs):
    found = beside(runs, REPEATED, "--reading", "plain")
    assert len(found) == 6
    assert [names for test, names in found.items() if "test_claim" in test] == [FOUR, FOUR]
    assert runs.record()["outcome"] == "passed"
    assert runs.record()["measured"] == 0.5


@pytest.mark.parametrize("stale", [False, True])
def test_tests_that_run_again_are_told_once(runs, stale):
    runs.tiny.expect("inconclusive")
    runs.tiny.values["error"] = 0.75 if stale else 0.5
    found = beside(runs, RERUN, "--reading", "plain")
    assert found["test_claim[tiny-error@plain]"] == FOUR
    assert (runs.record()["outcome"], runs.record()["stale"]) == ("failed", stale)


def test_from_within_the_folder_of_the_claims_all_run(runs, monkeypatch):
    runs.write()
    folder = runs.pytester.path / "claims"
    monkeypatch.chdir(folder)
    for words in ((".",), (), (".", "--report-dir", ".")):
        options = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--rootdir", "..")
        result = runs.pytester.runpytest_inprocess(*options, *words, "--paper", "tiny")
        result.assert_outcomes(passed=12, xfailed=1)
    assert (folder / "report.json").exists()


PATHS = [
    name for name, said in options.OPTIONS.items() if said.get("metavar") in ("DIR", "REPORT")
]


@pytest.mark.parametrize(
    "option", [f"--{ours}{name}" for name in PATHS for ours in ("", "repro-")]
)
def test_a_path_that_an_option_names_is_no_path_of_tests(runs, monkeypatch, option):
    """Else pytest would begin there, find no tests of claims, and know none of our options."""
    runs.write()
    (runs.pytester.path / "there").mkdir()
    monkeypatch.chdir(runs.pytester.path / "claims")
    result = runs.pytester.runpytest_inprocess("--list-claims", option, "../there")
    text = result.stdout.str() + result.stderr.str()
    assert ("there cannot be read" if option.endswith("failed") else "4 claims") in text
