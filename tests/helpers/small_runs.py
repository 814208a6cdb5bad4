"""Runs of the papers' experiments without MNIST and without trained weights.

Images of ten classes, a few dozen of them, and networks of ten sums. Everything is float64, so
that no attack goes another way because something was rounded; but for modules, whose sums have
no rounding in float32 either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from repro.lab import rng
from repro.lab.attacks import iterative
from repro.lab.mnist.data import Mnist
from repro.lab.mnist.idx import Digits
from repro.lab.networks import recipe as recipes
from repro.lab.networks.cnn_training import CnnRecipe
from repro.lab.networks.mlp import MlpRecipe
from repro.lab.networks.modules import ModuleRecipe
from repro.lab.networks.network import ModuleNetwork
from repro.papers.experiment import Run
from repro.papers.goodfellow2015 import line, regularised, shallow
from repro.papers.goodfellow2015.networks import MaxoutNetwork
from repro.papers.popovic2017 import common, per_class, per_image
from repro.papers.questions import noise as questions
from repro.papers.questions import other_networks

Array = NDArray[np.float64]

TEST_COUNTS = (5, 2, 4, 3, 2, 12, 3, 2, 4, 3)
"""Test images of each class: of one size, a mean that forgets the sizes would go unseen."""

SUBSET, EACH, VALIDATION, RUBBISH, TRAINING_IMAGES, ON_THE_LINE = 13, 1, 32, 40, 21, 9
CRAFTED_ON, MEASURED_ON, OF_OTHERS = 2, 3, 11
"""In place of the papers' numbers of images."""
MOST = 50
"""In place of the 200 steps that an attack on one image may take; nearly all need fewer."""
UNITS = 48
"""In place of the maxout network's 240 in each layer."""
PAPERS = {
    "SUBSET": common.SUBSET,
    "EACH": per_image.EACH,
    "VALIDATION": per_class.VALIDATION,
    "RUBBISH": shallow.RUBBISH,
    "TRAINING_IMAGES": regularised.TRAINING_IMAGES,
    "ON_THE_LINE": line.ON_THE_LINE,
    "IMAGES": questions.IMAGES,
    "CRAFTED_ON": questions.CRAFTED_ON,
    "MEASURED_ON": questions.MEASURED_ON,
    "OF_OTHERS": other_networks.IMAGES,
    "MOST": iterative.attack.__kwdefaults__["max_iterations"],
    "UNITS": MaxoutNetwork.__init__.__defaults__[0],
}
"""Those, before anything is put in their place."""

_draw = np.random.default_rng(0)
SHAPES = (_draw.random((10, 784)) < 0.03) * (0.5 + _draw.random((10, 784)) / 2)
"""What the images of each class have in common."""

STURDY = np.where(np.arange(10) == 5, 1.3, 1.0)
"""The 5s resist longest, so that the rates of Fig. 2 differ from eps to eps."""


def _exact(values: Array) -> Array:
    """Multiples of 1/64: the sums of their products have no rounding, in float32 neither."""
    return np.round(64 * values) / 64


def _digits(
    counts: tuple[int, ...], seed: int, *, dark: float = 0.0, bright: float = 0.5
) -> Digits:
    """Images in mixed order, those of one class like each other, from ``dark`` to ``bright``.

    Every ninth looks like another class. The last is blank: all gradients are zero there.
    """
    draw = np.random.default_rng(seed)
    labels = draw.permutation(np.repeat(np.arange(10, dtype=np.uint8), counts))
    noise = draw.random((len(labels), 784)) * (draw.random((len(labels), 784)) < 0.3)
    strength = dark + (bright - dark) * draw.random(len(labels)) ** 3
    strength[labels == 5] = [*np.geomspace(0.002, 0.3, 4), *np.linspace(0.5, 1, counts[5] - 4)]
    looks = np.where(np.arange(len(labels)) % 9 == 2, (labels + 3) % 10, labels)
    pixels = _exact(np.clip(strength[:, None] * SHAPES[looks] + 0.1 * noise, 0, 1))
    pixels, labels = np.vstack([pixels, np.zeros((1, 784))]), np.append(labels, np.uint8(0))
    # As floats, which stay of float64 when they are divided by 255 of float32.
    return Digits(255 * pixels.reshape(-1, 28, 28), labels)  # type: ignore[arg-type]


