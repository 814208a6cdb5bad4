"""Choosing claims: what matches, and what a word that matches nothing may have meant."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_paper import PAPER, document

from repro.claims import records
from repro.claims.selection import Selection, near_misses
from repro.errors import UsageError

PAPERS = [records.parse(document(PAPER), name="tiny")]
PAIRS = [(claim, reading) for p in PAPERS for claim in p.claims for reading in claim.readings]


def chosen(**words: tuple[str, ...]) -> list[str]:
    selection = Selection(**words)
    return [f"{c.id}@{r}" for c, r in PAIRS if selection.matches(c, r)]


def test_nothing_asked_for_restricts_nothing():
    assert not Selection()
    assert len(chosen()) == len(PAIRS) == 5
    Selection().check(PAPERS)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"claims": ("tiny-error",)}, ["tiny-error@plain", "tiny-error@other"]),
        ({"claims": ("tiny-err",)}, []),
        ({"claims": ("*",), "readings": ("other",)}, ["tiny-error@other"]),
        ({"claims": ("TINY-*",)}, []),  # ids are lower case, on every system
        ({"claims": ("tiny-?rder", "tiny-tw*")}, ["tiny-order@plain", "tiny-twice@plain"]),
        (
            {"papers": ("tiny",), "tags": ("text", "code")},
            ["tiny-order@plain", "tiny-twice@plain"],
        ),
        ({"papers": ("tin*",)}, []),
        ({"tags": ("head",)}, []),
        ({"tags": ("headline",), "readings": ("plain",)}, ["tiny-error@plain"]),
    ],
)
def test_what_matches(words, expected):
    assert Selection(**words)
    assert chosen(**words) == expected


@pytest.mark.parametrize(
    ("words", "found", "expected"),
    [
        ({"claims": ("tiny-errr",)}, "--claim tiny-errr", "tiny-error"),
        ({"claims": ("tiny-error", "[")}, "--claim [", "a known name"),
        ({"claims": ("",)}, "--claim ", "a known name"),
        ({"papers": ("tinny",)}, "--paper tinny", "tiny"),
        ({"tags": ("code", "tabel1")}, "--tag tabel1", "table1"),
        ({"readings": ("Plain",)}, "--reading Plain", "plain"),
        ({"readings": ("xyz",)}, "--reading xyz", "a known name"),
    ],
)
def test_a_word_that_matches_nothing_is_an_error_with_near_misses(words, found, expected):
    with pytest.raises(UsageError) as caught:
        Selection(**words).check(PAPERS)
    assert caught.value.found == f"{found}, which matches nothing"
    assert expected in caught.value.expected
    assert "`repro claims`" in caught.value.do


def test_words_that_match_one_by_one_but_not_together_are_an_error():
    with pytest.raises(UsageError, match="no claim matches them all"):
        Selection(claims=("tiny-twice",), tags=("headline",)).check(PAPERS)


def test_near_misses_are_few_and_the_nearest_first():
    ids = [f"tiny-t{i}-error-rate" for i in range(20)] + ["tiny-error"]
    near = near_misses("*error*", ids)
    assert len(near) == 5
    assert near[0] == "tiny-error"
    assert near_misses("tiny-eror", ids)[0] == "tiny-error"
    assert near_misses("", []) == []


@settings(max_examples=50)
@given(st.text(), st.lists(st.text(), max_size=4))
def test_near_misses_take_any_word(word, options):
    assert set(near_misses(word, options)) <= set(options)


@settings(max_examples=100)
@given(
    st.builds(
        Selection,
        st.lists(st.sampled_from(["tiny-*", "tiny-error", "*order"]), max_size=2).map(tuple),
        st.sampled_from([(), ("tiny",)]),
        st.lists(st.sampled_from(["headline", "table1", "code"]), max_size=2).map(tuple),
        st.lists(st.sampled_from(["plain", "other"]), max_size=2).map(tuple),
    )
)
def test_the_check_passes_just_where_something_is_chosen(selection):
    anything = any(selection.matches(claim, reading) for claim, reading in PAIRS)
    if anything:
        selection.check(PAPERS)
    else:
        with pytest.raises(UsageError):
            selection.check(PAPERS)
