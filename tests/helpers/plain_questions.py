"""The open questions told a second time: one image at a time, in NumPy, nothing kept.

From ``claims.toml`` of the questions and docs/open-questions.md: no line is shared with
``repro/papers`` but the recipes. Attacks on one image are those of ``plain_popovic.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from plain_network import Array, against, gradient, outputs
from plain_popovic import HOW, IMAGES, LABELS, Done, attack, rms, sets
from small_runs import CRAFTED_ON, MEASURED_ON, OF_OTHERS, SUBSET, asked, asked_before, draws

from repro.papers.questions import networks

HERE = HOW["as-written"]
CLASSES = range(10)
STEP, COMMON_STEP = 10 / 255, 1 / 255
SAME = np.eye(784)

Measured = dict[str, float]


def of_class(label: int) -> tuple[list[Array], list[Array]]:
    """The images of a class that its noise is made on, and those that it is measured on."""
    own, test = sets(label, sample=False)
    return own[:CRAFTED_ON], test[:MEASURED_ON]


def mean(values: Iterable[float]) -> float:
    every = list(values)
    return sum(every) / len(every)


def given(w: Array, x: Array) -> int:
    return int(outputs(w, x).argmax())


def craft(
    w: Array,
    images: Sequence[Array],
    y: int,
    *,
    eps: float = 0.24,
    step: float = COMMON_STEP,
    sign: bool = False,
    seen: Sequence[Array] = (),
) -> Array:
    """Alg. 1 over 10 epochs: up J of class y, or down where ``step`` is negative.

    ``seen`` are matrices: through which one the network sees the noisy image, step by step.
    """
    noise = np.zeros(len(images[0]))
    for turn in range(10 * len(images)):
        fed, through = images[turn % len(images)] + noise, seen[turn] if seen else None
        if through is None:
            slope = gradient(w, fed, against(outputs(w, fed), y))
        else:
            slope = gradient(w, through @ fed, against(outputs(w, through @ fed), y)) @ through
        move = np.sign(slope) if sign else slope / np.abs(slope).max()
        noise = np.clip(noise + step * move, -eps, eps)
    return noise


def random_like(seed: int, name: str, noises: Sequence[Array]) -> list[Array]:
    """Random signs of the RMS of each noise."""
    signs = 2 * draws(seed, f"questions/{name}").integers(0, 2, size=(len(noises), noises[0].size))
    return [(r - 1) * rms(e) for r, e in zip(signs, noises, strict=True)]


def fooled(w: Array, images: Sequence[Sequence[Array]], noises: Sequence[Array]) -> float:
    """The mean over the classes of the share that is not given its class."""
    return mean(mean(given(w, x + noises[c]) != c for x in images[c]) for c in CLASSES)


# --- Steps, targets and motions ------------------------------------------------------------


def steps(seed: int, _reading: str) -> Measured:
    """Value steps, sign steps of the same largest change, and of the same RMS."""
    w = asked(networks.network(seed=seed))
    pairs = list(zip(IMAGES[:SUBSET], LABELS[:SUBSET], strict=True))
    drawn = draws(seed, "questions/wanted").integers(1, 10, SUBSET)
    wanted = [(y + int(d)) % 10 for (_, y), d in zip(pairs, drawn, strict=True)]
    share = mean(rms(HERE.slope(w, x, y)) for x, y in pairs)
    found: Measured = {"value-step-share": share}

    def note(name: str, done: list[Done]) -> None:
        found[f"{name}-success"] = mean(one.success for one in done)
        found[f"{name}-rms"] = mean(one.rms for one in done)
        found[f"{name}-iterations"] = mean(one.steps for one in done)

    for name, options in (
        ("value", {}),
        ("sign", {"sign": True}),
        ("small-sign", {"sign": True, "step": STEP * share}),
        ("corner", {"sign": True, "step": 0.15, "most": 1}),
    ):
        note(f"{name}-eq1", [attack(w, x, y, HERE, **options) for x, y in pairs])
        towards = zip(pairs, wanted, strict=True)
        note(f"{name}-eq3", [attack(w, x, y, HERE, target=t, **options) for (x, y), t in towards])
    test = [of_class(c)[1] for c in CLASSES]
    for name, sign, step in (
        ("value", False, COMMON_STEP),
        ("sign", True, COMMON_STEP),
        ("small-sign", True, COMMON_STEP * share),
    ):
        noises = [craft(w, of_class(c)[0], c, sign=sign, step=step) for c in CLASSES]
        found[f"{name}-common-success"] = fooled(w, test, noises)
        found[f"{name}-common-rms"] = mean(map(rms, noises))
    plain = [craft(w, of_class(c)[0], c) for c in CLASSES]
    found["random-common-success"] = fooled(w, test, random_like(seed, "steps", plain))
    return found


def targeted(seed: int, _reading: str) -> Measured:
    """One noise a pair of classes, which makes the first be read as the second."""
    w = asked(networks.network(seed=seed))
    pairs = [(s, t) for s in CLASSES for t in CLASSES if s != t]
    noises = [craft(w, of_class(s)[0], t, step=-COMMON_STEP) for s, t in pairs]
    random = random_like(seed, "targeted", noises)

    def read(which: Sequence[Array]) -> list[float]:
        each = zip(pairs, which, strict=True)
        return [mean(given(w, x + e) == t for x in of_class(s)[1]) for (s, t), e in each]

    success = read(noises)
    return {
        **{f"success-{s}-{t}": value for (s, t), value in zip(pairs, success, strict=True)},
        "success-mean": mean(success),
        "random-mean": mean(read(random)),
        "clean-mean": mean(read([np.zeros(784)] * 90)),
        "success-min": min(success),
        "pairs-above-half": float(sum(value > 0.5 for value in success)),
        "rms": mean(map(rms, noises)),
    }


def motion(turn: float = 0, right: float = 0, down: float = 0, scale: float = 1) -> Array:
    """The matrix (784, 784) that turns an image clockwise about its middle, shifts or scales it.

    Each pixel is taken from where it was, between four of the old ones; outside all is black.
    """
    found, angle = np.zeros((784, 784)), math.radians(turn)
    for i in range(28):
        for j in range(28):
            u, v = (j - 13.5 - right) / scale, (i - 13.5 - down) / scale
            x = 13.5 + u * math.cos(angle) + v * math.sin(angle)
            y = 13.5 - u * math.sin(angle) + v * math.cos(angle)
            for column in (math.floor(x), math.floor(x) + 1):
                for row in (math.floor(y), math.floor(y) + 1):
                    if 0 <= column < 28 and 0 <= row < 28:
                        weight = (1 - abs(x - column)) * (1 - abs(y - row))
                        found[28 * i + j, 28 * row + column] += weight
    return found


MOTIONS = {
    "turned": [motion(turn=-15), motion(turn=15)],
    "shifted": [motion(right=-2), motion(right=2), motion(down=-2), motion(down=2)],
    "scaled": [motion(scale=0.9), motion(scale=1.1)],
}


def moved(seed: int, _reading: str) -> Measured:
    """What is left of noise that was made on still images, and on moving ones."""
    w = asked(networks.network(seed=seed))
    own, test = ([of_class(c)[k] for c in CLASSES] for k in (0, 1))
    every = [m for kind in MOTIONS.values() for m in kind]
    draw = draws(seed, "questions/motions")
    seen = [every[draw.integers(8)] for _ in range(10 * max(map(len, own)))]
    plain = [craft(w, own[c], c) for c in CLASSES]
    found: Measured = {}
    for name, noises in (
        ("plain", plain),
        ("moving", [craft(w, own[c], c, seen=seen) for c in CLASSES]),
        ("random", random_like(seed, "moved", plain)),
        ("no", [np.zeros(784)] * 10),
    ):

        def left(through: Array, e: Sequence[Array] = noises) -> float:
            shown = [[through @ (x + e[c]) for x in test[c]] for c in CLASSES]
            return fooled(w, shown, [np.zeros(784)] * 10)

        shares = {kind: [left(m) for m in each] for kind, each in MOTIONS.items()}
        found[f"{name}-noise-still"] = left(SAME)
        found[f"{name}-noise-moved"] = mean(s for each in shares.values() for s in each)
        found |= {f"{name}-noise-{kind}": mean(each) for kind, each in shares.items()}
    return {**found, "half-of-still": found["plain-noise-still"] / 2}


# --- Other networks ------------------------------------------------------------------------


def finer() -> Array:
    """The matrix (3136, 784) that makes 56 x 56 pixels of 28 x 28.

    Each lies between the four nearest of the old ones; at the edge it is the outermost.
    """
    found = np.zeros((56 * 56, 784))
    for i in range(56):
        for j in range(56):
            y, x_ = (min(max((k - 0.5) / 2, 0), 27) for k in (i, j))
            for row in (math.floor(y), math.floor(y) + 1):
                for column in (math.floor(x_), math.floor(x_) + 1):
                    weight = (1 - abs(y - row)) * (1 - abs(x_ - column))
                    if weight:
                        found[56 * i + j, 28 * row + column] += weight
    return found


FINER = finer()
PIXELS: dict[str, Callable[[Array], Array]] = {
    "grey": lambda x: x,
    "fine": lambda x: FINER @ x,
    "colour": lambda x: np.concatenate([x, x, x]),
}


def resolution(seed: int, _reading: str) -> Measured:
    """The same digits grey, finer, and in colour."""
    made = {"grey": networks.network, "fine": networks.fine, "colour": networks.colour}
    found: Measured = {}
    for role, pixels in PIXELS.items():
        w = asked(made[role](seed=seed))
        pairs = [(pixels(IMAGES[i]), LABELS[i]) for i in range(OF_OTHERS)]
        done = [attack(w, x, y, HERE) for x, y in pairs]
        corner = [attack(w, x, y, HERE, sign=True, step=0.15, most=1) for x, y in pairs]
        own, test = ([[pixels(x) for x in of_class(c)[k]] for c in CLASSES] for k in (0, 1))
        noises = [craft(w, own[c], c, eps=0.15) for c in CLASSES]
        random = random_like(seed, f"{role}-resolution", noises)
        found |= {
            f"{role}-error": mean(given(w, x) != y for x, y in pairs),
            f"{role}-success": mean(one.success for one in done),
            f"{role}-rms": mean(one.rms for one in done),
            f"{role}-corner-rms": mean(one.rms for one in corner),
            f"{role}-common-success": fooled(w, test, noises),
            f"{role}-common-rms": mean(map(rms, noises)),
            f"{role}-random-common-success": fooled(w, test, random),
        }
    return found


def fgsm(w: Array, eps: float) -> list[Array]:
    pairs = zip(IMAGES, LABELS, strict=True)
    return [x + eps * np.sign(gradient(w, x, against(outputs(w, x), y))) for x, y in pairs]


def halves(seed: int, _reading: str) -> Measured:
    """Whether the networks of two halves make the same mistakes, and share a common noise."""
    first = asked(networks.first_half(seed=seed))
    second = asked(networks.second_half(seed=seed + 1000))
    before = asked_before(networks.second_half(seed=seed + 1000))
    some = list(zip(IMAGES[:OF_OTHERS], LABELS[:OF_OTHERS], strict=True))
    test = [of_class(c)[1] for c in CLASSES]
    noises = [craft(first, of_class(c)[0], c) for c in CLASSES]
    slow = [x + attack(first, x, y, HERE, eps=0.25, sure=0.9).noise for x, y in some]
    found: Measured = {}
    for name, images, labels in (
        ("fgsm", fgsm(first, 0.25), LABELS),
        ("eq1", slow, [y for _, y in some]),
        ("common", [x + noises[c] for c in CLASSES for x in test[c]],
         [c for c in CLASSES for _ in test[c]]),
    ):  # fmt: skip
        for each, answering in ((name, second), (f"{name}-untrained", before)):
            said = [(given(first, x), given(answering, x)) for x in images]
            both = [(y, a, b) for y, (a, b) in zip(labels, said, strict=True) if a != y and b != y]
            draw, by_chance = draws(seed, f"questions/{each}"), 0
            for c in CLASSES:
                mine = [(a, b) for y, a, b in both if y == c]
                order = draw.permutation(len(mine))
                by_chance += sum(mine[i][0] == mine[k][1] for i, k in enumerate(order))
            found[f"{each}-second-errs"] = len(both) / len(images)
            found[f"{each}-agree"] = mean(a == b for _, a, b in both)
            found[f"{each}-agree-by-chance"] = by_chance / len(both)
    found["common-success"] = fooled(second, test, noises)
    found["random-success"] = fooled(second, test, random_like(seed, "halves", noises))
    return found


def penalties(seed: int, _reading: str) -> Measured:
    """The penalised network on its own images and on others'."""
    plain = asked(networks.network(seed=seed))
    mine = asked(networks.regularised(seed=seed))
    other = asked(networks.other(seed=seed + 1000))

    def error(w: Array, images: Sequence[Array]) -> float:
        return mean(given(w, x) != y for x, y in zip(images, LABELS, strict=True))

    return {
        "clean-error": error(plain, IMAGES),
        "regularised-clean-error": error(mine, IMAGES),
        "error": error(plain, fgsm(plain, 0.25)),
        "regularised-error": error(mine, fgsm(mine, 0.25)),
        "regularised-doubled-error": error(mine, fgsm(mine, 0.5)),
        "cached-error": error(mine, fgsm(plain, 0.25)),
        "cached-doubled-error": error(mine, fgsm(plain, 0.5)),
        "transferred-error": error(other, fgsm(plain, 0.25)),
    }


PLAINLY: dict[str, Callable[[int, str], Measured]] = {
    "steps": steps,
    "targeted": targeted,
    "moved": moved,
    "resolution": resolution,
    "halves": halves,
    "penalties": penalties,
}
"""Each experiment: (seed, reading) to measurements."""
