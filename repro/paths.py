"""Where the suite's files live: claims' tests and fixtures, and the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from repro.errors import StoreError, UsageError

PACKAGE = Path(__file__).resolve().parent


def home() -> Path:
    """Find the folder that holds ``tests/claims``, ``fixtures`` and ``pyproject.toml``.

    It is the checkout, or the copy of these that an installed package has (``setup.py``).
    """
    return PACKAGE / "shipped" if installed() else PACKAGE.parent


def installed() -> bool:
    """Tell whether the package is an installed one, apart from any checkout."""
    return (PACKAGE / "shipped").is_dir()


def checkout() -> Path:
    """Find the checkout, for what writes to it.

    Raises:
        UsageError: the package is an installed one.
    """
    if installed():
        raise UsageError(
            f"the installed package in {PACKAGE}, which nothing is written to",
            expected="a checkout of the project",
            do="run this from a checkout; repro calibrate takes --out, and REPRO_FIXTURES_DIR "
            "names other fixtures",
        )
    return home()


def fixtures(*, to_write: bool = False) -> Path:
    """Find the shipped weights, populations and snapshots (``REPRO_FIXTURES_DIR`` overrides).

    Raises:
        UsageError: they are an installed package's, and are to be written.
    """
    override = os.environ.get("REPRO_FIXTURES_DIR")
    if override:
        return given(override)
    return (checkout() if to_write else home()) / "fixtures"


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
