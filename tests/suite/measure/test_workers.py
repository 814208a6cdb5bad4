"""Seeds measured by several processes: the same rows, clear errors, and one Ctrl-C ends all."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fakes
import pytest
from calibrations import bring, rows

from repro.errors import DataError, UsageError, WorkerError
from repro.measure import workers
from repro.measure.calibrate import Job


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    fakes.settle(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def startup(home, monkeypatch):
    """Every Python that is started knows the hashes of the MNIST of ``fakes``."""
    (home / "startup").mkdir()
    text = fakes.STARTUP.format(hashes=fakes.HASHES)
    (home / "startup" / "sitecustomize.py").write_text(text, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(home / "startup"), prepend=os.pathsep)


@pytest.mark.usefixtures("startup")
def test_serial_and_two_processes_give_the_same_rows(home, monkeypatch):
    bring(home / "serial", range(4))
    monkeypatch.setenv("REPRO_CACHE_DIR", str(home / "fresh"))
    with workers.pool(2, None) as executor:
        # A fork would copy torch's threads half way through whatever they do.
        assert executor.submit(fakes.is_fresh).result()
        assert bring(home / "pool", range(4), executor) == 12
        assert rows(home / "pool") == rows(home / "serial")
        # What fails in a worker reaches the caller as itself.
        job = Job("small", 9, (("full", "net", "plain"),), home / "nowhere", "cpu", 1)
        with pytest.raises(DataError, match="nowhere is not a folder"):
            list(workers.run_jobs([job], executor=executor))
        # A process that dies takes the pool with it, but not what was kept.
        executor.submit(os._exit, 1)
        with pytest.raises(WorkerError, match="a worker process died") as caught:
            bring(home / "pool", range(4, 8), executor)
        assert "give the command again" in caught.value.do
        # A seed may have been done just before; what was kept is there in any case.
        kept = {
            name: [row for row in found if row[0] < 4]
            for name, found in rows(home / "pool").items()
        }
        assert kept == rows(home / "serial")
    trained = [n for n in fakes.notes() if n.startswith("train") and int(n.split()[1]) < 4]
    assert sorted(trained) == sorted(f"train {seed}" for seed in (0, 1, 2, 3) * 2)


def processes_of(group: int) -> list[int]:
    """The processes of a group that are alive: those that ended and nobody waited for are not."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it ended meanwhile
            continue
        if int(of) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


SLOWLY = """
import multiprocessing.process, time

def terminate(self, really=multiprocessing.process.BaseProcess.terminate):
    really(self)
    time.sleep(0.2)  # whoever waits for the process notices first

multiprocessing.process.BaseProcess.terminate = terminate
"""


@pytest.mark.usefixtures("startup")
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc to look at")
def test_one_interrupt_ends_the_command_and_every_worker(home, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(fakes.__file__).parent), prepend=os.pathsep)
    monkeypatch.setenv("FAKES_EPOCH_S", "20")
    with (home / "startup" / "sitecustomize.py").open("a", encoding="utf-8") as file:
        file.write(SLOWLY)
    words = "calibrate --paper small --data full --seeds 0-5 --workers 2 --out"
    with subprocess.Popen(
        [sys.executable, "-m", "repro", *words.split(), str(home / "out")],
        stderr=subprocess.PIPE,
        start_new_session=True,  # a group of its own, as a terminal gives a command
        # Where the tests run in the background of a script, interrupts are ignored by inheritance.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        encoding="utf-8",
    ) as command:
        fakes.wait_for(lambda: {"epoch 0", "epoch 1"} <= {*fakes.notes()}, "two trainings")
        assert len(processes_of(command.pid)) > 2
        start = time.monotonic()
        os.killpg(command.pid, signal.SIGINT)
        assert command.stderr is not None
        told = command.stderr.read().splitlines()
    assert time.monotonic() - start < 10  # 0.3 s on an idle machine, and an epoch takes 20
    assert command.returncode == 130
    assert told == [
        "6 seeds to measure",
        "repro: interrupted; what was finished is kept: give the command again to go on",
    ]
    fakes.wait_for(lambda: processes_of(command.pid) == [], "the end of every process")
    assert "train 2" not in fakes.notes()


def test_the_jobs_yet_to_come_are_given_up_with_the_one_that_fails(home):
    wanted = (("full", "net", "plain"),)
    bad = Job("small", 0, wanted, home / "nowhere", "cpu", 1)
    good = [Job("small", seed, wanted, None, "cpu", 1) for seed in range(1, 40)]
    with ThreadPoolExecutor(1) as executor, pytest.raises(DataError):
        list(workers.run_jobs([bad, *good], executor=executor))
    assert sum(note.startswith("measure") for note in fakes.notes()) < len(good)


def test_a_job_survives_the_way_to_another_process(home):
    job = Job("small", 1, (("full", "net", "plain"),), home, "cpu", 1)
    assert pickle.loads(pickle.dumps(job)) == job  # noqa: S301 - as process pools hand it over


def test_one_worker_is_this_process():
    with workers.pool(1, None) as executor:
        assert executor is None


@pytest.mark.parametrize("count", [0, -1])
def test_fewer_workers_than_one_are_a_clear_error(count):
    with pytest.raises(UsageError, match=f"--workers {count}"), workers.pool(count, None):
        pass


def test_workers_and_a_scheduler_do_not_go_together():
    with (
        pytest.raises(UsageError, match="--workers and --scheduler"),
        workers.pool(2, "tcp://a"),
    ):
        pass


def test_a_scheduler_needs_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match="Dask") as caught, workers.pool(1, "tcp://a"):
        pass
    assert "pip install" in caught.value.do


def test_processes_share_the_cores(monkeypatch):
    monkeypatch.setattr(workers.os, "cpu_count", lambda: 8)
    assert [workers.threads_each(n) for n in (1, 2, 3, 8, 20)] == [0, 4, 2, 1, 1]
