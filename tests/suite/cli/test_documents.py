"""The documents are held to the code: what they say is generated, or compared with it."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_paper import document

from repro.claims import records
from repro.cli import commands, documents
from repro.cli.main import main
from repro.errors import ClaimsError, EvidenceError
from repro.judge.cases import judge
from repro.judge.populations import Archive, load
from repro.papers import registry
from repro.plugin.options import OPTIONS
from repro.report.claims_md import claims_page

ROOT = Path(__file__).parents[3]
POPULATIONS = ROOT / "fixtures" / "populations"
METADATA = [ROOT / "CITATION.cff", ROOT / "codecheck.yml"]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_the_generated_parts_are_in_step():
    assert list(documents.outdated(ROOT, POPULATIONS)) == [], "repro docs"


def test_the_readme_s_network_stands_beside_the_bands_of_today():
    shown = re.findall(r"^  (\S+) +(\[[^]]+\]) +[\d.]+ +holds", text_of(ROOT / "README.md"), re.M)
    cases = judge(registry.load_all()["lacok2016"], Archive())
    bands = {
        c.reading: c.judgement.band for c in cases if c.id.startswith("lacok2016-abstract-fgsm")
    }
    assert len(shown) == 2
    assert dict(shown) == {
        reading: f"[{band.low:.4f}, {band.high:.4f}]" for reading, band in bands.items() if band
    }


def test_every_table_on_offer_is_in_a_document():
    text = "".join(text_of(path) for path in (*DOCUMENTS, *METADATA))
    for name in documents.parts(Archive(), []):
        shown = f"(<!--|#) made by repro docs: {name}( -->)?\n"
        if name.endswith(".svg"):
            shown = rf"!\[[^\]]+\]\({re.escape(name.replace(' ', '-'))}\)"
        assert re.search(shown, text)


def test_a_part_that_is_touched_or_unknown_is_noticed(tmp_path):
    for path in (ROOT / "CLAIMS.md", ROOT / "README.md", *METADATA):
        shutil.copy(path, tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    assert documents.outdated(tmp_path, POPULATIONS) == {}
    readme = tmp_path / "README.md"
    readme.write_text(text_of(readme).replace("| 0.97 |", "| 0.98 |", 1), encoding="utf-8")
    assert list(documents.outdated(tmp_path, POPULATIONS)) == [readme]
    citation = tmp_path / "CITATION.cff"
    citation.write_text(text_of(citation).replace("2017", "2018"), encoding="utf-8")
    assert set(documents.outdated(tmp_path, POPULATIONS)) == {readme, citation}
    readme.write_text(text_of(readme).replace("docs: findings", "docs: guesses"), encoding="utf-8")
    with pytest.raises(ClaimsError, match="guesses"):
        documents.outdated(tmp_path, POPULATIONS)


@pytest.mark.parametrize("name", ["REPRO_EXTRA_PAPERS", "REPRO_FIXTURES_DIR"])
def test_papers_and_evidence_of_a_user_never_reach_the_project_s_documents(
    name, tmp_path, monkeypatch, capsys
):
    (tmp_path / "populations").mkdir()
    monkeypatch.setenv(name, str(tmp_path))
    written = []
    monkeypatch.setattr(commands, "write_atomic", lambda path, _: written.append(path))
    assert main(["docs"]) == 2
    assert f"found: {name}, of which" in capsys.readouterr().err
    assert written == []


def test_a_number_that_is_none_is_an_error(monkeypatch):
    monkeypatch.setattr(documents, "findings", lambda _: "| 0.5 | nan ± nan (0) |\n")
    with pytest.raises(EvidenceError, match=r"findings would say .* nan ± nan"):
        documents.outdated(ROOT, POPULATIONS)


@pytest.mark.parametrize("place", [0, 1 << 30])
def test_any_changed_digit_of_a_population_is_noticed(tmp_path, place):
    folder = tmp_path / "populations"
    shutil.copytree(POPULATIONS, folder)
    path = folder / "full" / "lacok2016-table1--as-written.csv"
    value = repr(load(path).rows[0].measurements["fgsm-025-confidence"])
    at = min(place + 2, len(value) - 1)  # the first digit behind the point, or the very last
    digit = str((int(value[at]) + 1) % 10)
    path.write_text(path.read_text().replace(value, value[:at] + digit + value[at + 1 :], 1))
    assert documents.hashes(folder) != text_of(POPULATIONS / "SHA256SUMS")


def any_digit_shows(claim):
    """Whether CLAIMS.md changes with the last digit of each published number."""
    page = text_of(ROOT / "CLAIMS.md")
    return all(f"| {value:g} |" in page and float(f"{value:g}") == value for value in claim.points)


def test_any_changed_digit_of_a_published_value_is_noticed():
    records = [claim for paper in registry.load_all().values() for claim in paper.claims]
    shown = [claim for claim in records if claim.points]
    assert len(shown) > 20
    assert all(any_digit_shows(claim) for claim in shown)
    changed = replace(shown[0], points=(shown[0].points[0] + 1e-4,))
    assert not any_digit_shows(changed)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text_of(path)):
        assert target.startswith("http") or (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_commands_and_options_exist(path, capsys):
    blocks = re.findall(r"```sh\n(.*?)```", text_of(path), re.S)
    inline = re.findall(r"`([^`\n]+)`", text_of(path))
    shown = "\n".join([*blocks, *inline])
    with pytest.raises(SystemExit):
        main(["--help"])
    known = capsys.readouterr().out
    for command in re.findall(r"\brepro ([a-z]+)\b", shown):
        assert re.search(rf"^    {command}\b", known, re.M), f"repro {command}"
    commands = text_of(ROOT / "repro" / "cli" / "main.py")
    commands += text_of(ROOT / "tests" / "helpers" / "curve_rates.py")
    known = {*OPTIONS, *re.findall(r'"--([a-z-]+)"', commands), "strict", "version", "junitxml"}
    named = {name.removeprefix("repro-") for name in re.findall(r"(?<!\w)--([a-z][a-z-]+)", shown)}
    assert named <= known


def test_the_pins_cover_every_dependency():
    pins = {
        line.partition("==")[0].lower()
        for line in text_of(ROOT / "requirements/reproduce.txt").splitlines()
    }
    block = re.search(r"\ndependencies = \[(.*?)\n\]", text_of(ROOT / "pyproject.toml"), re.S)
    assert block is not None
    names = re.findall(r'"([A-Za-z0-9-]+)', block[1])
    assert names
    assert {name.lower() for name in names} <= pins


def test_every_dependency_has_its_reason():
    table = text_of(ROOT / "CONTRIBUTING.md")
    project = text_of(ROOT / "pyproject.toml")
    for group in re.findall(r"(?:dependencies|\w+) = (\[[^\]]*>=[^\]]*\])", project):
        for name in re.findall(r'"([a-z0-9-]+)>=', group):
            assert name == "setuptools" or re.search(rf"\b{name}\b", table), name


def test_the_counts_of_each_paper_s_claims_add_up():
    found = re.findall(
        r"^\| `(\w+)` \| (\d+) \| (\d+) \|((?: \d+ \|)+)$", text_of(ROOT / "CLAIMS.md"), re.M
    )
    papers = registry.load_all()
    assert [name for name, *_ in found] == [p.id for p in papers.values() if not p.asks]
    for name, claims, again, parts in found:
        assert int(again) == sum(bool(claim.variant_of) for claim in papers[name].claims)
        assert sum(map(int, re.findall(r"\d+", parts))) == int(claims)


def asked_and_stated(tiny):
    """The tiny paper, and all that it asks as a paper of its own; both measured."""
    tiny.measure()
    paper = records.parse(document(tiny.paper), name="tiny")
    order = replace(paper.claims[2], id="asks-order", paper="asks", ours=True, question=True)
    asks = replace(paper, id="asks", title="Questions", claims=(order,), limitations=())
    for path in sorted((tiny.populations / "full").glob("tiny-*.csv")):
        shutil.copy(path, path.with_name(path.name.replace("tiny-", "asks-", 1)))
    return paper, asks


def test_claims_md_has_questions_and_counts_none(tiny):
    paper, asks = asked_and_stated(tiny)
    archive = Archive(tiny.populations, check_sums=False)
    cases = {p.id: judge(p, archive) for p in (paper, asks)}
    alone = claims_page([paper], cases["tiny"], archive)
    both = claims_page([paper, asks], [*cases["tiny"], *cases["asks"]], archive)
    counts = [line for line in alone.splitlines() if line.startswith("| `tiny` |")]
    assert [line for line in both.splitlines() if re.match(r"\| `(tiny|asks)` \|", line)] == counts
    summary = next(line for line in alone.splitlines() if "published statements checked" in line)
    assert summary in both.splitlines()
    # It is there all the same, with its numbers, verdict and section.
    answer = "- **Holds**: 1 of 1 claims: [The error rate is above 0.2](#asks-order) "
    assert f"{answer}(plain difference 0.3000 ± 0.0123 (8))." in both
    assert "## Questions (Nobody, 2020)" in both
    assert re.search(r'id="asks-order"></a>.* `reproduced`, our criterion \|$', both, re.M)
    explained = both.partition("## What each reading explains")[2].partition("\n## ")[0]
    assert "| tiny |" in explained
    assert "| asks |" not in explained


def test_a_question_among_the_claims_of_a_paper_is_not_counted_with_them(tiny):
    tiny.measure()
    counts = []
    for criterion in ("ours", "question"):
        tiny.claim("tiny-order")["criterion"] = criterion
        paper = records.parse(document(tiny.paper), name="tiny")
        archive = Archive(tiny.populations, check_sums=False)
        page = claims_page([paper], judge(paper, archive), archive)
        counts += [line for line in page.splitlines() if line.startswith("| `tiny` |")]
    assert counts == [
        "| `tiny` | 4 | 0 | 3 | 0 | 0 | 0 | 1 |",
        "| `tiny` | 3 | 0 | 2 | 0 | 0 | 0 | 1 |",
    ]


def test_who_cites_the_suite_cites_papers_and_no_questions(tiny, monkeypatch):
    paper, asks = asked_and_stated(tiny)
    known = registry.load_all()
    monkeypatch.setattr(registry, "load_all", lambda: known | {"tiny": paper, "asks": asks})
    made = documents.parts(Archive(), [])
    for name in ("citation", "codecheck"):
        assert "A tiny paper" in made[name]
        assert "Questions" not in made[name]
        assert known["questions"].title not in made[name]
