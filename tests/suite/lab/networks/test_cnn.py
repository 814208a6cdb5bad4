from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from repro.errors import UsageError
from repro.lab import rng
from repro.lab.mnist.data import Mnist
from repro.lab.mnist.idx import Digits
from repro.lab.networks import cnn_training, recipe
from repro.lab.networks.cnn import Cnn
from repro.lab.networks.cnn_training import CnnRecipe, CnnTrainer
from repro.lab.networks.training import train

TINY = CnnRecipe(seed=3, units=16, steps=7, batch=6, validation=4)
KEY = recipe.key(TINY)


def digits(count: int) -> Digits:
    draw = np.random.default_rng(0)
    return Digits(
        draw.integers(0, 256, (count, 28, 28), dtype=np.uint8),
        draw.integers(0, 10, count, dtype=np.uint8),
    )


def mnist(count: int = 24) -> Mnist:
    return Mnist("full", "made up", {}, digits(count), digits(3))


@pytest.fixture(autouse=True)
def short_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cnn_training, "STEPS_PER_EPOCH", 2)


def tiny_trainer(recipe: CnnRecipe = TINY) -> CnnTrainer:
    return recipe.trainer(mnist(), device="cpu")


@pytest.fixture(scope="module")
def untrained() -> dict[str, Tensor]:
    return TINY.initial_weights()


# The network


def by_hand(w: dict[str, Tensor], x: Tensor) -> Tensor:
    """Table I in the plainest words PyTorch has: NCHW, ReLU before pooling, one product a line."""
    h = x.reshape(-1, 1, 28, 28)
    for layer in ("conv1", "conv2"):
        h = functional.conv2d(h, w[f"{layer}.w"], w[f"{layer}.b"], padding="same")
        h = functional.max_pool2d(functional.relu(h), kernel_size=2, stride=2)
    rows = torch.stack([image.permute(1, 2, 0).flatten() for image in h])
    return functional.relu(rows @ w["fc1.w"] + w["fc1.b"]) @ w["fc2.w"] + w["fc2.b"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_logits_are_those_of_table_1(untrained: dict[str, Tensor], dtype: torch.dtype) -> None:
    x = torch.rand(5, 1, 28, 28, dtype=dtype, generator=torch.Generator().manual_seed(1))
    network = Cnn(untrained).to(dtype)
    expected = by_hand({name: w.to(dtype) for name, w in untrained.items()}, x)
    assert network(x).shape == (5, 10)
    assert network(x).dtype == dtype
    torch.testing.assert_close(network(x), expected, rtol=1e-4, atol=1e-4)
    assert torch.equal(network(x), network(x.reshape(5, 784)))


def test_gradient_with_respect_to_images_is_autograd_s_of_the_plain_form(
    untrained: dict[str, Tensor],
) -> None:
    w = {name: t.double() for name, t in untrained.items()}
    x = torch.rand(3, 784, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    gradients = []
    for forward in (Cnn(w), lambda image: by_hand(w, image)):
        image = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(forward(image).logsumexp(1).sum(), image)
        gradients.append(gradient)
    torch.testing.assert_close(gradients[0], gradients[1])


def test_same_padding_is_two_pixels(untrained: dict[str, Tensor]) -> None:
    x = torch.zeros(1, 784)
    corner = x.clone()
    corner[0, 0] = 1.0
    assert not torch.equal(Cnn(untrained)(x), Cnn(untrained)(corner))


# The recipe


def test_configuration_is_the_content_address() -> None:
    assert recipe.key(CnnRecipe(seed=0)) == (
        "fb9dd5f3004d457b4d0189b7d1ee6367590755ecce94bf9d3af00bf465be91cd"
    )
    assert recipe.key(CnnRecipe(seed=0)) != recipe.key(CnnRecipe(seed=1))
    assert recipe.key(CnnRecipe(seed=0)) != recipe.key(CnnRecipe(seed=0, units=1204))
    json.dumps(CnnRecipe(seed=0).configuration(), allow_nan=False)


def test_name_says_the_units_of_table_1() -> None:
    assert CnnRecipe(seed=0).name == "popovic2017-cnn"
    assert CnnRecipe(seed=0, units=1204).name == "popovic2017-cnn-1204"
    assert CnnRecipe(seed=0, units=1204).shapes()["fc1.w"] == (3136, 1204)


def test_defaults_are_the_paper_s_and_the_authors_code_s() -> None:
    r = CnnRecipe(seed=0)
    assert (r.steps, r.batch, r.validation) == (20_000, 50, 5000)
    assert (r.learning_rate, r.beta1, r.beta2, r.epsilon) == (1e-4, 0.9, 0.999, 1e-8)
    assert (r.keep, r.init_std, r.init_bias, r.units) == (0.5, 0.1, 0.1, 1024)


def test_initial_weights_are_truncated_normal_and_biases_constant() -> None:
    w = CnnRecipe(seed=5).initial_weights()
    assert {name: tuple(t.shape) for name, t in w.items()} == CnnRecipe(seed=5).shapes()
    for name, t in w.items():
        if name.endswith(".b"):
            assert torch.equal(t, torch.full_like(t, 0.1))
        else:
            assert float(t.abs().max()) <= 0.2
    # The deviation of a standard normal cut at two of its deviations.
    cut = math.sqrt(1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2)))
    assert float(w["fc1.w"].double().std()) == pytest.approx(0.1 * cut, rel=2e-3)
    # Redrawn, not clipped: no heap at the edge.
    assert float((w["fc1.w"].abs() > 0.1999).double().mean()) < 1e-3


