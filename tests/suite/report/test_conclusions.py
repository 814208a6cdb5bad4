"""What holds, in sentences: each claim in the one that its readings' verdicts choose."""

from __future__ import annotations

import pytest
from sample_reports import curve, not_run, ordering, record

from repro.report.conclusions import Sentence, answer, conclusions


def under(**verdicts: str) -> list[dict]:
    """A claim's rows, by reading."""
    return [record(reading=reading, verdict=verdict) for reading, verdict in verdicts.items()]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (under(a="reproduced", b="equivalent", c="consistent"), "Holds"),
        (under(a="trend-only", b="reproduced"), "Holds only under b"),
        (under(a="consistent", b="inconclusive", c="equivalent"), "Holds only under a, c"),
        (under(a="trend-only", b="not-reproduced"), "Does not hold"),
        (under(a="paper-inconsistent", b="not-reproduced"), "Does not hold"),
        (under(a="inconclusive", b="not-reproduced"), "Undecided"),
        ([record(verdict="inconclusive", published=0.7)], "Does not hold"),  # but for its ordering
        ([record(verdict="inconclusive", published=0.53)], "Undecided"),  # within the margin
        (under(a="paper-inconsistent"), "Contradicts itself or its code"),
        ([not_run("a")], "Not measured"),
        ([record(), not_run("a", reading="other")], "Holds"),
        ([record(outcome="failed")], "Not confirmed by this run"),
        ([record(outcome="error"), record(reading="b", verdict="trend-only")], "Does not hold"),
    ],
)
def test_whether_a_claim_holds(rows, said):
    assert answer(rows) == said


def test_every_claim_is_counted_once_and_named_where_it_does_not_hold():
    claims = {
        "tiny-a": [record("tiny-a", tags=["headline"], statement="A thing (one; of two).")],
        "tiny-b": [ordering("tiny-b", ours=True)],
        "tiny-c": [
            record(
                "tiny-c", verdict="trend-only", statement="C, eq. (1), is so; criterion: x > y."
            ),
            record("tiny-c", "other", statement="C, eq. (1), is so; criterion: x > y."),
        ],
        "tiny-d": [curve("tiny-d", tags=["headline"], statement="D.")],
        "other-e": [record("other-e", paper="other")],
    }
    holds = (
        "2 of 4 claims (1 by a threshold of the suite's own), under every reading that they were "
        "judged under, among them"
    )
    numbers = " (published 0.5; plain 0.5004 ± 0.0060 (8))"
    one, plain = "1 of 4 claims", "1 of 1 claims, under every reading that they were judged under"
    assert conclusions(claims) == [
        Sentence("tiny", "Holds", holds, (("tiny-a", "A thing", numbers),)),
        Sentence("tiny", "Holds only under other", one, (("tiny-c", "C, eq. (1), is so", ""),)),
        Sentence("tiny", "Does not hold", one, (("tiny-d", "D", " (plain 2 of 3 inside)"),)),
        Sentence("tiny", "Under plain", "2 of 4 claims hold; 2 trend-only", (), "plain"),
        Sentence("tiny", "Under other", "1 of 1 claims hold", (), "other"),
        Sentence("other", "Holds", plain),
        Sentence("other", "Under plain", "1 of 1 claims hold", (), "plain"),
    ]


def test_what_rests_on_what_came_after_numbers_were_known_is_counted():
    late = {"post_hoc": "so"}
    missed = {"verdict": "trend-only"}
    claims = {
        "tiny-a": [record("tiny-a"), record("tiny-a", "other", **late)],  # it holds without
        "tiny-b": [record("tiny-b", **missed), record("tiny-b", "other", **late)],
        "tiny-c": [record("tiny-c", ours=True, **late)],
        "tiny-d": [record("tiny-d", **missed, **late)],
        "tiny-e": [record("tiny-e", **missed), record("tiny-e", "other", **missed, **late)],
    }
    found = {said.answer: said.text for said in conclusions(claims)}
    known = "on what came after numbers were known"
    assert found["Holds"].startswith(
        f"2 of 5 claims (1 by a threshold of the suite's own, 1 {known}), under"
    )
    assert found["Holds only under other"] == f"1 of 5 claims (1 {known})"
    assert found["Does not hold"] == f"2 of 5 claims (1 {known})"
    assert found["Under plain"] == f"2 of 5 claims hold (1 {known}); 3 trend-only"
    assert found["Under other"] == f"2 of 3 claims hold (2 {known}); 1 trend-only"


def test_a_long_sentence_says_how_many_it_names():
    claims = {f"tiny-{i}": [record(verdict="trend-only")] for i in range(20)}
    (said, _) = conclusions(claims)
    assert said.text == "20 of 20 claims, of which 12 are"
    assert len(said.claims) == 12


def test_every_question_is_named_with_its_numbers_whatever_the_answer():
    def asked(name, **changes):
        changes = {"paper": "asks", "ours": True, "question": True} | changes
        return ordering(name, statement=f"{name[5:].upper()}.", **changes)

    numbers = " (plain difference 0.3000 ± 0.0060 (8))"
    miss = {"verdict": "not-reproduced"}
    claims = {
        "asks-a": [asked("asks-a", tags=["headline"])],
        "asks-b": [asked("asks-b")],
        **{f"asks-c{i}": [asked(f"asks-c{i}", **miss)] for i in range(20)},
        "tiny-d": [ordering("tiny-d", ours=True)],
    }
    told = tuple((f"asks-c{i}", f"C{i}", numbers) for i in range(20))
    assert conclusions(claims) == [
        Sentence(
            "asks",
            "Holds",
            "2 of 22 claims",
            (("asks-a", "A", numbers), ("asks-b", "B", numbers)),
        ),
        Sentence("asks", "Does not hold", "20 of 22 claims", told),
        Sentence("asks", "Under plain", "2 of 22 claims hold; 20 not-reproduced", (), "plain"),
        Sentence(
            "tiny",
            "Holds",
            "1 of 1 claims (1 by a threshold of the suite's own), under every reading that they "
            "were judged under",
        ),
        Sentence("tiny", "Under plain", "1 of 1 claims hold", (), "plain"),
    ]
