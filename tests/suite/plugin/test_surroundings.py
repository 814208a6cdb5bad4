"""Runs of claims under settings of Python that change what pytest sees."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

SETTINGS = Path(__file__).parents[3] / "pyproject.toml"


@pytest.fixture
def python(runs, monkeypatch):
    """Runs the tiny paper's claims by the project's own settings, in a fresh interpreter."""
    monkeypatch.setenv("PYTHONPATH", str(SETTINGS.parent))

    def run(*words: str) -> pytest.RunResult:
        runs.write()
        options = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--rootdir", ".")
        ours = ("-c", SETTINGS, *options, "claims", "--paper", "tiny")
        return runs.pytester.run(sys.executable, "-m", "pytest", *ours, *words)

    return run


def test_optimised_python_asserts_what_the_tests_assert(runs, python, monkeypatch):
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    python().assert_outcomes(passed=12, xfailed=1)
    runs.tiny.values["error"] = 0.75
    result = python("--claim", "tiny-error", "--reading", "plain")
    result.assert_outcomes(passed=2, failed=1, deselected=10)
    plain = python("--assert=plain")  # which would leave out every assertion
    assert plain.ret != 0
    plain.stderr.fnmatch_lines(["*FAILING TESTS WILL PASS*"])


def test_no_file_is_opened_without_an_encoding(python, monkeypatch):
    monkeypatch.setenv("PYTHONWARNDEFAULTENCODING", "1")
    python().assert_outcomes(passed=12, xfailed=1)
