from __future__ import annotations

import gzip
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from repro.errors import DataError
from repro.lab.mnist import idx

IMAGES = np.arange(3 * 28 * 28, dtype=np.int64).astype(np.uint8).reshape(3, 28, 28)
LABELS = np.array([0, 9, 5], dtype=np.uint8)

# Written out by hand, so that a fault shared by `build` and the parsers shows.
TWO_LABELS = bytes.fromhex("00000801 00000002 07 03")
ONE_IMAGE = bytes.fromhex("00000803 00000001 0000001c 0000001c") + bytes(783) + b"\xff"


def test_parse_labels_reads_the_format_as_published():
    np.testing.assert_array_equal(idx.parse_labels(TWO_LABELS, name="labels"), [7, 3])


def test_parse_images_reads_the_format_as_published():
    images = idx.parse_images(ONE_IMAGE, name="images")
    assert images.shape == (1, 28, 28)
    assert images.dtype == np.uint8
    assert images[0, 27, 27] == 255
    assert images.sum() == 255


def test_pixels_are_in_row_order():
    images = idx.parse_images(idx.build(IMAGES), name="images")
    assert images[1, 2, 3] == (784 + 2 * 28 + 3) % 256


@given(arrays(np.uint8, st.tuples(st.integers(0, 4), st.just(28), st.just(28))))
def test_images_survive_the_round_trip(images):
    np.testing.assert_array_equal(idx.parse_images(idx.build(images), name="images"), images)


@given(arrays(np.uint8, st.integers(0, 50), elements=st.integers(0, 9)))
def test_labels_survive_the_round_trip(labels):
    np.testing.assert_array_equal(idx.parse_labels(idx.build(labels), name="labels"), labels)


def headed(magic: int) -> st.SearchStrategy[bytes]:
    """Bytes behind a right magic number, which blind ones would never reach."""
    return st.binary(max_size=900).map(lambda rest: magic.to_bytes(4, "big") + rest)


@given(st.binary(max_size=900) | headed(0x803))
def test_any_bytes_are_images_or_a_data_error(content):
    try:
        images = idx.parse_images(content, name="images")
    except DataError:
        return
    assert idx.build(images) == content


@given(st.binary(max_size=900) | headed(0x801))
def test_any_bytes_are_labels_or_a_data_error(content):
    try:
        labels = idx.parse_labels(content, name="labels")
    except DataError:
        return
    assert idx.build(labels) == content


@given(st.binary(max_size=300).map(lambda rest: b"\x1f\x8b\x08\x00" + rest) | st.binary())
def test_any_bytes_unpack_or_are_a_data_error(content):
    try:
        unpacked = idx.unpack(content, name="file")
    except DataError:
        assert content.startswith(b"\x1f\x8b")
    else:
        assert unpacked == content or content.startswith(b"\x1f\x8b")


