"""The documentation site's navigation, without Sphinx."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_navigation_names_every_document_once(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])  # which the configuration adds to
    conf = runpy.run_path(str(ROOT / "docs" / "conf.py"))
    named = [conf["root_doc"], *(name for names in conf["NAVIGATION"].values() for name in names)]
    there = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    names = [path.relative_to(ROOT).with_suffix("").as_posix() for path in there]
    assert sorted(named) == sorted(names)
