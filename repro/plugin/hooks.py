"""The entry point that pytest loads in every run; it steps in only where claims are tested.

A folder of claims' tests has a ``conftest.py`` that imports :mod:`repro.plugin.tests`. Where
pytest's arguments name no such folder, nothing of ours is in the run: no option, no fixture, no
module but this one.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from itertools import pairwise

import pytest

PATHS = tuple(
    f"--{ours}{name}" for ours in ("", "repro-") for name in ("mnist-dir", "report-dir", "failed")
)
"""The options whose values are paths."""


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, object, object]:
    """Take part in a run of claims, once every other plugin has added its options."""
    # pytest does not know our options yet, and takes their values for paths of tests.
    known = early_config.known_args_namespace
    paths = {value for name, value in pairwise(args) if name in PATHS}
    known.file_or_dir = [path for path in known.file_or_dir if path not in paths]
    result = yield
    tests = sys.modules.get("repro.plugin.tests")
    plugins = early_config.pluginmanager.get_plugins()
    if tests and any(getattr(p, "population", None) is tests.population for p in plugins):
        from repro.plugin import claims_run, options

        options.add(parser)
        early_config.pluginmanager.register(claims_run, "repro-claims-run")
    return result
