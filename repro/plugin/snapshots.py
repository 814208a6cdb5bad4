"""Snapshots: "our code did not change". Never evidence for a claim.

One CSV an experiment and reading, in ``fixtures/snapshots``. Where there is none,
pytest-regressions writes it, and the run fails all the same. ``instructions.json`` beside them has
the instruction set that each was made with.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from repro import paths
from repro.atomic import locked, write_atomic
from repro.judge.freshness import MANY, tolerance
from repro.judge.populations import Kind
from repro.report import red
from repro.report.failure import labelled

MOST_NAMED = 3
"""Metrics that a failure names."""
WHAT_TO_DO = (
    "the code changed what it measures: find the change. Where it is meant, delete {}, which the "
    "next run writes anew; test_fresh stays red until the experiment's revision is raised and its "
    "seeds are measured anew (repro calibrate)"
)
OTHER_MACHINE = (
    "the snapshot was made with {}; this machine computes with {}, whose rounding changes numbers "
    "of the same code. What other machines were measured to change is allowed for "
    "(fixtures/arithmetic.csv). Where the code is as it was, python docs/arithmetic.py measures "
    "what this one changes"
)


class NoSnapshotError(pytest.fail.Exception):  # type: ignore[misc,name-defined]
    """There was no snapshot to compare with; now there is."""


@dataclass(frozen=True)
class Snapshot:
    """What the shipped networks measured in one experiment under one reading.

    Args:
        kind: of the images.
        name: of the experiment's population under the reading.
    """

    kind: Kind
    name: str

    @property
    def path(self) -> Path:
        """The file, a column a metric."""
        return paths.fixtures() / "snapshots" / self.kind / f"{self.name}.csv"

    def check(self, values: Mapping[str, float], regression: Any) -> None:
        """Hold ``values`` to the file, and say in a few lines how they differ.

        Args:
            values: of the metrics.
            regression: pytest-regressions' ``num_regression``, which reads and writes the file.

        Raises:
            NoSnapshotError: there was no file; now there is.
            pytest.fail.Exception: they differ, or the file was written anew.
        """
        from repro.lab import provenance  # which loads torch

        path, name = self.path.parent.parent / "instructions.json", f"{self.kind}/{self.name}"
        known = _read(path)
        before, here = self._content(), provenance.instructions()
        tolerances = {
            metric: {"atol": tolerance(self.name, metric, self.kind), "rtol": 0}
            for metric in values
        }
        columns = {metric: [value] for metric, value in values.items()}
        try:
            # It misses no metric that is gone, allows nothing where all numbers are 0 or 1, and
            # cannot read a damaged file (ValueError).
            with suppress(AssertionError, ValueError):
                regression.check(columns, fullpath=self.path, tolerances=tolerances)
        except pytest.fail.Exception as made:
            if before or not self._content():
                raise pytest.fail.Exception(str(made), pytrace=False) from None
            lines = {
                "snapshot": f"there was no snapshot of {self.name} yet: nothing was compared",
                "do": f"look at {self.path}, which this run wrote, commit it, and run again",
            }
            raise NoSnapshotError(labelled(lines), pytrace=False) from None
        finally:
            if self._content() != before:
                with locked(paths.cache() / "locks" / "snapshots.lock"):
                    text = json.dumps({**_read(path), name: here}, indent=1, sort_keys=True)
                    write_atomic(path, f"{text}\n".encode())
        if differ := self._differences(values):
            made_with, most = known.get(name, here), max(differ.values())
            other = made_with != here and most < MANY
            do = OTHER_MACHINE.format(made_with, here) if other else WHAT_TO_DO.format(self.path)
            more = [f"and {n} more"] if (n := len(differ) - MOST_NAMED) > 0 else []
            judged = f", up to {red.beyond(most)}" if most < math.inf else ""
            lines = {
                "snapshot": f"{self.name}: {len(differ)} of {len(values)} metrics differ{judged}",
                "metrics": "; ".join([*list(differ)[:MOST_NAMED], *more]),
                "do": do,
            }
            raise pytest.fail.Exception(labelled(lines), pytrace=False)

    def _differences(self, values: Mapping[str, float]) -> dict[str, float]:
        """Say of each metric that is not as in the file how far off it is, also in tolerances."""
        with self.path.open(encoding="utf-8", errors="replace", newline="") as file:
            row = next(csv.DictReader(file), {})
        there = {metric: _number(text) for metric, text in row.items() if metric}  # no index
        gone = (metric for metric in there if metric not in values)
        found = {f"{metric} is measured no more": math.inf for metric in gone}
        for metric, value in values.items():
            allowed = tolerance(self.name, metric, self.kind)
            if metric not in there:
                found[f"{metric} is new"] = math.inf
            elif not (off_by := abs(value - there[metric])) <= allowed:
                off = f"{value:.6g} here, {there[metric]:.6g} in the snapshot"
                found[f"{metric} is {off}, {allowed:.2g} allowed"] = off_by / allowed
        return found

    def _content(self) -> bytes:
        return self.path.read_bytes() if self.path.exists() else b""


def _number(text: str | None) -> float:
    """Return a number of the file; NaN, which no number is near to, of what is none."""
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def _read(path: Path) -> dict[str, str]:
    """Return what each snapshot was made with; none of a file that is missing."""
    try:
        known: dict[str, str] = dict(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        lines = {"snapshot": f"{path} cannot be read: {error}", "do": "restore it (git checkout)"}
        raise pytest.fail.Exception(labelled(lines), pytrace=False) from None
    return known
