"""A small paper with claims and evidence, and the suite's commands on it in other processes.

A process is forked from one that has everything loaded, so that a kill meets work and not
imports. It is killed by the clock, or by itself at a line of the package: the clock finds what
takes long, the lines find what takes no time at all, such as the moment between two files.
"""

from __future__ import annotations

import contextlib
import csv
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fakes
import pytest
import tiny_paper
import torch

import repro
from repro.lab.mnist import files

CODE = Path(repro.__file__).parent
LOADED = (
    *(
        "repro.measure.calibrate",
        "repro.measure.session",
        "repro.cli.commands",
        "repro.measure.live",
        "repro.report.terminal",
    ),
    *(
        "repro.measure.progress",
        "repro.plugin.hooks",
        "repro.plugin.claims_run",
        "repro.plugin.measuring",
        "repro.report.page.figures",
        "repro.report.page.html",
    ),
    *("repro.report.step_summary", "jsonschema", "scipy.stats"),
)
SEEDS = 6
PATIENCE_S = 300
"""For a process that takes a second; the machine may be busy with other things."""

TRAIN = ("train", "small", "--ship")
CALIBRATE = ("calibrate", "--paper", "small", "--seeds", "0-2", "--data", "full", "--out", "out")
REPRODUCE = ("pytest", "claims", "--paper", "small", "--report-dir", "reports")
"""What `tox -e reproduce` runs, on the small paper."""

PYTEST = (
    *("-c", str(CODE.parent / "pyproject.toml")),
    *("-p", "no:cacheprovider", "-p", "no:hypothesispytest"),
    # The tests load the package before pytest could rewrite its assertions, of which it has none.
    *("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"),
)
"""What leaves pytest as it is in a checkout, but for files and plugins that nobody asks for."""

CHANGES = ("date", "seconds", "start", "end", "run", "commit", "dirty")
"""What may differ between two runs of one command, or belongs to whoever runs the tests."""


