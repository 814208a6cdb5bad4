"""CLAIMS.md: every claim, what the paper says, what the populations say. Never typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from repro.claims.records import Paper
from repro.judge.cases import Case
from repro.judge.effects import effects, reading_changes
from repro.judge.overview import explained, with_margins
from repro.judge.populations import Archive
from repro.markdown import joined, table
from repro.report import words
from repro.report.conclusions import AT_ODDS, FAILS, HOLDS, OPEN, answer, conclusions
from repro.report.report_json import coverage
from repro.report.result_row import PointRow, ResultRow, new_row

HEAD = """\
<!-- Made by `repro docs`; a test keeps it in step. -->
# Claims

Every network here was trained anew on the papers' data, from the papers' descriptions and,
where these leave it open or the code contradicts them, the authors' published code. In the
ACM's words the results below are *replicated* with independently developed artifacts, where
they hold; the papers' own artifacts were not run. Goodfellow et al.'s maxout networks are
trained for fewer epochs than theirs, and the networks of the open questions are narrower than
any paper's. A claim *holds* where the verdict is `reproduced`, `consistent` or `equivalent`;
it is *undecided* where one is `inconclusive`, unless its number misses by more than its
margin. Headline claims have the mean ± s of (N) independent trainings beside them. *In a
second way* are those that judge another claim's statement by another criterion or on other
images.

{conclusions}

{coverage}; what is judged in two ways counts once. Verdicts,
one a claim and reading: {counts}; {repeats} of them repeat another reading's measurements, which
that reading leaves as they are. {apart}.
"""
LEGEND = """\
## How to read a verdict

{meanings}
Mean, s and N are of independent trainings with different seeds. Seed 0 is the network that
ships. A verdict belongs to a reading: one complete interpretation of what the paper leaves
open. *Post hoc* is what came after its numbers were known, the claim, its criterion or its
reading; *our criterion* is one that the paper does not give. The rules themselves were
revised, too, with seeds known: [docs/verdict-changes.md](docs/verdict-changes.md) has every
verdict that this changed.
{by_chance};
a curve, whose points have one band together, counts once.
[docs/statistics.md](docs/statistics.md) has the formulas.
"""
EXPLAINED = """\
## What each reading explains

