"""What a claim's test measures, and the result row that comes of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import pytest

from repro.claims.records import Claim, InconsistencyClaim
from repro.errors import EvidenceError, ReproError
from repro.judge.cases import judge_claim, unjudged
from repro.measure import live
from repro.measure.calibrate import check_configuration
from repro.measure.session import Measured
from repro.papers.experiment import Experiment
from repro.plugin.state import State
from repro.report.failure import failure_text
from repro.report.result_row import ResultRow, new_row


@dataclass
class Found:
    """What measuring came to, for the result row.

    Args:
        measured: on this machine; None where nothing was.
        reason: why nothing was.
        not_run: whether the claim is not to be judged.
    """

    measured: Measured | None = None
    reason: str = ""
    not_run: bool = False


FOUND = pytest.StashKey[Found]()


class Measure:
    """Measures claims under one reading; what came of it stays with the test, the ``item``."""

    def __init__(self, item: pytest.Item, state: State, reading: str) -> None:
        self.state = state
        self.reading = reading
        self.found = item.stash[FOUND] = Found()

    def __call__(self, claim: Claim, *, anew: bool = False, any_images: bool = False) -> Measured:
        """Measure a claim on this machine, on the networks of seed 0.

        Networks that do not ship may not be at hand: then the population's own row of seed 0 is
        returned. Nothing is measured of an inconsistency. The test is skipped where these
        images cannot show the claim, or nothing is on record to hold a measurement against; with
        ``anew`` also where only the population's row could be returned. A snapshot, which says
        nothing of a claim, is taken of ``any_images``.
        """
        __tracebackhide__ = True
        found, session, reading = self.found, self.state.session, self.reading
        if isinstance(claim, InconsistencyClaim):
            return Measured({}, [], [], session.data.kind)
        found.not_run, measured = True, None
        try:
            experiment = live.experiment_of(claim, reading)
            why = "" if any_images else live.not_measurable(claim, session.data)
            if why := why or self._no_population(claim, experiment):
                found.reason = why
            elif alone := live.evidence_alone(claim, reading, session):
                found.reason, kind = alone, session.data.kind
                measured = live.recorded(claim, reading, self.state.archive, kind)
            else:
                wanted = self.state.readings_wanted(claim, reading)
                found.measured = measured = live.measure(claim, reading, session, wanted)
        except ReproError as error:
            found.reason = error.in_one_line
            row = result_row(self.state, claim, reading, found)
            pytest.fail(failure_text(row, found.reason), pytrace=False)
        if measured is None:
            pytest.skip(f"not-run: {found.reason}")  # never counted as a pass
        found.not_run = False
        if anew and found.measured is None:
            pytest.skip(found.reason)  # judged from the population; nothing of this machine
        return measured

    def _no_population(self, claim: Claim, experiment: Experiment) -> str:
        """Say which population is missing; a measurement without it may be a training in vain."""
        state, spot = self.state, (claim.paper, claim.experiment, self.reading)
        for kind in ("full", state.session.data.kind):
            if (kind, *spot) not in state.fitting:
                check_configuration(state.archive.population(kind, *spot), experiment, spot[-1])
                state.fitting.add((kind, *spot))
            if not state.evidence(claim, self.reading, kind).seeds:
                which = "" if kind == "full" else " of the embedded sample"
                return f"no population{which} yet (repro calibrate makes it)"
        return ""


def result_row(state: State, claim: Claim, reading: str, found: Found | None) -> ResultRow:
    """Return a claim's result row, judged from the committed populations.

    ``found`` is what measuring came to; None before the test has run.
    """
    try:
        row = new_row(state.case(claim, reading))
        if found is not None and found.measured is not None:
            kind = state.session.data.kind
            here = judge_claim(claim, state.evidence(claim, reading, kind))
            live.fill(row, claim, found.measured, here, kind)
            with suppress(EvidenceError):  # no row of seed 0 to compare it with
                seed0 = live.recorded(claim, reading, state.archive, kind)
                row["drift"] = live.drift(claim, reading, found.measured, seed0)
    except ReproError as error:
        row = new_row(unjudged(claim, reading))
        row["reason"] = error.in_one_line
        return row
    if found is not None:
        row["reason"] = found.reason or row["reason"]
        if not found.not_run:
            row["verdict"] = row["evidence_verdict"]
    return row
