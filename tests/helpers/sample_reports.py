"""Reports to render and to compare: made up, or from the records and evidence at hand."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from repro.claims.verdict import PASSING, Verdict
from repro.judge import cases as evidence
from repro.judge.populations import Archive
from repro.papers import registry
from repro.report import report_json, result_row

WEIGHTS = "ab" * 32
VALUES = [0.50, 0.51, 0.49, 0.505, 0.495, 0.502, 0.498, 0.503]
HEADER: dict[str, Any] = {
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "dirty": False,
    "versions": {"python": "3.11.7", "torch": "2.13.0", "numpy": "2.4.6"},
    "cpu": "A processor",
    "threads": 2,
    "device": "cpu",
    "data": {"kind": "full", "source": "directory mnist", "hashes": {"train-images": "ba89"}},
    "command": "pytest tests/claims",
    "start": "2026-01-02T03:04:05Z",
    "coverage": "3 of 4 published statements checked",
}


def band(low: float, high: float, level: float = 0.95) -> dict[str, Any]:
    """A band's JSON."""
    return {"low": low, "high": high, "level": level, "method": "t"}


def record(claim: str = "tiny-error", reading: str = "plain", **changes: Any) -> dict[str, Any]:
    """A reproduced claim, with ``changes``."""
    made: dict[str, Any] = {
        "id": claim,
        "paper": "tiny",
        "kind": "value",
        "place": "Table 1, row 1",
        "quote": "Error\t0.50",
        "statement": "The error rate.",
        "reading": reading,
        "criterion": "",
        "ordering": "",
        "experiment": "toy",
        "metric": "error",
        "tags": ["table1"],
        "ours": False,
        "question": False,
        "post_hoc": "",
        "published": 0.5,
        "unit": 0.01,
        "axis": "",
        "points": [],
        "measured": 0.501,
        "difference": None,
        "band": band(0.48, 0.52),
        "gate": band(0.45, 0.55, 0.999),
        "margin": 0.05,
        "n": len(VALUES),
        "mean": 0.5004,
        "sd": 0.006,
        "seeds": list(range(len(VALUES))),
        "values": list(VALUES),
        "standing": None,
        "verdict": "reproduced",
        "evidence_verdict": "reproduced",
        "expected": "reproduced",
        "reason": "published 0.5 lies in the band",
        "outcome": "passed",
        "stale": False,
        "drift": {},
        "indicative": False,
        "seconds": 1.5,
        "weights_sha256": [WEIGHTS],
        "health": {"zero-gradient-share": 0.0},
        "control": {"metric": "noise", "why": "no gradient", "measured": 0.1, "outside": True},
    }
    unknown = set(changes) - set(made)
    assert not unknown, unknown
    return copy.deepcopy(made | changes)


def not_run(claim: str, outcome: str = "skipped", **changes: Any) -> dict[str, Any]:
    """A claim without evidence."""
    nothing = dict.fromkeys(("measured", "difference", "band", "gate", "mean", "sd"))
    said = {"verdict": "not-run", "evidence_verdict": "not-run", "reason": "no population"}
    return record(claim, **nothing, **said, outcome=outcome, n=0, seeds=[], values=[], **changes)


def ordering(claim: str = "tiny-order", **changes: Any) -> dict[str, Any]:
    """A claim that is an ordering against a constant."""
    fields = {
        "kind": "ordering",
        "criterion": "error > 0.2",
        "ordering": "error > 0.2",
        "published": None,
        "unit": None,
        "margin": None,
        "band": None,
        "mean": 0.3,
        "difference": 0.301,
        "values": [value - 0.2 for value in VALUES],
    }
    return record(claim, **(fields | changes))


def curve(claim: str = "tiny-curve", **changes: Any) -> dict[str, Any]:
    """A curve of three points, of which the last misses."""
    published, means, here = [0.1, 0.5, 0.9], [0.11, 0.49, 0.7], [0.12, 0.48, 0.71]
    points = [
        {
            "label": f"eps 0.{i + 1}",
            "published": published[i],
            "mean": means[i],
            "sd": 0.01,
            "band": band(means[i] - 0.05, means[i] + 0.05, 0.983),
            "gate": band(means[i] - 0.08, means[i] + 0.08, 0.9997),
            "inside": i < 2,
            "measured": here[i],
        }
        for i in range(3)
    ]
    fields = {
        "kind": "curve",
        "axis": "eps",
        "published": published,
        "measured": here,
        "points": points,
        "band": None,
        "gate": None,
        "mean": None,
        "sd": None,
        "values": [],
        "verdict": "trend-only",
        "evidence_verdict": "trend-only",
        "expected": "trend-only",
        "outcome": "xfailed",
    }
    return record(claim, **(fields | changes))


