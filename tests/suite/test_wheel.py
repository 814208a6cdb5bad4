"""An installed package, far from any checkout, has all that judging and measuring need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from repro import paths
from repro.cli import main
from repro.errors import UsageError
from repro.lab import provenance

ROOT = Path(__file__).parents[2]
CLAIM = "lacok2016-t1-fgsm-025-error"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """What a wheel holds, as files."""
    folder = tmp_path_factory.mktemp("wheel")
    info, library = folder / "info", folder / "library"
    info.mkdir()  # and not in the checkout
    words = ["-q", "egg_info", "--egg-base", info, "build_py", "--build-lib", library]
    command = [sys.executable, "setup.py", *map(str, words)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return library


@pytest.fixture
def elsewhere(built, warm, tmp_path):
    """Runs ``repro`` from the package in a folder of somebody else's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REPRO_")}
    mine = {"PYTHONPATH": str(built), "REPRO_CACHE_DIR": str(tmp_path / "cache")}

    def run(*words: str, **more: str) -> tuple[int, str]:
        folder, output = tmp_path / "theirs", tmp_path / "output"
        folder.mkdir(exist_ok=True)
        status = warm.run(
            ["-m", "repro", *words],
            folder=folder,
            environment=kept | mine | more | {"REPRO_OFFLINE": "1"},
            output=output,
            seconds=100,
        )
        return status, output.read_text(encoding="utf-8")

    return run


def files(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)) for p in found if "__pycache__" not in p.parts}


@pytest.mark.parametrize("part", ["fixtures", "tests/claims"])
def test_every_file_is_there(built, part):
    assert files(built / "repro" / "shipped" / part) == files(ROOT / part)


def test_what_a_source_distribution_is_built_from_is_in_it():
    told = (ROOT / "MANIFEST.in").read_text(encoding="utf-8").splitlines()
    assert {"graft fixtures", "graft tests/claims"} <= set(told)


def test_verdicts_and_a_claim_s_story_need_no_checkout(elsewhere, built):
    status, out = elsewhere("verdicts")
    assert (status, "UNEXPECTED" in out, "not-run" in out) == (0, False, False)
    status, out = elsewhere("show", CLAIM)
    assert status == 0
    node = f"{built}/repro/shipped/tests/claims/test_lacok2016.py::test_claim[{CLAIM}@as-written]"
    assert f"test:        {node}" in out.splitlines()
    assert f"run:         repro run --claim '{CLAIM}'" in out.splitlines()


def test_a_claim_is_measured_and_the_report_is_the_user_s(elsewhere, built, tmp_path):
    before = files(built)
    status, out = elsewhere("run", "-q", "--claim", CLAIM, "--reading", "as-written")
    assert status == 0, out
    report = json.loads((tmp_path / "theirs" / "reports" / "report.json").read_text())
    (row,) = (row for row in report["claims"] if row["outcome"] != "deselected")
    assert (row["id"], row["outcome"], row["verdict"]) == (CLAIM, "passed", "reproduced")
    assert row["measured"] is not None
    assert report["header"]["commit"] == "unknown"
    assert files(built) == before


@pytest.mark.parametrize(
    "words", ["docs", "calibrate --seeds 99", "train lacok2016 --ship", "new-paper x"]
)
def test_what_writes_to_the_checkout_asks_for_one(monkeypatch, capsys, words):
    monkeypatch.delenv("REPRO_FIXTURES_DIR", raising=False)
    monkeypatch.setattr(paths, "installed", lambda: True)
    assert main.main(words.split()) == 2
    assert "expected: a checkout" in capsys.readouterr().err


def test_a_new_paper_needs_no_checkout(elsewhere):
    assert elsewhere("new-paper", "doe2020", "--dir", "mine")[0] == 0
    status, out = elsewhere("check", "doe2020", REPRO_EXTRA_PAPERS="mine/papers")
    assert (status, "claims: 1, experiments: 1, faults: 0" in out) == (0, True)


def test_other_fixtures_may_be_written(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "installed", lambda: True)
    monkeypatch.setenv("REPRO_FIXTURES_DIR", str(tmp_path))
    assert paths.fixtures(to_write=True) == tmp_path
    monkeypatch.delenv("REPRO_FIXTURES_DIR")
    with pytest.raises(UsageError, match="installed package"):
        paths.fixtures(to_write=True)


def test_a_package_below_another_project_s_checkout_is_not_of_its_commit(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)  # noqa: S607 - git from PATH
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    made = ["git", "-C", str(tmp_path), *who, "commit", "-q", "--allow-empty", "-m", "x"]
    subprocess.run(made, check=True)
    (tmp_path / "venv").mkdir()
    assert len(provenance.commit(tmp_path)[0]) == 40
    assert provenance.commit(tmp_path / "venv") == ("unknown", False)
