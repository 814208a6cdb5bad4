"""Weights as safetensors, with errors a user can act on. Pickle is never read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from repro import paths
from repro.errors import WeightsError


def sha256(content: bytes) -> str:
    """Compute the SHA-256 of ``content``, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def pack(tensors: Mapping[str, Tensor], texts: Mapping[str, str]) -> bytes:
    """Write tensors and texts as one safetensors file."""
    return save({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, dict(texts))


def digest(tensors: Mapping[str, Tensor], texts: Mapping[str, str]) -> str:
    """Compute the SHA-256 of tensors and texts: safetensors notices no flipped bit itself."""
    return sha256(pack(tensors, {}) + json.dumps(dict(texts), sort_keys=True).encode())


def damaged(path: Path, fault: str, expected: str) -> WeightsError:
    """Make the error of a stored file that is not what it should be."""
    shipped = path.is_relative_to(paths.fixtures())
    return WeightsError(
        f"{path} {fault}",
        expected=expected,
        do=f"restore {path.name} (git checkout), or install the package again"
        if shipped
        else f"delete {path.name}: the network is trained again",
    )


def unpack(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a file written by :func:`pack`.

    Raises:
        WeightsError: the file cannot be read or is not safetensors.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            return tensors, dict(file.metadata() or {})
    except (OSError, SafetensorError, ValueError, TypeError) as error:
        raise damaged(
            path,
            f"cannot be read as safetensors: {error}",
            "a safetensors file written by this suite",
        ) from error


def misfit(
    tensors: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]
) -> tuple[str, str] | None:
    """Tell what is wrong with a network's weights and what was expected; None if nothing is."""
    found = {name: tuple(t.shape) for name, t in tensors.items()}
    if found != dict(shapes):
        return f"holds {found}", f"{dict(shapes)}"
    for name, tensor in tensors.items():
        if tensor.dtype != torch.float32:
            return f"holds {name} in {tensor.dtype}", "torch.float32"
        if not bool(torch.isfinite(tensor).all()):
            return f"holds NaN or infinity in {name}", "finite weights"
    return None


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        WeightsError: the file is not a JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        expected = "a manifest written by this suite"
        raise damaged(path, f"cannot be read as JSON: {error}", expected) from error
    if not isinstance(value, dict):
        raise damaged(path, f"holds a JSON {type(value).__name__}", "an object")
    return value
