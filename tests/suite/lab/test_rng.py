from __future__ import annotations

import json

import numpy as np
import pytest

from repro.lab import rng


def draws(seed: int, name: str) -> list[int]:
    return rng.generator(seed, name).integers(0, 2**62, 4).tolist()


def test_a_stream_depends_on_seed_and_name_alone():
    np.random.seed(5)  # noqa: NPY002 - the point is that the global state has no say
    assert draws(0, "a") == draws(0, "a")
    streams = [draws(s, n) for s, n in [(0, "a"), (1, "a"), (0, "b"), (1, "b"), (-1, "a")]]
    assert len({tuple(stream) for stream in streams}) == len(streams)


def test_a_seed_and_a_name_do_not_run_together():
    assert draws(1, "a1") != draws(11, "a")
    assert draws(11, "a") != draws(1, "a\x001")


def test_the_streams_of_the_evidence_stand():
    # Weights, masks and noise of every population came from these.
    assert rng.generator(0, "lacok2016/init").standard_normal(2).tolist() == [
        1.8747537052914198,
        0.36390034510837144,
    ]
    assert rng.generator(7, "lacok2016/dropout").bytes(4).hex() == "dcaa5603"


@pytest.mark.parametrize("drawn", [0, 1, 3])
def test_a_state_put_back_goes_on_where_it_was(drawn):
    one = rng.generator(0, "a")
    # An odd number of 32-bit draws leaves half a word in the generator's buffer.
    one.random(drawn, dtype=np.float32)
    state = rng.get_state(one)
    expected = one.random(5, dtype=np.float32), one.bytes(7), one.standard_normal(3)
    other = rng.restored(state)
    got = other.random(5, dtype=np.float32), other.bytes(7), other.standard_normal(3)
    assert all(np.array_equal(a, b) for a, b in zip(expected, got, strict=True))


def test_a_state_is_json():
    assert json.loads(rng.get_state(rng.generator(0, "a")))["bit_generator"] == "PCG64"
