from __future__ import annotations

import json
import pickle
import time

import fakes
import numpy as np
import pytest
import torch
from fakes import Bomb, SmallRecipe, SmallTrainer

from repro.errors import StoreError
from repro.lab import matmul, provenance
from repro.lab.networks import training, weights
from repro.lab.networks.mlp import MlpRecipe, MlpTrainer

EPOCHS = 4


class KilledError(Exception):
    pass


class Told:
    """Remembers what it is told after each epoch, and is killed at one of them."""

    def __init__(self, kill_at: int = 0) -> None:
        self.calls, self.kill_at = [], kill_at

    def __call__(self, done: int, total: int, cost: float) -> None:
        self.calls.append((done, total, cost))
        if done == self.kill_at:
            raise KilledError

    @property
    def epochs(self) -> list[int]:
        return [done for done, _, _ in self.calls]


class DiesInEpoch(SmallTrainer):
    """Killed when an epoch has changed the state and before it is done."""

    def __init__(self, recipe: SmallRecipe, epoch: int) -> None:
        super().__init__(recipe)
        self.left = epoch

    def run_epoch(self) -> float:
        self.left -= 1
        cost = super().run_epoch()
        if self.left == 0:
            raise KilledError
        return cost


def small(epochs: int = EPOCHS) -> SmallTrainer:
    return SmallTrainer(SmallRecipe(epochs=epochs))


def real() -> MlpTrainer:
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (257, 784), dtype=np.uint8)
    labels = draw.integers(0, 10, 257, dtype=np.uint8)
    return MlpTrainer(MlpRecipe(seed=0, l1=1e-4, epochs=3), images, labels, device="cpu")


def run(trainer, checkpoint, told=None, *, key="key", device="cpu") -> float:
    return training.train(trainer, key=key, checkpoint=checkpoint, device=device, on_epoch=told)


def state(trainer) -> dict[str, object]:
    """Everything, bit for bit."""
    return {
        "texts": trainer.texts(),
        **{name: t.numpy().tobytes() for name, t in trainer.tensors().items()},
    }


def uninterrupted(make=small) -> dict[str, object]:
    trainer = make()
    for _ in range(trainer.epochs):
        trainer.run_epoch()
    return state(trainer)


# Resuming


def test_every_epoch_is_told(tmp_path):
    trainer, told = small(), Told()
    assert run(trainer, tmp_path / "checkpoint", told) >= 0
    assert told.epochs == [1, 2, 3, 4]
    assert {total for _, total, _ in told.calls} == {4}
    assert told.calls[-1][2] == float(trainer.w.square().mean())


@pytest.mark.parametrize("make", [small, real])
def test_the_fakes_notice_an_epoch_more_or_less(make):
    trainer = make()
    for _ in range(trainer.epochs - 1):
        trainer.run_epoch()
    before = state(trainer)
    trainer.run_epoch()
    assert before != state(trainer) == uninterrupted(make)
    trainer.run_epoch()
    assert state(trainer) != uninterrupted(make)


@pytest.mark.parametrize("kill_at", range(1, EPOCHS + 1))
def test_killed_after_any_epoch_it_goes_on_to_the_same_bits(tmp_path, kill_at):
    path = tmp_path / "checkpoint"
    with pytest.raises(KilledError):
        run(small(), path, Told(kill_at))
    trainer, told = small(), Told()
    run(trainer, path, told)
    assert state(trainer) == uninterrupted()
    # What it found is told first, with no cost; nothing is done twice.
    assert told.epochs == list(range(kill_at, EPOCHS + 1))
    assert np.isnan(told.calls[0][2])


@pytest.mark.parametrize("epoch", range(1, EPOCHS + 1))
def test_killed_within_any_epoch_it_does_that_epoch_again(tmp_path, epoch):
    path = tmp_path / "checkpoint"
    with pytest.raises(KilledError):
        run(DiesInEpoch(SmallRecipe(epochs=EPOCHS), epoch), path)
    trainer, told = small(), Told()
    run(trainer, path, told)
    assert state(trainer) == uninterrupted()
    assert told.epochs == list(range(max(epoch - 1, 1), EPOCHS + 1))


def test_killed_again_and_again_it_ends_in_the_same_bits(tmp_path):
    path = tmp_path / "checkpoint"
    for epoch in (1, 1, 2, 1):  # each run is killed within its first or second epoch
        with pytest.raises(KilledError):
            run(DiesInEpoch(SmallRecipe(epochs=EPOCHS), epoch), path)
    trainer = small()
    run(trainer, path)
    assert state(trainer) == uninterrupted()


@pytest.mark.parametrize("kill_at", [1, 2, 3])
def test_the_appendix_s_training_goes_on_to_the_same_bits(tmp_path, kill_at):
    path = tmp_path / "checkpoint"
    with pytest.raises(KilledError):
        run(real(), path, Told(kill_at))
    trainer = real()
    run(trainer, path)
    assert state(trainer) == uninterrupted(real)


