"""docs/adding-a-paper.md is run as it stands: its commands, on the files that it shows."""

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
FILES = dict(re.findall(r"^`([\w./]+)`:\n\n<!--[^\n]*\n```\w+\n(.*?)^```$", PAGE, re.M | re.S))
NEW, EVIDENCE = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
RECORDS = "papers/example2020/claims.toml"


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
    """An empty folder, and a shell that runs the page's commands there."""

    def __init__(self, root: Path, python: Path) -> None:
        self.root = root
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
        return next(r for r in found["claims"] if r["paper"] == "example2020")


def shipped() -> dict[str, int]:
    """The files of the package and when each was changed."""
    folder = Path(repro.__file__).parent
    found = (p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {str(p): p.stat().st_mtime_ns for p in found}


def test_a_paper_is_written_measured_judged_and_reported(tmp_path, warm):
    pytest.importorskip("mlxtend")
    house, before = House(tmp_path, warm.python()), shipped()

    new = house.run(NEW)
    assert new.returncode == 0, new.stderr
    written, _, told = new.stdout.partition("\n\n")
    assert told == EVIDENCE  # the page has the commands that are printed
    assert set(FILES) < set(written.splitlines())
    assert all(f"`{name}`" in PAGE for name in written.splitlines()), "one is not mentioned"
    for name, content in FILES.items():
        mine = (tmp_path / name).read_text(encoding="utf-8")
        assert mine.partition("\n")[2] == content.partition("\n")[2]
    schema = (tmp_path / RECORDS).read_text().partition("\n")[0].removeprefix("#:schema ")
    assert (
        (tmp_path / RECORDS)
        .parent.joinpath(schema)
        .samefile(ROOT / "repro" / "claims" / "claims.schema.json")
    )
    again = house.run(NEW)
    assert again.returncode == 2
    assert "found: a paper example2020 that is there already" in again.stderr

    done = house.run(EVIDENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "inconclusive (not measured yet) -> reproduced\n" in done.stdout
    path = "fixtures/populations/full/example2020-table1--as-written.csv"
    assert populations.load(tmp_path / path).seeds == tuple(range(10))
    record = house.record()
    assert (record["verdict"], record["outcome"]) == ("reproduced", "passed")
    assert record["control"]["outside"] is True
    page = (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    assert "example2020-t1-fgsm-error" in page
    export, *_ = EVIDENCE.splitlines()
    story = house.run(f"{export}\nrepro show example2020-t1-fgsm-error")
    (again,) = re.findall(r"^run: +(.*)$", story.stdout, re.M)
    assert shipped() == before, "a file of the package was changed"

    # And it can fail: a paper that had said something else is not reproduced.
    house.edit("^published = 0.84$", "published = 0.35")
    other = house.run(f"{export}\n{again} --report-dir reports")
    assert other.returncode == 1
    assert house.record()["evidence_verdict"] == "trend-only"
    asked = house.run(f"{export}\nrepro expect example2020")
    assert asked.returncode == 1
    assert "example2020-t1-fgsm-error@as-written: reproduced -> trend-only\n" in asked.stdout
