"""The options of a run of claims, on pytest's command line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from repro import paths
from repro.claims import selection as chosen
from repro.claims.selection import Selection
from repro.report import report_json

OPTIONS: dict[str, dict[str, Any]] = {
    **chosen.OPTIONS,
    "failed": {
        "metavar": "REPORT",
        "help": "only what failed in a report.json, of this machine or another",
    },
    "list-claims": {"action": "store_true", "help": "list the selected claims and stop"},
    "retrain": {
        "action": "store_true",
        "help": "train the networks from scratch instead of loading them (minutes)",
    },
    "mnist-dir": {
        "metavar": "DIR",
        "help": "folder with the four MNIST files, .gz or raw (also REPRO_MNIST_DIR)",
    },
    "offline": {"action": "store_true", "help": "never download MNIST (also REPRO_OFFLINE=1)"},
    "require-full-data": {"action": "store_true", "help": "refuse anything but full MNIST"},
    "device": {
        "default": "cpu",
        "metavar": "NAME",
        "help": "where networks are trained and run: cpu (the reference) or cuda",
    },
    "report-dir": {
        "metavar": "DIR",
        "help": "write report.json there (default: reports)",
    },
}


def own_help() -> str:
    """Return the help on a run's own options, and where pytest's stand."""
    parser = argparse.ArgumentParser(
        prog="repro run",
        usage="%(prog)s [options] [pytest's options]",
        description="Measure, judge and report every claim, or those that the options choose.",
        epilog="Every option of pytest works as well, such as -n 2 (two processes), -v (every row "
        "at the end), -k and -x: `python -m pytest --help` lists them.",
    )
    for name, settings in OPTIONS.items():
        parser.add_argument(f"--{name}", **settings)
    return parser.format_help()


def add(parser: pytest.Parser) -> None:
    """Add every option as ``--repro-NAME``, and as ``--NAME`` where no other plugin has that."""
    groups = [*parser._groups, parser._anonymous]
    taken = {name for group in groups for option in group.options for name in option.names()}
    ours = parser.getgroup("repro", "published claims")
    for name, settings in OPTIONS.items():
        names = [f"--{name}"] if f"--{name}" not in taken else []
        dest = f"repro_{name.replace('-', '_')}"
        ours.addoption(*names, f"--repro-{name}", dest=dest, **settings)


def value(config: pytest.Config, name: str) -> Any:
    """Return what the user gave for an option, or its default."""
    return config.getoption(f"--repro-{name}")


def folder(config: pytest.Config, name: str) -> Path | None:
    """Return the folder that an option names, or None."""
    words = value(config, name)
    return None if words is None else paths.given(words)


def selection(config: pytest.Config) -> Selection:
    """Return the choice of claims that the options make."""
    path, words = value(config, "failed"), (value(config, name) for name in chosen.OPTIONS)
    # A worker of xdist is told: the run's own report may be in the place of that one already.
    failed = getattr(config, "workerinput", {}).get("repro_failed", ())
    if path and not failed:
        failed = report_json.failed(paths.given(path))
    return Selection(*map(tuple, (*words, failed)))
