from __future__ import annotations

import json
import math

import fakes
import pytest

from repro.errors import DataError, ReproError, WeightsError
from repro.lab.mnist import data, sample
from repro.lab.networks.store import Store
from repro.measure import session
from repro.measure.session import Session
from repro.papers.experiment import Experiment

READINGS = ("plain", "scaled")


@pytest.fixture
def home(tmp_path, monkeypatch):
    fakes.settle(tmp_path, monkeypatch)
    (tmp_path / "shared").mkdir()
    return tmp_path


@pytest.fixture
def make(home):
    def made(**settings) -> Session:
        return Session(**{"shared": home / "shared", "run": "token", **settings})

    return made


def measures() -> list[str]:
    return [note for note in fakes.notes() if note.startswith("measure")]


def test_an_experiment_is_measured_once_a_reading(make):
    one = make()
    first = one.measured("small", "net", ["plain"])
    both = one.measured("small", "net", READINGS)
    assert list(first) == ["plain"]
    assert list(both) == list(READINGS)
    assert both["plain"] == first["plain"]
    assert both["scaled"].values["weights"] == pytest.approx(1.5 * both["plain"].values["weights"])
    assert measures() == ["measure plain 0", "measure scaled 0"]
    assert fakes.notes().count("train 0") == 1


def test_networks_are_trained_and_run_as_the_session_says(make):
    one = make(device="cuda:1", retrain=True)
    assert one.run_of("small").device == "cuda:1"
    assert one._store == Store(device="cuda:1", retrain=True, run="token")


def test_another_process_of_the_run_reads_the_measurements(make, monkeypatch):
    first = make().measured("small", "net", READINGS)

    def unneeded(*_, **__):
        pytest.fail("the data were loaded, though everything is measured")

    monkeypatch.setattr(session.mnist, "find", unneeded)
    assert make().measured("small", "net", READINGS) == first
    assert len(measures()) == 2


def test_another_run_measures_anew(make, home):
    first = make().measured("small", "net", READINGS)
    (home / "other").mkdir()
    second = make(shared=home / "other").measured("small", "net", READINGS)
    assert len(measures()) == 4
    assert {r: m.values for r, m in first.items()} == {r: m.values for r, m in second.items()}
    assert first["plain"].sources == ["trained"]
    assert second["plain"].sources == ["cache"]
    assert first["plain"].weights_sha256 == second["plain"].weights_sha256


def test_every_figure_survives_the_way_through_the_folder(make):
    measured = make().measured("small", "net", ["plain"])["plain"]
    again = make().measured("small", "net", ["plain"])["plain"]
    assert again.values == measured.values
    assert len(measured.weights_sha256[0]) == 64


def test_an_experiment_without_networks_names_no_weights(make):
    measured = make().measured("small", "bare", ["plain"])["plain"]
    assert (measured.weights_sha256, measured.sources) == ([], [])
    assert measured.values == {"label": pytest.approx(10 / 3)}


def test_a_measurement_that_fails_leaves_nothing_and_is_tried_again(make, home, monkeypatch):
    values = iter([math.nan, 1.0])
    flaky = Experiment("net", ("plain",), lambda *_: {}, lambda *_: {"m": next(values)}, ("m",))
    monkeypatch.setattr(session.registry, "experiments", lambda _: {"net": flaky})
    one = make()
    with pytest.raises(ReproError, match="not finite"):
        one.measured("small", "net", ["plain"])
    assert {p.suffix for p in (home / "shared").iterdir()} <= {".lock", session.BEGAN}
    assert one.measured("small", "net", ["plain"])["plain"].values == {"m": 1.0}


def test_retraining_trains_once_a_run_and_measures_what_it_trained(make):
    make().measured("small", "net", ["plain"])
    settings = {"retrain": True, "run": "new", "shared": make().shared / "new"}
    settings["shared"].mkdir()
    one = make(**settings)
    assert one.measured("small", "net", READINGS)["plain"].sources == ["trained"]
    assert make(**settings).measured("small", "net", READINGS)["plain"].sources == ["trained"]
    assert fakes.notes().count("train 0") == 2


