"""The experiments of Popović & Mihajlović (2017) told a second time: one image at a time.

From the paper's text, the authors' program and docs/readings.md: no line is shared with
``repro/papers``, and nothing is kept from one attack to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from plain_network import Array, against, gradient, outputs, softmax, twice_against
from small_runs import EACH, MOST, SUBSET, TEST, TRAIN, VALIDATION, draws, trained, untrained

from repro.lab.networks.cnn_training import CnnRecipe

IMAGES = [image.reshape(784) / 255 for image in TEST.images]
LABELS = [int(label) for label in TEST.labels]

Measured = dict[str, float]


@dataclass(frozen=True)
class How:
    """What docs/readings.md says of a reading of the attack."""

    buffer: bool
    clipped: bool
    softmax_twice: bool
    last_judged: bool
    wrong_counts: bool

    def fed(self, x: Array, noise: Array) -> Array:
        """The image that the network sees."""
        return np.clip(x + noise, 0, 1) if self.clipped else x + noise

    def slope(self, w: Array, fed: Array, y: int) -> Array:
        """The gradient of the loss along the pixels, divided by its largest absolute value."""
        along = (twice_against if self.softmax_twice else against)(outputs(w, fed), y)
        found = gradient(w, fed, along)
        return found / np.abs(found).max() if found.any() else found


HOW = {
    "as-written": How(False, False, False, True, False),
    "as-coded": How(True, True, True, False, True),
}


# --- Noise for one image -------------------------------------------------------------------


@dataclass(frozen=True)
class Done:
    """What became of one image: success, steps, e of eq. (5), its RMS, any zero gradient."""

    success: bool
    steps: int
    noise: Array
    flat: bool

    @property
    def rms(self) -> float:
        return rms(self.noise)


def rms(noise: Array) -> float:
    """Eq. (4)."""
    return float(np.sqrt(np.sum(noise**2) / len(noise)))


def attack(
    w: Array,
    x: Array,
    y: int,
    how: How,
    *,
    eps: float = 0.15,
    step: float = 10 / 255,
    most: int = MOST,
    target: int | None = None,
    sure: float = 0.0,
    sign: bool = False,
) -> Done:
    """Eqs. (1) to (3) for one image."""
    noise, image, flat = np.zeros(len(x)), x, False
    for made in range(most + 1):
        fed = how.fed(x, noise) if how.buffer else image
        z = outputs(w, fed)
        given = int(z.argmax())
        wanted = given != y if target is None else given == target
        judged = (made > 0 or how.wrong_counts) and (made < most or how.last_judged)
        if judged and wanted and softmax(z)[given] >= sure:
            return Done(True, made, noise, flat)
        if made == most:
            break
        move = how.slope(w, fed, y) if target is None else -how.slope(w, fed, target)
        flat = flat or not move.any()
        move = step * (np.sign(move) if sign else move)
        if how.buffer:
            noise = np.clip(noise + move, -eps, eps)
        else:
            image = np.clip(image + move, x - eps, x + eps)
            image = np.clip(image, 0, 1) if how.clipped else image
            noise = image - x
    return Done(False, most, noise, flat)


def summary(prefix: str, done: Sequence[Done]) -> Measured:
    """Success rate, mean RMS of the successes, mean number of steps."""
    sizes = [one.rms for one in done if one.success]
    return {
        f"{prefix}success": len(sizes) / len(done),
        f"{prefix}rms": sum(sizes) / len(sizes),
        f"{prefix}iterations": sum(one.steps for one in done) / len(done),
    }


def first(w: Array, how: How, count: int = SUBSET, **options: float) -> list[Done]:
    """Eq. (1) on the first test images."""
    pairs = zip(IMAGES[:count], LABELS[:count], strict=True)
    return [attack(w, x, y, how, **options) for x, y in pairs]


def random_signs(seed: int, name: str, count: int) -> Array:
    """Noise of -1 and 1, (count, 784)."""
    draw = draws(seed, f"popovic2017/{name}")
    return 2.0 * draw.integers(0, 2, size=(count, 1, 28, 28), dtype=np.int8).reshape(-1, 784) - 1


def of_size(signs: Array, size: float) -> Array:
    return float(np.float32(size)) * signs


def accuracy(w: Array) -> float:
    right = [int(outputs(w, x).argmax()) == y for x, y in zip(IMAGES, LABELS, strict=True)]
    return sum(right) / len(right)


def network(seed: int, _reading: str) -> Measured:
    recipe = CnnRecipe(seed=seed)
    return {
        "test-accuracy": accuracy(trained(recipe)),
        "untrained-accuracy": accuracy(untrained(recipe)),
    }


def iterative(seed: int, reading: str) -> Measured:
    """Eq. (1) on all test images, and random noise of each one's RMS."""
    how, w = HOW[reading], trained(CnnRecipe(seed=seed))
    done = first(w, how, len(IMAGES))
    signs = random_signs(seed, "random-iterative", len(IMAGES))
    fooled = [
        int(outputs(w, how.fed(x, of_size(r, one.rms))).argmax()) != y
        for x, y, r, one in zip(IMAGES, LABELS, signs, done, strict=True)
    ]
    return {
        **summary("", done),
        "zero-gradient-share": sum(one.flat for one in done) / len(done),
        "random-success": sum(fooled) / len(fooled),
        "untrained-rms": summary("", first(untrained(CnnRecipe(seed=seed)), how))["rms"],
    }


