"""Workers, crashes and interruptions: whatever happens, the report tells no tale."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from repro.errors import ReportError
from repro.report import report_json

pytestmark = pytest.mark.usefixtures("warm_workers")

WORDS = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "claims")


def test_two_workers_write_the_same_records_as_none(runs):
    runs.tiny.claim("tiny-order")["ordering"]["than"] = 0.6  # one failure, to compare too
    alone = runs()
    first = runs.report()
    together = runs("-n", "2")
    second = runs.report()
    assert alone.ret == together.ret == pytest.ExitCode.TESTS_FAILED
    for found in (first, second):
        for record in found["claims"]:
            record["seconds"] = 0.0
        found["footer"] |= {"end": "", "seconds": 0}
    assert first["claims"] == second["claims"]
    assert first["footer"] == second["footer"]
    assert first["header"]["data"] == second["header"]["data"]


def test_a_worker_that_dies_leaves_an_error_and_no_pass(runs):
    runs.tiny.values["do"] = "die"
    result = runs("-n", "1", "--max-worker-restart", "0", "--claim", "tiny-error")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    mine = {k: v for k, v in runs.outcomes().items() if v != "deselected"}
    assert mine["tiny-error@plain"] == "error"
    assert set(mine.values()) <= {"error", "unfinished"}
    record = runs.record()
    assert (record["verdict"], record["measured"]) == ("not-run", None)
    text = result.stdout.str()
    assert "ERROR" in text.partition("verdict\n")[2]
    assert "rerun: repro run --claim 'tiny-error' --reading plain" in text


def test_an_interrupt_leaves_the_rest_unfinished(runs):
    runs.tiny.values["do"] = "interrupt"
    result = runs()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    outcomes = runs.outcomes()
    assert set(outcomes.values()) == {"unfinished"}
    assert len(outcomes) == 5
    assert "passed" not in runs.report()["footer"]["outcomes"]
    assert "UNFINISHED" in result.stdout.str()


def test_stopping_at_the_first_failure_leaves_the_rest_unfinished(runs):
    runs.tiny.claim().update(published=0.7, margin=0.01)
    runs("-x")
    assert runs.outcomes() == {
        "tiny-error@plain": "failed",
        "tiny-error@other": "unfinished",
        "tiny-clean@plain": "unfinished",
        "tiny-order@plain": "unfinished",
        "tiny-twice@plain": "unfinished",
    }


def test_a_killed_run_leaves_a_report_that_no_one_takes_for_a_whole_one(runs):
    """As it is while the run goes on, so it stays after SIGKILL; the next run replaces it."""
    runs.tiny.values["do"] = "hang"
    runs.write()
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *WORDS],
        cwd=runs.pytester.path,
        env={**os.environ, "TMPDIR": str(runs.tiny.root)},
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            wait_for(runs.report_path, process)
            with pytest.raises(ReportError, match="no footer: its run did not come to the end"):
                report_json.read(runs.report_path)
        finally:
            process.send_signal(signal.SIGKILL)
    with pytest.raises(ReportError, match="no footer"):
        report_json.read(runs.report_path)
    assert set(json.loads(runs.report_path.read_text())) == {"schema", "header", "claims"}
    del runs.tiny.values["do"]
    runs()
    assert runs.outcomes()["tiny-error@plain"] == "passed"


def wait_for(path, process, seconds=60.0):
    end = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, "the run ended without a report"
        assert time.monotonic() < end, "no report after a minute"
        time.sleep(0.05)
