"""Snapshots: "our code did not change". Never evidence for a claim.

One CSV an experiment and reading, in ``fixtures/snapshots``, held by pytest-regressions;
``--force-regen`` writes it anew and fails the run all the same. ``instructions.json`` beside them
has the instruction set that each was made with.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
    "the code changed what it measures: find the change. Where it is meant, --force-regen writes "
    "the snapshot anew, and test_fresh stays red until the experiment's revision is raised and "
    "its seeds are measured anew (repro calibrate)"
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

    def metrics(self) -> set[str]:
        """Return the names of the metrics on record; none where there is no file yet."""
        if not self.path.exists():
            return set()
        return set(self.path.read_text(encoding="utf-8").partition("\n")[0].split(",")[1:])

    @contextmanager
    def held(self, values: Mapping[str, float]) -> Iterator[None]:
        """Say in a few lines how ``values`` fail the block; note what a new file was made with.

        Raises:
            NoSnapshotError: the block wrote the first one.
            pytest.fail.Exception: the block fails, or has written the file anew.
        """
        from repro.lab import provenance  # which loads torch

        path, name = self.path.parent.parent / "instructions.json", f"{self.kind}/{self.name}"
        known: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        before, here = self._content(), provenance.instructions()
        try:
            yield
        except pytest.fail.Exception as made:
            if before or not self._content():
                raise pytest.fail.Exception(str(made), pytrace=False) from None
            lines = {
                "snapshot": f"there was no snapshot of {self.name} yet: nothing was compared",
                "do": f"look at {self.path}, which this run wrote, commit it, and run again",
            }
            raise NoSnapshotError(labelled(lines), pytrace=False) from None
        except AssertionError:
            if not (differ := self._differences(values)):
                return  # pytest-regressions takes a column of 0 or 1 for integers, to be equal
            made_with, most = known.get(name, here), max(differ.values())
            other = made_with != here and most < MANY
            what = OTHER_MACHINE.format(made_with, here) if other else WHAT_TO_DO
            more = [f"and {n} more"] if (n := len(differ) - MOST_NAMED) > 0 else []
            judged = f", up to {red.beyond(most)}" if most < math.inf else ""
            lines = {
                "snapshot": f"{self.name}: {len(differ)} of {len(values)} metrics differ{judged}",
                "metrics": "; ".join([*list(differ)[:MOST_NAMED], *more]),
                "do": what,
            }
            raise pytest.fail.Exception(labelled(lines), pytrace=False) from None
        finally:
            if self._content() != before:
                with locked(paths.cache() / "locks" / "snapshots.lock"):
                    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
                    text = json.dumps({**known, name: here}, indent=1, sort_keys=True)
                    write_atomic(path, f"{text}\n".encode())

    def _differences(self, values: Mapping[str, float]) -> dict[str, float]:
        """Say of each metric that is not as in the file how far off it is, also in tolerances."""
        with self.path.open(encoding="utf-8", newline="") as file:
            row = next(csv.DictReader(file), {})
        there = {metric: text for metric, text in row.items() if metric}  # but for the index
        gone = (metric for metric in there if metric not in values)
        found = {f"{metric} is measured no more": math.inf for metric in gone}
        for metric, value in values.items():
            allowed = tolerance(self.name, metric, self.kind)
            if metric not in there:
                found[f"{metric} is new"] = math.inf
            elif not (off_by := abs(value - float(there[metric]))) <= allowed:
                off = f"{value:.6g} here, {float(there[metric]):.6g} in the snapshot"
                found[f"{metric} is {off}, {allowed:.2g} allowed"] = off_by / allowed
        return found

    def _content(self) -> bytes:
        return self.path.read_bytes() if self.path.exists() else b""

    def settings(self, values: Mapping[str, float]) -> dict[str, Any]:
        """Return the file and the tolerances as ``num_regression.check`` takes them."""
        return {
            "fullpath": self.path,
            "tolerances": {
                metric: {"atol": tolerance(self.name, metric, self.kind), "rtol": 0}
                for metric in values
            },
        }
