"""CLAIMS.md: every claim, what the paper says, what the populations say. Never typed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from repro.claims.records import Claim, CurveClaim, NumberClaim, OrderingClaim, Paper
from repro.claims.verdict import Verdict
from repro.judge import cases as evidence
from repro.judge.cases import Case
from repro.judge.effects import effects, switches
from repro.judge.populations import Archive
from repro.judge.verdicts import PointJudgement
from repro.report import report_json

MEANINGS = {
    Verdict.REPRODUCED: "the published number lies in the 95 % prediction band for one more "
    "training, and that band is no wider than the margin fixed beforehand; for an ordering: it "
    "holds (sign test over seeds, Holm over the orderings of the paper under the reading)",
    Verdict.EQUIVALENT: "outside the band, yet the population's mean is shown to be within the "
    "margin",
    Verdict.TREND_ONLY: "the number misses, the ordering that goes with it holds",
    Verdict.NOT_REPRODUCED: "neither the number nor the ordering is shown to hold",
    Verdict.INCONCLUSIVE: "the published number lies in the band, but the band is wider than the "
    "margin; or fewer than five seeds",
    Verdict.PAPER_INCONSISTENT: "the paper contradicts itself or its own code",
    Verdict.NOT_RUN: "nothing was measured; never counted as a pass",
}

HEAD = """\
<!-- Made by `repro docs`; a test keeps it in step. -->
# Claims

{coverage}. {counts}.

Every network here was trained anew on the papers' data, from the papers' descriptions and, where
these leave it open, the authors' published code. In the ACM's words the results below are
*replicated* with independently developed artifacts, where they hold; the papers' own artifacts
were not run.

## How to read a verdict

| verdict | the evidence |
| --- | --- |
{meanings}

Mean, s and N are of independent trainings with different seeds. Seed 0 is the network that
ships. A verdict belongs to a reading: one complete interpretation of what the paper leaves
open. Of {banded} bands of 95 %, {expected_misses:.1f} would miss by chance if every claim held.
[docs/statistics.md](docs/statistics.md) has the formulas.
"""


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _cell(text: str) -> str:
    """Text that cannot break a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def _published(claim: Claim) -> str:
    match claim:
        case NumberClaim():
            return f"{claim.published:g}"
        case CurveClaim():
            low, high = min(claim.points), max(claim.points)
            return f"{len(claim.points)} points, {low:g} to {high:g}"
        case OrderingClaim():
            return f"`{claim.criterion}`"
        case _:
            return "two sources"


def _population(case: Case) -> str:
    judged = case.judgement
    if judged.points:
        means = [point.mean for point in judged.points]
        return f"{min(means):.4f} to {max(means):.4f} ({judged.n})"
    if judged.mean is None:
        return "–"
    spread = "" if judged.sd is None else f" ± {judged.sd:.4f}"
    what = "difference " if isinstance(case.claim, OrderingClaim) else ""
    return f"{what}{judged.mean:.4f}{spread} ({judged.n})"


def _band(case: Case) -> str:
    band, points = case.judgement.band, case.judgement.points
    if points:
        return f"{sum(point.inside for point in points)} of {len(points)} points inside"
    return "–" if band is None else f"[{band.low:.4f}, {band.high:.4f}]"


def _seed0(case: Case) -> str:
    return _number(case.values[case.seeds.index(0)]) if case.values and 0 in case.seeds else "–"


def _row(case: Case, *, first: bool) -> str:
    claim = case.claim
    name = f'<a id="{claim.id}"></a>`{claim.id}`' if first else ""
    cells = [
        name,
        _cell(claim.place) if first else "",
        _published(claim) if first else "",
        case.reading,
        _population(case),
        _band(case),
        _seed0(case),
        f"`{case.judgement.verdict}`",
    ]
    return f"| {' | '.join(cells)} |"


def headline(claim: Claim, cases: Iterable[Case]) -> str:
    """One claim, and a sentence a reading from its judgements."""
    lines = [f"- **{_cell(claim.statement)}** “{_cell(claim.quote)}” ({claim.place})"]
    lines += [
        f"  - {case.reading}: **{case.judgement.verdict}**; {case.judgement.reason}."
        for case in cases
        if case.claim.id == claim.id
    ]
    return "\n".join(lines)


