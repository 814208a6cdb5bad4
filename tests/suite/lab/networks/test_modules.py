from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, Adam, RMSprop

from repro.errors import UsageError
from repro.lab.mnist.data import Mnist
from repro.lab.mnist.idx import Digits
from repro.lab.networks import recipe as recipes
from repro.lab.networks import training, weights
from repro.lab.networks.modules import ModuleRecipe, mean_cross_entropy
from repro.lab.networks.store import Store


def with_dropout() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 10))


def halve(_module, optimiser, updates) -> None:
    for group in optimiser.param_groups:
        group["lr"] = 0.1 / 2**updates


def doubled(module, x, y):
    return 2 * mean_cross_entropy(module, x, y)


SMALL = ModuleRecipe(
    name="small-module",
    seed=0,
    module=with_dropout,
    optimiser=partial(SGD, lr=0.1, momentum=0.5),
    epochs=3,
    batch=4,
)
LINEAR = replace(SMALL, module=partial(nn.Linear, 784, 10))


@pytest.fixture
def data():
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (6, 28, 28), dtype=np.uint8)
    digits = Digits(images, np.array([5, 0, 4, 1, 9, 2], dtype=np.uint8))
    return Mnist("full", "made up", {}, digits, digits)


def bits(trainer) -> dict[str, object]:
    tensors = {name: t.numpy().tobytes() for name, t in trainer.tensors().items()}
    return {**tensors, **trainer.texts()}


def uninterrupted(recipe, data) -> dict[str, object]:
    trainer = recipe.trainer(data, device="cpu")
    for _ in range(trainer.epochs):
        trainer.run_epoch()
    return bits(trainer)


class KilledError(Exception):
    pass


@pytest.mark.parametrize("kill_at", [1, 2])
@pytest.mark.parametrize(
    "optimiser",
    [
        partial(SGD, lr=0.1),
        partial(SGD, lr=0.1, momentum=0.5),
        partial(RMSprop, lr=0.01),
        partial(Adam, lr=0.01),
    ],
)
@pytest.mark.parametrize("after_update", [None, halve])
def test_a_killed_training_goes_on_to_the_same_bits(
    tmp_path, data, kill_at, optimiser, after_update
):
    recipe = replace(SMALL, optimiser=optimiser, after_update=after_update)
    epochs = []

    def killed(done, _total, _cost):
        epochs.append(done)
        if done == kill_at:
            raise KilledError

    path = tmp_path / "checkpoint"
    settings = {"key": "key", "checkpoint": path, "device": "cpu"}
    with pytest.raises(KilledError):
        training.train(recipe.trainer(data, device="cpu"), on_epoch=killed, **settings)
    torch.rand(7)  # whatever this process draws meanwhile
    trainer = recipe.trainer(data, device="cpu")
    training.train(trainer, on_epoch=lambda done, *_: epochs.append(done), **settings)
    assert epochs == [*range(1, kill_at + 1), *range(kill_at, 4)]  # none was done twice
    assert bits(trainer) == uninterrupted(recipe, data)


def test_a_checkpoint_without_what_the_optimiser_keeps_is_not_resumed(tmp_path, data):
    path = tmp_path / "checkpoint"
    trainer = SMALL.trainer(data, device="cpu")
    training.train(trainer, key="key", checkpoint=path, device="cpu")
    tensors, texts = weights.unpack(path)
    texts.pop("sha256")
    kept = {name: t for name, t in tensors.items() if not name.startswith("optimiser.")}
    assert kept.keys() < tensors.keys()
    path.write_bytes(weights.pack(kept, {**texts, "sha256": weights.digest(kept, texts)}))
    epochs = []
    again = SMALL.trainer(data, device="cpu")
    training.train(
        again, key="key", checkpoint=path, device="cpu", on_epoch=lambda d, *_: epochs.append(d)
    )
    assert epochs == [1, 2, 3]
    assert bits(again) == bits(trainer)


def test_an_update_is_the_optimiser_s_own(data):
    recipe = replace(LINEAR, optimiser=partial(SGD, lr=0.5), epochs=1, batch=100)
    trainer = recipe.trainer(data, device="cpu")
    before = nn.Linear(784, 10)
    before.load_state_dict(trainer.weights())
    x = torch.from_numpy(data.train.images.reshape(-1, 784) / np.float32(255))
    cost = cross_entropy(before(x), torch.from_numpy(data.train.labels.astype(np.int64)))
    cost.backward()
    expected = before.weight - 0.5 * before.weight.grad
    assert trainer.run_epoch() == pytest.approx(cost.item())
    torch.testing.assert_close(trainer.weights()["weight"], expected.detach())


