"""Put expected verdicts into the text of a ``claims.toml``, and leave all else as it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

from repro.claims.records import Expectation, parse
from repro.claims.schema import wrong

TO_WRITE = "to be written: why it is so"
"""Stands for the reason of a verdict until a person gives it; ``repro check`` refuses it."""
_TABLE = r'\{(?:"(?:[^"\\\n]|\\.)*"|[^"{}\n])*\}'


def with_expected(text: str, changes: Mapping[tuple[str, str], Expectation], *, name: str) -> str:
    """Return the text with other expectations, by claim's id and reading.

    An expectation is edited where it is a table of one line, ``NAME = { expected = ... }``.

    Raises:
        ClaimsError: one is written in another way, or the text is not valid.
    """
    paper, changed = parse(text, name=name), text
    for (claim, reading), new in changes.items():
        made = f"expected = {json.dumps(new.verdict)}"
        if new.reason:
            made += f", reason = {json.dumps(new.reason, ensure_ascii=False)}"
        records = re.split(r"^(?=\[\[)", changed, flags=re.M)
        spot = re.compile(rf'((?<![\w-])"?{re.escape(reading)}"?\s*=\s*){_TABLE}')
        for i, part in enumerate(records):
            mine = re.search(rf'^id\s*=\s*"{re.escape(claim)}"', part, re.M)
            if mine and (found := spot.search(part, mine.end())):
                table = f"{found[1]}{{ {made} }}"
                records[i] = part[: found.start()] + table + part[found.end() :]
        changed = "".join(records)
    claims = tuple(
        replace(
            claim, readings={r: changes.get((claim.id, r), e) for r, e in claim.readings.items()}
        )
        for claim in paper.claims
    )
    if parse(changed, name=name) != replace(paper, claims=claims):
        raise wrong(
            name,
            "expected verdicts that cannot be found line by line",
            "READING = { expected = ... } on one line, below the id of its claim",
        )
    return changed
