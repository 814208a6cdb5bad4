"""A user's own network: found by the words that name it, and checked."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from repro.errors import NetworkError, ReproError, UsageError, WeightsError
from repro.lab.networks import weights as files
from repro.lab.networks.network import Network, as_network
from repro.lab.networks.recipe import Recipe

FORMS = "package.module:name, path/to/file.py:name, or a safetensors file in the suite's layout"

GIVEN = "repro_given"
"""The name under which a user's file is imported: its own might be that of another module."""


@dataclass(frozen=True, eq=False)  # networks have no single truth value to compare by
class Given:
    """A network of the user's.

    Args:
        sha256: of its weights: of the file, if they come in the suite's own layout.
        notes: what was found out about it, a sentence each.
    """

    network: Network
    sha256: str
    notes: tuple[str, ...] = ()


def load(words: str, *, weights: Path | None = None, layouts: Iterable[Recipe] = ()) -> Given:
    """Find the network that ``words`` name, and fill it with ``weights`` where they lie apart.

    Args:
        words: ``package.module:name`` or ``path/to/file.py:name``, where the name is a module of
            PyTorch or a callable that gives one (``Net``, ``zoo.make_net``); or the path of a
            safetensors file.
        weights: a safetensors file with the module's ``state_dict``.
        layouts: the recipes whose layout a safetensors file may have.

    Raises:
        UsageError: the words name nothing that can be loaded.
        WeightsError: a file of weights cannot be read, or does not fit.
        NetworkError: what was found is no network for MNIST.
    """
    place, colon, name = words.rpartition(":")
    if words.endswith(".safetensors"):
        if weights is not None:
            raise UsageError(
                f"{words} with --weights", expected="one file of weights", do="drop one of them"
            )
        return _stored(Path(words), layouts)
    if not (colon and place and name):
        raise UsageError(f"{words!r}", expected=FORMS, do="say where the network is")
    module = _made(place, name)
    if weights is not None:
        _fill(module, weights)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        network = as_network(module)
    shape = " x ".join(map(str, network.shape))
    notes = (f"takes images of {shape} pixels in [0, 1]", *(str(w.message) for w in caught))
    state = network.module.state_dict().items()  # with what get_extra_state gives, of any type
    content = files.pack({n: t.clone() for n, t in state if isinstance(t, Tensor)}, {})
    return Given(network, files.sha256(content), notes)


def _stored(path: Path, layouts: Iterable[Recipe]) -> Given:
    """Read a network whose weights lie in the suite's own layout."""
    tensors, every = _read(path), list(layouts)
    fitting = (recipe for recipe in every if files.misfit(tensors, recipe.shapes()) is None)
    if (recipe := next(fitting, None)) is not None:
        network = recipe.network(tensors)
        logits = network(torch.zeros(1, 784))
        if logits.shape != (1, 10):
            raise NetworkError(
                f"{path}, a {recipe.name}, gives {logits.shape[1]} outputs",
                expected="logits of the ten digits",
                do="give another network: this one is for its own paper's claims alone",
            )
        sha256 = files.sha256(path.read_bytes())
        return Given(network, sha256, (f"has the layout of {recipe.name}",))
    meant = [recipe for recipe in every if set(recipe.shapes()) == set(tensors)]
    if meant and (wrong := files.misfit(tensors, meant[0].shapes())):
        raise WeightsError(
            f"{path} {wrong[0]}", expected=wrong[1], do="correct the file's tensors"
        )
    known = [f"{recipe.name}: {', '.join(recipe.shapes())}" for recipe in every]
    raise WeightsError(
        f"{path} holds {', '.join(tensors) or 'nothing'}",
        expected=f"the tensors of one of these. {'; '.join(dict.fromkeys(known))}",
        do="for a network of another kind, name the code that makes it, and give its weights "
        "with --weights",
    )


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise WeightsError(
            f"{path} is not there", expected="a safetensors file", do="correct the path"
        )
    try:
        return files.unpack(path)[0]
    except WeightsError as error:
        raise WeightsError(
            error.found,
            expected="a safetensors file",
            do="write it with safetensors.torch.save_file(module.state_dict(), path)",
        ) from error


def _fill(module: nn.Module, path: Path) -> None:
    """Load a ``state_dict`` into a module."""
    tensors = _read(path)
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:  # which names every tensor that is missing, left or misshapen
        raise WeightsError(
            f"{path} does not fit the module: {' '.join(str(error).split())[:600]}",
            expected="the module's own state_dict, name for name",
            do="write it with safetensors.torch.save_file(module.state_dict(), path)",
        ) from error


def _made(place: str, name: str) -> nn.Module:
    """Import ``place``, take ``name`` of it, and call it unless it is a module already."""
    found: Any = _imported(place)
    for part in name.split("."):
        if not hasattr(found, part):
            offered = [each for each in getattr(found, "__dict__", ()) if not each.startswith("_")]
            raise UsageError(
                f"{place} has no {name}",
                expected=f"one of {', '.join(offered[:20]) or 'its names, of which it has none'}",
                do="correct what stands after the colon",
            )
        found = getattr(found, part)
    if callable(found) and not isinstance(found, nn.Module):
        try:
            found = found()
        except ReproError:
            raise
        except (Exception, SystemExit) as error:
            raise NetworkError(
                f"{place}:{name}() failed: {_told(error)}",
                expected="a call without arguments that gives a torch.nn.Module",
                do="correct it, or name a function that makes the module",
            ) from error
    if not isinstance(found, nn.Module):
        raise NetworkError(
            f"{place}:{name} gives a {type(found).__name__}",
            expected="a torch.nn.Module, or a callable that gives one",
            do="name the module, its class, or a function that makes it",
        )
    return found


def _imported(place: str) -> ModuleType:
    path = Path(place)
    if place.endswith(".py") and not path.is_file():
        raise UsageError(f"{place} is not there", expected="a Python file", do="correct the path")
    # As ``python file.py`` and ``python -m module`` would have it.
    sys.path.insert(0, str(path.resolve().parent if place.endswith(".py") else Path.cwd()))
    try:
        if not place.endswith(".py"):
            return importlib.import_module(place)
        spec = importlib.util.spec_from_file_location(GIVEN, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"no loader for {place}")
        module = sys.modules[GIVEN] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{place} cannot be imported: {_told(error)}",
            expected=FORMS,
            do="correct the name, or what the file does when it is imported",
        ) from error
    return module


def _told(error: BaseException) -> str:
    """Say what went wrong, and in which line of whose code."""
    *_, last = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__}: {error} ({last.filename}, line {last.lineno})"
