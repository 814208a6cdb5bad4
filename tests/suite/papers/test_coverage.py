"""Every sentence with a number in a paper's text is a claim, a limitation or background."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from own_papers import PAPERS
from tiny_paper import PAPER, document

from repro.claims import records
from repro.claims.records import Paper, Source
from repro.papers.check import text_of
from repro.papers.quotes import fold, unlisted


@pytest.mark.parametrize("name", [name for name, paper in PAPERS.items() if not paper.asks])
def test_every_sentence_with_a_number_is_listed(name):
    paper = PAPERS[name]
    text = text_of(paper)
    if text is None:
        pytest.skip("REPRO_PAPERS_DIR names no folder with the paper's text")
    assert unlisted(paper, text) == []
    # One entry less, and its sentence is named.
    dropped = next(one for one in paper.background if re.search(r"\d", one.quote))
    rest = tuple(one for one in paper.background if one != dropped)
    assert any(
        fold(dropped.quote) in one for one in unlisted(replace(paper, background=rest), text)
    )


TEXT = """A tiny paper

Abstract. It errs on more than one image in five, 21% of them. Nothing here has a figure. We set
the rate to 0.1 (Fig. 3. has
more). It is 2.5 times as fast!

<span style="font-variant:small-caps;">I. Introduction 1</span>

Networks are popular since 2012. Some are deep. They have 3 layers,
as Szegedy et al. 2014 have it.

![a picture](media/image4.png){width="3.3in"}Fig. 4. Success for 5s

- The first of 2 items
- The second of 2 items

Set	Error
FGSM	0.5

  Layer   Parameters
  ------- ---------------
  Input   28x28 image

$$x = 1$$

References

[1] A paper of 2014.
"""


def listed(*quotes: str) -> Paper:
    """The tiny paper with these sentences of background, and nothing else."""
    paper = records.parse(document(PAPER), name="tiny")
    background = tuple(Source("x", quote) for quote in quotes)
    return replace(paper, claims=(), limitations=(), background=background)


def test_sentences_are_found_and_what_is_none_is_cut_off():
    numbers = unlisted(listed(), TEXT)
    assert numbers == [
        "It errs on more than one image in five, 21% of them.",
        "We set the rate to 0.1 (Fig. 3. has more).",
        "It is 2.5 times as fast!",
        "Networks are popular since 2012.",
        "They have 3 layers, as Szegedy et al. 2014 have it.",
        "Fig. 4. Success for 5s",
        "- The first of 2 items",
        "- The second of 2 items",
        "FGSM 0.5",
    ]
    others = ["Abstract.", "Nothing here has a figure.", "Some are deep.", "Set Error"]
    assert sorted(unlisted(listed(), TEXT, every=True)) == sorted(numbers + others)


def test_what_a_page_adds_to_the_text_is_no_sentence():
    pages = [f"A conference of 2015\n\nIt has {n} layers.\n\n{n}" for n in range(1, 6)]
    text = "\n\n".join(["Title", *pages, "R EFERENCES\n\nA paper of 2014.\n\nA\n\nIt has 6 more."])
    assert unlisted(listed(), text) == [
        *(f"It has {n} layers." for n in range(1, 6)),
        "It has 6 more.",
    ]
    # What stands on fewer pages may be a sentence.
    assert "A conference of 2015" in unlisted(listed(), text.replace(pages[4], ""))


def test_a_sentence_that_no_entry_holds_is_named():
    whole = records.parse(document(PAPER), name="tiny")
    held = {
        "It errs on more than one image in five, 21% of them.",
        "Networks are popular since 2012.",
    }
    numbers = unlisted(listed(), TEXT)
    # A claim's quotation and one of background; without the latter its sentence is named.
    assert unlisted(whole, TEXT) == [one for one in numbers if one not in held]
    assert held & set(unlisted(replace(whole, background=()), TEXT)) == {
        "Networks are popular since 2012."
    }


def test_a_quotation_speaks_of_each_sentence_that_it_has_three_words_of():
    text = "Title\n\nNetworks are popular since 2012. They have 3 layers. It errs on 21% of them."
    assert unlisted(listed("popular since", "have 3 layers. It errs on"), text) == []
    assert unlisted(listed("popular since", "have 3 layers. It errs"), text) == [
        "It errs on 21% of them."
    ]
    assert unlisted(listed("since 2012. They have 3 layers. It"), text) == [
        "Networks are popular since 2012.",
        "It errs on 21% of them.",
    ]


def test_the_authors_code_is_not_the_papers_text():
    code = Source("log.txt", "popular since", code=True)
    text = "Title\n\nNetworks are popular since 2012."
    assert unlisted(replace(listed(), background=(code,)), text) == [
        "Networks are popular since 2012."
    ]
