"""codecheck.yml and CITATION.cff: valid in their formats, and true."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import repro
from repro.papers import registry
from repro.report import outputs

ROOT, SCHEMAS = Path(__file__).parents[2], Path(__file__).parent / "schemas"
FILES = {"codecheck.yml": "codecheck", "CITATION.cff": "citation"}


def loaded(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def faults(name: str, value: Any) -> list[str]:
    """Where a value does not fit the schema of the file ``name``."""
    schema = json.loads((SCHEMAS / f"{FILES[name]}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    found = jsonschema.Draft202012Validator(schema).iter_errors(value)
    return ["/".join(map(str, error.absolute_path)) or "top" for error in found]


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("name", FILES)
def test_both_files_fit_their_formats(name):
    assert faults(name, loaded(name)) == []


@pytest.mark.parametrize(
    ("name", "spot", "value", "where"),
    [
        ("codecheck.yml", ("version",), "2.0", "version"),
        ("codecheck.yml", ("manifest",), [], "manifest"),
        ("codecheck.yml", ("manifest", 0, "file"), "/etc/passwd", "manifest/0/file"),
        ("codecheck.yml", ("manifest", 0, "file"), "../report.json", "manifest/0/file"),
        ("codecheck.yml", ("manifest", 0), {"comment": "no file"}, "manifest/0"),
        ("codecheck.yml", ("paper", "authors"), [], "paper/authors"),
        ("codecheck.yml", ("paper", "authors", 0, "ORCID"), "1", "paper/authors/0/ORCID"),
        ("codecheck.yml", ("codechecker",), [{"name": "Somebody"}], "top"),
        ("codecheck.yml", ("paper",), {}, "paper"),
        ("CITATION.cff", ("cff-version",), "1.1.0", "cff-version"),
        ("CITATION.cff", ("cff-version",), 1.2, "cff-version"),
        ("CITATION.cff", ("authors",), [], "authors"),
        ("CITATION.cff", ("authors",), ["Somebody"], "authors/0"),
        ("CITATION.cff", ("references", 0, "year"), "2016", "references/0/year"),
        ("CITATION.cff", ("references", 0, "type"), "paper", "references/0/type"),
        ("CITATION.cff", ("message",), "", "message"),
        ("CITATION.cff", ("more",), 1, "top"),
    ],
)
def test_what_is_not_of_the_format_is_found_out(name, spot, value, where):
    damaged = inner = copy.deepcopy(loaded(name))
    for key in spot[:-1]:
        inner = inner[key]
    inner[spot[-1]] = value
    assert where in faults(name, damaged)


def test_the_picture_of_the_report_is_a_small_png():
    content = (ROOT / "docs" / "report.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert 20_000 < len(content) < 200_000


def test_codecheck_yml_is_an_explicit_document():
    text = (ROOT / "codecheck.yml").read_text(encoding="utf-8")
    assert text.startswith("%YAML 1.1\n---\n")
    assert not text.isascii()  # UTF-8, as the format asks


def test_the_manifest_is_what_a_run_writes():
    commands = (ROOT / "tox.ini").read_text(encoding="utf-8")
    written = {f"reports/{name}" for name in ("report.json", *outputs.PAGES)}
    assert "--junitxml=reports/junit.xml" in commands
    files = {entry["file"] for entry in loaded("codecheck.yml")["manifest"]}
    assert files == written | {"reports/junit.xml", "CLAIMS.md"}


def test_both_files_name_the_papers_as_their_records_do():
    references = loaded("CITATION.cff")["references"]
    words = loaded("codecheck.yml")["paper"]["reference"]
    known = [paper for paper in registry.load_all().values() if not paper.asks]
    assert len(references) == len(known)
    for paper, reference in zip(known, references, strict=True):
        people = [f"{a['given-names']} {a['family-names']}" for a in reference["authors"]]
        assert (reference["title"], reference["year"]) == (paper.title, paper.year)
        assert re.split(", | and ", paper.author) == people
        assert f"{paper.author}, {paper.title} ({paper.year})" in words


@pytest.mark.parametrize(
    "path",
    [*(ROOT / ".github" / "workflows").glob("*.yml"), ROOT / ".pre-commit-config.yaml"],
    ids=lambda path: path.name,
)
def test_what_runs_elsewhere_runs_an_environment_of_tox_ini(path):
    text = path.read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)
    assert jobs.get("jobs") or jobs.get("repos")
    environments = (ROOT / "tox.ini").read_text(encoding="utf-8")
    named = re.findall(r"(?:tox (?:run|exec)[^\n]* -e|environments:) ([\w,]+)", text)
    assert named
    for name in (name for names in named for name in names.split(",")):
        assert name == "py" or f"[testenv:{name}]" in environments, name


def test_the_container_runs_the_first_command_of_the_readme():
    text, readme = ((ROOT / name).read_text("utf-8") for name in ("Containerfile", "README.md"))
    first = readme.partition("```sh\n")[2].splitlines()[0]
    assert f"RUN {first} --notest\n" in text
    run = json.loads(text.partition("\nENTRYPOINT ")[2])
    assert " ".join(run) == f"{first.rpartition('&& ')[2]} --skip-pkg-install --"
    for words in re.findall(r"^COPY (.+) \S+$", text, re.M):
        assert all((ROOT / word).exists() for word in words.split()), words


def test_both_files_speak_of_this_project():
    citation, about = loaded("CITATION.cff"), project()
    assert (citation["title"], citation["version"]) == (about["name"], repro.__version__)
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## {citation['version']} ({citation['date-released']})\n" in changes
    assert citation["license"] == about["license"]
    assert citation["keywords"] == about["keywords"]
    assert citation["abstract"] == about["description"]
    (author,) = citation["authors"]
    assert f"Copyright (c) 2026 {author['name']}\n" in (ROOT / "LICENSE").read_text("utf-8")
    assert loaded("codecheck.yml")["paper"]["authors"] == [author]


def test_ci_runs_the_test_command_of_the_readme():
    text, readme = ((ROOT / name).read_text("utf-8") for name in (".ci/run", "README.md"))
    (command,) = re.findall(r"^python3 -m tox (run -e py\S*)$", readme, re.M)
    assert f'\n"$tox" {command}\n' in text
