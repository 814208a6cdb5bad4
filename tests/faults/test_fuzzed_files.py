"""Damaged files of every kind: a right result or the reader's own error, never another."""

from __future__ import annotations

import copy
import gzip
import json
import struct
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import fakes
import pytest
import tiny_paper
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sample_reports import curve, make, mixed, ordering, picture, record

from repro.claims import records
from repro.errors import ClaimsError, DataError, EvidenceError, ReportError, WeightsError
from repro.judge import populations
from repro.lab.mnist import files as mnist_files
from repro.lab.networks import weights
from repro.report import diff, report_json, step_summary
from repro.report.page import html

FEW = settings(deadline=None, max_examples=300)

# Damage

Damage = tuple[str, int, bytes]
damages = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "insert", "replace", "double"]),
        st.integers(0, 2**20),
        st.binary(min_size=1, max_size=9),
    ),
    min_size=1,
    max_size=4,
)


def damaged(content: bytes, how: list[Damage]) -> bytes:
    """Bits flipped, ends cut off, bytes inserted or replaced, halves doubled."""
    for kind, where, noise in how:
        spot = where % (len(content) + 1)
        if kind == "flip" and spot < len(content):
            flipped = content[spot] ^ (1 << (noise[0] % 8))
            content = content[:spot] + bytes([flipped]) + content[spot + 1 :]
        elif kind == "cut":
            content = content[:spot]
        elif kind == "insert":
            content = content[:spot] + noise + content[spot:]
        elif kind == "replace":
            content = content[:spot] + noise + content[spot + len(noise) :]
        elif kind == "double":
            content += content[spot:]
    return content


def in_a_file(content: bytes, read: Callable[[Path], Any]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        return read(path)


# MNIST


IMAGES, LABELS = fakes.CONTENTS["t10k-images"], fakes.CONTENTS["t10k-labels"]


@FEW
@given(st.sampled_from([IMAGES, LABELS, gzip.compress(IMAGES), gzip.compress(LABELS)]), damages)
def test_damaged_mnist_is_refused_or_what_it_was(content: bytes, how: list[Damage]) -> None:
    for name in ("t10k-images", "t10k-labels"):
        with suppress(DataError), patch.object(mnist_files, "SHA256", fakes.HASHES):
            found = mnist_files.verify(damaged(content, how), name, name="fuzz")
            assert found == fakes.CONTENTS[name]


@FEW
@given(st.binary(max_size=200))
def test_any_bytes_are_no_mnist(content: bytes) -> None:
    for start in (b"", b"\x1f\x8b", b"\x1f\x8b\x08"):
        with suppress(DataError):
            mnist_files.verify(start + content, "t10k-labels", name="fuzz")
            pytest.fail("taken for MNIST")


# Weights


GOOD = {"w": torch.arange(6.0).reshape(3, 2)}
PACKED = weights.pack(GOOD, {"key": "some key"})


def read_weights(path: Path) -> None:
    tensors, _ = weights.unpack(path)
    if wrong := weights.misfit(tensors, {"w": (3, 2)}):
        raise weights.damaged(path, *wrong)
    assert tensors["w"].isfinite().all()


@FEW
@given(damages)
def test_damaged_weights_are_refused_or_fit_the_network(how: list[Damage]) -> None:
    with suppress(WeightsError):
        in_a_file(damaged(PACKED, how), read_weights)


DTYPES = (
    *("F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"),
    *("F8_E4M3", "F8_E5M2", "F8_E8M0", "F4", "F6_E2M3", "F6_E3M2", "C64", "E", "", "f32"),
)
odd_numbers = st.one_of(st.integers(-1, 30), st.sampled_from([2**31, 2**63 - 1, 2**64, -(2**63)]))


@FEW
@given(
    st.sampled_from(DTYPES),
    st.lists(odd_numbers, max_size=4),
    st.lists(odd_numbers, max_size=3),
    st.sampled_from(["w", "__metadata__", "", "\ud83d\ude00"]),
    st.integers(0, 60),
)
@example("F32", [3, 2], [0, 24], "w", 24)
@example("F4", [3, 2], [0, 3], "w", 3)
@example("F8_E8M0", [3, 2], [0, 6], "w", 6)
@example("C64", [3, 2], [0, 48], "w", 48)
@example("F32", [0, 2**62], [0, 0], "w", 0)
def test_headers_of_any_kind_are_refused(
    dtype: str, shape: list[int], span: list[int], name: str, size: int
) -> None:
    header = json.dumps({name: {"dtype": dtype, "shape": shape, "data_offsets": span}}).encode()
    content = struct.pack("<Q", len(header)) + header + bytes(size)
    with suppress(WeightsError):
        in_a_file(content, read_weights)


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5000, b"NaN"])
def test_a_manifest_that_no_one_can_follow_is_refused(content: bytes) -> None:
    with pytest.raises(WeightsError):
        in_a_file(content, weights.read_json)


