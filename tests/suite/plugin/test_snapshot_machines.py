"""A snapshot that fails says by how much; on a machine of other arithmetic it says that too."""

from __future__ import annotations

import json

import pytest
import torch

from repro.lab import provenance
from repro.plugin import snapshots
from repro.plugin.snapshots import NoSnapshotError, Snapshot

HERE = {"error": 0.6, "same": 0.7, "new": 1.0}
NEAR = {"error": 0.502, "same": 0.7, "gone": 0.9}


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


class Made:
    """pytest-regressions where it writes the file."""

    @staticmethod
    def check(_columns, fullpath, **_tolerances) -> None:
        fullpath.write_text(",error,same,gone\n0,0.5,0.7,0.9\n")
        pytest.fail("it was made anew")


class Blind:
    """pytest-regressions where it finds nothing."""

    @staticmethod
    def check(*_columns, **_settings) -> None:
        pass


def make(snapshot) -> None:
    snapshot.check(HERE, Made)


def fail(snapshot, values=HERE) -> str:
    with pytest.raises(pytest.fail.Exception) as caught:
        snapshot.check(values, Blind)
    assert not caught.value.pytrace
    assert caught.value.__context__ is None  # else pytest shows what is said here in short, too
    return caught.value.msg


def test_a_new_file_s_instructions_are_noted_and_another_s_kept(folder):
    record = folder / "instructions.json"
    record.write_text('{"embedded/old": "AVX2"}')
    snapshot = Snapshot("full", "toy")
    with pytest.raises(NoSnapshotError, match="there was no snapshot of toy yet") as caught:
        make(snapshot)
    assert not caught.value.pytrace
    assert json.loads(record.read_text()) == {"embedded/old": "AVX2", "full/toy": "AVX512"}
    record.unlink()
    snapshot.check({"error": 0.5, "same": 0.7, "gone": 0.9}, Blind)
    assert not record.exists()  # nothing is new


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("how", ["capability", "variable"])
def test_of_another_machine_a_failure_names_both_and_does_not_say_to_regenerate(monkeypatch, how):
    snapshot = Snapshot("full", "toy")
    with pytest.raises(NoSnapshotError):
        make(snapshot)
    with pytest.raises(pytest.fail.Exception, match="it was made anew") as caught:
        make(snapshot)
    assert not caught.value.pytrace
    assert "do:        the code changed" in fail(snapshot)  # on the same machine
    if how == "capability":
        here = "AVX2"
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: here)
    else:
        here = "AVX512, ONEDNN_MAX_CPU_ISA=AVX2"
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert "do:        the code changed" in fail(snapshot)  # which no machine does
    assert "do:        the code changed" in fail(snapshot, NEAR | {"error": 0.6})
    told = " ".join(fail(snapshot, NEAR).split())
    assert f"made with AVX512; this machine computes with {here}," in told
    assert "delete" not in told
    assert "docs/arithmetic.py" in told


@pytest.mark.parametrize(
    "text",
    [b"", b",error,same,new\n0,0.6,0.", b",error,same,new\n0,x,0.7,1\n", b",error\n0,\xff\n"],
)
def test_a_damaged_file_differs_and_can_be_deleted(folder, text, num_regression):
    path = folder / "full" / "toy.csv"
    path.write_bytes(text)
    with pytest.raises(pytest.fail.Exception, match="metrics differ"):
        Snapshot("full", "toy").check(HERE, num_regression)
    path.unlink()
    with pytest.raises(NoSnapshotError):
        Snapshot("full", "toy").check(HERE, num_regression)
    Snapshot("full", "toy").check(HERE, num_regression)


@pytest.mark.parametrize("text", ['{"full/to', "3"])
def test_a_damaged_record_of_machines_is_told_and_stays(folder, text, num_regression):
    record = folder / "instructions.json"
    record.write_text(text)
    with pytest.raises(pytest.fail.Exception, match="cannot be read"):
        Snapshot("full", "toy").check(HERE, num_regression)
    assert record.read_text() == text


def test_a_failure_names_what_differs_and_by_how_much(folder, monkeypatch):
    (folder / "full" / "toy.csv").write_text(",error,same,gone\n0,0.5,0.7,0.9\n")
    first, second, third, *_ = fail(Snapshot("full", "toy")).splitlines()
    assert first == "snapshot:  toy: 3 of 3 metrics differ"
    error = "error is 0.6 here, 0.5 in the snapshot, 0.001 allowed"
    assert second == f"metrics:   gone is measured no more; {error}; new is new"
    assert third.startswith("do:        the code changed")  # no machine is on record
    told = " ".join(fail(Snapshot("full", "toy")).split())
    assert f"delete {folder / 'full' / 'toy.csv'}, which the next run writes anew" in told
    times = "1 of 3 metrics differ, up to {} times what is allowed for other processors: the code"
    said = fail(Snapshot("full", "toy"), NEAR | {"error": 0.6}).splitlines()[0]
    assert said.endswith(times.format(100))
    said = fail(Snapshot("full", "toy"), NEAR).splitlines()[0]
    assert said.endswith(f"{times.format('2.0')}, or this machine")
    monkeypatch.setattr(snapshots, "MOST_NAMED", 2)
    assert fail(Snapshot("full", "toy")).splitlines()[1].endswith("; and 1 more")
