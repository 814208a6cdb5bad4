"""A bar is drawn on a terminal alone, whoever draws it."""

from __future__ import annotations

import io
import sys

import pytest

from repro.lab import http


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "ci", "drawn"),
    [(Terminal, "", True), (Terminal, "1", False), (io.StringIO, "", False)],
)
def test_a_download_has_a_bar_on_a_terminal_and_not_in_the_log_of_a_ci(
    monkeypatch, stream, ci, drawn
):
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(sys, "stderr", stream())
    assert http.bar().disable is not drawn
