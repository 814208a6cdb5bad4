"""Expected verdicts are edited line by line, and nothing else of the text is."""

from __future__ import annotations

import pytest
from own_papers import FOLDERS

from repro.claims.expected import with_expected
from repro.claims.records import Expectation, parse
from repro.claims.verdict import Verdict
from repro.errors import ClaimsError

MISS = Expectation(Verdict.TREND_ONLY, 'it says "0.5" – ε, {here}')
PASS = Expectation(Verdict.REPRODUCED, "")


@pytest.mark.parametrize("path", [folder / "claims.toml" for folder in FOLDERS], ids=str)
def test_one_line_changes_and_comments_stay(path):
    text = path.read_text(encoding="utf-8")
    paper = parse(text, name="x")
    measured = [claim for claim in paper.claims if claim.kind != "inconsistency"]
    for claim in measured[:: len(measured) // 2]:
        for reading, old in claim.readings.items():
            new = MISS if old.verdict != MISS.verdict else PASS
            changed = with_expected(text, {(claim.id, reading): new}, name="x")
            pairs = zip(text.splitlines(), changed.splitlines(), strict=True)
            ((before, after),) = ((a, b) for a, b in pairs if a != b)
            assert before.partition("=")[0] == after.partition("=")[0]
            assert ("– ε, {here}" in after) is (new is MISS)
            # And back again, where the first is written as this writes it.
            back = with_expected(changed, {(claim.id, reading): old}, name="x")
            assert parse(back, name="x") == paper


HEAD = """
paper = { id = "x", title = "X", author = "Y", year = 2020 }
readings = { plain = "As it is.", no-plain = "As it is not." }
[[claim]]
id = "x-a"
kind = "ordering"
statement = "s"
place = "p"
quote = "q"
experiment = "e"
control = { metric = "c", why = "w" }
ordering = { metric = "m", relation = ">", than = 0.5, why = "w" }
"""


def test_readings_of_one_line_whose_names_end_alike():
    line = (
        'readings = { no-plain = { expected = "inconclusive", reason = "a } b" }, '
        'plain = { expected = "reproduced" } }'
    )
    changed = with_expected(HEAD + line, {("x-a", "plain"): MISS}, name="x")
    assert changed == HEAD + line.replace(
        '{ expected = "reproduced" }',
        '{ expected = "trend-only", reason = "it says \\"0.5\\" – ε, {here}" }',
    )


def test_what_is_written_in_another_way_is_left_for_a_hand():
    for text in (
        '[claim.readings.plain]\nexpected = "reproduced"\n',
        '[claim.readings]\nplain.expected = "reproduced"\n',
    ):
        with pytest.raises(ClaimsError, match="cannot be found line by line"):
            with_expected(HEAD + text, {("x-a", "plain"): MISS}, name="x")
