"""Where the suite's files live: the checkout's fixtures and the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def checkout() -> Path:
    """The folder that holds ``repro/``, ``tests/`` and ``fixtures/``."""
    return Path(__file__).resolve().parent.parent


def fixtures() -> Path:
    """The shipped weights, populations and snapshots (``REPRO_FIXTURES_DIR`` overrides)."""
    override = os.environ.get("REPRO_FIXTURES_DIR")
    return Path(override) if override else checkout() / "fixtures"


def cache() -> Path:
    """The user's cache of data and trained weights (``REPRO_CACHE_DIR`` overrides)."""
    override = os.environ.get("REPRO_CACHE_DIR")
    return Path(override) if override else Path(platformdirs.user_cache_dir("repro-adversarial"))
