"""Named random generators: every draw of the suite comes from one, seeded by the run's seed."""

from __future__ import annotations

import hashlib
import json
import math

import numpy as np
from numpy.typing import NDArray


def generator(seed: int, name: str) -> np.random.Generator:
    """Make a generator whose stream depends on nothing but ``seed`` and ``name``.

    So a draw that is added to one part of an experiment never moves the numbers of another.
    """
    digest = hashlib.sha256(f"{name}\0{seed}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def coins(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Draw 0 or 1 by one random bit each: exact, and ten times cheaper than by a float."""
    count = math.prod(shape)
    bits = np.frombuffer(rng.bytes(-(-count // 8)), np.uint8)
    return np.unpackbits(bits)[:count].reshape(shape).astype(np.float32)


def get_state(rng: np.random.Generator) -> str:
    """Write the generator's state as JSON text, for a checkpoint."""
    return json.dumps(rng.bit_generator.state, sort_keys=True)


def restored(state: str) -> np.random.Generator:
    """Make a generator in a state written by :func:`get_state`."""
    bits = np.random.PCG64()
    bits.state = json.loads(state)
    return np.random.Generator(bits)
