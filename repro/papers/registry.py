"""Find the papers, one folder each, and load their records, experiments and pictures.

A paper is a folder with ``claims.toml`` and ``experiments.py``, and ``pictures.py`` where it
has images to show. Further papers are found in the folders that ``REPRO_EXTRA_PAPERS`` lists
(separated as in ``PATH``).
"""

from __future__ import annotations

import importlib
import itertools
import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from repro import paths
from repro.claims import records
from repro.claims.records import Paper
from repro.errors import ClaimsError, UsageError

if TYPE_CHECKING:  # experiments need torch, which the claim records never load
    from repro.papers.experiment import Experiment


def folders() -> dict[str, Path]:
    """Return the folder of every paper, by its id.

    Raises:
        ClaimsError: two folders have the same name, or one that is listed is not there.
    """
    roots = [Path(__file__).parent]
    listed = os.environ.get("REPRO_EXTRA_PAPERS", "").split(os.pathsep)
    roots += [paths.given(folder) for folder in listed if folder]
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


def tests_of(paper: str) -> Path:
    """Find the module with the tests of a paper's claims, of one outside near its folder.

    Where there is none, it is the one that there would be beside the others.
    """
    name, folder = f"test_{paper}.py", folders()[paper]
    if not folder.is_relative_to(paths.PACKAGE):
        for near in (folder, folder.parent, folder.parent.parent):
            every = [*near.glob(name), *near.glob(f"*/{name}"), *near.glob(f"*/*/{name}")]
            if every:
                return min(every)
    return paths.home() / "tests" / "claims" / name


def load_all() -> dict[str, Paper]:
    """Load the records of every paper, by its id.

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
    for name, other in itertools.permutations(papers, 2):
        if name.startswith(f"{other}-"):
            raise ClaimsError(
                f"papers named {other} and {name}",
                expected="no paper's id before a hyphen of another's",
                do="rename one of them: claims and populations are named after their paper",
            )
    return papers


@cache
def experiments(paper: str) -> Mapping[str, Experiment]:
    """Load the experiments of a paper, by name; this imports torch.

    Raises:
        UsageError: there is no such paper.
        ClaimsError: it has no ``experiments.py`` with its ``EXPERIMENTS``, a tuple.
    """
    if paper not in (known := folders()):
        raise UsageError(f"no paper {paper!r}", expected=", ".join(known), do="correct its id")
    found: tuple[Experiment, ...] | None = offered_by(paper, "experiments", "EXPERIMENTS")
    if found is None:
        raise ClaimsError(
            f"{known[paper]} has no experiments.py",
            expected="EXPERIMENTS in experiments.py",
            do="add it",
        )
    if not isinstance(found, tuple):
        raise ClaimsError(
            f"EXPERIMENTS of {known[paper]}/experiments.py is a {type(found).__name__}",
            expected="a tuple of experiments",
            do="correct it: a tuple of one has a comma after it",
        )
    return {experiment.name: experiment for experiment in found}


def offered_by(paper: str, name: str, offer: str) -> Any:
    """Return what a module of a paper offers; None where there is no such file.

    A paper outside this package is loaded as a package of its own, whose modules may import
    one another (``from .experiments import ...``).
    """
    folder = folders()[paper]
    path, package = folder / f"{name}.py", f"repro.papers.{paper}"
    if not path.exists():
        return None
    if folder.parent != Path(__file__).parent:
        package = f"repro_extra_papers_{paper}"
        outside = sys.modules[package] = ModuleType(package)
        outside.__path__ = [str(folder)]
        sys.modules.pop(f"{package}.{name}", None)  # the folder may be another one by now
        importlib.invalidate_caches()
    module = importlib.import_module(f"{package}.{name}")
    if not hasattr(module, offer):
        raise ClaimsError(
            f"{path} has no {offer}",
            expected=f"{offer} in {name}.py",
            do="add it",
        )
    return getattr(module, offer)