@dataclass(frozen=True)
class Place:
    """A folder where commands run, with a cache, fixtures and temporary files of its own.

    Args:
        root: the small paper and its MNIST.
        here: the folder.
    """

    root: Path
    here: Path

    @property
    def environment(self) -> dict[str, str]:
        """What leads the suite here, and to nothing of the user's."""
        return {
            "REPRO_MNIST_DIR": str(self.root / "mnist"),
            "REPRO_EXTRA_PAPERS": str(self.root / "papers"),
            "REPRO_CACHE_DIR": str(self.here / "cache"),
            "REPRO_FIXTURES_DIR": str(self.here / "fixtures"),
            "REPRO_OFFLINE": "1",
            "FAKES_LOG": str(self.here / "log.txt"),
            "TMPDIR": str(self.here / "tmp"),
        }

    def start(
        self,
        words: Sequence[str],
        *,
        line: int = 0,
        before: Callable[[], None] | None = None,
        **environment: str,
    ) -> Any:
        """One command in a process of its own.

        Args:
            words: the command's.
            line: of the package, after which many the process kills itself.
            before: called first, in the process.
            environment: variables on top of :attr:`environment`.
        """
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(LOADED))
        settings = self.environment | environment
        arguments = (settings, self.here, tuple(words), line, before)
        process = context.Process(target=_command, args=arguments, daemon=True)
        process.start()
        return process

    def popen(
        self, words: Sequence[str], *, prefix: Sequence[str] = (), **environment: str
    ) -> subprocess.Popen[bytes]:
        """One command in a fresh Python, as a user starts it: for what a fork would inherit.

        Args:
            words: the command's.
            prefix: what starts it, such as ``setpriv``.
            environment: variables on top of :attr:`environment`; an empty one is left out.
        """
        inherited = {n: v for n, v in os.environ.items() if not n.startswith("REPRO_")}
        # The root has a sitecustomize, which every Python runs first: workers of a pool as well.
        path = os.pathsep.join(
            map(str, (self.root, CODE.parent / "tests" / "helpers", CODE.parent))
        )
        mine = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
        settings = inherited | mine | self.environment | environment
        program = (
            ["-m", "pytest", *PYTEST, "--rootdir", str(self.here), *words[1:]]
            if words[0] == "pytest"
            else ["-m", "repro", *words]
        )
        with (self.here / "output.txt").open("wb") as output:
            return subprocess.Popen(
                [*prefix, sys.executable, *program],
                cwd=self.here,
                env={name: value for name, value in settings.items() if value},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def run(self, words: Sequence[str], **environment: str) -> str:
        """One command to its end, which must be a success; its output."""
        process = self.start(words, **environment)
        process.join(PATIENCE_S)
        said = self.said()
        assert process.exitcode == 0, said
        assert "Traceback" not in said, said
        return said

    def said(self) -> str:
        """What the last command has put out."""
        return (self.here / "output.txt").read_text(encoding="utf-8", errors="replace")

    def notes(self) -> list[str]:
        """What the trainings and measurements here have left in their log."""
        log = self.here / "log.txt"
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []

    def lines(self) -> list[str]:
        """The lines of the package that the last command, watched for them, has run, in order."""
        return (self.here / "lines.txt").read_text(encoding="utf-8").splitlines()

    def found(self) -> dict[str, object]:
        """Every file here with its content, but for what differs from run to run."""
        ours = ("output.txt", "log.txt", "lines.txt")
        paths = [p for p in sorted(self.here.rglob("*")) if p.is_file() and p.name not in ours]
        paths = [p for p in paths if "__pycache__" not in p.parts]
        # pytest removes its temporary folders some runs later, also those of killed runs.
        paths = [p for p in paths if self.here / "tmp" not in p.parents]
        return {p.relative_to(self.here).as_posix(): _lasting(p) for p in paths}


def build(root: Path) -> Path:
    """The small paper, its claims' tests, its MNIST and its evidence, below ``root``."""
    with pytest.MonkeyPatch.context() as patch:
        fakes.settle(root, patch)
    (root / "sitecustomize.py").write_text(fakes.STARTUP.format(hashes=fakes.HASHES))
    words = [w.replace("0-2", f"0-{SEEDS - 1}") for w in CALIBRATE]
    made = new_place(root, "evidence")
    made.run([*words, "--experiment", "net"])
    (made.here / "out").rename(root / "populations")
    return root


def new_place(root: Path, name: str) -> Place:
    """A folder with the claims' tests, with evidence where there is some, and an empty cache.

    What was there of that name is gone: a report holds its folder's name, so only runs in one
    folder can be compared.
    """
    place = Place(root, root / "places" / name)
    shutil.rmtree(place.here, ignore_errors=True)
    tiny_paper.write_tests(place.here / "claims", "small")
    (place.here / "tmp").mkdir()
    for path in (root / "populations").rglob("*.csv"):
        target = place.here / "fixtures" / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return place


def _lasting(path: Path) -> object:
    if path.suffix == ".json":
        return _without(json.loads(path.read_text(encoding="utf-8")))
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return [_without(row) for row in csv.DictReader(file)]
    if path.suffix in (".html", ".md", ".lock", ".xml"):
        return path.suffix  # of the report, which is compared; and locks are empty
    return path.read_bytes()


def _without(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without(v) for k, v in value.items() if k not in CHANGES}
    return [_without(each) for each in value] if isinstance(value, list) else value


# In the process


def _command(
    environment: dict[str, str],
    here: Path,
    words: tuple[str, ...],
    line: int,
    before: Callable[[], None] | None,
) -> None:
    os.environ.update(environment)
    os.chdir(here)
    tempfile.tempdir = None
    files.SHA256 = fakes.HASHES
    torch.set_num_threads(1)
    output = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if before is not None:
        before()
    with _watched(line):
        status = _run(words)
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(status)


def _run(words: tuple[str, ...]) -> int:
    if words[0] != "pytest":
        from repro.cli.main import main

        return main(words)
    return int(pytest.main([*PYTEST, "--rootdir", str(Path.cwd()), *words[1:]]))


@contextlib.contextmanager
def _watched(line: int) -> Iterator[None]:
    """Note the package's lines, and end it all at the n-th; -1 only notes, 0 does neither."""
    noted: list[str] = []

    def local(frame: Any, event: str, _value: object) -> Any:
        if event == "line":
            noted.append(_spot(frame))
            if len(noted) == line:
                os.kill(os.getpid(), signal.SIGKILL)
        return local

    def trace(frame: Any, _event: str, _value: object) -> Any:
        return local if frame.f_code.co_filename.startswith(WATCHED) else None

    if line:
        sys.settrace(trace)
    yield
    sys.settrace(None)
    if line < 0:
        Path("lines.txt").write_text("\n".join(noted), encoding="utf-8")


def _spot(frame: Any) -> str:
    """A line with the lines that called it: a write of the weights is not one of the manifest."""
    spots = []
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(WATCHED):
            spots.append(f"{Path(path).name}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join(spots)


WATCHED = tuple(
    str(CODE / name)
    for name in (
        *("atomic.py", "cli/commands.py", "judge/populations.py"),
        *("lab/networks/store.py", "lab/networks/training.py"),
        *("measure/calibrate.py", "measure/session.py"),
        "plugin/recorder.py",
        *("report/outputs.py", "report/report_json.py"),
    )
)
"""Where files are made: a line anywhere else finds the disk as the line before did."""
