from __future__ import annotations

import gzip
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from idx_files import build

from repro.errors import DataError
from repro.lab.mnist import idx

# Written out by hand from the published format.
TWO_LABELS = bytes.fromhex("00000801 00000002 07 03")
ONE_IMAGE = bytes.fromhex("00000803 00000001 0000001c 0000001c") + bytes(783) + b"\xff"


def test_parse_reads_the_format_as_published():
    digits = idx.parse(ONE_IMAGE, TWO_LABELS)
    np.testing.assert_array_equal(digits.labels, [7, 3])
    assert digits.images.shape == (1, 28, 28)
    assert digits.images.dtype == digits.labels.dtype == np.uint8
    assert digits.images[0, 27, 27] == 255
    assert digits.images.sum() == 255


def test_pixels_are_in_row_order_and_read_only():
    images = np.arange(3 * 28 * 28, dtype=np.int64).astype(np.uint8).reshape(3, 28, 28)
    digits = idx.parse(build(images), TWO_LABELS)
    np.testing.assert_array_equal(digits.images, images)
    for parsed in (digits.images, digits.labels):
        with pytest.raises(ValueError, match="read-only"):
            parsed[0] = 1


@given(st.binary(max_size=300).map(lambda rest: b"\x1f\x8b\x08\x00" + rest) | st.binary())
def test_any_bytes_unpack_or_are_a_data_error(content):
    try:
        unpacked = idx.unpack(content, name="file")
    except DataError:
        assert content.startswith(b"\x1f\x8b")
    else:
        assert unpacked == content or content.startswith(b"\x1f\x8b")


@pytest.mark.parametrize("name", ["plain", "misnamed.gz"])
def test_read_file_reads_raw_whatever_the_name(tmp_path, name):
    (tmp_path / name).write_bytes(ONE_IMAGE)
    assert idx.read_file(tmp_path / name) == ONE_IMAGE


@pytest.mark.parametrize("name", ["packed.gz", "misnamed"])
def test_read_file_reads_gzip_whatever_the_name(tmp_path, name):
    (tmp_path / name).write_bytes(gzip.compress(ONE_IMAGE, mtime=0))
    assert idx.read_file(tmp_path / name) == ONE_IMAGE


def test_read_file_of_a_missing_file_or_a_folder_is_none(tmp_path):
    assert idx.read_file(tmp_path / "nothing") is None
    assert idx.read_file(tmp_path) is None


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