def test_an_epoch_takes_each_image_once_in_an_order_of_its_own(data):
    seen = []

    def watching(module, x, y):
        seen.append(y.tolist())
        return mean_cross_entropy(module, x, y)

    recipe = replace(LINEAR, cost=watching)
    trainer = recipe.trainer(data, device="cpu")
    for _ in range(2):
        trainer.run_epoch()
    assert [len(each) for each in seen] == [4, 2, 4, 2]  # six images in batches of four
    first, second = seen[0] + seen[1], seen[2] + seen[3]
    assert sorted(first) == sorted(second) == sorted(data.train.labels)
    assert first != second


def test_after_update_is_told_the_updates_so_far(data):
    told = []

    def tell(module, _optimiser, updates):
        told.append(updates)
        module.weight.zero_()  # it may change weights

    trainer = replace(LINEAR, after_update=tell).trainer(data, device="cpu")
    for _ in range(2):
        trainer.run_epoch()
    assert told == [1, 2, 3, 4]
    assert not trainer.weights()["weight"].any()


def test_some_classes_are_numbered_by_their_place(data):
    trainer = replace(LINEAR, classes=(9, 4)).trainer(data, device="cpu")
    chosen = np.isin(data.train.labels, (9, 4))
    assert trainer.y.tolist() == [(9, 4).index(label) for label in data.train.labels[chosen]]
    pixels = data.train.images[chosen].reshape(-1, 784) / np.float32(255)
    assert np.array_equal(trainer.x.numpy(), pixels)


def test_the_slice_is_in_file_order(data):
    trainer = replace(LINEAR, images=(2, 4)).trainer(data, device="cpu")
    assert trainer.y.tolist() == data.train.labels[2:4].tolist()


def test_no_image_to_train_on_is_an_error(data):
    with pytest.raises(UsageError, match="no training images"):
        replace(LINEAR, images=(100, 200)).trainer(data, device="cpu")


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 1},
        {"module": partial(nn.Linear, 784, 10, bias=False)},
        {"optimiser": partial(SGD, lr=0.2, momentum=0.5)},
        {"optimiser": partial(RMSprop, lr=0.1, momentum=0.5)},
        {"epochs": 4},
        {"batch": 5},
        {"cost": doubled},
        {"after_update": halve},
        {"images": (0, 50_000)},
        {"classes": (3, 7)},
        {"notes": "another"},
    ],
)
def test_everything_that_decides_the_weights_changes_the_key(changed):
    assert recipes.key(replace(LINEAR, **changed)) != recipes.key(LINEAR)


def test_the_name_does_not_change_the_key():
    assert recipes.key(replace(LINEAR, name="other")) == recipes.key(LINEAR)


def test_a_function_without_a_name_is_refused():
    with pytest.raises(UsageError, match="functions with a name"):
        replace(LINEAR, cost=lambda module, x, _: module(x).sum()).configuration()


@pytest.mark.parametrize("recipe", [SMALL, LINEAR])
def test_the_store_keeps_what_the_shapes_say(recipe, data, tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_CACHE_DIR", str(tmp_path))
    trained = Store().obtain(recipe, data)
    assert {n: tuple(t.shape) for n, t in trained.weights.items()} == recipe.shapes()
    found = Store().lookup(recipe)
    assert found is not None
    assert found.source == "cache"


def test_a_trained_network_drops_nothing_and_keeps_its_dtype(data):
    trainer = SMALL.trainer(data, device="cpu")
    trainer.run_epoch()
    network = SMALL.network(trainer.weights())
    x = trainer.x
    w = trainer.weights()
    expected = torch.relu(x @ w["0.weight"].T + w["0.bias"]) @ w["3.weight"].T + w["3.bias"]
    torch.testing.assert_close(network(x), expected)
    assert network.to(torch.float64)(x.double()).dtype == torch.float64
    assert network(x).dtype == torch.float32
    assert torch.equal(network(x), network(x))


def test_seeds_begin_apart_and_leave_torch_s_own_numbers_alone(data):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, other = (replace(SMALL, seed=seed).trainer(data, device="cpu") for seed in (0, 1))
    one.run_epoch()
    assert torch.equal(torch.rand(3), expected)
    assert not torch.equal(one.weights()["0.weight"], other.weights()["0.weight"])


def test_a_training_begins_with_the_initial_weights(data):
    trainer = SMALL.trainer(data, device="cpu")
    initial = SMALL.initial_weights()
    assert initial.keys() == trainer.weights().keys() == SMALL.shapes().keys()
    assert all(torch.equal(initial[name], w) for name, w in trainer.weights().items())
    trainer.run_epoch()
    assert not torch.equal(initial["0.weight"], trainer.weights()["0.weight"])
