"""What the rows of a report say of each paper, in sentences to quote; the same on every page.

A claim holds under a reading where its verdict is a pass. Rows whose test failed, and rows that
were not run, say nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from repro.claims.verdict import PASSING, Verdict
from repro.report import words
from repro.report.result_row import BROKEN, SYMBOLS, ResultRow
from repro.report.sanitize import line

MOST_NAMED = 12
"""Claims that a sentence names; the rest is counted."""
HOLDS, FAILS, OPEN, AT_ODDS, UNCONFIRMED, NOT_RUN = ANSWERS = (
    "Holds",
    "Does not hold",
    "Undecided",
    "Contradicts itself or its code",
    "Not confirmed by this run",
    "Not measured",
)


@dataclass(frozen=True)
class Sentence:
    """A sentence about a paper: ``**answer**: text: claim (numbers); claim``.

    Attributes:
        claims: (id, words, numbers) of the claims that it names; a headline alone has numbers.
        reading: the only reading that it speaks of; empty where it compares them.
    """

    paper: str
    answer: str
    text: str
    claims: tuple[tuple[str, str, str], ...] = ()
    reading: str = ""


def answer(claim: Iterable[ResultRow]) -> str:
    """Say whether a claim holds, from its rows: one of :data:`ANSWERS`, or under which readings.

    A number that misses by more than its margin does not hold where its ordering is undecided.

    >>> row = {"reading": "plain", "verdict": "reproduced", "outcome": "passed"}
    >>> answer([row]), answer([row, row | {"reading": "other", "verdict": "trend-only"}])
    ('Holds', 'Holds only under plain')
    """
    rows = list(claim)
    verdicts = {line(row["reading"], 80): row["verdict"] for row in _counted(rows)}
    holds = [reading for reading, verdict in verdicts.items() if verdict in PASSING]
    if holds:
        only = f" only under {', '.join(holds)}"
        return HOLDS if len(holds) == len(verdicts) else f"{HOLDS}{only}"
    if not verdicts:
        return UNCONFIRMED if any(row["outcome"] in BROKEN for row in rows) else NOT_RUN
    if any(row["verdict"] == Verdict.INCONCLUSIVE and not _missed(row) for row in _counted(rows)):
        return OPEN
    return AT_ODDS if set(verdicts.values()) == {Verdict.PAPER_INCONSISTENT} else FAILS


def _missed(row: ResultRow) -> bool:
    """Whether a number misses by more than its margin, so that its ordering alone is undecided."""
    band, mean, published, margin = row["band"], row["mean"], row["published"], row["margin"]
    if band is None or mean is None or not isinstance(published, float) or margin is None:
        return False
    outside = not band["low"] <= published <= band["high"]
    return outside and abs(published - mean) > margin


def conclusions(claims: Mapping[str, Sequence[ResultRow]]) -> list[Sentence]:
    """Say what holds, what holds under some readings alone and what does not, paper by paper.

    Args:
        claims: the rows of each claim, by its id.
    """
    found: list[Sentence] = []
    for paper in dict.fromkeys(rows[0]["paper"] for rows in claims.values()):
        mine = {name: rows for name, rows in claims.items() if rows[0]["paper"] == paper}
        answers: dict[str, dict[str, Sequence[ResultRow]]] = {}
        for name, rows in mine.items():
            answers.setdefault(answer(rows), {})[name] = rows
        found += [
            _sentence(paper, said, answers[said], len(mine)) for said in sorted(answers, key=_rank)
        ]
        found += _by_reading(paper, mine)
    return found


def _rank(said: str) -> tuple[int, str]:
    return (ANSWERS.index(said) if said in ANSWERS else 0, said)


def _counted(claim: Iterable[ResultRow]) -> list[ResultRow]:
    return [
        row for row in claim if row["outcome"] not in BROKEN and row["verdict"] != Verdict.NOT_RUN
    ]


def _sentence(
    paper: str, said: str, claims: Mapping[str, Sequence[ResultRow]], total: int
) -> Sentence:
    asked = any(rows[0]["question"] for rows in claims.values())
    ours = 0 if asked else sum(rows[0]["ours"] for rows in claims.values())
    terms = [f"{ours} by a threshold of the suite's own"] * bool(ours)
    text = f"{len(claims)} of {total} claims" + _on_terms(terms, map(_late, claims.values()))
    heads = [n for n, rows in claims.items() if asked or "headline" in rows[0]["tags"]]
    named = [*heads, *(name for name in claims if name not in heads)]
    most = len(named) if asked else MOST_NAMED
    if said == HOLDS:
        text += "" if asked else ", under every reading that they were judged under"
        text += ", among them" if heads and not asked else ""
        named = heads
    elif len(named) > most:
        text += f", of which {most} are"
    shown = [
        (name, _statement(claims[name][0]), f" ({_numbers(claims[name])})" * (name in heads))
        for name in named[:most]
    ]
    return Sentence(paper, said, text, tuple(shown))


def _on_terms(terms: Sequence[str], late: Iterable[bool]) -> str:
    """Write ``(2 by ..., 3 on ...)``: how many do not stand on the paper's own terms alone."""
    count = sum(late)
    said = [*terms, *([f"{count} on {words.LATE}"] if count else [])]
    return f" ({', '.join(said)})" if said else ""


def _late(claim: Iterable[ResultRow]) -> bool:
    """Whether all that a claim's answer rests on, its passes or else its misses, is post hoc."""
    rows = _counted(claim)
    rests = [row for row in rows if row["verdict"] in PASSING] or rows
    return bool(rests) and all(row["post_hoc"] for row in rests)


def _statement(row: ResultRow) -> str:
    """Return what a claim states, without what explains it."""
    statement = line(row["statement"], 300).rstrip(".")
    return re.sub(r" \([^()]*\)$", "", statement).partition("; ")[0]


def _numbers(claim: Iterable[ResultRow]) -> str:
    parts = []
    for row in claim:
        found = words.band(row) if row["points"] else words.population(row)
        parts.append(f"{line(row['reading'], 80)} {found}")
    first = next(iter(claim))
    said = "" if first["points"] or first["question"] else f"published {words.published(first)}; "
    return said + ", ".join(parts)


def _by_reading(paper: str, claims: Mapping[str, Sequence[ResultRow]]) -> list[Sentence]:
    """Count what each reading's claims came to, a sentence a reading."""
    found: dict[str, list[ResultRow]] = {}
    for row in (row for rows in claims.values() for row in _counted(rows)):
        found.setdefault(line(row["reading"], 80), []).append(row)
    sentences = []
    for reading, mine in found.items():
        counts = Counter(row["verdict"] for row in mine)
        holds = [row for row in mine if row["verdict"] in PASSING]
        rest = [f"{counts[v]} {v}" for v in SYMBOLS if counts[v] and v not in PASSING]
        late = _on_terms((), (bool(row["post_hoc"]) for row in holds))
        text = f"{len(holds)} of {len(mine)} claims hold{late}"
        sentences.append(
            Sentence(paper, f"Under {reading}", "; ".join([text, *rest]), (), reading)
        )
    return sentences
