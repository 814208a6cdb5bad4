"""docs/adding-a-paper.md is run as it stands: its files, then its commands."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path

import fakes
import numpy as np
import pytest
from idx_files import build

import repro
from repro.judge import populations
from repro.lab.mnist import sample
from repro.lab.mnist.files import SHA256
from repro.report import report_json

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "adding-a-paper.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.M | re.S))
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
(LAST_LINE,) = re.findall(r"^```toml\n(readings = .*\n)```$", PAGE, re.M)
RECORDS = "papers/means2020/claims.toml"


def mnist(folder: Path) -> dict[str, str]:
    """Digits of the embedded sample as the four files of MNIST; their hashes."""
    digits, hashes = sample.load(), {}
    places = np.arange(5000).reshape(10, 500)  # the sample is sorted by class
    folder.mkdir()
    for name in SHA256:
        mine = places[:, :200] if "train" in name else places[:, 200:]
        content = build(
            (digits.images if "images" in name else digits.labels)[np.sort(mine.ravel())]
        )
        kind = "idx3" if "images" in name else "idx1"
        (folder / f"{name}-{kind}-ubyte").write_bytes(content)
        hashes[name] = hashlib.sha256(content).hexdigest()
    return hashes


class House:
    """A folder with the page's files in it, and a shell that runs its commands."""

    def __init__(self, root: Path, python: Path) -> None:
        self.root = root
        for name, content in FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content, encoding="utf-8")
        (root / "bin").mkdir()
        for name in ("repro", "pytest"):
            command = root / "bin" / name
            command.write_text(f'#!/bin/sh\nexec "{python}" -m {name} "$@"\n', encoding="utf-8")
            command.chmod(0o755)
        (root / "startup").mkdir()
        text = fakes.STARTUP.format(hashes=mnist(root / "mnist"))
        (root / "startup" / "sitecustomize.py").write_text(text)
        known = {
            k: v for k, v in os.environ.items() if not k.startswith(("REPRO_", "CI", "GITHUB"))
        }
        self.environment = known | {
            "PATH": f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(root / "startup"), str(ROOT)]),
            "REPRO_MNIST_DIR": str(root / "mnist"),
            "REPRO_CACHE_DIR": str(root / "cache"),
            "OMP_NUM_THREADS": "1",
            # It would be imported by every process for nothing.
            "PYTEST_ADDOPTS": "-p no:hypothesispytest",
        }

    def run(self, commands: str) -> subprocess.CompletedProcess[str]:
        """The commands of one block, until one fails."""
        return subprocess.run(
            ["/bin/sh", "-e", "-c", commands],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    def edit(self, before: str, after: str) -> None:
        """Change the paper's records."""
        path = self.root / RECORDS
        text = re.sub(before, lambda _: after, path.read_text(encoding="utf-8"), flags=re.M)
        assert text != path.read_text(encoding="utf-8")
        path.write_text(text, encoding="utf-8")

    def record(self) -> dict[str, object]:
        """The new claim in the report."""
        found = report_json.read(self.root / "reports" / "report.json")
        return next(r for r in found["claims"] if r["paper"] == "means2020")


def shipped() -> dict[str, int]:
    """The files of the package and when each was changed."""
    folder = Path(repro.__file__).parent
    found = (p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {str(p): p.stat().st_mtime_ns for p in found}


def test_the_page_has_all_that_a_paper_needs():
    assert list(FILES) == [
        RECORDS,
        "papers/means2020/experiments.py",
        "papers/means2020/pictures.py",
        "claims/conftest.py",
        "claims/test_means2020.py",
    ]
    assert len(COMMANDS) == 2
    assert len(re.findall(r"^readings = ", FILES[RECORDS], re.M)) == 1


def test_the_page_s_paper_is_found_measured_judged_and_reported(tmp_path, warm):
    pytest.importorskip("mlxtend")
    house, before = House(tmp_path, warm.python()), shipped()

    evidence = house.run(COMMANDS[0])
    assert evidence.returncode == 0, evidence.stderr
    answer = "as-written: reproduced, UNEXPECTED (on record inconclusive)\n"
    assert answer in evidence.stdout
    rerun = "pytest claims/test_means2020.py --claim 'means2020-t1-fgsm-error'"
    assert f"run:         {rerun}\n" in evidence.stdout
    path = "fixtures/populations/full/means2020-table1--as-written.csv"
    assert populations.load(tmp_path / path).seeds == tuple(range(8))

    # The record expects what the evidence does not say: the page goes on to correct it.
    early = house.run(COMMANDS[1])
    assert early.returncode == 1
    assert "the evidence says reproduced, the record expects inconclusive" in early.stdout

    house.edit("^readings = .*\n", LAST_LINE)
    verdict = house.run(COMMANDS[1])
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    record = house.record()
    assert (record["verdict"], record["outcome"]) == ("reproduced", "passed")
    assert record["control"]["outside"] is True
    page = (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    assert '<figure id="figure-means2020-fig1">' in page
    assert "means2020-t1-fgsm-error" in page
    assert shipped() == before, "a file of the package was changed"

    # And it can fail: a paper that had said something else is not reproduced.
    house.edit("0[.]61$", "0.35")
    other = house.run(COMMANDS[1])
    assert other.returncode == 1
    assert house.record()["evidence_verdict"] == "trend-only"
