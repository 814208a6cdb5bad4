"""The documents are held to the code: what they say is generated, or compared with it."""

import re
import shutil
from pathlib import Path

import pytest

from repro import papers
from repro.claims.markdown import claims_page, findings
from repro.claims.populations import load
from repro.cli import main
from repro.papers.lacok2016 import comparison

ROOT = Path(__file__).parent.parent
POPULATIONS = ROOT / "fixtures" / "populations"
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_claims_md_is_in_step():
    made = claims_page(papers.load_all().values(), POPULATIONS)
    assert made == text_of(ROOT / "CLAIMS.md"), "repro claims --markdown > CLAIMS.md"


def test_the_readme_has_the_findings():
    made = findings(papers.load_all().values(), POPULATIONS)
    assert made in text_of(ROOT / "README.md"), "paste `repro claims --findings` into README.md"


def test_a_changed_digit_of_a_population_shows(tmp_path):
    folder = tmp_path / "populations"
    shutil.copytree(POPULATIONS, folder)
    path = folder / "full" / "lacok2016-table1--as-written.csv"
    value = repr(load(path).rows[0].measurements["fgsm-025-error"])
    path.write_text(path.read_text().replace(value, value[:3] + "1" + value[4:], 1))
    made = claims_page(papers.load_all().values(), folder)
    assert made != text_of(ROOT / "CLAIMS.md")


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
    plugin = text_of(ROOT / "repro" / "plugin.py") + text_of(ROOT / "repro" / "cli.py")
    for option in re.findall(r"(?<!\w)--([a-z][a-z-]+)", shown):
        others = ("strict", "version", "junitxml")
        assert f'"--{option}"' in plugin or option in others, f"--{option}"


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


def test_the_comparison_of_readings_is_in_step():
    assert comparison.table(POPULATIONS) in text_of(ROOT / "docs" / "readings.md")
