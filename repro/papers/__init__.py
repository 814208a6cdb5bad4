"""The papers, one folder each, where experiments and claims meet.

A paper is a folder with ``claims.toml`` and ``experiments.py``. Further papers are found
in the folders that ``REPRO_EXTRA_PAPERS`` lists (separated as in ``PATH``).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from repro.claims import records
from repro.claims.records import Paper
from repro.errors import ClaimsError

if TYPE_CHECKING:  # experiments need torch, which the claim records never load
    from repro.experiment import Experiment


def folders() -> dict[str, Path]:
    """Paper id to its folder.

    Raises:
        ClaimsError: two folders have the same name, or one that is listed is not there.
    """
    roots = [Path(__file__).parent]
    roots += [Path(p) for p in os.environ.get("REPRO_EXTRA_PAPERS", "").split(os.pathsep) if p]
    found: dict[str, Path] = {}
    for root in roots:
        if not root.is_dir():
            raise ClaimsError(
                f"REPRO_EXTRA_PAPERS names {root}, which is no folder",
                expected="folders of papers",
                do="correct REPRO_EXTRA_PAPERS",
            )
        for path in sorted(root.glob("*/claims.toml")):
            name = path.parent.name
            if name in found:
                raise ClaimsError(
                    f"two papers named {name}: {found[name]} and {path.parent}",
                    expected="one folder a paper",
                    do="rename one of them, or correct REPRO_EXTRA_PAPERS",
                )
            found[name] = path.parent
    return found


def load_all() -> dict[str, Paper]:
    """Every paper's records, by id.

    Raises:
        ClaimsError: a record is invalid, or a paper's id is not its folder's name or begins
            with another's, so that their claims could have the same ids.
    """
    papers = {}
    for name, folder in folders().items():
        paper = records.load(folder / "claims.toml")
        if paper.id != name:
            raise ClaimsError(
                f"{name}/claims.toml has id = {paper.id!r}",
                expected=f"id = {name!r}, the folder's name",
                do="rename one of them",
            )
        papers[name] = paper
    for name in papers:
        for other in papers:
            if name.startswith(f"{other}-"):
                raise ClaimsError(
                    f"papers named {other} and {name}",
                    expected="no paper's id before a hyphen of another's",
                    do="rename one of them: claims and populations are named after their paper",
                )
    return papers


@cache
def experiments(paper: str) -> Mapping[str, Experiment]:
    """The experiments of a paper, by name; this imports torch.

    Raises:
        ClaimsError: there is no such paper, or it has no ``experiments.py`` with its
            ``EXPERIMENTS``.
    """
    folder = folders().get(paper)
    if folder is None:
        raise ClaimsError(
            f"no paper {paper!r}", expected=", ".join(folders()), do="correct its id"
        )
    path = folder / "experiments.py"
    if not path.exists():
        raise ClaimsError(
            f"{folder} has no experiments.py",
            expected="EXPERIMENTS in experiments.py",
            do="add it",
        )
    if folder.parent == Path(__file__).parent:
        module = importlib.import_module(f"repro.papers.{paper}.experiments")
    else:
        name = f"repro_extra_papers_{paper}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ClaimsError(
                f"{path} cannot be loaded", expected="a Python module", do="restore it"
            )
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    if not hasattr(module, "EXPERIMENTS"):
        raise ClaimsError(
            f"{path} has no EXPERIMENTS",
            expected="a tuple of experiments of that name",
            do="add it",
        )
    from repro.experiment import experiments_of

    return experiments_of(module)
