"""Where the suite's files live: the checkout's fixtures and the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from repro.errors import StoreError, UsageError


def checkout() -> Path:
    """Find the folder that holds ``repro/``, ``tests/`` and ``fixtures/``."""
    return Path(__file__).resolve().parent.parent


def fixtures() -> Path:
    """Find the shipped weights, populations and snapshots (``REPRO_FIXTURES_DIR`` overrides)."""
    override = os.environ.get("REPRO_FIXTURES_DIR")
    return given(override) if override else checkout() / "fixtures"


def cache() -> Path:
    """Find the user's cache of data and trained weights (``REPRO_CACHE_DIR`` overrides).

    Raises:
        StoreError: the user has no home.
    """
    override = os.environ.get("REPRO_CACHE_DIR")
    if override:
        return given(override)
    try:
        found = Path(platformdirs.user_cache_dir("repro-adversarial"))
    except RuntimeError:
        found = Path("~")
    if not found.is_absolute():  # the "~" of a user who is unknown stays as it is
        raise StoreError(
            "no home folder: HOME is not set, and the system does not know this user",
            expected="a home folder, for the cache",
            do="point REPRO_CACHE_DIR at a folder of yours",
        )
    return found


def given(words: str) -> Path:
    """Return the path that a user wrote, with ``~`` as the home folder.

    Raises:
        UsageError: it is empty, or begins with the home folder of nobody.
    """
    try:
        if words.strip():
            return Path(words).expanduser()
        found = "a path that is empty"
    except RuntimeError as error:
        found = f"{words}: {error}"
    raise UsageError(found, expected="a file or a folder", do="correct it, or leave it out")
