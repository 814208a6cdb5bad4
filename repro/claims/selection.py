"""Choose claims by id, paper, tag and reading, and list them.

A word that matches nothing is an error that names near misses.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from repro.claims.records import Claim, Paper
from repro.errors import UsageError

OPTIONS: dict[str, dict[str, Any]] = {
    name: {"action": "append", "default": [], "metavar": word, "help": f"{said} (repeatable)"}
    for name, word, said in (
        ("claim", "GLOB", "only the claims whose id matches"),
        ("paper", "ID", "only this paper's claims"),
        ("tag", "TAG", "only the claims with this tag (`repro claims` ends with all)"),
        ("reading", "NAME", "only under this reading"),
    )
}
"""The options that choose claims, in the order of :class:`Selection`'s fields."""


@dataclass(frozen=True)
class Selection:
    """What to run; an empty tuple does not restrict.

    Attributes:
        claims: globs over ids (``lacok2016-t1-*``).
        tags: of which a claim must have one.
        failed: ``claim@reading`` and snapshots' names, as an earlier report has them.
    """

    claims: tuple[str, ...] = ()
    papers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is restricted."""
        return self != Selection()

    def matches(self, claim: Claim, reading: str) -> bool:
        """Whether the claim under this reading is chosen."""
        return (
            (not self.claims or any(fnmatchcase(claim.id, glob) for glob in self.claims))
            and (not self.papers or claim.paper in self.papers)
            and (not self.tags or bool(set(self.tags) & set(claim.tags)))
            and (not self.readings or reading in self.readings)
            and (not self.failed or f"{claim.id}@{reading}" in self.failed)
        )

    def of(self, papers: Iterable[Paper]) -> list[tuple[Claim, list[str]]]:
        """Return the chosen claims, each with those of its readings that are chosen."""
        every = [claim for paper in papers for claim in paper.claims]
        pairs = [(claim, [r for r in claim.readings if self.matches(claim, r)]) for claim in every]
        return [(claim, readings) for claim, readings in pairs if readings]

    def check(self, papers: Iterable[Paper]) -> None:
        """Check that every word of the selection matches something.

        Raises:
            UsageError: a word that matches nothing, or a combination that selects nothing.
        """
        loaded = list(papers)
        claims = [claim for paper in loaded for claim in paper.claims]
        ids = [claim.id for claim in claims]
        for glob in self.claims:
            if not any(fnmatchcase(id_, glob) for id_ in ids):
                raise nothing("--claim", glob, ids)
        _known("--paper", self.papers, [paper.id for paper in loaded])
        _known("--tag", self.tags, [tag for claim in claims for tag in claim.tags])
        _known("--reading", self.readings, [r for paper in loaded for r in paper.readings])
        # What had failed may be snapshots alone.
        if not replace(self, failed=()).of(loaded):
            raise UsageError(
                "options that each match, but no claim matches them all",
                expected="at least one claim",
                do="drop one of the options; `repro claims` lists every claim",
            )


def list_claims(papers: Iterable[Paper], selection: Selection) -> str:
    """Write the selected claims as text, with their statements and expected verdicts."""
    lines = []
    for claim, readings in selection.of(papers):
        expected = ", ".join(f"{r}: {claim.readings[r].verdict}" for r in readings)
        lines.append(f"{claim.id}\n    {claim.statement}\n    {expected}")
    return "\n".join(lines) + f"\n\n{len(lines)} claim{'' if len(lines) == 1 else 's'}\n"


def near_misses(word: str, options: Iterable[str]) -> list[str]:
    """Return up to five of ``options`` that ``word`` may have meant."""
    every = sorted(set(options))
    plain = word.strip("*?")
    # Of those that hold the word, the shortest adds the least to it.
    holding = sorted((option for option in every if plain and plain in option), key=len)
    return (holding or difflib.get_close_matches(plain, every, n=5, cutoff=0.3))[:5]


def nothing(option: str, word: str, options: Sequence[str]) -> UsageError:
    """Return the error of an option's word that is none of ``options``, with near misses."""
    near = near_misses(word, options)
    return UsageError(
        f"{option} {word}, which matches nothing",
        expected=f"for example {', '.join(near)}" if near else "a known name",
        do="correct it; `repro claims` lists every claim",
    )


def _known(option: str, words: Iterable[str], options: Sequence[str]) -> None:
    for word in words:
        if word not in options:
            raise nothing(option, word, options)
