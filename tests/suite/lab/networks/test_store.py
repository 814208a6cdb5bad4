from __future__ import annotations

import json
import shutil
import threading

import fakes
import filelock
import platformdirs
import pytest
import torch
from fakes import SmallRecipe

from repro.errors import StoreError, UsageError
from repro.lab.mnist import data
from repro.lab.networks import recipe as recipes
from repro.lab.networks import store, weights
from repro.lab.networks.mlp import MlpRecipe
from repro.lab.networks.store import Store

pytestmark = pytest.mark.usefixtures("home")

RECIPE = SmallRecipe()
KEY = recipes.key(RECIPE)


def obtain(recipe=RECIPE, **settings):
    return Store(**settings).obtain(recipe, data.find())


def ship(home, artifact):
    """Into the fixtures, and out of the cache."""
    path = Store().ship(artifact)
    shutil.rmtree(home / "cache")
    return path


def bits(artifact) -> bytes:
    return artifact.weights["w"].numpy().tobytes()


def cached(home) -> list[str]:
    """But for the locks, which some versions of filelock remove."""
    found = (home / "cache" / "weights").glob("*")
    return sorted(path.name for path in found if path.suffix != ".lock")


def trainings() -> int:
    return sum(note.startswith("train") for note in fakes.notes())


# Look-up order


def test_an_empty_cache_trains_and_a_full_one_does_not(home):
    assert Store().lookup(RECIPE) is None
    first, second = obtain(), obtain()
    assert (first.source, second.source) == ("trained", "cache")
    assert trainings() == 1
    assert first.key == second.key == KEY
    assert bits(first) == bits(second)
    assert first.sha256 == second.sha256
    assert second.manifest == first.manifest
    assert cached(home) == [f"{KEY}.json", f"{KEY}.safetensors"]


def test_shipped_weights_come_before_the_cache(home):
    artifact = obtain()
    path = ship(home, artifact)
    obtain_again = obtain()
    assert (obtain_again.source, trainings()) == ("shipped", 1)
    assert bits(obtain_again) == bits(artifact)
    assert path == home / "fixtures" / "weights" / "small-seed0.safetensors"
    # Shipped weights need no cache, not even one that could be written.
    assert not (home / "cache").exists()
    obtain(SmallRecipe(seed=1))
    assert obtain().source == "shipped"


def test_each_configuration_has_weights_of_its_own():
    variants = [RECIPE, SmallRecipe(seed=1), SmallRecipe(epochs=3), SmallRecipe(rate=0.25)]
    assert len({bits(obtain(recipe)) for recipe in variants}) == len(variants)
    assert {obtain(recipe).source for recipe in variants} == {"cache"}
    assert trainings() == len(variants)


def test_two_trainings_give_the_same_file(home, monkeypatch):
    first = obtain()
    monkeypatch.setenv("REPRO_CACHE_DIR", str(home / "other"))
    assert obtain().sha256 == first.sha256
    assert trainings() == 2


def test_the_manifest_tells_what_made_the_weights(home):
    artifact = obtain(run="token")
    manifest = json.loads((home / "cache" / "weights" / f"{KEY}.json").read_text())
    assert manifest == artifact.manifest
    assert (manifest["name"], manifest["seed"], manifest["run"]) == ("small", 0, "token")
    assert manifest["configuration"] == RECIPE.configuration()
    assert manifest["sha256"] == artifact.sha256
    assert manifest["threads"] == torch.get_num_threads()
    assert manifest["torch"] == torch.__version__
    for name in ("cpu", "cores", "date", "device", "kernel", "numpy", "python", "seconds"):
        assert manifest[name] not in (None, "")


def test_shipping_keeps_the_other_entries_and_drops_the_run_s_token(home):
    Store().ship(obtain(run="token"))
    Store().ship(obtain(SmallRecipe(seed=1)))
    manifest = store.shipped_manifest()
    assert [entry["seed"] for entry in manifest.values()] != []
    assert {entry["file"] for entry in manifest.values()} == {
        "small-seed0.safetensors",
        "small-seed1.safetensors",
    }
    assert not any("run" in entry for entry in manifest.values())
    assert len(list((home / "fixtures" / "weights").iterdir())) == 3