def test_the_processes_of_a_retraining_run_share_its_networks(make):
    make(retrain=True).measured("small", "net", ["plain"])
    assert make(retrain=True).measured("small", "net", ["scaled"])["scaled"].sources == ["trained"]
    assert fakes.notes().count("train 0") == 1


def test_a_process_retrains_once_even_without_a_token(make):
    one = make(retrain=True, run="")
    one.measured("small", "net", ["plain"])
    one.measured("small", "net", ["scaled"])
    assert fakes.notes().count("train 0") == 1


def test_what_readings_share_is_made_once(make, monkeypatch):
    made = []

    def measure(run, _reading):
        return {"m": run.once("shared", lambda: made.append(run) or 1.0)}

    sharing = Experiment("net", READINGS, lambda *_: {}, measure, ("m",))
    monkeypatch.setattr(session.registry, "experiments", lambda _: {"net": sharing})
    make().measured("small", "net", READINGS)
    assert len(made) == 1


def test_how_far_it_is_stands_in_notes_for_whoever_shows_it(make, home, monkeypatch):
    found = []
    run_epoch = fakes.SmallTrainer.run_epoch

    def watched(trainer):
        notes = sorted(path for path in (home / "shared").iterdir() if path.suffix != ".lock")
        found.append([(note.suffix, note.read_text()) for note in notes])
        return run_epoch(trainer)

    monkeypatch.setattr(fakes.SmallTrainer, "run_epoch", watched)
    make().measured("small", "net", READINGS)
    assert found[0] == []
    ((suffix, text),) = found[2]
    assert suffix == session.TRAINING
    assert text.startswith("training small: epoch 2 of 4, cost ")
    names = {path.name for path in (home / "shared").iterdir()}
    assert not any(name.endswith(session.TRAINING) for name in names)
    assert {f"small-net--{reading}{session.BEGAN}" for reading in READINGS} <= names


def test_data_are_found_once_and_with_the_run_s_options(make, monkeypatch, home):
    asked = []
    find = data.find

    def finding(directory, **options):
        asked.append((directory, options))
        return find(directory)

    monkeypatch.setattr(session.mnist, "find", finding)
    one = make(directory=home / "mnist", offline=True, require_full=True)
    assert one.data is one.data
    assert asked == [(home / "mnist", {"offline": True, "require_full": True})]


def test_a_directory_without_data_is_an_error(make, home):
    with pytest.raises(DataError, match="no train-images"):
        make(directory=home / "shared").measured("small", "net", READINGS)


def test_on_the_sample_shipped_weights_are_measured(make, monkeypatch, home):
    artifact = session.Store().obtain(fakes.SmallRecipe(), make().data)
    session.Store().ship(artifact)
    digits = make().data.test
    monkeypatch.delenv("REPRO_MNIST_DIR")
    monkeypatch.setattr(sample, "load", lambda: digits)
    one = make()
    assert one.data.kind == "embedded"
    assert one.measured("small", "net", ["plain"])["plain"].sources == ["shipped"]
    assert fakes.notes().count("train 0") == 1
    (home / "fixtures" / "weights" / "small-seed0.safetensors").unlink()
    with pytest.raises(WeightsError):
        make().measured("small", "net", ["scaled"])


def measure_and_tell(barrier, home, path) -> None:
    one = Session(shared=home / "shared", run="token")
    barrier.wait(60)
    measured = one.measured("small", "net", READINGS)
    path.write_text(json.dumps({r: vars(m) for r, m in measured.items()}))


def test_two_processes_of_a_run_measure_once(home, monkeypatch):
    monkeypatch.setenv("FAKES_EPOCH_S", "0.1")
    barrier = fakes.context().Barrier(3)
    told = [home / "one.json", home / "two.json"]
    processes = [fakes.start(measure_and_tell, barrier, home, path) for path in told]
    barrier.wait(60)
    fakes.finish(*processes)
    first, second = (json.loads(path.read_text()) for path in told)
    assert first == second
    assert measures() == ["measure plain 0", "measure scaled 0"]
    assert fakes.notes().count("train 0") == 1
    assert not [p for p in (home / "shared").iterdir() if p.suffix == ".tmp"]
