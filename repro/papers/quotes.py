"""A paper's records held to its text: every quotation stands there, every number is listed.

The text is what a conversion made of the paper: paragraphs apart by an empty line, table rows with
tabs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

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


def fold(text: str) -> str:
    """Return a text with every run of white space as one space."""
    return " ".join(text.split())


def quotations(paper: Paper) -> Iterator[tuple[str, Source]]:
    """Give every quotation of a paper, with what it belongs to."""
    for claim in paper.claims:
        yield from ((claim.id, source) for source in claim.sources)
    yield from ((f"limitation, {lim.source.place}", lim.source) for lim in paper.limitations)
    yield from ((f"background, {source.place}", source) for source in paper.background)


def missing(paper: Paper, text: str) -> list[str]:
    """Return the quotations that do not stand in the paper's text; those of code need not."""
    folded = fold(text)
    return [
        f"{where}: {source.quote!r}"
        for where, source in quotations(paper)
        if not source.code and fold(source.quote) not in folded
    ]


def _paragraphs(text: str) -> Iterator[str]:
    """Give the running text, folded, a paragraph at a time.

    A table's row with tabs, or an item, is one. pandoc's tables are left out: their
    lines are indented.
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


def _sentences(paragraph: str) -> Iterator[tuple[int, int]]:
    """Give first and last character of each sentence of a folded paragraph."""
    start = 0
    for stop in _STOP.finditer(paragraph):
        if not _ABBREVIATED.search(paragraph[start : stop.start()]):
            yield start, stop.start()
            start = stop.end()
    yield start, len(paragraph)


def unlisted(paper: Paper, text: str, *, every: bool = False) -> list[str]:
    """Return the sentences with a number (or every sentence) that hold no quotation.

    A quotation may lie within a sentence, hold it, or reach over into the next one: with three
    words of it at least, or with all of it.
    """
    texts = (fold(source.quote) for _, source in quotations(paper) if not source.code)
    quotes = [re.compile(re.escape(quote)) for quote in texts]
    found = []
    for paragraph in _paragraphs(text):
        held = [spot.span() for quote in quotes for spot in quote.finditer(paragraph)]
        for start, end in _sentences(paragraph):
            sentence = paragraph[start:end]
            least = min(3, len(sentence.split()))
            if (every or re.search(r"\d", sentence)) and not any(
                (start <= low and high <= end)
                or len(paragraph[max(start, low) : min(end, high)].split()) >= least
                for low, high in held
            ):
                found.append(sentence)
    return found