# Claims and populations


CLAIMS = tiny_paper.document(tiny_paper.PAPER).encode()


@FEW
@given(damages)
def test_damaged_claims_are_refused(how: list[Damage]) -> None:
    with suppress(ClaimsError):
        in_a_file(damaged(CLAIMS, how), records.load)


ROWS = [tiny_paper.row(seed, tiny_paper.METRICS) for seed in range(3)]
TABLE = populations.dump(ROWS)
CELLS = (
    *("nan", "inf", "-inf", "1e400", "-1e400", "", " ", "1_0", "0x1p3", "１２", "1,5", "None"),
    *("\u00a0", "9" * 5000, "-0.0", "1e-400", '"', "\x00", "\ufeff", "\ud7ff", "true", "1.5\n"),
)


@FEW
@given(damages)
def test_damaged_populations_are_refused(how: list[Damage]) -> None:
    with suppress(EvidenceError):
        assert_sound(in_a_file(damaged(TABLE.encode(), how), populations.load))


@FEW
@given(st.integers(0, 3), st.integers(0, 16), st.sampled_from(CELLS))
def test_odd_cells_are_refused_or_plain_numbers(row: int, column: int, cell: str) -> None:
    lines = [line.split(",") for line in TABLE.splitlines()]
    lines[row][column % len(lines[row])] = cell
    text = "\n".join(",".join(line) for line in lines) + "\n"
    with suppress(EvidenceError):
        assert_sound(in_a_file(text.encode(), populations.load))


@pytest.mark.parametrize("cell", ["1_0", "１２", " 1", "1 ", "\u00a01", "infinity", "1_0e1_0"])
@pytest.mark.parametrize("column", [0, -1])
def test_what_is_a_number_to_python_alone_is_refused(cell: str, column: int) -> None:
    lines = [line.split(",") for line in TABLE.splitlines()]
    lines[-1][column] = cell
    text = "\n".join(",".join(line) for line in lines) + "\n"
    with pytest.raises(EvidenceError):
        populations.parse(text, Path("fuzz.csv"))


def assert_sound(found: populations.Population) -> None:
    """What was read can be written and read again, and judged."""
    if found.rows:
        assert populations.parse(populations.dump(found.rows), found.path).rows == found.rows
    assert found.seconds() >= 0


# Reports


REPORT = make(record("tiny-a", tags=["headline"]), ordering(), curve(), pictures=[picture()])
OTHER = mixed()


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a JSON document."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(spot for key, each in inner for spot in spots(each, (*path, key)))]


SPOTS = [spot for spot in spots(REPORT) if spot]
odd_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.sampled_from([0, -1, 1e308, -1e308, 5e-324, -0.0, 0.5, 10**400]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=6),
    st.sampled_from(["", "\ud800", "\x00", "reproduced", "not-run", "x" * 10_000, "<b>"]),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3),
    st.just({}),
)


def render(path: Path) -> None:
    """All that `repro report` and `repro diff` make of a file."""
    found = report_json.read(path)
    html.render(found).encode()
    step_summary.summary(found).encode()
    for a, b in ((found, OTHER), (OTHER, found), (found, REPORT), (REPORT, found)):
        compared = diff.difference(a, b)
        diff.as_text(compared).encode()
        json.dumps(compared, allow_nan=False)


@settings(deadline=None, max_examples=250)
@given(st.lists(st.tuples(st.sampled_from(SPOTS), odd_values), min_size=1, max_size=3))
def test_a_report_of_odd_values_is_refused_or_rendered(changes: list[Any]) -> None:
    made = copy.deepcopy(REPORT)
    for path, value in changes:
        place: Any = made
        with suppress(KeyError, IndexError, TypeError):  # gone with an earlier change
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = value
    with suppress(ReportError):
        in_a_file(json.dumps(made).encode(), render)


@settings(deadline=None, max_examples=80)
@given(damages)
def test_a_damaged_report_is_refused_or_rendered(how: list[Damage]) -> None:
    with suppress(ReportError):
        in_a_file(damaged(json.dumps(REPORT).encode(), how), render)