def test_of_two_that_ship_at_once_both_are_in_the_manifest(monkeypatch):
    first, second = obtain(), obtain(SmallRecipe(seed=1))
    write, other = store.write_atomic, threading.Thread(target=Store().ship, args=[second])

    def writing(path, content):
        if path.name == "small-seed0.safetensors":
            other.start()
            other.join(0.5)  # which waits, and would else be done
        write(path, content)

    monkeypatch.setattr(store, "write_atomic", writing)
    Store().ship(first)
    other.join()
    assert store.shipped_manifest().keys() == {first.key, second.key}


def test_a_training_without_data_leaves_nothing(home):
    digits = data.find().test
    sample = data.Mnist("embedded", "", {}, None, digits)
    with pytest.raises(UsageError, match="no training set"):
        Store().obtain(MlpRecipe(seed=0), sample)
    assert not cached(home)


def test_a_training_that_ends_in_nan_is_not_kept(home, monkeypatch):
    monkeypatch.setattr(
        fakes.SmallTrainer, "weights", lambda _: {"w": torch.full((3, 2), torch.nan)}
    )
    with pytest.raises(store.WeightsError, match="NaN or infinity") as caught:
        obtain()
    assert "correct the recipe" in caught.value.do  # and not: delete, and train again
    assert Store().lookup(RECIPE) is None
    assert f"{KEY}.safetensors" not in cached(home)


# Retraining


def test_retraining_ignores_what_is_there(home):
    first = obtain()
    again = obtain(retrain=True)
    assert (again.source, trainings()) == ("trained", 2)
    assert bits(again) == bits(first)
    ship(home, first)
    assert obtain(retrain=True).source == "trained"
    assert trainings() == 3


def test_the_workers_of_one_run_share_what_one_of_them_retrained():
    obtain(run="old")
    settings = {"retrain": True, "run": "new"}
    assert [obtain(**settings).source for _ in range(3)] == ["trained"] * 3
    assert trainings() == 2
    obtain(retrain=True, run="newer")
    assert trainings() == 3
    # Without a token there is no run to share with.
    obtain(retrain=True)
    obtain(retrain=True)
    assert trainings() == 5


@pytest.mark.parametrize("name", [f"{KEY}.json", f"{KEY}.safetensors"])
def test_retraining_replaces_damaged_files(home, name):
    obtain(run="old")
    (home / "cache" / "weights" / name).write_bytes(b"damaged")
    assert obtain(retrain=True, run="new").source == "trained"
    assert obtain().source == "cache"


@pytest.mark.parametrize("dies_at", ["safetensors", "json"])
def test_a_retraining_killed_while_it_stores_leaves_no_weights(monkeypatch, dies_at):
    first = obtain()
    # Other weights than before, so that an old manifest with new weights would show.
    monkeypatch.setattr(fakes.SmallTrainer, "weights", lambda self: {"w": self.w + 1})
    write = store.write_atomic

    def dying(path, content):
        if path.suffix == f".{dies_at}":
            raise KeyboardInterrupt
        write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(store, "write_atomic", dying)
        with pytest.raises(KeyboardInterrupt):
            obtain(retrain=True)
    assert Store().lookup(RECIPE) is None
    again = obtain()
    assert again.source == "trained"
    assert bits(again) != bits(first)


def test_a_look_during_another_s_retraining_waits_and_does_not_complain(monkeypatch):
    first = obtain()
    load, looks = store._load, []

    def half_done(*args):
        looks.append(args)
        if len(looks) == 1:  # the manifest of before with the weights of after
            raise store.WeightsError("other SHA-256", expected="this one", do="wait")
        return load(*args)

    monkeypatch.setattr(store, "_load", half_done)
    again = obtain()
    assert (again.source, len(looks)) == ("cache", 2)
    assert bits(again) == bits(first)


# Kills