How many of the published numbers lie in their bands, for the paper as a whole and for each table
that one network gave. A bar or point of a figure is a number, and so is one that follows from
others, such as a gain between two tables. A number is left out where the reading says nothing of
it; *else* takes those under the paper's first reading, so that the paper is judged as one whole.
Where no row has all of a paper's numbers, its readings are of several networks: their rows add up.
A wide band holds much ([docs/statistics.md](docs/statistics.md#curves) says how much of a curve),
and a reading can hold every number by itself and not the table: *p* is of the joint test of all
the table's numbers at once (Hotelling's T² for one more training, the rounding of the numbers
counted).
"""
EFFECTS = """\
## What single switches change

Paired over seeds: each switch alone, without it and what it adds, everything else as the reading
named has it (which may have the switch itself), on the test images of the experiment that
`claims.toml` names, which may be the first ones alone. Measured, not judged.
"""
CHANGES = """\
## What the readings change

Paired over seeds: the number under the reading minus the number under the paper's first
reading. Numbers that a reading leaves exactly as they are do not appear.
"""
CURVES = """\
## Curves, point by point

The population's mean ± s at each point and its simultaneous 95 % band; **bold** where
the published value lies outside.
"""


def _cell(text: str) -> str:
    """Return text that cannot break a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def _published(row: ResultRow) -> str:
    return f"`{row['criterion']}`" if row["criterion"] else words.published(row)


def _verdict(row: ResultRow) -> str:
    return ", ".join([f"`{row['evidence_verdict']}`", *words.marks(row)])


def _explained(papers: Iterable[Paper], cases: Sequence[Case], archive: Archive) -> list[str]:
    cells = [
        [
            line.paper,
            line.reading + ", post hoc" * (line.reading in paper.post_hoc_readings),
            _cell(line.table) or "all" + f", else {line.rest}" * bool(line.rest),
            f"{line.inside} of {line.numbers}",
            words.NOTHING if line.p is None else f"{line.p:.2g}",
        ]
        for paper in papers
        for line in explained(paper, cases, archive)
        if line.numbers
    ]
    wider = []
    for factor, said in ((0.5, "half"), (2.0, "twice")):
        changes = with_margins(papers, archive, factor)
        found = ", ".join(f"{n} {change}" for change, n in sorted(changes.items()))
        wider.append(f"Were every margin {said} as wide: {found or 'no verdict would change'}.")
    titles = ["paper", "reading", "table", "inside", "joint p"]
    return [EXPLAINED, table(titles, cells), "\n".join(wider)]


def _conclusions(papers: Iterable[Paper], claims: Mapping[str, Sequence[ResultRow]]) -> str:
    """Return a paragraph a paper: what holds, under which reading, and what does not."""
    said = [each for each in conclusions(claims) if not each.reading]
    lines = [_counted(papers, claims)]
    for paper in papers:
        lines += [f"**{paper.citation}**", ""]
        for each in (each for each in said if each.paper == paper.id):
            named = [f"[{_cell(text)}](#{name}){numbers}" for name, text, numbers in each.claims]
            text = ": ".join([each.text, "; ".join(named)] if named else [each.text])
            lines.append(f"- **{each.answer}**: {text}.")
        lines.append("")
    return "\n".join(lines[:-1])


def _counted(papers: Iterable[Paper], claims: Mapping[str, Sequence[ResultRow]]) -> str:
    """Return a table of how many claims of each paper hold."""
    rows = []
    for paper in (paper for paper in papers if not paper.asks):
        own = [mine for mine in claims.values() if mine[0]["paper"] == paper.id]
        said = [answer(mine) for mine in own if not mine[0]["question"]]
        some = sum(each.startswith(f"{HOLDS} only") for each in said)
        rest = [said.count(each) for each in (FAILS, OPEN, AT_ODDS)]
        again = sum(claim.variant_of != "" for claim in paper.claims)
        counts = [len(said), again, said.count(HOLDS), some, *rest]
        rows.append([f"`{paper.id}`", *map(str, counts)])
    titles = [
        "paper",
        "claims",
        "in a second way",
        "hold",
        "hold under some readings only",
        "do not hold",
    ]
    return table([*titles, "undecided", "the paper contradicts itself or its code"], rows)


def findings(cases: Iterable[Case]) -> str:
    """Return the headline claims as a table, for the README."""
    cells = [
        [
            _cell(row["statement"]),
            _published(row),
            row["reading"],
            words.population(row),
            _verdict(row),
        ]
        for row in map(new_row, cases)
        if "headline" in row["tags"]
    ]
    titles = ["headline claim", "published", "reading", "mean ± s (N)", "verdict"]
    return table(titles, cells)


def _claim(claim: Sequence[ResultRow]) -> Iterable[list[str]]:
    """Return a claim's cells, a reading each; what they share stands in the first alone."""
    first = claim[0]
    about = [f'<a id="{first["id"]}"></a>`{first["id"]}`', _cell(first["place"])]
    about.append(_published(first))
    for row in claim:
        seed0 = dict(zip(row["seeds"], row["values"], strict=False)).get(0)
        yield [
            *about,
            row["reading"],
            words.population(row),
            words.band(row),
            words.number(seed0),
            _verdict(row),
        ]
        about = [""] * len(about)


def _paper(paper: Paper, claims: Iterable[Sequence[ResultRow]]) -> list[str]:
    titles = ["claim", "place", "published", "reading", "mean ± s (N)", "95 % band", "seed 0"]
    late = {name: f" Post hoc: {reason}." for name, reason in paper.post_hoc_readings.items()}
    readings = [f"- `{name}`: {text}{late.get(name, '')}" for name, text in paper.readings.items()]
    return [
        f"## {paper.title} ({paper.author}, {paper.year})",
        "Readings:",
        "\n".join(readings),
        (
            f"Test: [tests/claims/test_{paper.id}.py](tests/claims/test_{paper.id}.py); records "
            "with quotes, margins and controls: "
            f"[claims.toml](repro/papers/{paper.id}/claims.toml); "
            "for the whole story of one claim, `repro show ID`."
        ),
        table([*titles, "verdict"], (cells for claim in claims for cells in _claim(claim))),
    ]


def _change(mean: float, sd: float, n: int, digits: int = 4) -> str:
    return f"{mean:+.{digits}f} ± {sd:.{digits}f} ({n})"


def _changes(papers: Iterable[Paper], archive: Archive) -> list[str]:
    cells = [
        [f"`{c.claim.id}`", words.short(c.claim.published), c.reading, _change(c.mean, c.sd, c.n)]
        for paper in papers
        for c in reading_changes(paper, archive)
        if c.mean or c.sd
    ]
    titles = ["claim", "published", "reading", "effect, mean ± s (N)"]
    return [CHANGES, table(titles, cells)]


def _effects(papers: Iterable[Paper], archive: Archive) -> list[str]:
    cells = []
    for paper in papers:
        for found in effects(paper, archive):
            digits = 1 if found.measure == "iterations" else 4
            about = [paper.id, _cell(found.effect.what), found.reading, found.measure]
            numbers = _change(found.mean, found.sd, found.n, digits)
            cells.append([*about, f"{found.before:.{digits}f}", numbers])
    titles = ["paper", "switch", "from reading", "measure", "without", "effect, mean ± s (N)"]
    return [EFFECTS, table(titles, cells)]


def _curves(claims: Iterable[Sequence[ResultRow]]) -> list[str]:
    blocks = [CURVES]
    for claim in claims:
        points = zip(*(row["points"] for row in claim), strict=True)
        cells = [
            [_cell(at[0]["label"]), words.short(at[0]["published"]), *map(_point, at)]
            for at in points
        ]
        if cells:
            titles = ["point", "published", *(row["reading"] for row in claim)]
            head = f"`{claim[0]['id']}`, {_cell(claim[0]['place'])}:"
            blocks += [head, table(titles, cells)]
    return blocks


def _point(point: PointRow) -> str:
    if point["mean"] is None:
        return words.NOTHING
    band = words.interval(point["band"]) if point["band"] else "no band"
    said = f"**{band}**" if point["inside"] is False else band
    return f"{words.mean_and_spread(point['mean'], point['sd'])}, {said}"


def _repeats(claims: Iterable[Sequence[ResultRow]]) -> int:
    """Count the rows that have the very values of an earlier reading of their claim."""
    values = [[tuple(row["values"]) for row in claim if row["values"]] for claim in claims]
    return sum(len(each) - len(set(each)) for each in values)


def claims_page(papers: Iterable[Paper], cases: Iterable[Case], archive: Archive) -> str:
    """Return the text of CLAIMS.md: ``cases`` are every claim under every reading, judged."""
    loaded, judged = list(papers), list(cases)
    rows = [new_row(case) | {"verdict": case.judgement.verdict} for case in judged]
    by_claim: dict[str, list[ResultRow]] = {}
    for row in rows:
        by_claim.setdefault(row["id"], []).append(row)
    claims = list(by_claim.values())
    meanings = [[f"`{verdict}`", text] for verdict, text in words.MEANINGS.items()]
    blocks = [
        HEAD.format(
            conclusions=_conclusions(loaded, by_claim),
            coverage=coverage(loaded, judged),
            counts=", ".join(f"{n} `{verdict}`" for verdict, _, n in words.counts(rows) if n),
            repeats=_repeats(claims),
            apart=words.apart(rows) or "Every pass rests on the papers' own words",
        ),
        *_explained(loaded, judged, archive),
        LEGEND.format(
            meanings=table(["verdict", "the evidence"], meanings),
            by_chance=words.by_chance(rows) or "There are no bands yet",
        ),
    ]
    for paper in loaded:
        blocks += _paper(paper, [claim for claim in claims if claim[0]["paper"] == paper.id])
    blocks += [*_changes(loaded, archive), *_effects(loaded, archive), *_curves(claims)]
    limits = [
        [paper.id, limit.source.place, f"“{_cell(limit.source.quote)}”", limit.why]
        for paper in loaded
        for limit in paper.limitations
    ]
    background = ", ".join(f"{len(paper.background)} of {paper.id}" for paper in loaded)
    return joined(
        [
            *blocks,
            "## Limitations",
            "Statements that are not checked, and why.",
            table(["paper", "place", "quote", "why"], limits),
            f"Sentences of background, listed in `claims.toml`, not counted: {background}.",
        ]
    )
