"""Options that other plugins define as well, in runs of claims and in runs of something else."""

from __future__ import annotations

import pytest

from repro.plugin.options import OPTIONS

QUIET = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
OTHERS = f"""
def pytest_addoption(parser):
    for name in {list(OPTIONS)}:
        parser.getgroup("others").addoption("--" + name, dest="others_" + name, default="theirs")

def pytest_configure(config):
    assert getattr(config.option, "others_device") in ("theirs", "mine")
"""


@pytest.fixture
def others(runs):
    """The tiny paper's claims, a test of something else, and a plugin with all of our names."""
    runs.write()
    runs.pytester.makepyfile(other_plugin=OTHERS)
    runs.pytester.syspathinsert()
    elsewhere = runs.pytester.path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "test_other.py").write_text("def test_other():\n    pass\n")
    return runs


BEFORE = ("-p", "other_plugin")
"""A plugin that is loaded before the suite's."""


def test_another_plugin_of_the_same_options_is_left_alone(others):
    result = others.pytester.runpytest_inprocess(*QUIET, *BEFORE, "elsewhere", "--device", "mine")
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("when", ["before", "after"])
def test_claims_run_beside_another_plugin_of_the_same_options(others, when):
    words = ["claims", "--repro-claim", "tiny-error", "--device", "mine"]
    if when == "after":  # of the folders that are named, the last one's conftest.py is last
        (others.pytester.path / "elsewhere" / "conftest.py").write_text(OTHERS)
        words.insert(1, "elsewhere")
    result = others.pytester.runpytest_inprocess(
        *QUIET, *(BEFORE if when == "before" else ()), *words
    )
    result.assert_outcomes(passed=6, deselected=7 + (when == "after"))
    assert others.record()["outcome"] == "passed"


def test_the_short_names_stand_where_they_are_free(others):
    one = OTHERS.replace(str(list(OPTIONS)), "['device']")
    others.pytester.makepyfile(other_plugin=one)
    result = others("-p", "other_plugin", "--claim", "tiny-error", "--repro-reading", "plain")
    result.assert_outcomes(passed=3, deselected=10)


def test_other_runs_have_none_of_the_options(others):
    result = others.pytester.runpytest_inprocess(
        *QUIET, "elsewhere", "--repro-claim", "tiny-error"
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "unrecognized arguments: --repro-claim" in result.stderr.str()
    shown = others.pytester.runpytest_inprocess(*QUIET, "--help", "elsewhere").stdout.str()
    assert "repro" not in shown.partition("registered")[0].replace("--report", "")


def test_other_runs_load_nothing_of_the_suite(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        test_other="""
        import sys

        def test_other():
            ours = {name for name in sys.modules if name.split(".")[0] == "repro"}
            assert ours == {"repro", "repro.plugin", "repro.plugin.hooks"}
            assert not {"torch", "scipy", "jsonschema", "numpy"} & set(sys.modules)
        """
    )
    words = ("-p", "no:cacheprovider", "-p", "repro.plugin.hooks")
    pytester.runpytest_subprocess(*words).assert_outcomes(passed=1)


def test_a_folder_given_as_an_option_is_not_searched_for_tests(runs, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "conftest.py").write_text("raise AssertionError")
    result = runs("--report-dir", str(tmp_path / "there"), "--claim", "tiny-error")
    result.assert_outcomes(passed=6, deselected=7)


def test_help_shows_the_suite_s_own_options_and_where_pytests_are(runs):
    result = runs("--help", "--claim", "x")
    assert result.ret == pytest.ExitCode.OK
    out = result.stdout.str()
    assert out.startswith("usage: repro run ")
    for name in OPTIONS:
        assert f"--{name}" in out
    assert "--capture" not in out
    assert "`python -m pytest --help`" in " ".join(out.split())