def steps(seed: int, reading: str) -> Measured:
    """Value and sign steps, larger ones, and one step to a corner of the box."""
    how, w = HOW[reading], trained(CnnRecipe(seed=seed))
    half = {"as-written": 1, "as-coded": 2}[reading]
    corner = first(w, how, sign=True, step=0.15, most=2)
    return {
        **summary("value-", first(w, how)),
        **summary("sign-", first(w, how, sign=True, step=10 / 255 / half)),
        **summary("large-value-", first(w, how, step=50 / 255)),
        **summary("corner-", corner),
    }


def switches(seed: int, reading: str) -> Measured:
    """Each difference between the readings alone, from this one towards the other."""
    w, here = trained(CnnRecipe(seed=seed)), HOW[reading]
    there = HOW["as-coded" if reading == "as-written" else "as-written"]
    one_by_one = {
        "none": here,
        "state": replace(here, buffer=there.buffer),
        "pixel-clip": replace(here, clipped=there.clipped),
        "loss": replace(here, softmax_twice=there.softmax_twice),
        "judge-last": replace(here, last_judged=there.last_judged),
        "count-misclassified": replace(here, wrong_counts=there.wrong_counts),
    }
    found: Measured = {}
    for name, how in one_by_one.items():
        found |= summary(f"{name}-", first(w, how))
    return found


def targeted(seed: int, reading: str) -> Measured:
    """Eq. (3) from the first images of each class to each other class, plain and sure."""
    how, w = HOW[reading], trained(CnnRecipe(seed=seed))
    cases = [
        (source, target, IMAGES[i])
        for source in range(10)
        for target in range(10)
        if source != target
        for i in [i for i, label in enumerate(LABELS) if label == source][:EACH]
    ]
    found: Measured = {}
    for name, sure in (("target", 0.0), ("sure", 0.9)):
        done = [attack(w, x, s, how, target=t, sure=sure) for s, t, x in cases]
        found |= summary(f"{name}-", done)
        signs, hits = random_signs(seed, f"random-{name}", len(cases)), []
        for (_, target, x), r, one in zip(cases, signs, done, strict=True):
            p = softmax(outputs(w, how.fed(x, of_size(r, one.rms))))
            hits.append(int(p.argmax()) == target and p.max() >= sure)
        found[f"{name}-random-success"] = sum(hits) / len(hits)
        for start in range(0, len(cases), EACH):
            source, target, _ = cases[start]
            mine = done[start : start + EACH]
            found[f"{name}-success-{source}-{target}"] = sum(o.success for o in mine) / EACH
            found[f"{name}-rms-{source}-{target}"] = sum(o.rms for o in mine) / EACH
    return found


def units(seed: int, reading: str) -> Measured:
    """The authors' 1,024 units, and the 1,204 of Table I."""
    found: Measured = {}
    for count in (1024, 1204):
        w = trained(CnnRecipe(seed=seed, units=count))
        found |= summary(f"units-{count}-", first(w, HOW[reading]))
        found[f"units-{count}-test-accuracy"] = accuracy(w)
    return found


# --- Noise for a class ---------------------------------------------------------------------


def sets(label: int, *, sample: bool) -> tuple[list[Array], list[Array]]:
    """Images of a class to craft noise on, and to measure it on."""
    test = [x for x, y in zip(IMAGES, LABELS, strict=True) if y == label]
    if sample:  # without validation images: even places and odd ones
        return test[0::2], test[1::2]
    pairs = list(zip(TRAIN.images, TRAIN.labels, strict=True))[:VALIDATION]
    return [image.reshape(784) / 255 for image, y in pairs if int(y) == label], test


def craft(w: Array, images: list[Array], y: int, how: How, eps: float, epochs: int) -> list[Array]:
    """Alg. 1: the noise after each epoch."""
    noise, after = np.zeros(784), []
    for _ in range(epochs):
        for x in images:
            noise = np.clip(noise + how.slope(w, how.fed(x, noise), y) / 255, -eps, eps)
        after.append(noise)
    return after


