"""What is measured for Popović & Mihajlović (2017)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from repro.experiment import Experiment, Measurements, Run
from repro.lab import common_noise, iterative, metrics
from repro.lab.cnn import Cnn, CnnRecipe
from repro.lab.iterative import AS_CODED, AS_WRITTEN, Attacked, Switches

SWITCHES: dict[str, Switches] = {"as-written": AS_WRITTEN, "as-coded": AS_CODED}
READINGS = tuple(SWITCHES)
SUBSET = 1000
"""Test images, the first in file order, on which switches and comparisons are measured."""

VALIDATION = 5000
"""Training images in file order that the network never sees; common noise is made on them."""

EPS = tuple(round(0.15 + 0.01 * i, 2) for i in range(16))
"""The clipping values of Figs. 2 and 3."""

FIVE, CLASSES, CLASS_EPS = 5, tuple(range(10)), 0.24
FIG2_EPOCHS, TEXT_EPOCHS = 30, 25
"""Epochs in the log that has the points of Figs. 2 and 3, and in the text."""


def network_of(seed: int) -> CnnRecipe:
    """The authors' network: 1,024 units."""
    return CnnRecipe(seed=seed)


def _network(run: Run) -> Cnn:
    return Cnn(run.obtain(network_of(run.seed)).weights)


def _images(run: Run) -> Tensor:
    """Test images (N, 1, 28, 28) float32 in [0, 1]."""
    return run.images().reshape(-1, 1, 28, 28)


def _random(run: Run, x: Tensor, rms: Tensor | float, name: str) -> Tensor:
    """Random-sign noise for images ``x``, each of its ``rms``: the control of every attack."""
    signs = run.rng(f"popovic2017/{name}").integers(0, 2, size=tuple(x.shape), dtype=np.int8)
    scale = torch.as_tensor(rms, dtype=torch.float32).reshape(-1, 1, 1, 1)
    return torch.from_numpy(signs * 2.0 - 1.0).to(torch.float32) * scale


def _fooled(network: Cnn, x: Tensor, y: Tensor, noise: Tensor, switches: Switches) -> float:
    """The share of images misclassified with ``noise`` (like ``x``, or one image) added."""
    noisy = x + noise
    fed = noisy.clamp(0.0, 1.0) if switches.pixel_clip else noisy
    return metrics.error_rate(metrics.predict(network, fed, batch=500), y)


def _clean(run: Run, _reading: str) -> Measurements:
    """Test accuracy, and that of the untrained network of the same seed."""
    x, y = _images(run), run.labels()
    untrained = Cnn(network_of(run.seed).initial_weights())
    trained_error = metrics.error_rate(metrics.predict(_network(run), x, batch=500), y)
    untrained_error = metrics.error_rate(metrics.predict(untrained, x, batch=500), y)
    return {"test-accuracy": 1 - trained_error, "untrained-accuracy": 1 - untrained_error}


def _attack(run: Run, switches: Switches, count: int | None = None, **options: object) -> Attacked:
    """The iterative attack on the first ``count`` test images (all of them: None)."""
    x, y = _images(run)[:count], run.labels()[:count]
    name = f"attack {switches} {count} {sorted(options.items())}"
    return run.once(
        name,
        lambda: iterative.attack(_network(run), x, y, switches=switches, **options),  # type: ignore[arg-type] # the keyword options of attack
    )


def _iterative(run: Run, reading: str) -> Measurements:
    """Eq. (1) on every test image: 98.6 % and 0.063."""
    switches, network = SWITCHES[reading], _network(run)
    done = _attack(run, switches)
    noise = _random(run, _images(run), done.rms, "random-iterative")
    half = _attack(run, switches, SUBSET, eps=0.075)
    return {
        "success": done.success_rate,
        "rms": done.mean_rms,
        "iterations": float(done.iterations.double().mean()),
        "zero-gradient-share": done.zero_gradients / len(done.success),
        "random-success": _fooled(network, _images(run), run.labels(), noise, switches),
        "half-eps-success": half.success_rate,
        "half-eps-rms": half.mean_rms,
    }


def _summary(prefix: str, done: Attacked) -> Measurements:
    return {
        f"{prefix}-success": done.success_rate,
        f"{prefix}-rms": done.mean_rms,
        f"{prefix}-iterations": float(done.iterations.double().mean()),
    }


def _steps(run: Run, reading: str) -> Measurements:
    """Value steps against sign steps at the same settings, on the subset."""
    switches = SWITCHES[reading]
    value, sign = _attack(run, switches, SUBSET), _attack(run, switches, SUBSET, sign=True)
    return {**_summary("value", value), **_summary("sign", sign), "eps": 0.15}


SWITCH_NAMES = tuple(iterative.each_alone(AS_WRITTEN, AS_CODED))


def _switches(run: Run, reading: str) -> Measurements:
    """Each difference between the readings on its own, from ``reading`` towards the other."""
    start = SWITCHES[reading]
    end = AS_CODED if start == AS_WRITTEN else AS_WRITTEN
    result = _summary("none", _attack(run, start, SUBSET))
    for name, switches in iterative.each_alone(start, end).items():
        result |= _summary(name.replace("_", "-"), _attack(run, switches, SUBSET))
    return result


def _class_images(run: Run, label: int) -> tuple[Tensor, Tensor]:
    """(images to craft a class's noise on, images to measure it on), each (N, 1, 28, 28).

    Full MNIST: validation images in file order, then test images. The embedded sample has
    no validation set: its digits of even and odd place stand in for the two.
    """
    x, y = _images(run), run.labels()
    if run.data.train is None:
        mine = x[y == label]
        return mine[::2], mine[1::2]
    labels = run.data.train.labels[:VALIDATION]
    pixels = run.data.train.images[:VALIDATION][labels == label]
    crafted = torch.from_numpy(pixels / np.float32(255.0)).reshape(-1, 1, 28, 28)
    return crafted, x[y == label]


