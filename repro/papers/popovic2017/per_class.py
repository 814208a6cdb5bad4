"""Measure one noise for a whole class: Alg. 1 of Popović & Mihajlović (2017), Figs. 2 to 5."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from repro.lab.attacks import common_noise, iterative
from repro.lab.attacks.common_noise import CommonNoise
from repro.papers.experiment import Experiment, Measurements, Run
from repro.papers.popovic2017.common import (
    READINGS,
    SWITCHES,
    attacked,
    fooled,
    images,
    indexed,
    network,
    network_of,
    random_noise,
)

VALIDATION = 5000
"""Training images in file order that the network never sees; common noise is made on them."""

EPS = tuple(round(0.15 + 0.01 * i, 2) for i in range(16))
"""The clipping values of Figs. 2 and 3."""

BELOW_ALL = 13
"""The eps of Fig. 2 at which the paper fools less than every image: the first 13."""

FIVE, CLASSES, CLASS_EPS, SMALL_EPS = 5, tuple(range(10)), 0.24, 0.03
TEXT_EPOCHS, LOG_EPOCHS = 25, 30
"""Epochs in the text, and in the authors' log that has the points of Figs. 2 and 3."""

EPOCHS = {"as-written": TEXT_EPOCHS, "as-coded": LOG_EPOCHS}
"""Epochs of the class of 5s, a reading."""


def class_images(run: Run, label: int) -> tuple[Tensor, Tensor]:
    """Return (images to craft a class's noise on, images to measure it on), (N, 1, 28, 28) each.

    Full MNIST: validation images in file order, then test images. The embedded sample has
    no validation set: its digits of even and odd place stand in for the two.
    """
    x, y = images(run), run.labels()
    if run.data.train is None:
        mine = x[y == label]
        return mine[::2], mine[1::2]
    labels = run.data.train.labels[:VALIDATION]
    pixels = run.data.train.images[:VALIDATION][labels == label]
    crafted = torch.from_numpy(pixels / np.float32(255.0)).reshape(-1, 1, 28, 28)
    return crafted, x[y == label]


def _crafted(
    run: Run,
    name: str,
    reading: str,
    classes: Sequence[int],
    eps: Sequence[float],
    epochs: int,
) -> CommonNoise:
    """Craft the noises of one reading, in one batch with those of the other where it is wanted."""
    key = "common-{} noises {}"
    if key.format(name, reading) not in run.memory:
        together = tuple(dict.fromkeys((reading, *run.readings)))
        sets = [class_images(run, c)[0] for c in classes]
        count = len(classes)
        made = common_noise.craft(
            network(run),
            sets * len(together),
            [*classes] * len(together),
            eps=[*eps] * len(together),
            switches=[SWITCHES[r] for r in together for _ in classes],
            epochs=epochs,
        )
        for i, other in enumerate(together):
            mine = slice(i * count, (i + 1) * count)
            run.memory[key.format(name, other)] = CommonNoise(
                made.by_epoch[:, mine], made.zero_gradients[mine]
            )
    noises: CommonNoise = run.memory[key.format(name, reading)]
    return noises


def _linearity(values: list[float]) -> float:
    """Return R^2 of the straight line over the 16 eps, negative if it falls, 0 if it is flat."""
    if min(values) == max(values):
        return 0.0
    r = float(np.corrcoef(EPS, values)[0, 1])
    return r * abs(r)