@pytest.mark.parametrize("kind", ["images", "labels"])
def test_parsed_arrays_are_read_only(kind):
    if kind == "images":
        parsed = idx.parse_images(bytearray(idx.build(IMAGES)), name=kind)
    else:
        parsed = idx.parse_labels(bytearray(idx.build(LABELS)), name=kind)
    with pytest.raises(ValueError, match="read-only"):
        parsed[0] = 1


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "ends within its header, after 0 bytes"),
        (ONE_IMAGE[:15], "ends within its header, after 15 bytes"),
        (TWO_LABELS + bytes(100), "magic number 0x00000801 in f"),
        (b"\x00" * 800, "magic number 0x00000000 in f"),
        (ONE_IMAGE[:-1], "truncated: 783 bytes"),
        (ONE_IMAGE[:16], "truncated: 0 bytes"),
        (ONE_IMAGE + b"\x00", "trailing bytes: 785 bytes"),
        (ONE_IMAGE[:8] + bytes.fromhex("0000001c 0000001b") + bytes(756), "28 x 27 pixels"),
        (ONE_IMAGE[:8] + bytes.fromhex("00000310 00000001") + bytes(784), "784 x 1 pixels"),
        (ONE_IMAGE[:4] + b"\xff" * 4 + ONE_IMAGE[8:], "truncated: 784 bytes"),
        # 2**28 images have 49 * 2**32 pixels, which is 0 in 32 bits.
        (ONE_IMAGE[:4] + b"\x10\x00\x00\x00" + ONE_IMAGE[8:16], "truncated: 0 bytes"),
    ],
)
def test_faulty_images_are_refused(content, fault):
    with pytest.raises(DataError) as caught:
        idx.parse_images(content, name="f")
    assert fault in caught.value.found
    assert caught.value.expected
    assert caught.value.do


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (TWO_LABELS[:7], "ends within its header, after 7 bytes"),
        (ONE_IMAGE, "magic number 0x00000803 in f"),
        (TWO_LABELS[:-1], "truncated: 1 bytes"),
        (TWO_LABELS + b"\x00", "trailing bytes: 3 bytes"),
        (TWO_LABELS[:-1] + b"\x0a", "label 10 at position 1 of f"),
        (TWO_LABELS[:-1] + b"\xff", "label 255 at position 1 of f"),
    ],
)
def test_faulty_labels_are_refused(content, fault):
    with pytest.raises(DataError) as caught:
        idx.parse_labels(content, name="f")
    assert fault in caught.value.found


@pytest.mark.parametrize("name", ["plain", "misnamed.gz"])
def test_read_file_reads_raw_whatever_the_name(tmp_path, name):
    (tmp_path / name).write_bytes(ONE_IMAGE)
    assert idx.read_file(tmp_path / name) == ONE_IMAGE


@pytest.mark.parametrize("name", ["packed.gz", "misnamed"])
def test_read_file_reads_gzip_whatever_the_name(tmp_path, name):
    (tmp_path / name).write_bytes(gzip.compress(ONE_IMAGE, mtime=0))
    assert idx.read_file(tmp_path / name) == ONE_IMAGE


def test_read_file_of_a_missing_file_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        idx.read_file(tmp_path / "nothing")


def flipped(content: bytes, position: int) -> bytes:
    damaged = bytearray(content)
    damaged[position] ^= 0xFF
    return bytes(damaged)


@pytest.mark.parametrize(
    "damaged",
    [
        gzip.compress(ONE_IMAGE, mtime=0)[:-1],
        gzip.compress(ONE_IMAGE, mtime=0)[:12],
        gzip.compress(ONE_IMAGE, mtime=0)[:2],
        flipped(gzip.compress(ONE_IMAGE, mtime=0), -5),  # the checksum
        flipped(gzip.compress(ONE_IMAGE, mtime=0), 12),  # the data
        gzip.compress(ONE_IMAGE, mtime=0) + b"junk",
    ],
)
def test_damaged_gzip_is_refused(tmp_path, damaged):
    path = tmp_path / "file.gz"
    path.write_bytes(damaged)
    with pytest.raises(DataError, match=r"file\.gz is damaged gzip"):
        idx.read_file(path)


def test_a_gzip_bomb_is_refused(tmp_path):
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as file:
        for _ in range(65):
            file.write(bytes(2**20))
    path = tmp_path / "bomb"
    path.write_bytes(packed.getvalue())
    with pytest.raises(DataError, match="more than 67108864 bytes"):
        idx.read_file(path)


def test_a_raw_file_is_read_up_to_the_limit_only(tmp_path, monkeypatch):
    monkeypatch.setattr(idx, "MAX_BYTES", 1000)
    (tmp_path / "fits").write_bytes(bytes(1000))
    (tmp_path / "large").write_bytes(bytes(1001))
    assert idx.read_file(tmp_path / "fits") == bytes(1000)
    with pytest.raises(DataError, match="more than 1000 bytes"):
        idx.read_file(tmp_path / "large")