def findings(papers: Iterable[Paper], archive: Archive) -> str:
    """The headline claims as a table, for the README.

    Args:
        papers: the records.
        archive: the populations.
    """
    lines = [
        "| headline claim | published | reading | mean ± s (N) | verdict |",
        "| --- | --- | --- | --- | --- |",
    ]
    cases = [case for paper in papers for case in evidence.judge(paper, archive)]
    for case in cases:
        if "headline" in case.claim.tags:
            cells = [_cell(case.claim.statement), _published(case.claim), case.reading]
            cells += [_population(case), f"`{case.judgement.verdict}`"]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _paper(paper: Paper, cases: list[Case]) -> list[str]:
    lines = [f"## {paper.title} ({paper.author}, {paper.year})", "", "Readings:", ""]
    lines += [f"- `{name}`: {summary}" for name, summary in paper.readings.items()]
    lines += [
        "",
        (
            f"Test: [tests/claims/test_{paper.id}.py](tests/claims/test_{paper.id}.py); records "
            "with quotes, margins and controls: "
            f"[claims.toml](repro/papers/{paper.id}/claims.toml); "
            "for the whole story of one claim, `repro show ID`."
        ),
        "",
        "| claim | place | published | reading | mean ± s (N) | 95 % band | seed 0 | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    seen: set[str] = set()
    for case in cases:
        if case.claim.paper == paper.id:
            lines.append(_row(case, first=case.claim.id not in seen))
            seen.add(case.claim.id)
    return [*lines, ""]


def _switches(papers: Iterable[Paper], archive: Archive) -> list[str]:
    lines = [
        "## What the readings change",
        "",
        "Paired over seeds: the number under the reading minus the number under the paper's first",
        "reading. Numbers that a reading leaves exactly as they are do not appear.",
        "",
        "| claim | published | reading | effect, mean ± s (N) |",
        "| --- | --- | --- | --- |",
    ]
    for paper in papers:
        for switch in switches(paper, archive):
            if switch.mean or switch.sd:
                effect = f"{switch.mean:+.4f} ± {switch.sd:.4f} ({switch.n})"
                claim = switch.claim
                lines.append(
                    f"| `{claim.id}` | {claim.published:g} | {switch.reading} | {effect} |"
                )
    return [*lines, ""]


def _effects(papers: Iterable[Paper], archive: Archive) -> list[str]:
    lines = [
        "## What single switches change",
        "",
        "Paired over seeds: each switch alone, from the reading named, everything else as it is",
        "there. Measured, not judged; `claims.toml` says in what experiment.",
        "",
        "| paper | switch | from reading | measure | without | effect, mean ± s (N) |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for paper in papers:
        for found in effects(paper, archive):
            digits = 1 if found.measure == "iterations" else 4
            change = f"{found.mean:+.{digits}f} ± {found.sd:.{digits}f} ({found.n})"
            cells = [paper.id, _cell(found.effect.what), found.reading, found.measure]
            cells += [f"{found.before:.{digits}f}", change]
            lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _curves(cases: list[Case]) -> list[str]:
    lines = [
        "## Curves, point by point",
        "",
        "The population's mean ± s at each point and its simultaneous 95 % band; **bold** where",
        "the published value lies outside.",
    ]
    claims = {case.claim.id: case.claim for case in cases if isinstance(case.claim, CurveClaim)}
    for claim in claims.values():
        mine = [case for case in cases if case.claim.id == claim.id]
        lines += ["", f"`{claim.id}`, {_cell(claim.place)}:", ""]
        lines.append(f"| point | published | {' | '.join(case.reading for case in mine)} |")
        lines.append(f"| --- | --- |{' --- |' * len(mine)}")
        for i, label in enumerate(claim.labels):
            points = [case.judgement.points for case in mine]
            cells = [_point(every[i]) if every else "–" for every in points]
            lines.append(f"| {_cell(label)} | {claim.points[i]:g} | {' | '.join(cells)} |")
    return [*lines, ""]


def _point(point: PointJudgement) -> str:
    spread = "" if point.sd is None else f" ± {point.sd:.4f}"
    if point.band is None:
        return f"{point.mean:.4f}{spread}, no band"
    band = f"[{point.band.low:.4f}, {point.band.high:.4f}]"
    return f"{point.mean:.4f}{spread}, {band if point.inside else f'**{band}**'}"


def _repeats(cases: Iterable[Case]) -> int:
    """How many cases have the very values of an earlier reading of their claim."""
    seen: dict[str, list[tuple[float, ...]]] = {}
    count = 0
    for case in cases:
        if case.values:
            earlier = seen.setdefault(case.claim.id, [])
            count += case.values in earlier
            earlier.append(case.values)
    return count


def claims_page(papers: Iterable[Paper], archive: Archive) -> str:
    """The text of CLAIMS.md.

    Args:
        papers: the records.
        archive: the populations.
    """
    loaded = list(papers)
    cases = [case for paper in loaded for case in evidence.judge(paper, archive)]
    counts = Counter(case.judgement.verdict for case in cases)
    said = ", ".join(f"{counts[v]} `{v}`" for v in Verdict if counts[v])
    banded = sum(case.judgement.band is not None for case in cases)
    head = HEAD.format(
        coverage=report_json.coverage(loaded, cases),
        counts=(
            f"Verdicts, one a claim and reading: {said}; {_repeats(cases)} of them repeat "
            "another reading's measurements, which that reading leaves as they are"
        ),
        meanings="\n".join(f"| `{verdict}` | {text} |" for verdict, text in MEANINGS.items()),
        banded=banded,
        expected_misses=0.05 * banded,
    )
    lines = [head, "## Headline claims", ""]
    lines += [
        headline(claim, cases)
        for paper in loaded
        for claim in paper.claims
        if "headline" in claim.tags
    ]
    lines.append("")
    for paper in loaded:
        lines += _paper(paper, cases)
    lines += _switches(loaded, archive)
    lines += _effects(loaded, archive)
    lines += _curves(cases)
    lines += ["## Limitations", "", "Statements that are not checked, and why.", ""]
    lines += ["| paper | place | quote | why |", "| --- | --- | --- | --- |"]
    for paper in loaded:
        for limit in paper.limitations:
            quote = _cell(limit.source.quote)
            lines.append(f"| {paper.id} | {limit.source.place} | “{quote}” | {limit.why} |")
    return "\n".join(lines) + "\n"
