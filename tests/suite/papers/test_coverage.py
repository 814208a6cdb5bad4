"""Every sentence with a number in a paper's text is a claim, a limitation or background."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from own_papers import PAPERS, TEXTS, fold
from tiny_paper import PAPER, document

from repro.claims import records
from repro.claims.records import Paper, Source

# What has no sentences: the title, the list of references and whatever follows it (an appendix of
# code, the captions that a conversion put there), pictures, set formulas and headings.
_END = re.compile(r"^(<[^>]*>)?References(<[^>]*>)?$", re.M)
_NO_SENTENCE = re.compile(
    r"\A.*$|!\[[^\]]*\]\([^)]*\)(\{[^}]*\})?|\$\$[^$]*\$\$|^#.*$|^<span[^<]*</span>$", re.M
)
# The references may also stand before an appendix A. A page has a number and a running head.
_REFERENCES = re.compile(r"^R ?EFERENCES$.*?^A$", re.M | re.S)
_PAGE_NUMBER = re.compile(r"^\d+$", re.M)
_HEAD_PAGES = 5
# A full stop ends a sentence where a capital follows, and no abbreviation stands before it.
_STOP = re.compile(r"(?<=[.!?])[\"”)\]]* (?=[\"“*$\[]*[A-ZΑ-Ω])")
_ABBREVIATED = re.compile(r"(\b(Fig|Figs|Eq|Sec|Avg|al|vs|cf|e\.g|i\.e)\.|^(Fig\. )?\d+\.)$")


def paragraphs(text: str) -> Iterator[str]:
    """Running text, folded, a paragraph at a time; a table's row with tabs, or an item, is one.

    pandoc's tables are left out: their lines are indented.
    """
    text = _PAGE_NUMBER.sub("", _REFERENCES.sub("", text))
    end = _END.search(text)
    body = _NO_SENTENCE.sub("", text[: end.start() if end else None])
    lines = Counter(body.splitlines())
    heads = {line for line, count in lines.items() if line.strip() and count >= _HEAD_PAGES}
    body = "\n".join("" if line in heads else line for line in body.splitlines())
    for part in re.split(r"\n[ \t]*\n|\n(?=-\s)|\n(?=[^\n]*\t)", body):
        if fold(part) and not part.startswith("  "):
            yield fold(part)


def sentences(paragraph: str) -> Iterator[tuple[int, int]]:
    """First and last character of each sentence of a folded paragraph."""
    start = 0
    for stop in _STOP.finditer(paragraph):
        if not _ABBREVIATED.search(paragraph[start : stop.start()]):
            yield start, stop.start()
            start = stop.end()
    yield start, len(paragraph)


def quoted(paper: Paper) -> list[str]:
    """The words of every claim, limitation and sentence of background of a paper."""
    sources: list[Source] = [*paper.background]
    sources += [source for claim in paper.claims for source in claim.sources]
    sources += [limitation.source for limitation in paper.limitations]
    return [fold(source.quote) for source in sources if not source.code]


def spots(quote: str, paragraph: str) -> Iterator[tuple[int, int]]:
    """Where a quotation stands."""
    start = paragraph.find(quote)
    while start >= 0:
        yield start, start + len(quote)
        start = paragraph.find(quote, start + 1)


def unlisted(paper: Paper, text: str, *, every: bool = False) -> list[str]:
    """The sentences with a number (or every sentence) that hold no quotation.

    A quotation may lie within a sentence, hold it, or reach over into the next one: with three
    words of it at least, or with all of it.
    """
    quotes, found = quoted(paper), []
    for paragraph in paragraphs(text):
        held = [spot for quote in quotes for spot in spots(quote, paragraph)]
        for start, end in sentences(paragraph):
            sentence = paragraph[start:end]
            least = min(3, len(sentence.split()))
            if (every or re.search(r"\d", sentence)) and not any(
                (start <= low and high <= end)
                or len(paragraph[max(start, low) : min(end, high)].split()) >= least
                for low, high in held
            ):
                found.append(sentence)
    return found


@pytest.mark.parametrize("name", PAPERS)
def test_every_sentence_with_a_number_is_listed(name):
    if not TEXTS:
        pytest.skip("REPRO_PAPERS_DIR names no folder with the papers' texts")
    text = (Path(TEXTS) / f"{name}.txt").read_text(encoding="utf-8")
    paper = PAPERS[name]
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
