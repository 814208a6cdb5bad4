"""Snapshots: "our code did not change". Never evidence for a claim.

One CSV an experiment and reading, in ``fixtures/snapshots``, held by pytest-regressions;
``--force-regen`` writes it anew and fails the run all the same. ``instructions.json`` beside them
has the instruction set that each was made with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from repro import paths
from repro.atomic import locked, write_atomic
from repro.judge.freshness import tolerance
from repro.judge.populations import Kind


class NoSnapshotError(AssertionError):
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
    def held(self) -> Iterator[None]:
        """Say of a failure where it may be the machine's; note what a new file was made with.

        Raises:
            NoSnapshotError: the block wrote the first one.
            AssertionError: as the block does, with what another instruction set may change.
        """
        from repro.lab import provenance  # which loads torch

        path, name = self.path.parent.parent / "instructions.json", f"{self.kind}/{self.name}"
        known: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        before, here = self._content(), provenance.instructions()
        try:
            yield
        except pytest.fail.Exception:
            if before or not self._content():
                raise
            raise NoSnapshotError(
                f"there was no snapshot of {self.name} yet, so that nothing was compared\n"
                f"what to do: look at {self.path}, which this run wrote, commit it, "
                "and give the command again"
            ) from None
        except AssertionError as error:
            if known.get(name, here) == here:
                raise
            told = str(error).replace("To update values, use --force-regen option.", "").strip()
            raise AssertionError(
                f"{told}\n\nThe snapshot was made with {known[name]}; this machine computes with "
                f"{here}, whose rounding changes numbers of the same code. What other machines "
                "were measured to change is allowed for (fixtures/arithmetic.csv). Where the code "
                "is as it was, python docs/arithmetic.py measures what this one changes"
            ) from None
        finally:
            if self._content() != before:
                with locked(paths.cache() / "locks" / "snapshots.lock"):
                    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
                    text = json.dumps({**known, name: here}, indent=1, sort_keys=True)
                    write_atomic(path, f"{text}\n".encode())

    def _content(self) -> bytes:
        return self.path.read_bytes() if self.path.exists() else b""

    def settings(self, values: Mapping[str, float]) -> dict[str, Any]:
        """Return the file and the tolerances as ``num_regression.check`` takes them."""
        return {
            "fullpath": self.path,
            "tolerances": {
                metric: {"atol": tolerance(self.name, metric), "rtol": 0} for metric in values
            },
        }
