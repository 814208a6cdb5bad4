"""Find the papers, one folder each, and load their records, experiments and pictures.

A paper is a folder with ``claims.toml`` and ``experiments.py``, and ``pictures.py`` where it
has images to show. Further papers are found in the folders that ``REPRO_EXTRA_PAPERS`` lists
(separated as in ``PATH``).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from repro.claims import records
from repro.claims.records import Paper
from repro.claims.schema import SLUG
from repro.errors import ClaimsError
from repro.paths import given

if TYPE_CHECKING:  # experiments need torch, which the claim records never load
    from repro.judge.populations import Archive
    from repro.papers.experiment import Experiment
    from repro.papers.picture import Picture


def folders() -> dict[str, Path]:
    """Return the folder of every paper, by its id.

    Raises:
        ClaimsError: two folders have the same name, or one that is listed is not there.
    """
    roots = [Path(__file__).parent]
    listed = os.environ.get("REPRO_EXTRA_PAPERS", "").split(os.pathsep)
    roots += [given(folder) for folder in listed if folder]
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
    """Load the experiments of a paper, by name; this imports torch.

    Raises:
        ClaimsError: there is no such paper, or it has no ``experiments.py`` with its
            ``EXPERIMENTS``.
    """
    folder = folders().get(paper)
    if folder is None:
        raise ClaimsError(
            f"no paper {paper!r}", expected=", ".join(folders()), do="correct its id"
        )
    module = _module(paper, folder, "experiments")
    if module is None:
        raise ClaimsError(
            f"{folder} has no experiments.py",
            expected="EXPERIMENTS in experiments.py",
            do="add it",
        )
    found: tuple[Experiment, ...] = _offered(module, folder, "EXPERIMENTS")
    return {experiment.name: experiment for experiment in found}


def pictures(paper: str) -> tuple[Picture, ...]:
    """Load the pictures that a paper's optional ``pictures.py`` offers.

    Raises:
        ClaimsError: it has no ``PICTURES``, or one of them is misnamed or names an experiment
            or a reading that the paper does not have.
    """
    folder, offered = folders()[paper], experiments(paper)
    module = _module(paper, folder, "pictures")
    if module is None:
        return ()
    found: tuple[Picture, ...] = _offered(module, folder, "PICTURES")
    for picture in found:
        known = offered[picture.experiment].readings if picture.experiment in offered else ()
        alone = sum(other.name == picture.name for other in found) == 1
        named = SLUG.fullmatch(picture.name) and picture.name.startswith(f"{paper}-")
        if not (named and alone and picture.readings and set(picture.readings) <= set(known)):
            raise ClaimsError(
                f"{folder}/pictures.py offers a picture {picture.name!r} of experiment "
                f"{picture.experiment!r} under {', '.join(picture.readings) or 'no reading'}",
                expected=f"a name of its own that begins with {paper}-, an experiment of the "
                "paper and readings of that experiment",
                do="correct it",
            )
    return found


def tables(paper: str) -> Mapping[str, Callable[[Archive], str]]:
    """Load the tables for documents that a paper's optional ``doc_tables.py`` offers.

    Each takes the archive of populations and gives Markdown; none may import torch.

    Raises:
        ClaimsError: it has no ``TABLES``.
    """
    folder = folders()[paper]
    module = _module(paper, folder, "doc_tables")
    if module is None:
        return {}
    found: Mapping[str, Callable[[Archive], str]] = _offered(module, folder, "TABLES")
    return found


def _offered(module: ModuleType, folder: Path, name: str) -> Any:
    """Return what a paper's module offers under ``name``, or raise ClaimsError."""
    if not hasattr(module, name):
        raise ClaimsError(
            f"{folder / Path(str(module.__file__)).name} has no {name}",
            expected=f"a tuple of {name.lower()} of that name",
            do="add it",
        )
    return getattr(module, name)


def _module(paper: str, folder: Path, name: str) -> ModuleType | None:
    """Load a module of a paper; None where there is no such file.

    A paper outside this package is loaded as a package of its own, whose modules may import
    one another (``from .experiments import ...``).
    """
    path = folder / f"{name}.py"
    if not path.exists():
        return None
    if folder.parent == Path(__file__).parent:
        return importlib.import_module(f"repro.papers.{paper}.{name}")
    package = ModuleType(f"repro_extra_papers_{paper}")
    package.__path__ = [str(folder)]
    sys.modules[package.__name__] = package
    full = f"{package.__name__}.{name}"
    spec = importlib.util.spec_from_file_location(full, path)
    if spec is None or spec.loader is None:
        raise ClaimsError(f"{path} cannot be loaded", expected="a Python module", do="restore it")
    module = importlib.util.module_from_spec(spec)
    sys.modules[full] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[full]
        raise
    return module
