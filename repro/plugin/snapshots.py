"""Snapshots: "our code did not change". Never evidence for a claim.

One CSV an experiment and reading, in ``fixtures/snapshots``, held by pytest-regressions;
``--force-regen`` writes it anew and fails the run all the same.
"""

from __future__ import annotations

from typing import Any

import pytest

from repro import paths
from repro.judge.cases import Case
from repro.measure.live import evidence_alone, measure
from repro.measure.session import Session

TOLERANCE = 1e-3
"""Of rates, confidences and RMS. Mean counts of iterations get ITERATIONS."""

ITERATIONS = 0.05


def check(case: Case, session: Session, readings: list[str], num_regression: Any) -> str:
    """Hold the shipped weights' measurements against their snapshot.

    Args:
        case: any claim that reads the experiment under the reading.
        session: of the run.
        readings: all readings that the run wants of this experiment.
        num_regression: the fixture of pytest-regressions.

    Returns:
        Why there is nothing to compare; empty where it was compared.

    Raises:
        ReproError: no data, no weights, or a measurement that is not finite.
    """
    if evidence_alone(case, session):
        return "its networks do not ship; a snapshot is of shipped ones"
    measured = measure(case, session, readings)
    if set(measured.sources) != {"shipped"}:
        return f"the networks are {', '.join(measured.sources)}; a snapshot is of shipped ones"
    name = f"{case.claim.paper}-{case.claim.experiment}--{case.reading}.csv"
    path = paths.fixtures() / "snapshots" / session.data().kind / name
    if path.exists():
        known = set(path.read_text(encoding="utf-8").partition("\n")[0].split(",")[1:])
        # pytest-regressions does not miss a column that is no longer measured.
        if known != set(measured.values):
            pytest.fail(f"{path.name} has other metrics: {known ^ set(measured.values)}")
    num_regression.check(
        {metric: [value] for metric, value in measured.values.items()},
        fullpath=path,
        default_tolerance={"atol": TOLERANCE, "rtol": 0},
        tolerances={m: {"atol": ITERATIONS, "rtol": 0} for m in measured.values if "iter" in m},
    )
    return ""
