"""Calibration on a real Dask cluster of two worker processes on this machine."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from pathlib import Path

import fakes
import pytest
from calibrations import bring, jobs, rows

pytest.importorskip("distributed", reason="tox -e cluster installs it")

from distributed import Client, LocalCluster

from repro.cli import main
from repro.errors import DataError, UsageError, WorkerError
from repro.measure import calibrate, workers

SEEDS = range(8)
DOOMED = 3

# The paper of ``fakes``, one of whose trainings hangs after two epochs until the test has killed
# its process: once, or whoever takes the seed over as well.
PAPER = """
import os, time
from pathlib import Path

import fakes

class Trainer(fakes.SmallTrainer):
    def run_epoch(self):
        here, seed = Path(os.environ["DOOMED"]), self.recipe.seed
        done = fakes.notes().count(f"epoch {{seed}}") - self.epochs  # less those of the serial run
        if seed == {doomed} and done == 2 and not (here / "spared").exists():
            (here / f"{{os.getpid()}}.pid").touch()
            time.sleep(20)
        return super().run_epoch()

# What fakes.SmallRecipe trains with; the recipe, and so the key, stays the same.
fakes.SmallTrainer = Trainer
EXPERIMENTS = fakes.EXPERIMENTS
"""


@pytest.fixture
def home(tmp_path, monkeypatch, one_thread):  # noqa: ARG001 - as it is in the workers
    fakes.settle(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def cluster(home, monkeypatch):
    """Two worker processes, started after the serial rows are in ``home / "serial"``."""
    bring(home / "serial", SEEDS)
    monkeypatch.setenv("REPRO_CACHE_DIR", str(home / "fresh"))
    (home / "doomed").mkdir()
    monkeypatch.setenv("DOOMED", str(home / "doomed"))
    paper = home / "papers" / fakes.PAPER / "experiments.py"
    paper.write_text(PAPER.format(doomed=DOOMED), encoding="utf-8")
    (home / "startup").mkdir()
    startup = fakes.STARTUP.format(hashes=fakes.HASHES)
    (home / "startup" / "sitecustomize.py").write_text(startup, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(home / "startup"), prepend=os.pathsep)
    settings = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=2, threads_per_worker=1, **settings) as made:
        yield made


def processes(address: str) -> set[int]:
    with Client(address, set_as_default=False) as client:
        return set(client.run(os.getpid).values())


def killed(folder: Path, *, times: int, dead: list[int]) -> threading.Thread:
    """A thread that kills whoever hangs in the doomed training, ``times`` times over."""

    def kill() -> None:
        while len(dead) < times:
            fakes.wait_for(lambda: any(folder.glob("*.pid")), "the doomed training")
            (spot,) = folder.glob("*.pid")
            spot.unlink()
            if len(dead) == times - 1 < 3:
                (folder / "spared").touch()
            dead.append(int(spot.stem))
            os.kill(dead[-1], signal.SIGKILL)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    return thread


def test_a_worker_killed_in_the_middle_costs_no_row(home, cluster):
    before = processes(cluster.scheduler_address)
    assert len(before) == 2
    assert os.getpid() not in before
    dead: list[int] = []
    thread = killed(home / "doomed", times=1, dead=dead)
    with workers.pool(1, cluster.scheduler_address) as executor:
        assert bring(home / "dask", SEEDS, executor) == 3 * len(SEEDS)
    thread.join()
    assert len(dead) == 1
    assert set(dead) < before
    found = rows(home / "dask")
    assert [[seed for seed, *_ in each] for each in found.values()] == [list(SEEDS)] * 3
    assert found == rows(home / "serial")
    # The training of the dead went on where it was: two of its epochs were not done again.
    epochs = 2 * fakes.SmallRecipe().epochs
    assert fakes.notes().count(f"epoch {DOOMED}") == epochs


def test_a_seed_that_kills_every_worker_is_a_clear_error(home, cluster):
    root = home / "dask"
    dead: list[int] = []
    thread = killed(home / "doomed", times=4, dead=dead)
    with (
        workers.pool(1, cluster.scheduler_address) as executor,
        pytest.raises(WorkerError, match="every worker that took one of the seeds died") as caught,
    ):
        bring(root, SEEDS, executor)
    thread.join()
    assert len(set(dead)) == 4
    assert "again" in caught.value.do
    # And so it is: what was there is not measured again, and the rest is.
    (home / "doomed" / "spared").touch()
    assert DOOMED in {job.seed for job in jobs(root, SEEDS)}
    bring(root, SEEDS)
    assert rows(root) == rows(home / "serial")


def test_what_fails_on_a_worker_reaches_the_caller_as_itself(home, cluster):
    job = calibrate.Job("small", 9, (("full", "net", "plain"),), home / "nowhere", "cpu", 1)
    with (
        workers.pool(1, cluster.scheduler_address) as executor,
        pytest.raises(DataError, match="nowhere is not a folder"),
    ):
        list(workers.run_jobs([job], executor=executor))


def test_a_cluster_that_goes_away_is_a_clear_error(home, cluster):
    def close() -> None:
        fakes.wait_for(lambda: any((home / "doomed").glob("*.pid")), "the doomed training")
        cluster.close()

    thread = threading.Thread(target=close, daemon=True)
    thread.start()
    with (
        workers.pool(1, cluster.scheduler_address) as executor,
        pytest.raises(WorkerError, match="its cluster is gone"),
    ):
        bring(home / "dask", [DOOMED], executor)
    thread.join()


@pytest.fixture
def deaf():
    """The address of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


def closed() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("address", ["deaf", "closed", "nonsense", "", "tcp://127.0.0.1:x"])
def test_where_no_scheduler_answers_is_a_clear_error(address, deaf):
    address = {"deaf": deaf, "closed": closed()}.get(address, address)
    start = time.monotonic()
    with pytest.raises(UsageError, match="no Dask scheduler answers"), workers.pool(1, address):
        pass
    assert time.monotonic() - start < 3 * workers.CONNECT_S


def test_a_worker_is_not_a_scheduler(cluster):
    worker = cluster.workers[0].worker_address
    with pytest.raises(UsageError, match=r"\(Worker\)"), workers.pool(1, worker):
        pass


def test_the_command_says_it_in_three_lines(home, monkeypatch, capsys):
    monkeypatch.setattr(calibrate, "kinds_at_hand", lambda: ("full",))
    words = ["--paper", "small", "--seeds", "0", "--out", str(home / "out")]
    assert main.main(["calibrate", *words, "--scheduler", closed()]) == 2
    out, err = capsys.readouterr()
    assert "repro: UsageError\nfound: --scheduler tcp://127.0.0.1:" in err
    assert "Traceback" not in out + err
    assert not (home / "out").exists()
