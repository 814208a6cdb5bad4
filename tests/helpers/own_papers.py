"""The papers of this repository, and where their texts are."""

from __future__ import annotations

import os
from pathlib import Path

from repro.claims import records

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = sorted(path.parent for path in (ROOT / "repro" / "papers").glob("*/claims.toml"))
PAPERS = {folder.name: records.load(folder / "claims.toml") for folder in FOLDERS}
TEXTS = os.environ.get("REPRO_PAPERS_DIR")


def fold(text: str) -> str:
    """With every run of white space as one space."""
    return " ".join(text.split())
