"""Check one claim under one reading on this machine: measure, gate, compare with the record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from repro.claims.records import Claim, InconsistencyClaim, OrderingClaim
from repro.claims.verdict import PASSING, Verdict
from repro.errors import ClaimsError, EvidenceError, ReproError
from repro.judge.cases import Case
from repro.judge.freshness import is_stale
from repro.judge.populations import Archive, Kind
from repro.judge.verdicts import Judgement
from repro.lab.mnist.data import Mnist
from repro.measure.session import SEED, Measured, Session
from repro.papers import registry
from repro.papers.experiment import Experiment
from repro.report.failure import failure_text
from repro.report.result_row import ResultRow, band_row, new_row

HEALTH = ("zero-gradient-share", "sign-difference-share")
"""Metrics that say how far a gradient can be trusted; shown beside what was measured with it."""


@dataclass(frozen=True)
class Finding:
    """What checking a claim came to.

    Args:
        record: the claim's record for the report.
        outcome: ``pass`` (as expected, and it holds), ``known`` (as expected, and it does
            not hold), ``fail`` or ``skip``.
        text: why, for a failure or a skip.
    """

    record: ResultRow
    outcome: Literal["pass", "known", "fail", "skip"]
    text: str = ""


def not_measurable(claim: Claim, data: Mnist) -> str:
    """Why the claim cannot be measured on these data; empty where it can."""
    if claim.clean_images and data.kind == "embedded":
        return "speaks of clean test images; the embedded sample holds training images"
    return ""


def experiment_of(case: Case) -> Experiment:
    """The experiment that measures a claim under its reading.

    Raises:
        ClaimsError: the record names what the paper's experiments do not offer.
    """
    claim = case.claim
    offered = registry.experiments(claim.paper)
    experiment = offered.get(claim.experiment)
    if experiment is None:
        raise _not_offered("experiment", claim.experiment, offered)
    if case.reading not in experiment.readings:
        raise _not_offered("reading", case.reading, experiment.readings)
    for metric in claim.metrics:
        if metric not in experiment.metrics:
            raise _not_offered("metric", metric, experiment.metrics)
    return experiment


def measure(case: Case, session: Session, readings: list[str]) -> Measured:
    """The live measurements behind a claim under its reading.

    Args:
        case: the claim and its reading.
        session: of the run.
        readings: all readings that the run wants of this experiment.

    Raises:
        ReproError: no data, no weights, a measurement that is not finite, or a record that
            names what the paper's experiments do not offer.
    """
    offered = experiment_of(case).readings
    wanted = [reading for reading in readings if reading in offered]
    return session.measured(case.claim.paper, case.claim.experiment, wanted)[case.reading]


def evidence_alone(case: Case, session: Session) -> str:
    """Why a claim is judged without a live measurement; empty where it is measured."""
    experiment = experiment_of(case)
    networks = experiment.networks(SEED)
    if not experiment.on_demand or session.at_hand(networks):
        return ""
    return (
        f"judged from the committed population alone: {len(networks)} networks a seed, which do "
        f"not ship (repro calibrate --paper {case.claim.paper} --experiment {experiment.name} "
        f"--seeds {SEED} trains them)"
    )


def recorded(case: Case, archive: Archive, kind: Kind) -> Measured:
    """What the committed population has of the seed that is measured live.

    Raises:
        EvidenceError: the population is damaged.
    """
    spot = (case.claim.paper, case.claim.experiment, case.reading)
    rows = archive.population(kind, *spot).rows
    row = next((row for row in rows if row.seed == SEED), None)
    if row is None:
        raise EvidenceError(
            f"{case.claim.experiment} has no row of seed {SEED}",
            expected="the seed that a live run would measure",
            do=f"measure it (repro calibrate --seeds {SEED})",
        )
    return Measured(dict(row.measurements), [row.provenance["weights_sha256"]], ["recorded"], 0.0)


def _not_offered(what: str, name: str, offered: Iterable[str]) -> ClaimsError:
    return ClaimsError(
        f"no {what} {name!r} in experiments.py",
        expected=f"one of {', '.join(offered)}",
        do="correct claims.toml, or add it to experiments.py",
    )


Live = float | list[float]
"""A live measurement: a number, or a curve's points."""


def live_value(claim: Claim, measured: Measured, *, metric: str = "") -> tuple[Live, Live]:
    """(the value to show, the value to hold against the gate) of a live measurement.

    The two differ for an ordering, whose gate is on the difference. A curve gives a list.

    Args:
        claim: the record.
        measured: the measurements.
        metric: taken instead of the claim's own (its control).
    """
    return claim.value(measured.values, metric), claim.gated_value(measured.values, metric)


