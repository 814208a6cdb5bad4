"""The suite from a notebook: claims, populations, verdicts and measurements as pandas frames.

>>> from repro import notebook
>>> claims = notebook.claims()
>>> verdicts = notebook.verdicts(tag="headline")
>>> seeds = notebook.population("lacok2016", "table2", "as-written")
>>> case = notebook.judge("lacok2016-abstract-regularised-error", "as-written")
>>> claims.loc["lacok2016-abstract-regularised-error", "published"], len(seeds) >= 20
(0.81, True)
>>> print(case.judgement.verdict)
trend-only

Each asks for what it needs: neither claims nor verdicts load torch, and nothing is measured but by
:func:`measure`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from repro import paths
from repro.claims.records import Paper
from repro.claims.selection import Selection, near_misses
from repro.errors import EvidenceError, UsageError
from repro.judge import cases
from repro.judge.cases import Case
from repro.judge.populations import Archive
from repro.papers import registry

if TYPE_CHECKING:  # which needs torch
    from repro.measure.session import Measured

CLAIM = ["id", "published", "paper", "kind", "place"]
CLAIM += ["statement", "criterion", "experiment", "metric", "tags"]
POINTS = ["labels", "published", "mean", "sd", "low", "high"]
"""The columns of :func:`verdicts` that have a list of a curve, one number a point."""


def _chosen(claim: str, tag: str, reading: str) -> tuple[Selection, Collection[Paper]]:
    words = [(word,) if word else () for word in (claim, tag, reading)]
    selection = Selection(claims=words[0], tags=words[1], readings=words[2])
    papers = registry.load_all().values()
    selection.check(papers)
    return selection, papers


def claims(claim: str = "", *, tag: str = "") -> pd.DataFrame:
    """Return what the papers claim, a row a claim, by its id.

    Args:
        claim: a glob over ids; empty for every claim.
        tag: such as ``headline``; empty for every tag.

    Raises:
        ClaimsError: a record is invalid.
        UsageError: nothing matches.

    >>> claims("lacok2016-*", tag="headline")["published"].tolist()
    [0.97, 0.81]
    """
    selection, papers = _chosen(claim, tag, "")
    found = [[getattr(each, name) for name in CLAIM] for each, _ in selection.of(papers)]
    return pd.DataFrame(found, columns=CLAIM).set_index("id")


def verdicts(claim: str = "", *, tag: str = "", reading: str = "") -> pd.DataFrame:
    """Judge claims from the committed populations: a row a claim and reading, by both.

    ``low`` and ``high`` are the ends of the 95 % band, ``mean``, ``sd`` and ``n`` the
    population's; of an ordering, of its differences. Of a curve they are lists, a number a point,
    which ``.explode(notebook.POINTS)`` makes rows of.

    Raises:
        ClaimsError: a record is invalid.
        EvidenceError: a population is damaged.
        UsageError: nothing matches.

    >>> verdicts("lacok2016-t1-original-error")["verdict"].tolist()
    ['reproduced', 'reproduced']
    >>> curve = verdicts("popovic2017-fig3-rms", reading="as-coded").explode(POINTS)
    >>> curve.set_index("labels").loc["0.20", "published"]
    0.18673
    """
    selection, papers = _chosen(claim, tag, reading)
    found = [
        {
            "id": case.claim.id,
            "reading": case.reading,
            "verdict": str(case.judgement.verdict),
            "expected": str(case.expected.verdict),
            "published": case.claim.published,
            "n": case.judgement.n,
            **_numbers(case),
            "margin": case.claim.margin,
            "reason": case.judgement.reason,
        }
        for case in cases.judge_chosen(papers, selection, Archive())
    ]
    return pd.DataFrame(found).set_index(["id", "reading"])


def _numbers(case: Case) -> dict[str, Any]:
    """Return what a population says of a claim; of a curve, of each of its points."""
    labels, judged = case.claim.labels, case.judgement
    points = judged.points or [judged] * max(1, len(labels))
    bands = [point.band for point in points]
    found: dict[str, Sequence[Any]] = {
        "labels": labels or [None],
        "mean": [point.mean for point in points],
        "sd": [point.sd for point in points],
        "low": [band.low if band else None for band in bands],
        "high": [band.high if band else None for band in bands],
    }
    return {name: list(each) if labels else each[0] for name, each in found.items()}


def population(paper: str, experiment: str, reading: str) -> pd.DataFrame:
    """Return what an experiment measured under a reading, a row a seed and a column a metric.

    The columns of a curve that is claimed have its labels as well: ``rms[5] eps 0.20``.

    Raises:
        EvidenceError: there is no such population, or it is damaged.

    >>> population("lacok2016", "table1", "as-written")["fgsm-025-error"].round(4).tolist()[:2]
    [0.9794, 0.9753]
    """
    found = Archive().population("full", paper, experiment, reading)
    if not found.rows:
        near = near_misses(found.path.stem, (p.stem for p in found.path.parent.glob("*.csv")))
        raise EvidenceError(
            f"no population {found.path.stem}",
            expected=f"one that is there, for example {', '.join(near) or 'none'}",
            do="correct paper, experiment or reading, or make it (repro calibrate)",
        )
    seeds = pd.Index(found.seeds, name="seed")
    frame = pd.DataFrame([dict(row.measurements) for row in found.rows], index=seeds)
    known = registry.load_all().get(paper)  # the paper itself may be out of reach
    claims = [c for c in known.claims if c.experiment == experiment] if known else []
    labelled = {
        metric: f"{metric} {claim.axis} {label}"
        for claim in claims
        for name in (claim.metric, claim.control.metric if claim.control else claim.metric)
        for metric, label in zip(claim.own_metrics(name), claim.labels, strict=False)
    }
    return frame.rename(columns=labelled)


def judge(claim: str, reading: str) -> Case:
    """Judge one claim under one reading: its judgement, the seeds and their values.

    Raises:
        EvidenceError: a population is damaged.
        UsageError: there is no such claim, it does not have that reading, or several match.

    >>> judge("lacok2016-abstract-fgsm-error", "as-written").judgement.band.level
    0.95
    """
    selection, papers = _chosen(claim, "", reading)
    found = cases.judge_chosen(papers, selection, Archive())
    if len(found) > 1 or not reading:
        raise UsageError(
            f"{claim!r} under {reading!r}, which is not one claim under one reading",
            expected="a claim's id, and one of its readings",
            do="take both from the index of notebook.verdicts()",
        )
    return found[0]


def measure(
    paper: str, experiment: str, reading: str, *, mnist_dir: Path | str | None = None
) -> Measured:
    """Measure an experiment on this machine, on the networks of seed 0; loads torch.

    ``mnist_dir`` is the folder of the MNIST files; without one they are looked for as a run does.

    Returns:
        The values by metric, and where the networks came from.

    Raises:
        UsageError: there is no such paper, experiment or reading.
        ReproError: no data, or a measurement that is not finite.
    """
    from repro.measure.session import Session

    offered = registry.experiments(paper)
    known = [f"{name} under {each}" for name in offered for each in offered[name].readings]
    if f"{experiment} under {reading}" not in known:
        raise UsageError(
            f"no {experiment} under {reading} in {paper}",
            expected=f"one of {', '.join(known)}",
            do="correct the experiment, or the reading",
        )
    with tempfile.TemporaryDirectory() as shared:
        folder = paths.given(str(mnist_dir)) if mnist_dir is not None else None
        session = Session(shared=Path(shared), directory=folder)
        return session.measured(paper, experiment, [reading])[reading]
