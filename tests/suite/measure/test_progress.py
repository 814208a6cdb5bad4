"""The progress of a training: sparse lines in a log, a bar on a terminal."""

from __future__ import annotations

import io
import math

import pytest

from repro.measure import progress
from repro.measure.progress import duration, shown

SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when they are told to."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return now


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00:00"), (65, "0:01:05"), (3599.6, "1:00:00"), (36061, "10:01:01")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_a_log_gets_a_line_now_and_then_and_one_at_the_end(clock):
    stream = io.StringIO()
    told = shown("net", stream)
    for epoch in range(1, 51):
        clock[0] += 20
        told(epoch, 50, 1.0 / epoch)
    # The first after more than a minute is the fourth, and the last is always told.
    assert stream.getvalue().splitlines() == [
        f"training net: epoch {n} of 50, cost {1 / n:.4f}, about {duration(20 * (50 - n))} left"
        for n in [*range(1, 50, 4), 50]
    ]


def test_a_resumed_training_counts_only_its_own_epochs(clock):
    stream = io.StringIO()
    told = shown("net", stream)
    told(40, 50, math.nan)  # what the checkpoint had
    clock[0] += 60
    told(41, 50, 0.5)
    assert stream.getvalue().splitlines() == [
        "training net: goes on after epoch 40 of 50",
        "training net: epoch 41 of 50, cost 0.5000, about 0:09:00 left",
    ]


def test_a_terminal_gets_a_bar_for_each_training(clock):
    stream = Terminal()
    for name in ("first", "second"):
        told = shown(name, stream)
        for epoch in (1, 2):
            clock[0] += 1
            told(epoch, 2, 0.25)
    text = stream.getvalue()
    assert text.count("training first") == text.count("training second") > 0
    assert "2/2 epochs, cost 0.2500" in text
    assert text.count(HIDE_CURSOR) == text.count(SHOW_CURSOR) == 2


def test_an_interrupted_training_gives_the_cursor_back(clock, monkeypatch):
    stream, ends = Terminal(), []
    monkeypatch.setattr(progress.atexit, "register", ends.append)
    shown("net", stream)(1, 50, 0.5)
    assert HIDE_CURSOR in stream.getvalue()
    assert SHOW_CURSOR not in stream.getvalue()
    (end,) = ends  # of the process
    end()
    assert stream.getvalue().count(SHOW_CURSOR) == 1
    assert clock


def test_a_ci_log_is_no_terminal(clock, monkeypatch):
    monkeypatch.setenv("CI", "true")
    stream = Terminal()
    shown("net", stream)(1, 50, 0.5)
    assert stream.getvalue().startswith("training net: epoch 1 of 50")
    assert "\x1b" not in stream.getvalue()
    assert clock