def test_killed_while_the_checkpoint_is_written_the_one_before_serves(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint"
    write, writes = training.write_atomic, []

    def failing(target, content):
        writes.append(target)
        if len(writes) == 3:
            raise StoreError("full", expected="space", do="make some")
        write(target, content)

    monkeypatch.setattr(training, "write_atomic", failing)
    with pytest.raises(StoreError):
        run(small(), path)
    trainer, told = small(), Told()
    run(trainer, path, told)
    assert told.epochs == [2, 3, 4]
    assert state(trainer) == uninterrupted()


def test_the_seconds_before_the_kill_count(tmp_path, monkeypatch):
    path, clock = tmp_path / "checkpoint", iter(range(0, 1000, 10))
    monkeypatch.setattr(training.time, "monotonic", lambda: next(clock))
    with pytest.raises(KilledError):
        run(small(), path, Told(3))
    assert run(small(), path) == 10 * EPOCHS


def test_only_the_checkpoint_is_written(tmp_path):
    run(small(), tmp_path / "checkpoint")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


# Not resuming


def assert_starts_over(path, **settings) -> None:
    trainer, told = small(), Told()
    run(trainer, path, told, **settings)
    assert told.epochs == [1, 2, 3, 4]
    assert state(trainer) == uninterrupted()


def half_done(path) -> bytes:
    with pytest.raises(KilledError):
        run(small(), path, Told(2))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (torch, "get_num_threads"),
        (matmul, "name"),
        (torch.backends.cpu, "get_cpu_capability"),
        (provenance, "processor"),
        (torch, "__version__"),
        (np, "__version__"),
    ],
)
def test_a_checkpoint_of_other_numerics_is_not_resumed(tmp_path, monkeypatch, where, name):
    path = tmp_path / "checkpoint"
    half_done(path)
    other = "other" if name == "__version__" else lambda: "99"
    with monkeypatch.context() as patch:
        patch.setattr(where, name, other)
        assert_starts_over(path)
    # And the one that it leaves is the others'.
    assert_starts_over(path)


@pytest.mark.parametrize("name", provenance.LIMITS)
def test_a_checkpoint_of_other_chosen_instructions_is_not_resumed(tmp_path, monkeypatch, name):
    path = tmp_path / "checkpoint"
    half_done(path)
    monkeypatch.setenv(name, "AVX2")
    assert_starts_over(path)


@pytest.mark.parametrize("settings", [{"key": "other"}, {"device": "cuda"}])
def test_a_checkpoint_of_another_key_or_device_is_not_resumed(tmp_path, settings):
    path = tmp_path / "checkpoint"
    half_done(path)
    assert_starts_over(path, **settings)


def test_a_checkpoint_of_other_shapes_is_not_resumed(tmp_path):
    path = tmp_path / "checkpoint"
    half_done(path)
    tensors, texts = weights.unpack(path)
    texts.pop("sha256")
    for changed in (
        {**tensors, "w": torch.ones(2, 3)},
        {**tensors, "v": torch.ones(1)},
        {"w": tensors["w"]},
    ):
        signed = {**texts, "sha256": weights.digest(changed, texts)}
        path.write_bytes(weights.pack(changed, signed))
        assert_starts_over(path)


def test_a_checkpoint_without_the_generator_is_not_resumed(tmp_path):
    path = tmp_path / "checkpoint"
    half_done(path)
    tensors, texts = weights.unpack(path)
    for name in ("sha256", "noise"):
        texts.pop(name)
    path.write_bytes(weights.pack(tensors, {**texts, "sha256": weights.digest(tensors, texts)}))
    assert_starts_over(path)


@pytest.mark.parametrize("text", ["epoch", "seconds", "identity", "sha256", "noise"])
def test_a_checkpoint_with_a_changed_text_is_not_resumed(tmp_path, text):
    path = tmp_path / "checkpoint"
    half_done(path)
    tensors, texts = weights.unpack(path)
    changes = {"epoch": "3", "noise": texts["noise"].replace("1", "2")}
    path.write_bytes(weights.pack(tensors, {**texts, text: changes.get(text, "x")}))
    assert_starts_over(path)


@pytest.mark.parametrize("length", [0, 7, 8, 100, -1, -20])
def test_a_truncated_checkpoint_is_not_resumed(tmp_path, length):
    path = tmp_path / "checkpoint"
    content = half_done(path)
    path.write_bytes(content[:length])
    assert_starts_over(path)


def test_a_flipped_bit_in_the_tensors_is_noticed(tmp_path):
    path = tmp_path / "checkpoint"
    content = bytearray(half_done(path))
    for back in (1, 13, 30, 47):  # safetensors itself reads all of these without a word
        damaged = bytearray(content)
        damaged[-back] ^= 1
        path.write_bytes(damaged)
        weights.unpack(path)
        assert_starts_over(path)


def test_a_pickle_in_the_checkpoint_s_place_is_not_loaded(tmp_path):
    path, mark = tmp_path / "checkpoint", tmp_path / "mark"
    path.write_bytes(pickle.dumps(Bomb(mark)))
    assert_starts_over(path)
    assert not mark.exists()


def test_a_checkpoint_carries_no_more_than_it_says(tmp_path):
    path = tmp_path / "checkpoint"
    half_done(path)
    tensors, texts = weights.unpack(path)
    assert set(tensors) == {"w", "momentum"}
    assert set(texts) == {"noise", "identity", "epoch", "seconds", "sha256"}
    assert json.loads(texts["identity"]) == {
        "key": "key",
        "torch": torch.__version__,
        "numpy": np.__version__,
        "threads": torch.get_num_threads(),
        "kernel": matmul.name(),
        "cpu": provenance.processor(),
        "instructions": provenance.instructions(),
        "device": "cpu",
    }


# A real kill


def train_and_hang(folder) -> None:
    def told(done: int, _total: int, _cost: float) -> None:
        if done == 2:
            (folder / "second epoch").touch()
            time.sleep(60)

    run(small(), folder / "checkpoint", told)


def test_a_killed_process_goes_on_to_the_same_bits(tmp_path):
    process = fakes.start(train_and_hang, tmp_path)
    fakes.wait_for((tmp_path / "second epoch").exists, "the second epoch")
    process.kill()
    process.join()
    assert process.exitcode < 0
    trainer, told = small(), Told()
    run(trainer, tmp_path / "checkpoint", told)
    assert told.epochs == [2, 3, 4]
    assert state(trainer) == uninterrupted()
