"""Check one claim under one reading on this machine: measure, gate, compare with the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from repro.claims import evidence
from repro.claims.evidence import Case
from repro.claims.records import Claim
from repro.claims.report import Record, new_record
from repro.claims.stats import Band
from repro.claims.verdicts import PASSING, Judgement, Verdict, is_stale
from repro.lab.data import Mnist
from repro.session import Measured, Session

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

    record: Record
    outcome: Literal["pass", "known", "fail", "skip"]
    text: str = ""


def rerun_command(claim: str, reading: str) -> str:
    """The command that runs just this claim under this reading."""
    return f"tox -e reproduce -- --claim '{claim}' --reading {reading}"


def not_measurable(claim: Claim, data: Mnist) -> str:
    """Why the claim cannot be measured on these data; empty where it can."""
    if claim.clean_images and data.kind == "embedded":
        return "speaks of clean test images; the embedded sample holds training images"
    return ""


def live_value(claim: Claim, measured: Measured, *, metric: str = "") -> tuple[float, float]:
    """(the value to show, the value to hold against the gate) of a live measurement.

    The two differ for an ordering, whose gate is on the difference.

    Args:
        claim: the record.
        measured: the measurements.
        metric: taken instead of the claim's own (its control).
    """
    if claim.kind == "ordering" and claim.ordering is not None:
        ordering = claim.ordering
        names = evidence.metrics_of(claim)
        values = {name: [measured.values[name]] for name in names}
        shown = measured.values[metric or ordering.metric]
        values[ordering.metric] = [shown]
        return shown, evidence.differences(ordering, values)[0]
    shown = measured.values[metric or claim.metric]
    return shown, shown


def control_outside(claim: Claim, judgement: Judgement, measured: Measured) -> bool | None:
    """Whether the control fails the claim, as it must; None where there is no band yet."""
    if claim.control is None:
        return None
    shown, held = live_value(claim, measured, metric=claim.control.metric)
    if claim.kind == "ordering":
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

    Raises:
        ReproError: no data, no weights, or a measurement that is not finite.
    """
    claim, judgement, record = case.claim, case.judgement, new_record(case)
    if claim.kind == "inconsistency":
        record["verdict"] = judgement.verdict
        return _compare(case, record, stale=False)
    data = session.data()
    why = not_measurable(claim, data)
    if why:
        return Finding({**record, "reason": why}, "skip", why)
    measured = session.measured(claim.paper, claim.experiment, readings)[case.reading]
    shown, held = live_value(claim, measured)
    gated = judgement if data.kind == "full" else sample[case.id].judgement
    record |= {
        "measured": shown,
        "indicative": data.kind != "full",
        "weights_sha256": measured.weights_sha256,
        "health": {name: measured.values[name] for name in HEALTH if name in measured.values},
    }
    if claim.control is not None and record["control"] is not None:
        record["control"]["measured"] = measured.values[claim.control.metric]
        record["control"]["outside"] = control_outside(claim, judgement, measured)
    if Verdict.NOT_RUN in (judgement.verdict, gated.verdict):
        which = "" if data.kind == "full" else " of the embedded sample"
        why = f"no population{which} on record (repro calibrate makes it)"
        return Finding({**record, "reason": why}, "skip", why)
    record["verdict"] = judgement.verdict
    record["stale"] = is_stale(held, gated)
    return _compare(case, record, stale=record["stale"], gate=gated.gate, held=held)


def _compare(
    case: Case, record: Record, *, stale: bool, gate: Band | None = None, held: float = 0.0
) -> Finding:
    verdict, expected = case.judgement.verdict, case.expected.verdict
    if stale and gate is not None:
        why = (
            f"code and evidence disagree: this machine's {held:.6g} lies "
            f"{abs(gate.distance(held)):.2g} outside the population's {gate.level:.1%} band "
            f"[{gate.low:.6g}, {gate.high:.6g}]"
        )
        return Finding(record, "fail", template(record, why))
    if stale:
        return Finding(record, "fail", template(record, "the measurement is not finite"))
    if verdict != expected:
        why = (
            f"the evidence says {verdict}, the record expects {expected}: {case.judgement.reason}"
        )
        return Finding(record, "fail", template(record, why))
    return Finding(record, "pass" if verdict in PASSING else "known", case.expected.reason)


def distance_outside(record: Record) -> str:
    """How far the published value lies outside the band, in words."""
    band, published = record["band"], record["published"]
    if band is None or published is None:
        return "no band"
    if band["low"] <= published <= band["high"]:
        return "inside"
    edge = band["low"] if published < band["low"] else band["high"]
    return f"{abs(published - edge):.4g} {'below' if published < edge else 'above'}"


def template(record: Record, why: str) -> str:
    """The text of a failing claim, the same for all."""
    band = record["band"]
    shown = "none" if band is None else f"[{band['low']:.4f}, {band['high']:.4f}]"
    seeds = record["seeds"]
    hashes = ", ".join(h[:16] for h in record["weights_sha256"]) or "none"
    lines = {
        "claim": f"{record['id']} ({record['reading']}), {record['place']}",
        "why": why,
        "quote": f"“{record['quote']}”",
        "published": record["criterion"] if record["published"] is None else record["published"],
        "measured": "nothing" if record["measured"] is None else f"{record['measured']:.6g}",
        "band": f"{shown}, published is {distance_outside(record)}",
        "verdict": f"{record['evidence_verdict']} (expected {record['expected']})",
        "seeds": f"{len(seeds)}: {seeds}",
        "weights": hashes,
        "rerun": rerun_command(record["id"], record["reading"]),
    }
    return "\n".join(f"{name + ':':<11}{value}" for name, value in lines.items())