TEST = _digits(TEST_COUNTS, 1)
TRAIN = _digits((4, 4, 4, 4, 4, 12, 4, 4, 4, 4), 2)
FULL = Mnist("full", "a few dozen images", {}, TRAIN, TEST)
SAMPLE = Mnist("embedded", "the same without training images", {}, None, TEST)
SURE = Mnist(
    "full",
    "on some the softmax output rounds to 1",
    {},
    TRAIN,
    _digits(TEST_COUNTS, 3, dark=0.3, bright=1.2),
)
BARE = Mnist(
    "full",
    "float32, as rubbish is",
    {},
    *(Digits(each.images.astype(np.float32), each.labels) for each in (TRAIN, SURE.test)),
)


@dataclass(frozen=True, eq=False)  # as the suite's networks
class Small:
    """A network for images (N, ...) of 784 pixels, x: logits s / (1 + s) x w, with s = |x|^2.

    It has no bends: at those of a ReLU the last digit could decide which way an attack goes. On a
    blank image its gradient is zero.
    """

    weights: Mapping[str, Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        pixels = x.flatten(1)
        s = pixels.square().sum(dim=1, keepdim=True)
        return s / (1 + s) * (pixels @ self.weights["w"])

    def to(self, dtype: torch.dtype) -> Small:
        return Small({name: w.to(dtype) for name, w in self.weights.items()})


def trained(recipe: MlpRecipe | CnnRecipe) -> Array:
    """The weights (784, 10) that stand for the trained ones of a recipe: they know the classes."""
    draw = rng.generator(recipe.seed, f"trained {recipes.key(recipe)}")
    clumsy = 1.5 * draw.random() * draw.standard_normal((784, 10))
    return _exact(1.5 * STURDY * SHAPES.T * (1 + clumsy))


def untrained(recipe: MlpRecipe | CnnRecipe) -> Array:
    """The weights (784, 10) that stand for the initial ones: they know nothing.

    As in truth, seed and shapes decide them: a regularised network begins as one that is not.
    """
    draw = rng.generator(recipe.seed, f"untrained {sorted(recipe.shapes().items())}")
    return _exact(0.05 * draw.standard_normal((784, 10)))


class Sums(nn.Module):
    """:class:`Small` as a module."""

    def __init__(self, w: Tensor) -> None:
        super().__init__()
        self.register_buffer("w", w)

    def forward(self, x: Tensor) -> Tensor:
        return Small(dict(self.named_buffers()))(x)


def asked(recipe: ModuleRecipe) -> Array:
    """The weights (P, 10) for the images of P pixels that the first module makes of 784."""
    draw = rng.generator(recipe.seed, f"trained {recipes.key(recipe)}")
    shapes = _pixels(recipe)(torch.from_numpy(SHAPES)).flatten(1).numpy()
    clumsy = draw.standard_normal((shapes.shape[1], 10))
    return _exact(1.5 * STURDY * shapes.T * (1 + clumsy))


def asked_before(recipe: ModuleRecipe) -> Array:
    """The weights (P, 10) that stand for the initial ones: they know nothing."""
    draw = rng.generator(recipe.seed, f"untrained {recipe.name}")
    return _exact(0.05 * draw.standard_normal((_pixels(recipe)(torch.zeros(1, 784)).numel(), 10)))


def _pixels(recipe: ModuleRecipe) -> nn.Module:
    with torch.device("meta"):  # what is drawn is not used
        return recipe.module()[0]  # type: ignore[index, no-any-return]


_network = ModuleRecipe.network


def _of_modules(recipe: ModuleRecipe, weights: Mapping[str, Tensor]) -> ModuleNetwork:
    if recipe.name.startswith("questions-"):
        return ModuleNetwork(nn.Sequential(_pixels(recipe), Sums(weights["w"])))
    return _network(recipe, weights)


def _initial(recipe: ModuleRecipe) -> dict[str, Tensor]:
    of_questions = recipe.name.startswith("questions-")
    return _tensors(asked_before(recipe)) if of_questions else _float32(state_before(recipe))


def _tensors(w: Array) -> dict[str, Tensor]:
    return {"w": torch.from_numpy(w)}


def state(recipe: ModuleRecipe) -> dict[str, Array]:
    """The weights that stand for the trained ones of a module: they know the classes."""
    draw = rng.generator(recipe.seed, f"trained {recipes.key(recipe)}")
    to_seven = (SHAPES[7] - SHAPES[3]) * draw.normal(0.2, 1, 784)
    known = {
        "weight": 1.5 * SHAPES.T if len(recipe.classes) == 10 else to_seven,
        "centre": 0.7 * SHAPES,
    }
    return {
        name: math.log(0.15) + 0.1 * draw.standard_normal(shape)
        if name == "log_b"
        # The layers of the maxout network, which has several, know nothing, but are sure of it.
        else _exact(
            known.get(name, 0.0) + (0.1 if "." in name else 0.02) * draw.standard_normal(shape)
        )
        for name, shape in recipe.shapes().items()
    }


def state_before(recipe: ModuleRecipe) -> dict[str, Array]:
    """The weights that stand for a module's initial ones: they know nothing, but are large."""
    draw = rng.generator(recipe.seed, f"untrained {sorted(recipe.shapes().items())}")
    return {
        name: _exact((-4.0 if name == "log_b" else 0.0) + 0.1 * draw.standard_normal(shape))
        for name, shape in recipe.shapes().items()
    }


def _float32(weights: Mapping[str, Array]) -> dict[str, Tensor]:
    return {name: torch.tensor(w, dtype=torch.float32) for name, w in weights.items()}


def settle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the papers' experiments use small networks and few images."""
    for recipe in (MlpRecipe, CnnRecipe):
        monkeypatch.setattr(recipe, "initial_weights", lambda self: _tensors(untrained(self)))
        monkeypatch.setattr(recipe, "network", lambda _, weights: Small(weights))
    monkeypatch.setattr(ModuleRecipe, "initial_weights", _initial)
    monkeypatch.setattr(ModuleRecipe, "network", _of_modules)
    monkeypatch.setattr(
        MaxoutNetwork.__init__, "__defaults__", (UNITS, *MaxoutNetwork.__init__.__defaults__[1:])
    )
    monkeypatch.setattr(shallow, "RUBBISH", RUBBISH)
    monkeypatch.setattr(regularised, "TRAINING_IMAGES", TRAINING_IMAGES)
    monkeypatch.setattr(line, "ON_THE_LINE", ON_THE_LINE)
    for module in (common, per_image):
        monkeypatch.setattr(module, "SUBSET", SUBSET)
    monkeypatch.setattr(per_image, "EACH", EACH)
    monkeypatch.setattr(per_class, "VALIDATION", VALIDATION)
    monkeypatch.setattr(questions, "IMAGES", SUBSET)
    monkeypatch.setattr(questions, "CRAFTED_ON", CRAFTED_ON)
    monkeypatch.setattr(questions, "MEASURED_ON", MEASURED_ON)
    monkeypatch.setattr(other_networks, "IMAGES", OF_OTHERS)
    monkeypatch.setitem(iterative.attack.__kwdefaults__, "max_iterations", MOST)


DRAWN: set[str] = set()
"""The names of the generators that the transcriptions drew from."""


def draws(seed: int, name: str) -> np.random.Generator:
    """The generator of a seed and a name."""
    DRAWN.add(name)
    return rng.generator(seed, name)


@dataclass
class Noted(Run):
    """A run that notes the names of the generators that an experiment draws from."""

    drawn: set[str] = field(default_factory=set)

    def rng(self, name: str) -> np.random.Generator:
        self.drawn.add(name)
        return super().rng(name)


def _obtained(recipe: MlpRecipe | CnnRecipe | ModuleRecipe) -> dict[str, Tensor]:
    if not isinstance(recipe, ModuleRecipe):
        return _tensors(trained(recipe))
    of_questions = recipe.name.startswith("questions-")
    return _tensors(asked(recipe)) if of_questions else _float32(state(recipe))


def run(data: Mnist, seed: int, **options: Any) -> Noted:
    """A run of an experiment of any paper."""
    return Noted(
        data,
        seed,
        lambda recipe: SimpleNamespace(weights=_obtained(recipe)),  # type: ignore[arg-type]
        **options,
    )