def test_a_killed_training_leaves_a_checkpoint_and_then_nothing(home, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("REPRO_CACHE_DIR", str(home / "other"))
        expected = obtain()

    def kill(done, _total, _cost):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Store().obtain(RECIPE, data.find(), on_epoch=kill)
    assert cached(home) == [f"{KEY}.checkpoint"]
    # A process killed while it wrote leaves its temporary file as well.
    stray = home / "cache" / "weights" / f".{KEY}.checkpoint.123-0123abcd.tmp"
    others = stray.with_name(f".{recipes.key(SmallRecipe(seed=1))}.checkpoint.123-0123abcd.tmp")
    stray.write_bytes(b"half a checkpoint")
    others.write_bytes(b"of a process that may be alive")
    told = []
    artifact = Store().obtain(RECIPE, data.find(), on_epoch=lambda done, *_: told.append(done))
    assert told == [2, 3, 4]
    assert artifact.sha256 == expected.sha256
    assert cached(home) == [others.name, f"{KEY}.json", f"{KEY}.safetensors"]


@pytest.fixture
def checkpoint(home):
    """As a process leaves it that was killed when all but removing it was done."""
    obtain()
    path = home / "cache" / "weights" / f"{KEY}.checkpoint"
    path.write_bytes(b"of a training that is done")
    return path


def test_a_checkpoint_that_is_no_longer_needed_goes(checkpoint):
    assert obtain().source == "cache"
    assert not checkpoint.exists()
    assert trainings() == 1


def test_a_checkpoint_that_a_retraining_may_need_stays(checkpoint):
    with filelock.FileLock(checkpoint.with_suffix(".lock")):
        assert obtain().source == "cache"  # and nobody waits
    assert checkpoint.exists()


def test_a_checkpoint_in_a_cache_that_is_only_read_stays(checkpoint, monkeypatch):
    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    assert obtain().source == "cache"
    assert checkpoint.exists()


def test_shipped_weights_need_no_cache_and_no_home(home, monkeypatch):
    Store().ship(obtain())

    def nobody(*_) -> None:
        raise RuntimeError("could not determine the home")

    monkeypatch.delenv("REPRO_CACHE_DIR")
    monkeypatch.setattr(platformdirs, "user_cache_dir", nobody)
    assert obtain().source == "shipped"
    (home / "fixtures" / "weights" / "manifest.json").unlink()
    with pytest.raises(StoreError, match="no home"):
        obtain()


def obtain_and_tell(barrier, path, seed: int) -> None:
    barrier.wait(60)
    artifact = obtain(SmallRecipe(seed))
    path.write_text(json.dumps([artifact.source, artifact.sha256]))


def test_of_two_processes_one_trains_and_the_other_reads(home, monkeypatch):
    monkeypatch.setenv("FAKES_EPOCH_S", "0.1")
    barrier = fakes.context().Barrier(3)
    told = [home / "one.json", home / "two.json"]
    processes = [fakes.start(obtain_and_tell, barrier, path, 0) for path in told]
    barrier.wait(60)
    fakes.finish(*processes)
    (first, sha), (second, same) = (json.loads(path.read_text()) for path in told)
    assert {first, second} == {"trained", "cache"}
    assert sha == same
    assert fakes.notes().count("train 0") == 1
    assert fakes.notes().count("epoch 0") == RECIPE.epochs
    assert cached(home) == [f"{KEY}.json", f"{KEY}.safetensors"]


# A cache that cannot serve


@pytest.mark.parametrize("blocked", ["cache", "cache/weights", f"cache/weights/{KEY}.lock/file"])
def test_a_cache_that_cannot_be_written_is_an_error(home, blocked):
    path = home / blocked
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    with pytest.raises(StoreError, match="cannot be written") as caught:
        obtain()
    assert str(home / "cache") in caught.value.found
    assert "REPRO_CACHE_DIR" in caught.value.do
    assert trainings() == 0


def test_folders_that_may_not_be_entered_are_an_error(home, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    obtain()
    monkeypatch.setattr(type(home), "exists", refuse)
    for settings in ({}, {"retrain": True}):
        with pytest.raises(StoreError, match="cannot be reached: Permission denied"):
            Store(**settings).lookup(RECIPE)


@pytest.mark.parametrize("suffix", ["checkpoint", "safetensors", "json"])
def test_a_full_disk_is_an_error_and_leaves_nothing_half_written(home, monkeypatch, suffix):
    real = type(home).open

    def opening(path, *args, **kwargs):
        file = real(path, *args, **kwargs)
        if path.name.startswith(f".{KEY}.{suffix}."):
            file.write(b"half")
            file.close()
            raise OSError(28, "No space left on device")
        return file

    with monkeypatch.context() as patch:
        patch.setattr(type(home), "open", opening)
        with pytest.raises(StoreError, match="No space left") as caught:
            obtain()
    assert caught.value.expected == "free space on its disk"
    assert not [name for name in cached(home) if name.endswith(".tmp")]
    assert Store().lookup(RECIPE) is None
    assert obtain().source == "trained"
    assert cached(home) == [f"{KEY}.json", f"{KEY}.safetensors"]


def test_the_weights_pass_their_own_check():
    artifact = obtain()
    assert weights.misfit(artifact.weights, RECIPE.shapes()) is None
