"""How far a run of claims is: what of it is followed, and for how long."""

from __future__ import annotations

import io

import pytest

from repro.measure import run_progress as progress
from repro.measure.run_progress import RunProgress

FIRST, SECOND = ("tiny", "toy", "plain"), ("tiny", "toy", "other")


@pytest.fixture
def shown(monkeypatch):
    """The parts and the workers of each progress that a run shows."""
    found = []

    class Watched(RunProgress):
        def start(self):
            found.append((sorted(part.spot for part in self.parts), self.workers))
            super().start()

    monkeypatch.setattr(progress, "RunProgress", Watched)
    monkeypatch.setattr(progress, "own_stream", io.StringIO)
    monkeypatch.setattr(progress, "TICK_S", 0.01)
    return found


def test_a_run_shows_what_it_measures(runs, shown):
    runs()
    assert shown == [([SECOND, FIRST], 1)]
    runs("--reading", "plain")
    assert shown[1:] == [([FIRST], 1)]


def test_what_measures_nothing_or_is_to_be_quiet_shows_nothing(runs, shown):
    runs("-q")
    runs("--claim", "tiny-twice")
    runs("--collect-only")
    assert shown == []


@pytest.mark.usefixtures("warm_workers")
def test_workers_are_counted(runs, shown):
    runs("-n", "2")
    assert shown == [([SECOND, FIRST], 2)]


def test_the_thread_ends_with_the_run(runs, shown, monkeypatch):
    stopped = []
    stop = RunProgress.stop
    monkeypatch.setattr(RunProgress, "stop", lambda run: (stop(run), stopped.append(run)))
    runs.tiny.values["do"] = "interrupt"
    runs()
    assert shown
    assert not stopped[0].thread.is_alive()
