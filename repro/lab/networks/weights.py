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
        raise WeightsError(
            f"{path} cannot be read as safetensors: {error}",
            expected="a safetensors file written by this suite",
            do=f"delete {path.name}; it is made again on the next run",
        ) from error


def check_weights(
    path: Path, tensors: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]
) -> None:
    """Raise WeightsError unless names, shapes, dtype and finiteness are a network's.

    Raises:
        WeightsError: the weights are another network's, or hold NaN or infinity.
    """
    do = f"delete {path.name}; it is fetched from the shipped weights or trained again"
    found = {name: tuple(t.shape) for name, t in tensors.items()}
    if found != dict(shapes):
        raise WeightsError(f"{path} holds {found}", expected=f"{dict(shapes)}", do=do)
    for name, tensor in tensors.items():
        if tensor.dtype != torch.float32:
            raise WeightsError(
                f"{path}: {name} is {tensor.dtype}", expected="torch.float32", do=do
            )
        if not bool(torch.isfinite(tensor).all()):
            raise WeightsError(
                f"{path}: {name} holds NaN or infinity", expected="finite weights", do=do
            )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        WeightsError: the file is not a JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"{path} cannot be read as JSON: {error}",
            expected="a manifest written by this suite",
            do=f"restore {path.name} from the repository, or delete it from the cache",
        ) from error
    if not isinstance(value, dict):
        raise WeightsError(
            f"{path} holds a JSON {type(value).__name__}",
            expected="an object",
            do=f"restore {path.name}",
        )
    return value
