"""The folder of a run as a Workflow Run RO-Crate: whole, true, and read by the library."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sample_reports import HEADER, WEIGHTS, make, mixed, write

from repro.cli.main import main
from repro.errors import ReportError, UsageError
from repro.report import crate, outputs

rocrate = pytest.importorskip("rocrate.rocrate", reason="the extra crate installs it")

PAPERS = {"tiny": "A. Nonym (2020), “Small”"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = write(tmp_path / "report.json", make(*mixed()["claims"], papers=PAPERS))
    assert outputs.write_beside(made) == []
    assert crate.write(made, "Ada Lovelace") == tmp_path / "ro-crate-metadata.json"
    return tmp_path


def entities(folder: Path) -> dict[str, dict[str, Any]]:
    graph = json.loads((folder / crate.NAME).read_text("utf-8"))["@graph"]
    found = {entity["@id"]: entity for entity in graph}
    assert len(found) == len(graph)
    return found


def references(value: Any) -> Iterator[str]:
    """Every ``{"@id": …}`` within a value."""
    if isinstance(value, dict) and set(value) == {"@id"}:
        yield value["@id"]
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from references(each)


def faults(folder: Path) -> list[str]:
    """What is missing of RO-Crate 1.1 and of the profile Process Run Crate 0.5, or is not so."""
    found = entities(folder)
    root, head, run = found.get("./", {}), found.get(crate.NAME, {}), found.get("#run", {})
    wanted = {
        "root": root.get("@type") == "Dataset",
        "root about": all(root.get(k) for k in ("name", "description", "license", "author")),
        "date": root.get("datePublished") == "2026-01-02T03:05:05+00:00",
        "descriptor": head.get("about") == {"@id": "./"}
        and head.get("conformsTo") == {"@id": "https://w3id.org/ro/crate/1.1"},
        "profile": root.get("conformsTo") == {"@id": crate.PROFILE},
        "action": run.get("@type") == "CreateAction" and root.get("mentions") == {"@id": "#run"},
        "times": run.get("startTime", "") < run.get("endTime", "") < "2027",
        "agent": found.get(run.get("agent", {}).get("@id"), {}).get("@type") == "Person",
    }
    wrong = [name for name, right in wanted.items() if not right]
    outside = {"http://schema.org/CompletedActionStatus", "https://w3id.org/ro/crate/1.1"}
    for name, entity in found.items():
        wrong += [f"{name} -> {to}" for to in references(entity) if to not in {*found, *outside}]
    for name in (part["@id"] for part in root.get("hasPart", [])):
        content, about = (folder / name).read_bytes(), found[name]
        sums = hashlib.sha256(content).hexdigest(), str(len(content))
        if (about.get("sha256"), about.get("contentSize")) != sums:
            wrong.append(f"{name} has another content")
    for name in references([run.get("object", []), run.get("result", [])]):
        if not found.get(name, {}).get("sha256"):
            wrong.append(f"{name} has no hash")
    versions = [found.get(n, {}) for n in references(found.get("#repro-adversarial", {}))]
    if not versions or not all(each.get("softwareVersion") for each in versions):
        wrong.append("software without a version")
    return wrong


def test_the_folder_is_a_process_run_crate(folder):
    assert faults(folder) == []
    found = entities(folder)
    outputs_of = list(references(found["#run"]["result"]))
    assert outputs_of == ["report.json", "index.html", "summary.md"]
    assert found[f"#weights-{WEIGHTS}"]["sha256"] == WEIGHTS
    assert found["#train-images"]["sha256"] == "ba89"
    assert found["#torch"]["softwareVersion"] == "2.13.0"
    assert HEADER["commit"] in found["#repro-adversarial"]["softwareVersion"]
    assert found["#tiny"]["name"] == PAPERS["tiny"]
    assert found["#agent"]["name"] == "Ada Lovelace"


def test_the_library_reads_it(folder):
    read = rocrate.ROCrate(folder)
    assert read.get("#run")["instrument"]["name"] == "repro-adversarial"
    assert {entity.id for entity in read.data_entities} == {
        "report.json",
        "index.html",
        "summary.md",
    }


@pytest.mark.parametrize(
    ("entity", "key", "value", "said"),
    [
        ("./", "conformsTo", {}, "profile"),
        ("./", "license", "", "root about"),
        ("#run", "agent", {}, "agent"),
        ("#run", "result", {"@id": "lost.html"}, "#run -> lost.html"),
        ("#torch", "softwareVersion", "", "software without a version"),
        (f"#weights-{WEIGHTS}", "sha256", "", f"#weights-{WEIGHTS} has no hash"),
        ("index.html", "sha256", "0" * 64, "index.html has another content"),
    ],
)
def test_a_spoilt_crate_is_found_out(folder, entity, key, value, said):
    text = json.loads((folder / crate.NAME).read_text("utf-8"))
    (spoilt,) = (each for each in text["@graph"] if each["@id"] == entity)
    spoilt[key] = value
    (folder / crate.NAME).write_text(json.dumps(text), encoding="utf-8")
    assert said in faults(folder)


def test_repro_report_makes_it_on_demand_and_a_new_run_removes_it(tmp_path, capsys):
    path = write(tmp_path / "report.json", mixed())
    assert main(["report", str(path)]) == 0
    assert not (tmp_path / crate.NAME).exists()
    who = "https://orcid.org/0000-0001-2345-6789"
    assert main(["report", str(path), "--crate", who]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / crate.NAME)
    assert entities(tmp_path)[who]["@type"] == "Person"
    outputs.remove(tmp_path)
    assert not (tmp_path / crate.NAME).exists()


def test_what_stops_it_is_told(tmp_path, monkeypatch):
    path = write(tmp_path / "report.json", mixed())
    with pytest.raises(UsageError, match="--crate ''"):
        crate.write(path, " ")
    (tmp_path / "none.json").write_text("{}")
    with pytest.raises(ReportError, match="no footer"):
        crate.write(tmp_path / "none.json", "Ada")
    monkeypatch.setitem(sys.modules, "rocrate.rocrate", None)
    with pytest.raises(UsageError, match="rocrate is not installed") as caught:
        crate.write(path, "Ada")
    assert caught.value.do == "pip install 'repro-adversarial[crate]'"
