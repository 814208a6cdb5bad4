"""How far a run is: what its notes say, a bar on a terminal, a line a minute in a log."""

from __future__ import annotations

import io
import os
import re
import time

import pytest

from repro.measure import run_progress as progress
from repro.measure.run_progress import Part, RunProgress, done_share, seconds_left, slowness
from repro.measure.session import BEGAN, TRAINING, left_in

FIRST, SECOND, THIRD = ("tiny", "toy", "plain"), ("tiny", "toy", "other"), ("more", "toy", "plain")
SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"


class Terminal(io.StringIO):
    """A stream that says it is a terminal, and can be read when it is closed."""

    def isatty(self):
        return True

    def close(self):
        pass


class Log(Terminal):
    def isatty(self):
        return False


class Writer:
    """As pytest's own."""

    def __init__(self, file):
        self._file = file

    def line(self):
        self._file.write("\n")


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(progress, "TICK_S", 0.01)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def note(tmp_path):
    """Leave the notes of a measurement that began and, maybe, came to its end."""

    def left(spot, began, took=None):
        done = left_in(tmp_path, spot)
        mark = done.with_name(done.stem + BEGAN)
        mark.touch()
        os.utime(mark, (began, began))
        if took is not None:
            done.touch()
            os.utime(done, (began + took, began + took))

    return left


def made(tmp_path, stream, **more):
    parts = [Part(FIRST, "tiny", 10), Part(SECOND, "tiny", 30), Part(THIRD, "more", 20)]
    return RunProgress(tmp_path, parts, stream=stream, **more)


def wait_for(said, stream):
    deadline = time.monotonic() + 20
    while said not in stream.getvalue():
        assert time.monotonic() < deadline, stream.getvalue()
        time.sleep(0.005)


def test_the_time_left_is_measured_on_this_machine():
    parts = [Part(FIRST, seconds=10), Part(SECOND, seconds=30)]
    assert slowness(parts, 0) is None
    assert seconds_left(parts, 0) is None
    parts[0] = Part(FIRST, seconds=10, began=100, took=20)  # twice as slow
    assert seconds_left(parts, 120) == 60
    parts[1] = Part(SECOND, seconds=30, began=120)
    assert seconds_left(parts, 130) == 50
    assert seconds_left(parts, 500) == 0  # longer than expected, and never less than nothing
    more = [*parts, Part(THIRD, seconds=10)]
    assert slowness(more, 500) == 10  # (20 + 380) / (10 + 30)
    assert seconds_left(more, 500) == 100
    assert done_share(parts, 120) == pytest.approx(0.25)
    assert done_share(parts, 150) == pytest.approx(0.625)


@pytest.mark.parametrize(("workers", "left"), [(1, 60), (2, 40), (4, 40)])
def test_groups_are_shared_by_the_workers_and_the_longest_decides(workers, left):
    parts = [Part(FIRST, "a", 5, took=5), Part(SECOND, "a", 40), Part(THIRD, "b", 20)]
    assert seconds_left(parts, 0, workers) == left


def test_what_is_measured_is_named(tmp_path, note):
    run = made(tmp_path, io.StringIO())
    assert run.now(1000) == (0, "judging")
    note(FIRST, 1000)
    assert run.now(1003) == (pytest.approx(3 / 60), "tiny toy (plain)")
    note(FIRST, 1000, took=5)  # half of what it took for the record
    note(SECOND, 1005)
    assert run.now(1005) == (pytest.approx(1 / 6), "0:00:25 left, tiny toy (other)")
    note(THIRD, 1006)
    assert run.now(1006)[1].endswith(" left, more toy (plain)")
    run.workers = 2
    assert run.now(1006)[1].endswith(" left, more toy (plain), tiny toy (other)")


def test_a_training_is_named_first(tmp_path):
    (tmp_path / f"key{TRAINING}").write_text("training net: epoch 1 of 2")
    assert made(tmp_path, io.StringIO()).now(0) == (0, "training net: epoch 1 of 2")


def test_a_terminal_gets_one_bar_and_whole_lines_of_pytest_s_above_it(tmp_path, note):
    stream, plain = Terminal(), Terminal()
    writer = Writer(plain)
    run = made(tmp_path, stream, writer=writer)
    note(FIRST, time.time())
    run.start()
    wait_for("tiny toy (plain)", stream)
    for part in ("\x1b[32m.", "..", "x\n", ".s"):
        writer._file.write(part)
        writer._file.flush()
    assert "...x" in stream.getvalue()
    assert ".s" not in stream.getvalue()
    run.stop()
    run.stop()
    assert writer._file is plain
    assert plain.getvalue() == ""
    assert ".s" in stream.getvalue()
    assert stream.getvalue().count(HIDE_CURSOR) == stream.getvalue().count(SHOW_CURSOR) == 1


def test_what_does_not_fit_leaves_the_bar_whole(tmp_path, note, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    stream = Terminal()
    run = made(tmp_path, stream, workers=2)
    note(SECOND, time.time())
    note(THIRD, time.time() - 1)
    run.start()
    wait_for("tiny toy (other), m", stream)
    run.stop()
    frames = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue()).split("\r")
    line = next(frame for frame in frames if "toy" in frame)
    assert re.fullmatch(r" +\d+% [━╸╺]{20} tiny toy \(other\), m.*…", line.rstrip())


@pytest.mark.parametrize("stream", [Terminal(), Log()])
def test_a_log_gets_a_line_now_and_then_and_no_bar(tmp_path, note, monkeypatch, stream):
    monkeypatch.setenv("CI", "1" if stream.isatty() else "")
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.05)
    run = made(tmp_path, stream)
    note(FIRST, time.time())
    run.start()
    wait_for("%, tiny toy (plain)\n", stream)
    run.stop()
    assert stream.getvalue().startswith("0:00:00: ")
    assert "\x1b" not in stream.getvalue()


def test_a_log_is_told_once_a_minute_and_by_the_clock_of_the_notes(tmp_path, note, monkeypatch):
    """For five minutes that pass at once, in which all takes seven times as long as on record."""
    start = now = 1_000_000.0
    stream = Log()

    def second(length):
        nonlocal now
        now += length
        if now == start + 10:
            note(FIRST, now)
        elif now == start + 80:
            note(FIRST, start + 10, took=70)
            note(SECOND, now)
        return now > start + 300

    monkeypatch.setattr(progress, "TICK_S", 1.0)
    monkeypatch.setattr(progress.time, "time", lambda: now)
    run = made(tmp_path, stream)
    monkeypatch.setattr(run.ended, "wait", second)
    run._follow()
    assert stream.getvalue().splitlines() == [
        "0:01:00: 17%, tiny toy (plain)",
        "0:02:00: 26%, 0:05:10 left, tiny toy (other)",
        "0:03:00: 40%, 0:04:10 left, tiny toy (other)",
        "0:04:00: 55%, 0:03:10 left, tiny toy (other)",
        "0:05:00: 67%, 0:02:25 left, tiny toy (other)",  # by now slower than the first was
    ]
