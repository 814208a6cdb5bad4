"""Examples in docstrings are run as they stand; every public function of an attack has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import repro.judge
import repro.lab.attacks
import repro.measure
import repro.plugin
import repro.report

MODULES = ["repro.notebook"] + [
    module.name
    for package in (repro.lab.attacks, repro.judge, repro.measure, repro.plugin, repro.report)
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str, request: pytest.FixtureRequest) -> None:
    module = importlib.import_module(name)
    known = {"getfixture": request.getfixturevalue}  # as in pytest's own doctests
    done = doctest.testmod(module, extraglobs=known, optionflags=doctest.ELLIPSIS)
    assert done.failed == 0
    for word, function in inspect.getmembers(module, inspect.isfunction):
        if "attacks" in name and function.__module__ == name and not word.startswith("_"):
            assert ">>> " in str(function.__doc__), f"{name}.{word} has no example"