def fooled(w: Array, images: list[Array], y: int, noises: Sequence[Array], how: How) -> float:
    """The share of images of a class misclassified with noise, one for all or one each."""
    wrong = [
        int(outputs(w, how.fed(x, e)).argmax()) != y for x, e in zip(images, noises, strict=True)
    ]
    return sum(wrong) / len(wrong)


def line(values: list[float]) -> float:
    """R^2 of the straight line over the 16 eps; negative where it falls."""
    if len(set(values)) == 1:
        return 0.0
    x, y = np.arange(16) - 7.5, np.array(values) - np.mean(values)
    return float(np.sign(x @ y) * (x @ y) ** 2 / ((x @ x) * (y @ y)))


def fives(seed: int, reading: str, *, sample: bool = False) -> Measured:
    """Figs. 2 and 3: eps 0.15 to 0.30 for the class of 5s."""
    how, w = HOW[reading], trained(CnnRecipe(seed=seed))
    own, other = sets(5, sample=sample)
    all_eps = [(15 + i) / 100 for i in range(16)]
    found: Measured = {}
    rates: dict[int, list[float]] = {25: [], 30: []}
    sizes: dict[int, list[float]] = {25: [], 30: []}
    for eps in all_eps:
        after = craft(w, own, 5, how, eps, 30)
        for epochs in (25, 30):
            noise = after[epochs - 1]
            rates[epochs].append(fooled(w, other, 5, [noise] * len(other), how))
            sizes[epochs].append(rms(noise))
    epochs = {"as-written": 25, "as-coded": 30}[reading]
    success, size = rates[epochs], sizes[epochs]
    random = []
    for i in range(16):
        signs = random_signs(seed, f"random-five-{i}", len(other))
        random.append(fooled(w, other, 5, [of_size(r, size[i]) for r in signs], how))
    for i in range(16):
        found[f"success[{i}]"] = success[i]
        found[f"rms[{i}]"] = size[i]
        found[f"random-success[{i}]"] = random[i]
        found[f"eps[{i}]"] = all_eps[i]
    for n in (25, 30):
        found[f"epochs-{n}-success"] = sum(rates[n]) / 16
        found[f"epochs-{n}-rms"] = sum(sizes[n]) / 16
    return {
        **found,
        "success-at-020": success[5],
        "success-at-024": success[9],
        "random-success-at-024": random[9],
        "success-min-from-024": min(success[9:]),
        "success-min-from-028": min(success[13:]),
        "rms-linearity": line(size),
        "success-linearity": line(success),
    }


def classes(seed: int, reading: str, *, sample: bool = False) -> Measured:
    """Figs. 4 and 5: every class at eps 0.24, and the 5s at 0.03."""
    how, w = HOW[reading], trained(CnnRecipe(seed=seed))
    noises = [craft(w, sets(c, sample=sample)[0], c, how, 0.24, 25)[-1] for c in range(10)]
    own, other, random, every = [], [], [], {"own": 0.0, "other": 0.0, "random": 0.0}
    images = 0
    for c in range(10):
        test = sets(c, sample=sample)[1]
        signs = random_signs(seed, f"random-class-{c}", len(test))
        own.append(fooled(w, test, c, [noises[c]] * len(test), how))
        other.append(fooled(w, test, c, [noises[(c + 1) % 10]] * len(test), how))
        random.append(fooled(w, test, c, [of_size(r, rms(noises[c])) for r in signs], how))
        every["own"] += own[c] * len(test)
        every["other"] += other[c] * len(test)
        every["random"] += random[c] * len(test)
        images += len(test)
    sizes = [rms(noise) for noise in noises]
    found: Measured = {}
    for c in range(10):
        found[f"success[{c}]"] = own[c]
        found[f"rms[{c}]"] = sizes[c]
        found[f"other-class[{c}]"] = other[c]
        found[f"eps[{c}]"] = 0.24
    return {
        **found,
        "success-min": min(own),
        "success-mean": every["own"] / images,
        "success-spread": max(own) - min(own),
        "other-class-mean": every["other"] / images,
        "other-class-spread": max(other) - min(other),
        "random-success-min": min(random),
        "random-success-mean": every["random"] / images,
        "rms-mean": sum(sizes) / 10,
        "rms-spread": max(sizes) - min(sizes),
        "small-box-rms": rms(craft(w, sets(5, sample=sample)[0], 5, how, 0.03, 25)[-1]),
        "single-rms": summary("", first(w, how))["rms"],
        "single-rms-024": summary("", first(w, how, eps=0.24))["rms"],
    }


PLAINLY: dict[str, Callable[..., Measured]] = {
    "network": network,
    "iterative": iterative,
    "steps": steps,
    "switches": switches,
    "targeted": targeted,
    "units": units,
    "common-fives": fives,
    "common-classes": classes,
}
"""Each experiment: (seed, reading) to measurements; the last two take sample=True as well."""
