"""A training draws from its seed alone, and nothing twice: evidence is independent trainings."""

from __future__ import annotations

import hashlib
from itertools import combinations

import numpy as np
import pytest
import torch

from repro.lab.mnist.data import Mnist
from repro.lab.mnist.idx import Digits
from repro.lab.networks import cnn as cnn_network
from repro.lab.networks import cnn_training
from repro.lab.networks.cnn_training import CnnRecipe
from repro.lab.networks.mlp import MlpRecipe

DRAW = np.random.default_rng(0)
DIGITS = Digits(
    DRAW.integers(0, 256, (22, 28, 28), dtype=np.uint8), DRAW.integers(0, 10, 22, dtype=np.uint8)
)
MNIST = Mnist("full", "made up", {}, DIGITS, DIGITS)


def mlp(seed: int) -> MlpRecipe:
    return MlpRecipe(seed=seed, batch=10)


def penalised(seed: int) -> MlpRecipe:
    return MlpRecipe(seed=seed, batch=10, l1=1e-4, l2=1e-4)


def cnn(seed: int) -> CnnRecipe:
    return CnnRecipe(seed=seed, units=32, steps=4, batch=10, validation=2)


EACH = pytest.mark.parametrize("recipe", [mlp, penalised, cnn], ids=lambda f: f.__name__)


def used(recipe, monkeypatch):
    """The dropout masks of a training's first two epochs, in the order of their use."""
    trainer, masks = recipe.trainer(MNIST, device="cpu"), []
    if isinstance(recipe, CnnRecipe):
        logits = cnn_network.logits

        def noted(*args, mask):
            masks.append(mask)
            return logits(*args, mask=mask)

        monkeypatch.setattr(cnn_network, "logits", noted)
    else:  # that each is used in its step, test_mlp.py has
        keep_mask = trainer.keep_mask
        trainer.keep_mask = lambda *shape: masks.append(keep_mask(*shape)) or masks[-1]
    for _ in range(2):
        trainer.run_epoch()
    return masks


@pytest.fixture(autouse=True)
def _short_epochs(monkeypatch):
    monkeypatch.setattr(cnn_training, "STEPS_PER_EPOCH", 2)


@EACH
def test_no_mask_is_used_twice_nor_by_two_seeds(recipe, monkeypatch):
    masks = []
    for seed in (3, 4):
        with monkeypatch.context() as patch:
            masks += used(recipe(seed), patch)
    assert len(masks) >= 8  # two seeds, two epochs, two batches
    assert not any(torch.equal(*pair) for pair in combinations(masks, 2))


@EACH
def test_two_seeds_begin_with_other_weights(recipe):
    one, other = (recipe(seed).initial_weights() for seed in (3, 4))
    for name, w in one.items():
        # The biases of the one network are constant.
        assert torch.equal(w, other[name]) == name.endswith(".b"), name


def test_two_seeds_have_the_images_in_another_order_in_each_epoch():
    trainers = [cnn(seed).trainer(MNIST, device="cpu") for seed in (3, 4)]
    orders = [
        torch.cat([trainer.next_batch() for _ in range(2)])
        for trainer in trainers
        for _ in range(2)
    ]
    assert not any(torch.equal(*pair) for pair in combinations(orders, 2))


# The content address of the evidence stands for these draws.


def test_the_weights_of_the_evidence_are_drawn_row_by_row_and_layer_by_layer():
    corners = {
        name: [float(w[spot]) for spot in ((0, 0), (0, 1), (1, 0), (-1, -1))]
        for name, w in MlpRecipe(seed=0).initial_weights().items()
    }
    assert corners == {
        "w_h": pytest.approx([0.018747536, 0.003639003, 0.001813327, 0.003959853], rel=1e-6),
        "w_h2": pytest.approx([0.0064907, 0.001551213, -0.002853447, 0.013192594], rel=1e-6),
        "w_o": pytest.approx([-0.011197334, 0.009014346, 0.013324192, 0.019019796], rel=1e-6),
    }
    ends = {
        name: [float(w.flatten()[i]) for i in (0, 1, -1)]
        for name, w in CnnRecipe(seed=0).initial_weights().items()
        if name.endswith(".w")
    }
    assert ends == {
        "conv1.w": pytest.approx([-0.065920874, -0.0299516, -0.015256284], rel=1e-6),
        "conv2.w": pytest.approx([0.135616377, 0.058399092, -0.141318485], rel=1e-6),
        "fc1.w": pytest.approx([-0.079977103, -0.062707774, -0.043517724], rel=1e-6),
        "fc2.w": pytest.approx([-0.175428271, -0.062599741, 0.022128468], rel=1e-6),
    }


def test_the_order_and_the_masks_of_the_evidence_are_these():
    images, labels = np.zeros((60, 28, 28), np.uint8), np.zeros(60, np.uint8)
    one = cnn_training.CnnTrainer(CnnRecipe(seed=0), images, labels, device="cpu")
    assert [one.next_batch()[:5].tolist() for _ in range(2)] == [
        [44, 19, 52, 31, 2],
        [25, 7, 39, 58, 14],
    ]
    digest = hashlib.sha256()
    for _ in range(2):
        digest.update(one.keep_mask(50).numpy().astype("<f4").tobytes())
    assert digest.hexdigest() == "3c18fad2ba2616f9ac74b8b863d94f2115cab4eb3a73314bb778ec990045f47c"


# Adam's own count


def test_every_update_of_adam_has_a_number_of_its_own(monkeypatch):
    numbers, step = [], cnn_training.adam_step

    def noted(*tensors, **settings):
        numbers.append(settings["step"])
        step(*tensors, **settings)

    monkeypatch.setattr(cnn_training, "adam_step", noted)
    trainer = cnn(3).trainer(MNIST, device="cpu")
    trainer.step()
    trainer.steps = 12_345
    trainer.step()
    assert numbers == [1, 12_346]