def image(brightest: int = 255, label: str = "7") -> dict[str, str]:
    """An image of a report: a slope from black to ``brightest``."""
    pixels = bytes(i * brightest // 783 for i in range(784))
    return {"label": label, "pixels": base64.b64encode(pixels).decode()}


def picture(name: str = "tiny-fig1", reading: str = "plain", **changes: Any) -> dict[str, Any]:
    """A picture of two rows of three images."""
    made: dict[str, Any] = {
        "name": name,
        "paper": "tiny",
        "place": "Figure 1",
        "title": "Digits",
        "caption": "Above: original. Below: darker.",
        "experiment": "toy",
        "reading": reading,
        "rows": [
            {"label": "original", "images": [image(255, f"{i}") for i in range(3)]},
            {"label": "darker", "images": [image(120, f"{i}, 98 %") for i in range(3)]},
        ],
    }
    assert set(changes) <= set(made)
    return copy.deepcopy(made | changes)


def make(
    *claims: Mapping[str, Any], pictures: Sequence[Mapping[str, Any]] = (), **header: Any
) -> dict[str, Any]:
    """A complete report, held to the schema; ``header`` replaces fields of the head."""
    made = report_json.new_report(
        copy.deepcopy(HEADER) | header,
        [dict(claim) for claim in claims],
        pictures=pictures,
        end="2026-01-02T03:05:05Z",
        seconds=60.0,
    )
    # Through JSON, as every reader has it.
    read = json.loads(json.dumps(made))
    report_json.validate(read, name="made up")
    return read


def mixed() -> dict[str, Any]:
    """One row of every verdict, two readings of one claim, a failure, and a headline."""
    return make(
        record("tiny-good", tags=["headline"]),
        record("tiny-good", "other", published=0.5, measured=0.507),
        record("tiny-same", verdict="equivalent", evidence_verdict="equivalent"),
        record(
            "tiny-miss",
            verdict="not-reproduced",
            evidence_verdict="not-reproduced",
            expected="not-reproduced",
            published=0.6,
            outcome="xfailed",
            reason="published 0.6 lies above the band",
        ),
        record("tiny-bad", outcome="failed", expected="inconclusive"),
        ordering(),
        curve(),
        record("tiny-twice", kind="inconsistency", verdict="paper-inconsistent", published=None),
        not_run("tiny-none"),
    )


def trial() -> dict[str, Any]:
    """What a user's network came to: one row of every standing, and one that broke."""
    none, above = {"verdict": "not-run"}, {"ordering": "error > noise"}
    points = curve()["points"]
    points[2]["measured"] = 0.8
    far = {"points": points, "measured": [0.12, 0.48, 0.8]}
    network = {"name": "net.py:Net", "sha256": "cd" * 32, "notes": ["takes images of 784 pixels"]}
    unasked = {"outcome": "skipped", "reason": "it compares two trainings", "control": None}
    return make(
        record("tiny-in", standing="inside", difference=0.1, tags=["headline"], **above, **none),
        record("tiny-out", standing="outside", measured=0.6, difference=-0.1, **none),
        curve("tiny-curve", standing="outside", **far, **none | {"outcome": "passed"}),
        ordering("tiny-holds", standing="holds", **none),
        ordering("tiny-fails", standing="fails", difference=-0.01, ours=True, **none),
        record("tiny-not", standing="not-asked", measured=None, **none, **unasked),
        record("tiny-broke", standing="not-asked", measured=None, **none, outcome="error"),
        kind="try",
        network=network,
    )


def at_hand() -> dict[str, Any]:
    """What a run would report whose every measurement is the first seed's."""
    found: dict[str, Any] = json.loads(_at_hand())
    return found


@cache
def _at_hand() -> str:
    rows, cases, archive = [], [], Archive()
    loaded = registry.load_all().values()
    for paper in loaded:
        for case in evidence.judge(paper, archive):
            cases.append(case)
            made = result_row.new_row(case)
            verdict = case.judgement.verdict
            passed = "passed" if verdict in PASSING else "xfailed"
            made["outcome"] = "skipped" if verdict == Verdict.NOT_RUN else passed
            made["verdict"] = verdict
            if case.values and case.claim.kind == "value":
                made["measured"] = case.values[0]
                made["weights_sha256"] = [WEIGHTS]
            if case.values and case.claim.kind == "ordering":
                made["difference"] = case.values[0]
            for point in made["points"]:
                point["measured"] = point["mean"]
            rows.append(made)
    shown = [picture(f"{paper.id}-fig1", paper=paper.id) for paper in loaded]
    names = {paper.id: paper.citation for paper in loaded}
    said = report_json.coverage(loaded, cases)
    return json.dumps(make(*rows, pictures=shown, coverage=said, papers=names))


def write(path: Path, made: Mapping[str, Any]) -> Path:
    """A report as a file."""
    path.write_text(json.dumps(made), encoding="utf-8")
    return path
