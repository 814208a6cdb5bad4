"""Generate what the populations decide: their hashes, CLAIMS.md, and tables of other documents.

A part stands between ``<!-- made by repro docs: NAME -->`` and ``<!-- end -->``, or between
comments of YAML. The names are ``findings``, ``citation`` and ``codecheck``, ``template FILE`` for
the files that ``repro new-paper`` writes, and ``PAPER NAME`` for every table of the paper's
``doc_tables.py``; a name such as ``pairs.svg`` is a file, ``docs/PAPER-pairs.svg``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from repro.claims.records import Paper
from repro.cli.paper_files import TEMPLATE
from repro.errors import ClaimsError, EvidenceError
from repro.judge import cases as evidence
from repro.judge.cases import Case
from repro.judge.populations import SUMS, Archive
from repro.papers import registry
from repro.report.claims_md import claims_page, findings

_PART = re.compile(
    r"((?:<!--|#) made by repro docs: ([^\n]+?)(?: -->)?\n).*?( *(?:<!--|#) end\b)", re.DOTALL
)


def parts(archive: Archive, cases: Sequence[Case]) -> dict[str, str]:
    """Make the text of every part, by its name; each ends in a line break."""
    papers = [paper for paper in registry.load_all().values() if not paper.asks]
    made = {
        "findings": findings(cases),
        "citation": _citation(papers),
        "codecheck": _codecheck(papers),
    }
    for language, path in (("toml", TEMPLATE), ("python", TEMPLATE.with_suffix(".py"))):
        text = path.read_text(encoding="utf-8")
        made[f"template {path.name}"] = f"```{language}\n{text}```\n"
    for paper in registry.folders():
        tables = registry.offered_by(paper, "doc_tables", "TABLES") or {}
        made |= {f"{paper} {name}": table(archive) for name, table in tables.items()}
    return made


def _citation(papers: Iterable[Paper]) -> str:
    """Write the papers as the references of CITATION.cff."""
    lines = []
    for paper in papers:
        title = json.dumps(paper.title, ensure_ascii=False)
        lines += ["  - type: generic", f"    title: {title}", "    authors:"]
        for person in re.split(r", | and ", paper.author):
            given, _, family = person.rpartition(" ")
            lines += [f"      - given-names: {given}", f"        family-names: {family}"]
        lines.append(f"    year: {paper.year}")
    return "".join(f"{line}\n" for line in lines)


def _codecheck(papers: Iterable[Paper]) -> str:
    """Write whose claims codecheck.yml speaks of."""
    named = [f"    {paper.author}, {paper.title} ({paper.year})" for paper in papers]
    return "  reference: >-\n    The claims are those of\n" + ";\n".join(named) + ".\n"


def _updated(path: Path, made: Mapping[str, str]) -> str:
    """Return the text of a document with every marked part made anew."""

    def part(match: re.Match[str]) -> str:
        if match[2] not in made:
            raise ClaimsError(
                f"{path.name} has a part {match[2]!r}",
                expected=f"one of {', '.join(made)}",
                do="correct its name, or add the table to the paper's doc_tables.py",
            )
        return match[1] + made[match[2]] + match[3]

    return _PART.sub(part, path.read_text(encoding="utf-8"))


def hashes(populations: Path) -> str:
    """Write the SHA-256 of every population, as ``sha256sum --check`` reads it."""
    found = sorted(populations.glob("*/*.csv"))
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.parent.name}/{path.name}\n"
        for path in found
    )


def outdated(checkout: Path, populations: Path) -> dict[Path, str]:
    """Return the files whose generated parts are not what the populations say, as they should be.

    Args:
        checkout: the folder of the documents.
        populations: the folder of the populations.
    """
    archive = Archive(populations, check_sums=False)  # which are brought up to date here
    papers = registry.load_all().values()
    cases = [case for paper in papers for case in evidence.judge(paper, archive)]
    made = parts(archive, cases)
    pages = {
        populations / SUMS: hashes(populations),
        checkout / "CLAIMS.md": claims_page(papers, cases, archive),
    }
    for name in (name for name in made if name.endswith(".svg")):
        pages[checkout / "docs" / name.replace(" ", "-")] = made[name]
    others = ("README.md", "CITATION.cff", "codecheck.yml")
    for path in (*map(checkout.joinpath, others), *sorted((checkout / "docs").glob("*.md"))):
        pages[path] = _updated(path, made)
    for source, text in [*made.items(), ("CLAIMS.md", pages[checkout / "CLAIMS.md"])]:
        if undefined := re.search(r"^.*\b[Nn]a[Nn]\b.*$", text, re.M):
            raise EvidenceError(
                f"{source} would say {undefined[0].strip()!r}",
                expected="a number wherever there is evidence, and a dash where there is none",
                do="correct what writes it, or measure the seeds that it lacks",
            )
    return {
        path: text
        for path, text in pages.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
