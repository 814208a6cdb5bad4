"""A snapshot that fails on a machine of other arithmetic says so."""

from __future__ import annotations

import json

import pytest
import torch

from repro.lab import provenance
from repro.plugin.snapshots import NoSnapshotError, Snapshot

FAILED = "off by 0.1\nTo update values, use --force-regen option."


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("REPRO_FIXTURES_DIR", str(tmp_path))
    monkeypatch.setenv("REPRO_CACHE_DIR", str(tmp_path / "cache"))
    for name in provenance.LIMITS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    folder = tmp_path / "snapshots"
    (folder / "full").mkdir(parents=True)
    return folder


def make(snapshot) -> None:
    with snapshot.held():  # as --force-regen does
        snapshot.path.write_text("a file")
        pytest.fail("it was made anew")


def fail(snapshot) -> str:
    with pytest.raises(AssertionError) as caught, snapshot.held():
        raise AssertionError(FAILED)
    return str(caught.value)


def test_a_new_file_s_instructions_are_noted_and_another_s_kept(folder):
    record = folder / "instructions.json"
    record.write_text('{"embedded/old": "AVX2"}')
    snapshot = Snapshot("full", "toy")
    with pytest.raises(NoSnapshotError, match="there was no snapshot of toy yet"):
        make(snapshot)
    assert json.loads(record.read_text()) == {"embedded/old": "AVX2", "full/toy": "AVX512"}
    record.unlink()
    with snapshot.held():
        pass
    assert not record.exists()  # nothing is new


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("how", ["capability", "variable"])
def test_of_another_machine_a_failure_names_both_and_does_not_say_to_regenerate(monkeypatch, how):
    snapshot = Snapshot("full", "toy")
    with pytest.raises(NoSnapshotError):
        make(snapshot)
    with pytest.raises(pytest.fail.Exception, match="it was made anew"):
        make(snapshot)
    assert fail(snapshot) == FAILED  # on the same machine it is the code
    if how == "capability":
        here = "AVX2"
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: here)
    else:
        here = "AVX512, ONEDNN_MAX_CPU_ISA=AVX2"
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    told = fail(snapshot)
    assert told.startswith("off by 0.1\n")
    assert f"made with AVX512; this machine computes with {here}," in told
    assert "--force-regen" not in told
    assert "docs/arithmetic.py" in told


@pytest.mark.usefixtures("folder")
def test_where_nothing_is_on_record_the_failure_is_as_it_was():
    assert fail(Snapshot("full", "toy")) == FAILED
