"""The papers of this repository."""

from __future__ import annotations

from pathlib import Path

from repro.claims import records

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = sorted(path.parent for path in (ROOT / "repro" / "papers").glob("*/claims.toml"))
PAPERS = {folder.name: records.load(folder / "claims.toml") for folder in FOLDERS}
