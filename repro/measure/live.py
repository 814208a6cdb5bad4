"""Measure one claim under one reading on this machine, and hold it against a population."""

from __future__ import annotations

from collections.abc import Iterable

from repro.claims.records import Claim, OrderingClaim
from repro.errors import EvidenceError
from repro.judge.freshness import gates, outside_gate, tolerance
from repro.judge.populations import Archive, Kind, name_of
from repro.judge.verdicts import Judgement
from repro.lab.mnist.data import Mnist
from repro.measure.session import Measured, Session
from repro.papers import check, registry
from repro.papers.experiment import SEED, Experiment
from repro.report import red, words
from repro.report.result_row import ResultRow, band_row


def not_measurable(claim: Claim, data: Mnist) -> str:
    """Say why the claim cannot be measured on these images; nothing where it can."""
    if claim.clean_images and data.kind == "embedded":
        return "speaks of clean test images; the embedded sample holds training images"
    return ""


def experiment_of(claim: Claim, reading: str) -> Experiment:
    """Return the experiment that measures a claim under a reading."""
    offered = registry.experiments(claim.paper)
    for error in check.unoffered(claim, offered, [reading]):
        raise error
    return offered[claim.experiment]


def measure(claim: Claim, reading: str, session: Session, wanted: Iterable[str]) -> Measured:
    """Measure the experiment of a claim under a reading.

    ``wanted`` are all readings under which the run wants this experiment.

    Raises:
        ReproError: no data, no weights, a measurement that is not finite, or a record that
            names what the paper's experiments do not offer.
    """
    offered = experiment_of(claim, reading).readings
    every = [other for other in wanted if other in offered]
    return session.measured(claim.paper, claim.experiment, every)[reading]


def evidence_alone(claim: Claim, reading: str, session: Session) -> str:
    """Say why a claim is judged without a live measurement; nothing where it is measured."""
    experiment = experiment_of(claim, reading)
    networks = experiment.networks(SEED, reading)
    if not experiment.on_demand or session.at_hand(networks.values()):
        return ""
    return (
        f"judged from the committed population alone: {len(networks)} networks a seed, which do "
        f"not ship (repro train {claim.paper} --experiment {experiment.name} trains them)"
    )


def recorded(claim: Claim, reading: str, archive: Archive, kind: Kind) -> Measured:
    """Return what the committed population has of the seed that is measured live.

    Raises:
        EvidenceError: the population is damaged, or lacks that seed.
    """
    rows = archive.population(kind, claim.paper, claim.experiment, reading).rows
    row = next((row for row in rows if row.seed == SEED), None)
    if row is None:
        raise EvidenceError(
            f"{claim.experiment} has no row of seed {SEED}",
            expected="the seed that a live run would measure",
            do=f"measure it (repro calibrate --seeds {SEED})",
        )
    return Measured(dict(row.measurements), [row.provenance["weights_sha256"]], ["recorded"], kind)


def control_outside(claim: Claim, measured: Measured, judgement: Judgement) -> bool | None:
    """Return whether the control fails the claim, as it must; None where there is no band yet."""
    if claim.control is None:
        return None
    shown = claim.value(measured.values, claim.control.metric)
    if isinstance(shown, list):
        pairs = zip(judgement.points, shown, strict=False)
        inside = [point.band.contains(value) for point, value in pairs if point.band]
        # One point outside refutes a curve; without any band nothing can be said.
        return not all(inside) if inside else None
    if isinstance(claim, OrderingClaim):
        return claim.gated_value(measured.values, claim.control.metric) <= 0
    return None if judgement.band is None else not judgement.band.contains(shown)


def drift(
    claim: Claim, reading: str, measured: Measured, seed0: Measured | None
) -> dict[str, float]:
    """Return how far each metric of a claim lies from seed 0's own row, in tolerances.

    What other arithmetic may change is at most 1. Empty where the networks are not the row's.
    """
    if seed0 is None or "+".join(measured.weights_sha256) not in seed0.weights_sha256:
        return {}
    name = name_of(claim.paper, claim.experiment, reading)
    return {
        metric: abs(measured.values[metric] - seed0.values[metric])
        / tolerance(name, metric, measured.kind)
        for metric in claim.metrics
    }


def stale(
    claim: Claim, reading: str, measured: Measured, seed0: Measured | None, judgement: Judgement
) -> str | None:
    """Say how a measurement disagrees with the evidence.

    On the networks of seed 0's own row every metric of the claim must be that row's, but for what
    other arithmetic may change; the networks that ship are to be those. On others it must lie in
    the population's 99.9 % band.

    ``seed0`` is what the population on the same images has of seed 0, None where it has nothing;
    the judgement is from that population.

    Returns:
        A sentence; an empty one where the measurement is fresh, and None where there is nothing
        to hold it against.
    """
    if seed0 is not None and (far := drift(claim, reading, measured, seed0)):
        metric = next((metric for metric, times in far.items() if not times <= 1), None)
        if metric is None:
            return ""
        control = claim.control.metric if claim.control else ""
        return (
            f"code and evidence disagree: {red.whose(metric, claim.kind, claim.metric, control)} "
            f"is {measured.values[metric]:.6g} here and {seed0.values[metric]:.6g} in the "
            f"population on the same weights, {red.beyond(far[metric])}"
        )
    if seed0 is not None and set(measured.sources) == {"shipped"}:
        return (
            f"code and evidence disagree: the population has seed {SEED} on other weights than "
            "those that ship. Restore both (git checkout); repro train --ship and repro calibrate "
            "make them anew"
        )
    if not any(gates(judgement)):
        return None
    return outside_gate(claim.gated_value(measured.values), judgement)


FILLED = (
    "measured",
    "difference",
    "gate",
    "indicative",
    "weights_sha256",
    "health",
    "control",
    "points",
    "drift",
)
"""What of a result row is of this machine, :func:`drift` included."""


def fill(
    row: ResultRow, claim: Claim, measured: Measured, judgement: Judgement, kind: Kind
) -> None:
    """Write a live measurement on images of a ``kind`` into the claim's result row.

    The judgement is the one from the population on the same images.
    """
    shown = row["measured"] = claim.value(measured.values)
    if isinstance(claim, OrderingClaim):
        row["difference"] = claim.gated_value(measured.values)
    row["gate"] = band_row(judgement.gate)
    row["indicative"] = kind != "full"
    row["weights_sha256"] = measured.weights_sha256
    row["health"] = {n: measured.values[n] for n in words.HEALTH if n in measured.values}
    if claim.control is not None and row["control"] is not None:
        row["control"]["measured"] = claim.value(measured.values, claim.control.metric)
        row["control"]["outside"] = control_outside(claim, measured, judgement)
    if isinstance(shown, list):
        for point, value, by in zip(row["points"], shown, judgement.points, strict=True):
            point["measured"], point["gate"] = value, band_row(by.gate)