def _linearity(values: list[float]) -> float:
    """R^2 of the straight line over the 16 eps, negative if it falls, 0 without variation."""
    if min(values) == max(values):
        return 0.0
    r = float(np.corrcoef(EPS, values)[0, 1])
    return r * abs(r)


def _common_fives(run: Run, reading: str) -> Measurements:
    """Alg. 1 for the class of 5s over 16 eps (Figs. 2 and 3)."""
    switches, network = SWITCHES[reading], _network(run)
    crafted, x = _class_images(run, FIVE)
    y = torch.full((len(x),), FIVE)
    noises = common_noise.craft(
        network,
        [crafted] * len(EPS),
        [FIVE] * len(EPS),
        eps=EPS,
        switches=switches,
        epochs=FIG2_EPOCHS,
    )
    result: Measurements = {}
    for prefix, epochs in (("", FIG2_EPOCHS), ("text-", TEXT_EPOCHS)):
        for i, noise in enumerate(noises.by_epoch[epochs - 1]):
            result[f"{prefix}success[{i}]"] = _fooled(network, x, y, noise, switches)
            result[f"{prefix}rms[{i}]"] = float(iterative.rms(noise[None])[0])
    for i, eps in enumerate(EPS):
        result[f"eps[{i}]"] = eps
        noise = _random(run, x, result[f"rms[{i}]"], f"random-five-{i}")
        result[f"random-success[{i}]"] = _fooled(network, x, y, noise, switches)
    success = [result[f"success[{i}]"] for i in range(len(EPS))]
    rms = [result[f"rms[{i}]"] for i in range(len(EPS))]
    at = EPS.index(CLASS_EPS)
    return {
        **result,
        "success-at-024": success[at],
        "random-success-at-024": result[f"random-success[{at}]"],
        "rms-at-024": rms[at],
        "success-min-from-024": min(success[at:]),
        "rms-linearity": _linearity(rms),
        "success-linearity": _linearity(success),
    }


def _spread(values: list[float]) -> float:
    return max(values) - min(values)


def _common_classes(run: Run, reading: str) -> Measurements:
    """Alg. 1 for every class at eps 0.24 (Figs. 4 and 5)."""
    switches, network = SWITCHES[reading], _network(run)
    sets = [_class_images(run, c) for c in CLASSES]
    noises = common_noise.craft(
        network,
        [crafted for crafted, _ in sets],
        CLASSES,
        eps=[CLASS_EPS] * len(CLASSES),
        switches=switches,
        epochs=TEXT_EPOCHS,
    )
    rms = [float(value) for value in noises.rms]
    own, other, random = [], [], []
    for c, (_, x) in zip(CLASSES, sets, strict=True):
        y = torch.full((len(x),), c)
        own.append(_fooled(network, x, y, noises.noise[c], switches))
        other.append(_fooled(network, x, y, noises.noise[(c + 1) % len(CLASSES)], switches))
        control = _random(run, x, rms[c], f"random-class-{c}")
        random.append(_fooled(network, x, y, control, switches))
    counts = [len(x) for _, x in sets]
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
        "single-rms": _attack(run, switches, SUBSET).mean_rms,
    }


def _indexed(names: tuple[str, ...], count: int) -> tuple[str, ...]:
    return tuple(f"{name}[{i}]" for name in names for i in range(count))


def _summaries(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{name}-{what}" for name in names for what in ("success", "rms", "iterations"))


FIVES = ("success", "rms", "text-success", "text-rms", "eps", "random-success")

EXPERIMENTS = (
    Experiment(
        name="network",
        readings=("as-written",),
        networks=lambda seed: (network_of(seed),),
        measure=_clean,
        metrics=("test-accuracy", "untrained-accuracy"),
    ),
    Experiment(
        name="iterative",
        readings=READINGS,
        networks=lambda seed: (network_of(seed),),
        measure=_iterative,
        metrics=(
            "success",
            "rms",
            "iterations",
            "zero-gradient-share",
            "random-success",
            "half-eps-success",
            "half-eps-rms",
        ),
    ),
    Experiment(
        name="steps",
        readings=READINGS,
        networks=lambda seed: (network_of(seed),),
        measure=_steps,
        metrics=(*_summaries(("value", "sign")), "eps"),
        images=f"the first {SUBSET:,} test images",
    ),
    Experiment(
        name="switches",
        readings=READINGS,
        networks=lambda seed: (network_of(seed),),
        measure=_switches,
        metrics=_summaries(("none", *(name.replace("_", "-") for name in SWITCH_NAMES))),
        images=f"the first {SUBSET:,} test images",
    ),
    Experiment(
        name="common-fives",
        readings=READINGS,
        networks=lambda seed: (network_of(seed),),
        measure=_common_fives,
        metrics=(
            *_indexed(FIVES, len(EPS)),
            "success-at-024",
            "random-success-at-024",
            "rms-at-024",
            "success-min-from-024",
            "rms-linearity",
            "success-linearity",
        ),
        images="the test images of class 5",
    ),
    Experiment(
        name="common-classes",
        readings=READINGS,
        networks=lambda seed: (network_of(seed),),
        measure=_common_classes,
        metrics=(
            *_indexed(("success", "rms", "other-class", "eps"), len(CLASSES)),
            "success-min",
            "success-mean",
            "success-spread",
            "other-class-mean",
            "other-class-spread",
            "random-success-min",
            "random-success-mean",
            "rms-mean",
            "rms-spread",
            "single-rms",
        ),
        images="all 10,000 test images, by class",
    ),
)