def test_redrawing_replaces_only_what_is_beyond() -> None:
    plain = rng.generator(0, "t").standard_normal(10_000)
    cut = cnn_training.truncated_normal(rng.generator(0, "t"), (10_000,), 1.0)
    within = np.abs(plain) <= 2
    assert not within.all()
    np.testing.assert_array_equal(cut[within], plain[within].astype(np.float32))
    assert np.abs(cut).max() <= 2


def test_training_images_are_those_after_the_validation_images(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cnn_training, "STEPS_PER_EPOCH", 1000)
    data = mnist()
    assert data.train is not None
    trainer = TINY.trainer(data, device="cpu")
    np.testing.assert_array_equal(trainer.x[..., 0].numpy(), data.train.images[4:])
    np.testing.assert_array_equal(trainer.y.numpy(), data.train.labels[4:])
    assert trainer.epochs == 1
    assert replace(TINY, steps=20_000).trainer(data, device="cpu").epochs == 20


def test_a_trainer_needs_the_training_images() -> None:
    sample = Mnist("embedded", "made up", {}, None, digits(3))
    with pytest.raises(UsageError, match="embedded sample"):
        TINY.trainer(sample, device="cpu")


def test_a_trainer_needs_a_batch_of_images() -> None:
    with pytest.raises(UsageError, match="5 training images after 4"):
        TINY.trainer(mnist(9), device="cpu")


# The steps


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_adam_is_tensorflow_s_by_hand(dtype: torch.dtype) -> None:
    lr, b1, b2, epsilon = 0.01, 0.9, 0.999, 1e-2  # an epsilon large enough to see its place
    draw = np.random.default_rng(4)
    shapes = [(3, 2), (70,)]
    w = [torch.from_numpy(draw.standard_normal(s)).to(dtype) for s in shapes]
    m, v = ([torch.zeros_like(t) for t in w] for _ in range(2))
    hand_w = [t.double().numpy().copy() for t in w]
    hand_m, hand_v = ([np.zeros(s) for s in shapes] for _ in range(2))
    for step in (1, 2, 3, 5000):
        g = [draw.standard_normal(s) for s in shapes]
        cnn_training.adam_step(
            w,
            [torch.from_numpy(a).to(dtype) for a in g],
            m,
            v,
            step=step,
            rates=CnnRecipe(0, learning_rate=lr, beta1=b1, beta2=b2, epsilon=epsilon),
        )
        lr_t = lr * math.sqrt(1 - b2**step) / (1 - b1**step)
        for i in range(2):
            hand_m[i] = b1 * hand_m[i] + (1 - b1) * g[i]
            hand_v[i] = b2 * hand_v[i] + (1 - b2) * g[i] ** 2
            hand_w[i] -= lr_t * hand_m[i] / (np.sqrt(hand_v[i]) + epsilon)
    rtol = 1e-5 if dtype == torch.float32 else 1e-12
    for i in range(2):
        np.testing.assert_allclose(w[i].numpy(), hand_w[i], rtol=rtol)
        np.testing.assert_allclose(m[i].numpy(), hand_m[i], rtol=rtol, atol=rtol)
        np.testing.assert_allclose(v[i].numpy(), hand_v[i], rtol=rtol)


