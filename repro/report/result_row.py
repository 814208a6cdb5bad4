"""The result row: what one run says of one claim under one reading.

A report is a list of these rows. They are plain JSON values, because they travel between the
processes of a run and through ``report.json``; ``report.schema.json`` has the same fields.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from repro.claims.verdict import Verdict
from repro.judge.bands import Band, Method
from repro.judge.cases import Case

Outcome = Literal["passed", "failed", "xfailed", "skipped", "error", "deselected", "unfinished"]
"""What became of the test; ``deselected`` until it is collected, ``unfinished`` until it ends."""
Measurement = float | list[float]
"""A number, or a curve's numbers, one a point."""

Standing = Literal["outside", "differs", "fails", "inside", "exact", "holds", "not-asked"]
"""Where a network stands: a number in the population's band or not; an ordering.

A number of the authors' own network is exactly the published one, or differs.
"""
STANDINGS: dict[Standing, str] = {
    "outside": "✗",
    "differs": "✗",
    "fails": "✗",
    "inside": "✓",
    "exact": "✓",
    "holds": "✓",
    "not-asked": "–",
}
"""Where a network may stand, worst first, and the sign of each."""

BROKEN = ("failed", "error", "unfinished")
"""Outcomes that make a run red."""
SYMBOLS = {
    Verdict.NOT_REPRODUCED: "✗",
    Verdict.TREND_ONLY: "↗",
    Verdict.INCONCLUSIVE: "?",
    Verdict.PAPER_INCONSISTENT: "≠",
    Verdict.EQUIVALENT: "≈",
    Verdict.CONSISTENT: "∼",
    Verdict.REPRODUCED: "✓",
    Verdict.NOT_RUN: "–",
}
"""The verdicts, worst first, and the sign of each."""


class BandRow(TypedDict):
    """A prediction band: its ends, its level in [0, 1] and the method it was made by."""

    low: float
    high: float
    level: float
    method: Method


class PointRow(TypedDict):
    """One point of a curve; None for what is not known or was not measured."""

    label: str
    published: float
    mean: float | None
    sd: float | None
    band: BandRow | None
    gate: BandRow | None
    inside: bool | None
    measured: float | None


class ControlRow(TypedDict):
    """A negative control: whether this machine's measurement of it fails the claim, as it must."""

    metric: str
    why: str
    measured: Measurement | None
    outside: bool | None


class ResultRow(TypedDict):
    """One claim under one reading.

    The first fields are the claim's, from its paper's ``claims.toml``. ``n``, ``mean``, ``sd``,
    ``seeds``, ``values``, ``band`` and ``gate`` are the population's (of an ordering: of its
    differences). ``evidence_verdict`` is the judgement, ``expected`` the verdict on record, and
    ``verdict`` the judgement if the test came to it, else ``not-run``. ``measured`` and
    ``difference`` are this machine's; ``stale`` says that they disagree with the evidence,
    ``drift`` how many times as far from seed 0's row each metric is as other arithmetic may move
    it, and ``indicative`` that the data were not full MNIST. ``ours`` says that the threshold is
    the suite's own, ``question`` that all of the claim is, and ``post_hoc`` why it, or its
    reading, came after numbers were known, where it did.
    ``ordering`` is the comparison that holds where ``difference`` is above 0, of a number too.
    ``standing`` is where a user's network stands, which gets no verdict; None in a run.
    """

    id: str
    paper: str
    kind: str
    place: str
    quote: str
    statement: str
    reading: str
    criterion: str
    ordering: str
    experiment: str
    metric: str
    tags: list[str]
    ours: bool
    question: bool
    post_hoc: str
    published: Measurement | None
    unit: float | None
    axis: str
    points: list[PointRow]
    measured: Measurement | None
    difference: float | None
    band: BandRow | None
    gate: BandRow | None
    margin: float | None
    n: int
    mean: float | None
    sd: float | None
    seeds: list[int]
    values: list[float]
    standing: Standing | None
    verdict: str
    evidence_verdict: str
    expected: str
    reason: str
    outcome: Outcome
    stale: bool
    drift: dict[str, float]
    indicative: bool
    seconds: float
    weights_sha256: list[str]
    health: dict[str, float]
    control: ControlRow | None


def band_row(band: Band | None) -> BandRow | None:
    """Return a band as JSON values."""
    if band is None:
        return None
    return {"low": band.low, "high": band.high, "level": band.level, "method": band.method}


def _points(case: Case) -> list[PointRow]:
    """Return a curve's points with their simultaneous bands; none for other claims."""
    claim = case.claim
    judged = case.judgement.points or [None] * len(claim.labels)
    return [
        {
            "label": label,
            "published": published,
            "mean": point.mean if point else None,
            "sd": point.sd if point else None,
            "band": band_row(point.band) if point else None,
            "gate": band_row(point.gate) if point else None,
            "inside": point.inside if point and point.band else None,
            "measured": None,
        }
        for label, published, point in zip(claim.labels, claim.points, judged, strict=False)
    ]


def new_row(case: Case) -> ResultRow:
    """Return a claim's row before its test has run: the evidence is there, no measurement is."""
    claim, judgement, control = case.claim, case.judgement, case.claim.control
    return {
        "id": claim.id,
        "paper": claim.paper,
        "kind": claim.kind,
        "place": claim.place,
        "quote": claim.quote,
        "statement": claim.statement,
        "reading": case.reading,
        "criterion": claim.criterion,
        "ordering": str(claim.ordering or ""),
        "experiment": claim.experiment,
        "metric": claim.metric,
        "tags": list(claim.tags),
        "ours": claim.ours,
        "question": claim.question,
        "post_hoc": claim.post_hoc.get(case.reading, ""),
        "published": claim.published,
        "unit": claim.unit,
        "axis": claim.axis,
        "points": _points(case),
        "measured": None,
        "difference": None,
        "band": band_row(judgement.band),
        "gate": band_row(judgement.gate),
        "margin": claim.margin,
        "n": judgement.n,
        "mean": judgement.mean,
        "sd": judgement.sd,
        "seeds": list(case.seeds),
        "values": list(case.values),
        "standing": None,
        "verdict": Verdict.NOT_RUN,
        "evidence_verdict": judgement.verdict,
        "expected": case.expected.verdict,
        "reason": judgement.reason,
        "outcome": "deselected",
        "stale": False,
        "drift": {},
        "indicative": False,
        "seconds": 0.0,
        "weights_sha256": [],
        "health": {},
        "control": {
            "metric": control.metric,
            "why": control.why,
            "measured": None,
            "outside": None,
        }
        if control
        else None,
    }


def rank(row: ResultRow) -> tuple[bool, int]:
    """Return a row's place, worst first: red outcomes, then ``not-reproduced`` to ``not-run``.

    Of a user's network: from ``outside`` to ``not-asked``.
    """
    order: list[str] = [*STANDINGS, *SYMBOLS]
    return row["outcome"] not in BROKEN, order.index(row["standing"] or row["verdict"])


def unexpected(row: ResultRow) -> bool:
    """Whether the evidence gives another verdict than the one on record."""
    compared = Verdict.NOT_RUN not in (row["evidence_verdict"], row["verdict"])
    return compared and row["evidence_verdict"] != row["expected"]