def control_outside(claim: Claim, judgement: Judgement, measured: Measured) -> bool | None:
    """Whether the control fails the claim, as it must; None where there is no band yet."""
    if claim.control is None:
        return None
    shown, held = live_value(claim, measured, metric=claim.control.metric)
    if isinstance(shown, list) or isinstance(held, list):
        pairs = zip(judgement.points, shown if isinstance(shown, list) else [], strict=False)
        inside = [point.band.contains(value) for point, value in pairs if point.band]
        # One point outside refutes a curve; without any band nothing can be said.
        return not all(inside) if inside else None
    if isinstance(claim, OrderingClaim):
        return held <= 0
    return None if judgement.band is None else not judgement.band.contains(shown)


def check(
    case: Case, session: Session, readings: list[str], sample: Mapping[str, Case]
) -> Finding:
    """Measure one claim and compare verdict, record and freshness.

    Args:
        case: the claim, its reading and the evidence.
        session: of the run.
        readings: all readings that the run wants of this experiment.
        sample: by id, the same cases judged on the embedded sample's populations, for the
            freshness gate when the sample is what is at hand.
    """
    record = new_row(case)
    try:
        return _check(case, record, session, readings, sample)
    except ReproError as error:
        why = f"{error.found}; expected: {error.expected}; what to do: {error.do}"
        return Finding({**record, "reason": why}, "fail", failure_text(record, why))


def _check(
    case: Case,
    record: ResultRow,
    session: Session,
    readings: list[str],
    sample: Mapping[str, Case],
) -> Finding:
    claim, judgement = case.claim, case.judgement
    if isinstance(claim, InconsistencyClaim):
        record["verdict"] = judgement.verdict
        return _compare(case, record, stale="")
    experiment_of(case)
    data = session.data()
    why = not_measurable(claim, data)
    if why:
        return Finding({**record, "reason": why}, "skip", why)
    gated = judgement if data.kind == "full" else sample[case.id].judgement
    if Verdict.NOT_RUN in (judgement.verdict, gated.verdict):
        # Nothing to hold a measurement against, so none is made: it may take a training.
        which = "" if data.kind == "full" else " of the embedded sample"
        why = f"no population{which} on record (repro calibrate makes it)"
        return Finding({**record, "reason": why}, "skip", why)
    alone = evidence_alone(case, session)
    if alone:
        record |= {"verdict": judgement.verdict, "reason": alone}
        return _compare(case, record, stale="")
    measured = measure(case, session, readings)
    shown, held = live_value(claim, measured)
    record |= {
        "measured": shown,
        "difference": None
        if isinstance(held, list) or not isinstance(claim, OrderingClaim)
        else held,
        "gate": band_row(gated.gate),
        "indicative": data.kind != "full",
        "weights_sha256": measured.weights_sha256,
        "health": {name: measured.values[name] for name in HEALTH if name in measured.values},
    }
    if claim.control is not None and record["control"] is not None:
        record["control"]["measured"] = live_value(claim, measured, metric=claim.control.metric)[0]
        record["control"]["outside"] = control_outside(claim, gated, measured)
    record["verdict"] = judgement.verdict
    record["stale"] = is_stale(held, gated)
    if isinstance(shown, list):
        for point, value, by in zip(record["points"], shown, gated.points, strict=True):
            point |= {"measured": value, "gate": band_row(by.gate)}
    return _compare(case, record, stale=how_stale(held, gated) if record["stale"] else "")


def how_stale(held: Live, gated: Judgement) -> str:
    """How a measurement that is stale left the gate, in words."""
    values = held if isinstance(held, list) else [held]
    gates = [point.gate for point in gated.points] or [gated.gate]
    for i, (value, gate) in enumerate(zip(values, gates, strict=True)):
        if gate is not None and not gate.contains(value):
            where = f"point {i} of " if len(values) > 1 else ""
            return (
                f"code and evidence disagree: {where}this machine's {value:.6g} lies "
                f"{abs(gate.distance(value)):.2g} outside the population's {gate.level:.1%} band "
                f"[{gate.low:.6g}, {gate.high:.6g}]"
            )
    return "the measurement is not finite"


def _compare(case: Case, record: ResultRow, *, stale: str) -> Finding:
    """Hold verdict and freshness against the record; ``stale`` says why, or is empty."""
    verdict, expected = case.judgement.verdict, case.expected.verdict
    if stale:
        return Finding(record, "fail", failure_text(record, stale))
    if verdict != expected:
        why = (
            f"the evidence says {verdict}, the record expects {expected}: {case.judgement.reason}"
        )
        return Finding(record, "fail", failure_text(record, why))
    return Finding(record, "pass" if verdict in PASSING else "known", case.expected.reason)
