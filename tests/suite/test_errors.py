"""Errors that a user can act on."""

from __future__ import annotations

import inspect
import pickle

import pytest

from repro import errors
from repro.errors import ReproError

KINDS = [k for _, k in inspect.getmembers(errors, inspect.isclass) if issubclass(k, ReproError)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_reaches_another_process_as_itself(kind):
    error = kind("this", expected="that", do="so")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - as process pools hand them over
    assert type(again) is kind
    assert (again.found, again.expected, again.do) == ("this", "that", "so")
    assert str(again) == str(error)


def test_an_error_has_its_three_lines():
    error = ReproError("this", expected="that", do="so")
    assert str(error) == "found: this\nexpected: that\nwhat to do: so"
