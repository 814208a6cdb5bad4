"""Measure one noise for a whole class: Alg. 1 of Popović & Mihajlović (2017), Figs. 2 to 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from repro.lab.attacks import common_noise, iterative
from repro.papers.experiment import TARGET, Measurements, Run, named
from repro.papers.popovic2017.common import (
    SWITCHES,
    attacked,
    fooled,
    images,
    on_network,
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
) -> Tensor:
    """Craft the noises of one reading, in one batch with those of the other where it is wanted."""

    def key(reading: str) -> str:
        return f"common-{name} noises {reading}"

    if key(reading) not in run.memory:
        together = tuple(dict.fromkeys((reading, *run.readings)))
        sets = [class_images(run, c)[0] for c in classes]
        count = len(classes)
        made = common_noise.craft(
            run.networks[TARGET],
            sets * len(together),
            [*classes] * len(together),
            eps=[*eps] * len(together),
            switches=[SWITCHES[r] for r in together for _ in classes],
            epochs=epochs,
        )
        for i, other in enumerate(together):
            run.memory[key(other)] = made[:, i * count : (i + 1) * count]
    noises: Tensor = run.memory[key(reading)]
    return noises


def _entries(vectors: Mapping[str, Sequence[float]]) -> Measurements:
    """Name the entries of vectors ``name[0]``, ``name[1]`` and so on."""
    return {f"{n}[{i}]": float(v) for n, vector in vectors.items() for i, v in enumerate(vector)}


def _linearity(values: list[float]) -> float:
    """Return R^2 of the straight line over the 16 eps, negative if it falls, 0 if it is flat."""
    if min(values) == max(values):
        return 0.0
    r = float(np.corrcoef(EPS, values)[0, 1])
    return r * abs(r)


def fives_noises(run: Run, reading: str) -> Tensor:
    """Craft the noise of the 5s at each of 16 eps, over the log's epochs; once a run."""
    return _crafted(run, "fives", reading, [FIVE] * len(EPS), EPS, LOG_EPOCHS)


def _fives(run: Run, reading: str) -> Measurements:
    """Measure Alg. 1 for the class of 5s over 16 eps (Figs. 2 and 3)."""
    switches, model = SWITCHES[reading], run.networks[TARGET]
    x = class_images(run, FIVE)[1]
    y = torch.full((len(x),), FIVE)
    noises = fives_noises(run, reading)
    after = {n: noises[n - 1] for n in (TEXT_EPOCHS, LOG_EPOCHS)}
    successes = {n: [fooled(model, x, y, each, switches) for each in after[n]] for n in after}
    sizes = {n: iterative.rms(each).tolist() for n, each in after.items()}
    success, rms = successes[EPOCHS[reading]], sizes[EPOCHS[reading]]
    random = [
        fooled(model, x, y, random_noise(run, x, value, f"random-five-{i}"), switches)
        for i, value in enumerate(rms)
    ]
    result = _entries({"success": success, "rms": rms, "random-success": random, "eps": EPS})
    for n in after:
        result[f"epochs-{n}-success"] = float(np.mean(successes[n]))
        result[f"epochs-{n}-rms"] = float(np.mean(sizes[n]))
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


def class_noises(run: Run, reading: str) -> Tensor:
    """Craft the noise of each class at eps 0.24, and one of the 5s at eps 0.03; once a run."""
    eps = (*[CLASS_EPS] * len(CLASSES), SMALL_EPS)
    return _crafted(run, "classes", reading, (*CLASSES, FIVE), eps, TEXT_EPOCHS)


def _classes(run: Run, reading: str) -> Measurements:
    """Measure Alg. 1 for every class at eps 0.24 (Figs. 4 and 5)."""
    switches, model = SWITCHES[reading], run.networks[TARGET]
    noises = class_noises(run, reading)[-1]
    *rms, small = iterative.rms(noises).tolist()
    own, other, random, counts = [], [], [], []
    for c in CLASSES:
        x = class_images(run, c)[1]
        y = torch.full((len(x),), c)
        own.append(fooled(model, x, y, noises[c], switches))
        other.append(fooled(model, x, y, noises[(c + 1) % len(CLASSES)], switches))
        control = random_noise(run, x, rms[c], f"random-class-{c}")
        random.append(fooled(model, x, y, control, switches))
        counts.append(len(x))
    eps = [CLASS_EPS] * len(CLASSES)
    return {
        **_entries({"success": own, "rms": rms, "other-class": other, "eps": eps}),
        "success-min": min(own),
        "success-mean": float(np.average(own, weights=counts)),
        "success-spread": float(np.ptp(own)),
        "other-class-mean": float(np.average(other, weights=counts)),
        "other-class-spread": float(np.ptp(other)),
        "random-success-min": min(random),
        "random-success-mean": float(np.average(random, weights=counts)),
        "rms-mean": float(np.mean(rms)),
        "rms-spread": float(np.ptp(rms)),
        "small-box-rms": small,
        "single-rms": attacked(run, "single", switches)["single-rms"],
        "single-rms-024": attacked(run, "single", switches, eps=CLASS_EPS)["single-rms"],
    }


EXPERIMENTS = (
    on_network(
        name="common-fives",
        measure=_fives,
        metrics=(
            *_entries(dict.fromkeys(("success", "rms", "random-success", "eps"), EPS)),
            *named(("epochs-25", "epochs-30"), ("success", "rms")),
            *named(("success",), ("at-020", "at-024")),
            "random-success-at-024",
            *named(("success",), ("min-from-024", "min-from-028")),
            *named(("rms", "success"), ("linearity",)),
        ),
        alone=True,
    ),
    on_network(
        name="common-classes",
        measure=_classes,
        metrics=(
            *_entries(dict.fromkeys(("success", "rms", "other-class", "eps"), CLASSES)),
            *named(("success",), ("min", "mean", "spread")),
            *named(("other-class",), ("mean", "spread")),
            *named(("random-success",), ("min", "mean")),
            *named(("rms",), ("mean", "spread")),
            *named(("small-box", "single"), ("rms",)),
            "single-rms-024",
        ),
        revision=2,
        alone=True,
    ),
)