def test_pytorch_s_own_adam_is_not_tensorflow_s() -> None:
    """The mutation that the test above must catch: epsilon beside the corrected root."""
    ours = torch.ones(1, dtype=torch.float64)
    theirs = 1 - 0.01 * 0.5 / (0.5 + 1e-2)  # a first step: w - lr g / (|g| + epsilon)
    zeros = [torch.zeros_like(ours) for _ in range(2)]
    rates = CnnRecipe(seed=0, learning_rate=0.01, epsilon=1e-2)
    cnn_training.adam_step(
        [ours], [torch.full_like(ours, 0.5)], zeros[:1], zeros[1:], step=1, rates=rates
    )
    assert abs(float(ours) - theirs) > 1e-3


def test_one_step_is_adam_on_the_mean_cross_entropy() -> None:
    trainer = tiny_trainer()
    before = {name: t.clone() for name, t in trainer.weights().items()}
    twin = tiny_trainer()
    picked, mask = twin.next_batch(), twin.keep_mask(6)
    w = {name: t.clone().requires_grad_() for name, t in before.items()}
    x = (trainer.x[picked].double() / 255).float()
    h = x.reshape(6, 1, 28, 28)
    for layer in ("conv1", "conv2"):
        h = functional.conv2d(h, w[f"{layer}.w"], w[f"{layer}.b"], padding=2)
        h = functional.max_pool2d(functional.relu(h), 2)
    h = functional.relu(h.permute(0, 2, 3, 1).flatten(1) @ w["fc1.w"] + w["fc1.b"]) * mask
    log_p = torch.log_softmax(h @ w["fc2.w"] + w["fc2.b"], dim=1)
    cost = -log_p[torch.arange(6), trainer.y[picked]].mean()
    cost.backward()
    assert float(trainer.step()) == pytest.approx(float(cost.detach()), rel=1e-5)
    for name, after in trainer.weights().items():
        g = w[name].grad
        assert g is not None
        # The first step of Adam: m = 0.1 g and v = 0.001 g^2, so lr_1 m / (sqrt(v) + 1e-8).
        lr_1 = 1e-4 * math.sqrt(1 - 0.999) / (1 - 0.9)
        expected = before[name] - lr_1 * 0.1 * g / (math.sqrt(0.001) * g.abs() + 1e-8)
        # A gradient of rounding noise has any sign; it moves by at most 1e-4.
        clear = g.abs() > 1e-4
        torch.testing.assert_close(after[clear], expected[clear], rtol=0, atol=2e-6)
        assert float((after - before[name]).abs().max()) <= 1.01e-4


def test_every_image_is_seen_once_an_epoch_in_another_order_each() -> None:
    trainer = tiny_trainer(replace(TINY, batch=5))  # 20 images, four batches
    epochs = [torch.cat([trainer.next_batch() for _ in range(4)]) for _ in range(2)]
    for order in epochs:
        assert sorted(order.tolist()) == list(range(20))
    assert not torch.equal(epochs[0], epochs[1])
    assert not torch.equal(epochs[0], torch.arange(20))


def test_a_batch_runs_on_into_the_next_epoch() -> None:
    trainer = tiny_trainer()  # 20 images in batches of 6
    seen = torch.cat([trainer.next_batch() for _ in range(10)])
    for epoch in range(3):
        part = seen[epoch * 20 : (epoch + 1) * 20]
        assert sorted(part.tolist()) == list(range(20))


@pytest.mark.parametrize("keep", [0.5, 0.8])
def test_dropout_keeps_the_given_share_and_the_mean(keep: float) -> None:
    trainer = tiny_trainer(replace(TINY, keep=keep, units=1000))
    mask = trainer.keep_mask(50)
    assert mask.shape == (50, 1000)
    assert set(mask.unique().tolist()) == {0.0, float(np.float32(1) / np.float32(keep))}
    assert float(mask.mean()) == pytest.approx(1.0, abs=0.02)


