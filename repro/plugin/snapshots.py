"""Snapshots: "our code did not change". Never evidence for a claim.

One CSV an experiment and reading, in ``fixtures/snapshots``, held by pytest-regressions;
``--force-regen`` writes it anew and fails the run all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro import paths
from repro.claims.records import Claim
from repro.judge.freshness import tolerance, tolerances
from repro.judge.populations import Kind


def name_of(claim: Claim, reading: str) -> str:
    """Return the name of the snapshot that holds a claim's experiment under a reading."""
    return f"{claim.paper}-{claim.experiment}--{reading}"


@dataclass(frozen=True)
class Snapshot:
    """What the shipped networks measured in one experiment under one reading."""

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

    def settings(self, values: Mapping[str, float]) -> dict[str, Any]:
        """Return the file and the tolerances as ``num_regression.check`` takes them."""
        known = tolerances(paths.fixtures() / "arithmetic.csv")
        return {
            "fullpath": self.path,
            "tolerances": {
                metric: {"atol": tolerance(known, self.name, metric), "rtol": 0}
                for metric in values
            },
        }
