"""Numbers, bands, verdicts and commands in words: written once, for every rendering."""

from __future__ import annotations


def rerun_command(claim: str, reading: str) -> str:
    """The command that runs just this claim under this reading."""
    return f"tox -e reproduce -- --claim '{claim}' --reading {reading}"
