"""A published file is downloaded from a server on this machine."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace

import fetch_helpers
import pytest
from fetch_helpers import absent, interrupted, listing, oversized, silent, unpacked, wrong

from repro.errors import WeightsError
from repro.lab import http
from repro.lab.networks.published import PublishedFile, git_id

CONTENT = bytes(range(256)) * 16

pytestmark = pytest.mark.usefixtures("canonical")


@pytest.fixture
def published(mirrors, monkeypatch):
    """Makes the file as published by mirrors, to be asked in the order given."""
    monkeypatch.setitem(fetch_helpers.FILES, "network", CONTENT)

    def start(*answers):
        started = mirrors(*answers)
        addresses = tuple(f"{mirror.url}network" for mirror in started)
        return started, PublishedFile("the network", addresses, git_id(CONTENT), 4500)

    return start


def kept(path):
    return sorted(set(listing(path.parent)) - {f".{path.name}.lock"})


def test_the_id_is_what_git_computes():
    # printf 'what is up, doc?' | git hash-object --stdin
    assert git_id(b"what is up, doc?") == "bd9dbf5aae1a3862dd1526723246b20206e5fc37"


def test_it_is_downloaded_once(tmp_path, published):
    (server,), file = published(unpacked)
    path = tmp_path / "deep" / "network"
    assert file.content(path) == CONTENT
    assert path.read_bytes() == CONTENT
    assert file.content(path, offline=True) == CONTENT
    assert server.gets == ["network"]
    assert kept(path) == ["network"]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (wrong, "another file, of git's id"),
        (interrupted, "ChunkedEncodingError"),
        (absent, "404"),
        (silent, "ReadTimeout"),
        (oversized, "more than 4500 bytes"),
    ],
)
def test_an_address_that_fails_gives_way_and_leaves_nothing(
    tmp_path, published, monkeypatch, fault, told
):
    if fault is silent:
        monkeypatch.setattr(http, "READ_SECONDS", 0.5)
    path = tmp_path / "network"
    (server,), alone = published(fault)
    with pytest.raises(WeightsError) as caught:
        alone.content(path)
    assert f"{server.host}: " in caught.value.found
    assert told in caught.value.found
    assert alone.blob in caught.value.expected
    assert str(path) in caught.value.found
    assert alone.addresses[0] in caught.value.do
    assert kept(path) == []
    (_, served), both = published(fault, unpacked)
    assert both.content(path) == CONTENT
    assert served.gets == ["network"]


def test_a_host_that_fails_in_one_way_is_told_once(tmp_path, published):
    (server,), file = published(absent)
    with pytest.raises(WeightsError) as caught:
        replace(file, addresses=file.addresses * 2).content(tmp_path / "network")
    assert server.gets == ["network"] * 2
    assert caught.value.found.count(f"{server.host}: ") == 1


@pytest.mark.parametrize("way", ["option", "variable"])
def test_offline_asks_nobody(tmp_path, published, monkeypatch, way):
    (server,), file = published(unpacked)
    if way == "variable":
        monkeypatch.setenv("REPRO_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"not at .*, and downloading is switched off"):
        file.content(tmp_path / "network", offline=way == "option")
    assert server.gets == []
    assert listing(tmp_path) == []


def test_a_damaged_file_is_downloaded_again(tmp_path, published, caplog):
    path = tmp_path / "network"
    path.write_bytes(CONTENT[:-1] + b"\0")
    (server,), file = published(unpacked)
    with pytest.raises(WeightsError, match="git's id of it is"):
        file.content(path, offline=True)
    with caplog.at_level(logging.WARNING):
        assert file.content(path) == CONTENT
    assert "to be downloaded again" in caplog.text
    assert path.read_bytes() == CONTENT
    assert server.gets == ["network"]


@pytest.mark.parametrize("terminal", [True, False])
def test_the_bar_is_shown_on_a_terminal_only(tmp_path, published, monkeypatch, capsys, terminal):
    _, file = published(unpacked)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    file.content(tmp_path / "network")
    captured = capsys.readouterr()
    assert ("the network" in captured.err) == terminal
    assert captured.out == ""