def _fives(run: Run, reading: str) -> Measurements:
    """Measure Alg. 1 for the class of 5s over 16 eps (Figs. 2 and 3)."""
    switches, model = SWITCHES[reading], network(run)
    x = class_images(run, FIVE)[1]
    y = torch.full((len(x),), FIVE)
    noises = _crafted(run, "fives", reading, [FIVE] * len(EPS), EPS, LOG_EPOCHS)
    after: dict[int, tuple[list[float], list[float]]] = {}
    for epochs in (TEXT_EPOCHS, LOG_EPOCHS):
        each = noises.by_epoch[epochs - 1]
        after[epochs] = (
            [fooled(model, x, y, noise, switches) for noise in each],
            [float(value) for value in iterative.rms(each)],
        )
    success, rms = after[EPOCHS[reading]]
    random = [
        fooled(model, x, y, random_noise(run, x, value, f"random-five-{i}"), switches)
        for i, value in enumerate(rms)
    ]
    result: Measurements = {}
    vectors = (("success", success), ("rms", rms), ("random-success", random), ("eps", EPS))
    for name, values in vectors:
        result |= {f"{name}[{i}]": float(value) for i, value in enumerate(values)}
    for epochs, (successes, sizes) in after.items():
        result[f"epochs-{epochs}-success"] = float(np.mean(successes))
        result[f"epochs-{epochs}-rms"] = float(np.mean(sizes))
    at = EPS.index(CLASS_EPS)
    return {
        **result,
        "success-at-020": success[EPS.index(0.20)],
        "success-at-024": success[at],
        "random-success-at-024": random[at],
        "success-min-from-024": min(success[at:]),
        "success-min-from-028": min(success[BELOW_ALL:]),
        "rms-linearity": _linearity(rms),
        "success-linearity": _linearity(success),
    }


def class_noises(run: Run, reading: str) -> CommonNoise:
    """Craft the noise of each class at eps 0.24, and one of the 5s at eps 0.03; once a run."""
    eps = (*[CLASS_EPS] * len(CLASSES), SMALL_EPS)
    return _crafted(run, "classes", reading, (*CLASSES, FIVE), eps, TEXT_EPOCHS)


def _spread(values: list[float]) -> float:
    return max(values) - min(values)


def _classes(run: Run, reading: str) -> Measurements:
    """Measure Alg. 1 for every class at eps 0.24 (Figs. 4 and 5)."""
    switches, model = SWITCHES[reading], network(run)
    noises = class_noises(run, reading)
    *rms, small = (float(value) for value in noises.rms)
    own, other, random, counts = [], [], [], []
    for c in CLASSES:
        x = class_images(run, c)[1]
        y = torch.full((len(x),), c)
        own.append(fooled(model, x, y, noises.noise[c], switches))
        other.append(fooled(model, x, y, noises.noise[(c + 1) % len(CLASSES)], switches))
        control = random_noise(run, x, rms[c], f"random-class-{c}")
        random.append(fooled(model, x, y, control, switches))
        counts.append(len(x))
    result: Measurements = {}
    for name, values in (("success", own), ("rms", rms), ("other-class", other)):
        result |= {f"{name}[{c}]": value for c, value in zip(CLASSES, values, strict=True)}
    return {
        **result,
        **{f"eps[{c}]": CLASS_EPS for c in CLASSES},
        "success-min": min(own),
        "success-mean": float(np.average(own, weights=counts)),
        "success-spread": _spread(own),
        "other-class-mean": float(np.average(other, weights=counts)),
        "other-class-spread": _spread(other),
        "random-success-min": min(random),
        "random-success-mean": float(np.average(random, weights=counts)),
        "rms-mean": float(np.mean(rms)),
        "rms-spread": _spread(rms),
        "small-box-rms": small,
        "single-rms": attacked(run, "single", switches)["single-rms"],
        "single-rms-024": attacked(run, "single", switches, eps=CLASS_EPS)["single-rms"],
    }


EXPERIMENTS = (
    Experiment(
        name="common-fives",
        readings=READINGS,
        networks=lambda seed: (network_of(seed),),
        measure=_fives,
        metrics=(
            *indexed(("success", "rms", "random-success", "eps"), len(EPS)),
            *(f"epochs-{n}-{what}" for n in (25, 30) for what in ("success", "rms")),
            "success-at-020",
            "success-at-024",
            "random-success-at-024",
            "success-min-from-024",
            "success-min-from-028",
            "rms-linearity",
            "success-linearity",
        ),
        images="the test images of class 5",
        alone=True,
    ),
    Experiment(
        name="common-classes",
        readings=READINGS,
        networks=lambda seed: (network_of(seed),),
        measure=_classes,
        metrics=(
            *indexed(("success", "rms", "other-class", "eps"), len(CLASSES)),
            "success-min",
            "success-mean",
            "success-spread",
            "other-class-mean",
            "other-class-spread",
            "random-success-min",
            "random-success-mean",
            "rms-mean",
            "rms-spread",
            "small-box-rms",
            "single-rms",
            "single-rms-024",
        ),
        revision=2,
        images="all 10,000 test images, by class",
        alone=True,
    ),
)
