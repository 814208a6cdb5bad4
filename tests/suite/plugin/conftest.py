"""Runs of the plugin on the tiny paper, in this process where that is enough."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import scipy.special
from tiny_paper import Tiny, write_tests

# Loaded here once: pytester drops whatever a run in this process loads, and torch cannot be
# loaded twice.
import repro.lab.mnist.download
import repro.lab.provenance
import repro.measure.live
import repro.measure.progress
import repro.measure.run_progress
import repro.measure.session
import repro.plugin.measuring
import repro.report.page.figures
import repro.report.page.html
import repro.report.step_summary
import repro.report.terminal
from repro.lab import provenance
from repro.lab.mnist import data, sample
from repro.lab.mnist.idx import Digits
from repro.papers import registry
from repro.report import outputs
from repro.report import report_json as report

LOADED = (jsonschema, repro, scipy.special)

TOLD_BY_GIT = cache(provenance._git)
"""Of this checkout, once for all runs."""

FAKE_MNIST = """
from pathlib import Path
import numpy as np
import pytest
from repro.lab.mnist import data, files, idx
from repro.papers import registry

digits = idx.Digits(np.zeros((3, 28, 28), np.uint8), np.arange(3, dtype=np.uint8))
full = data.Mnist("full", "a fake", dict(files.SHA256), digits, digits)
patch = pytest.MonkeyPatch()
patch.setattr(data, "find", lambda *args, **options: full)
if ONLY:
    patch.setattr(registry, "folders", lambda: {name: Path(path) for name, path in ONLY.items()})

def pytest_configure(config):
    config.add_cleanup(patch.undo)
"""


class Runs:
    """The tiny paper's tests in pytester's folder."""

    def __init__(self, pytester: pytest.Pytester, tiny: Tiny) -> None:
        self.pytester = pytester
        self.tiny = tiny
        self.only: dict[str, Path] = {}  # the papers, in workers too, where it is not all
        self.report_path = pytester.path / "reports" / "report.json"

    def write(self, *, full: bool = True) -> None:
        """Records, test module, and (with ``full``) a conftest that fakes full MNIST."""
        self.tiny.write()
        write_tests(self.pytester.path / "claims", "tiny")
        only = {name: str(path) for name, path in self.only.items()}
        fake = f"ONLY = {only}{FAKE_MNIST}" if full else ""
        (self.pytester.path / "conftest.py").write_text(fake)

    def __call__(self, *words: str, full: bool = True) -> pytest.RunResult:
        """Write, then run in this process."""
        self.write(full=full)
        return self.again(*words)

    def again(self, *words: str) -> pytest.RunResult:
        """Run what is written, in this process."""
        # Rewriting the assertions of each run's tests would take a tenth of its time.
        options = ("--assert=plain", "-p", "no:cacheprovider", "-p", "no:hypothesispytest")
        return self.pytester.runpytest_inprocess(*options, "claims", *words, no_reraise_ctrlc=True)

    def report(self) -> dict[str, Any]:
        """The report, held to its schema."""
        return report.read(self.report_path)

    def raw(self) -> dict[str, Any]:
        """The report as it lies there, finished or not."""
        return json.loads(self.report_path.read_text(encoding="utf-8"))

    def record(self, claim: str = "tiny-error", reading: str = "plain") -> dict[str, Any]:
        """One record of the report."""
        return next(
            r for r in self.report()["claims"] if (r["id"], r["reading"]) == (claim, reading)
        )

    def outcomes(self) -> dict[str, str]:
        """``claim@reading`` to outcome, for the tiny paper."""
        claims = self.report()["claims"]
        return {f"{r['id']}@{r['reading']}": r["outcome"] for r in claims if r["paper"] == "tiny"}


@pytest.fixture
def runs_beside_others(
    pytester: pytest.Pytester, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> Runs:
    """The tiny paper with populations on full MNIST; call it to run its tests."""
    # A run that ends before it is configured does not take its fake away: this does.
    monkeypatch.setattr(data, "find", data.find)
    tiny.measure()
    return Runs(pytester, tiny)


@pytest.fixture
def runs(runs_beside_others: Runs, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """As above, without the shipped papers and without pages, which take time in every run."""
    monkeypatch.setattr(outputs, "write_beside", lambda _: [])
    monkeypatch.setattr(provenance, "_git", TOLD_BY_GIT)
    runs_beside_others.only = {"tiny": runs_beside_others.tiny.folder}
    monkeypatch.setattr(registry, "folders", lambda: runs_beside_others.only)
    return runs_beside_others


@pytest.fixture
def fake_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three digits in place of the embedded sample, which takes half a second to load."""
    digits = Digits(np.zeros((3, 28, 28), np.uint8), np.arange(3, dtype=np.uint8))
    monkeypatch.setattr(sample, "load", lambda: digits)


@pytest.fixture
def line_of() -> Callable[[str, str], str]:
    """The text behind ``name:`` in a failing claim's template."""

    def find(output: str, name: str) -> str:
        start = f"{name}:".ljust(11)
        whole = output.replace(f"\n{' ' * len(start)}", " ")  # of lines that were folded
        found = [line for line in whole.splitlines() if line.startswith(start)]
        assert len(set(found)) == 1, (name, found)  # one a failing test
        return found[0].removeprefix(start)

    return find


assert Path(repro.__file__).parent.name == "repro"