def test_prediction_has_no_dropout(untrained: dict[str, Tensor]) -> None:
    x = torch.rand(4, 784, generator=torch.Generator().manual_seed(1))
    assert torch.equal(Cnn(untrained)(x), Cnn(untrained)(x))


def test_training_learns() -> None:
    trainer = tiny_trainer(replace(TINY, steps=60, learning_rate=1e-3, units=64, keep=1.0))
    costs = [trainer.run_epoch() for _ in range(30)]
    assert sum(costs[20:]) < 0.5 * sum(costs[:10])


# Kill and resume


def test_epochs_cover_the_steps_and_the_last_is_what_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cnn_training, "STEPS_PER_EPOCH", 3)
    trainer = tiny_trainer()
    assert trainer.epochs == 3
    done = []
    for _ in range(trainer.epochs):
        trainer.run_epoch()
        done.append(trainer.steps)
    assert done == [3, 6, 7]


class KilledError(Exception):
    pass


def killer(at: int) -> Callable[[int, int, float], None]:
    def on_epoch(done: int, _epochs: int, _cost: float) -> None:
        if done == at:
            raise KilledError

    return on_epoch


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_killed_training_resumes_to_the_same_bits(tmp_path: Path, at: int) -> None:
    whole = tiny_trainer()
    train(whole, key=KEY, checkpoint=tmp_path / "whole", device="cpu")

    checkpoint = tmp_path / "checkpoint"
    with pytest.raises(KilledError):
        train(tiny_trainer(), key=KEY, checkpoint=checkpoint, device="cpu", on_epoch=killer(at))
    resumed = tiny_trainer()
    epochs: list[int] = []
    train(
        resumed,
        key=KEY,
        checkpoint=checkpoint,
        device="cpu",
        on_epoch=lambda done, _epochs, _cost: epochs.append(done),
    )
    assert epochs == list(range(at, 5))  # it went on, it did not start over
    assert resumed.steps == whole.steps == 7
    for name, tensor in whole.tensors().items():
        assert torch.equal(tensor, resumed.tensors()[name]), name
    assert whole.texts() == resumed.texts()


@pytest.mark.parametrize("lost", ["order", "position", "masks", "shuffle", "steps", "m.fc1.w"])
def test_every_piece_of_the_state_is_needed(lost: str) -> None:
    """Each piece left at its start changes the weights, so a resume that drops it is seen."""
    whole, broken = tiny_trainer(), tiny_trainer()
    for _ in range(2):
        whole.run_epoch()
    tensors = {name: t.clone() for name, t in whole.tensors().items()}
    texts = dict(whole.texts())
    fresh = tiny_trainer()
    if lost in tensors:
        tensors[lost] = fresh.tensors()[lost]
    else:
        texts[lost] = fresh.texts()[lost]
    broken.restore(tensors, texts)
    for trainer in (whole, broken):
        trainer.run_epoch()
        trainer.step()
    assert any(not torch.equal(w, broken.weights()[name]) for name, w in whole.weights().items())


@pytest.mark.parametrize("damage", ["steps", "position", "masks", "shuffle"])
def test_a_state_that_is_refused_changes_nothing(damage: str) -> None:
    trainer, other = tiny_trainer(), tiny_trainer(replace(TINY, seed=4))
    other.run_epoch()
    before = {name: t.clone() for name, t in trainer.tensors().items()}
    texts = trainer.texts()
    with pytest.raises((ValueError, KeyError)):
        trainer.restore(other.tensors(), {**other.texts(), damage: "x"})
    assert trainer.texts() == texts
    for name, tensor in trainer.tensors().items():
        assert torch.equal(tensor, before[name])


def test_two_trainings_of_one_seed_are_the_same_and_of_two_seeds_are_not() -> None:
    first, second, other = (
        tiny_trainer(),
        tiny_trainer(),
        tiny_trainer(replace(TINY, seed=4)),
    )
    for trainer in (first, second, other):
        trainer.run_epoch()
    assert torch.equal(first.w["fc1.w"], second.w["fc1.w"])
    assert not torch.equal(first.w["fc1.w"], other.w["fc1.w"])
