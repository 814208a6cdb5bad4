"""The networks of Goodfellow et al. (2015) told a second time: one image at a time.

From the paper's text and docs/readings.md: no line is shared with ``repro/papers/goodfellow2015``
but the recipes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from plain_network import Array, against, softmax
from small_runs import BARE, ON_THE_LINE, RUBBISH, TRAINING_IMAGES, draws, state, state_before

from repro.papers.goodfellow2015 import networks, regularised

IMAGES = [image.reshape(784) / 255 for image in BARE.test.images]
LABELS = [int(label) for label in BARE.test.labels]
EPOCHS = {
    "one-epoch": 1,
    "two-epochs": 2,
    "ten-epochs": 10,
    "hundred-epochs": 100,
    "one-epoch-clipped": 1,
}
WIDTHS = {"one-width": 1, "width-per-pixel": 784}

Measured = dict[str, float]
Weights = dict[str, Array]


def noise(seed: int, count: int) -> Array:
    """The attack's size with random signs, (count, 784)."""
    draw = draws(seed, "goodfellow2015/random")
    return 0.25 * (2.0 * draw.integers(0, 2, size=(count, 784), dtype=np.int8) - 1)


def rubbish(seed: int) -> Array:
    """N(0, I), (RUBBISH, 784)."""
    draw = draws(seed, "goodfellow2015/rubbish")
    return draw.standard_normal((RUBBISH, 784), dtype="float32").astype(np.float64)


def scores(name: str, p: Sequence[Array]) -> Measured:
    """Error, confidence, and confidence where it errs, of each test image's outputs."""
    wrong = [int(each.argmax()) != y for each, y in zip(p, LABELS, strict=True)]
    sure = [float(each.max()) for each in p]
    mistaken = [value for value, bad in zip(sure, wrong, strict=True) if bad]
    return {
        f"{name}-error": sum(wrong) / len(wrong),
        f"{name}-confidence": sum(sure) / len(sure),
        f"{name}-confidence-on-mistakes": sum(mistaken) / len(mistaken),
    }


def share_above_half(p: Sequence[Array]) -> float:
    return sum(each.max() > 0.5 for each in p) / len(p)


def softmax_regression(seed: int, reading: str) -> Measured:
    """Section 4 and appendix A."""
    recipe = networks.softmax_regression(seed, EPOCHS[reading])
    weights = state(recipe)

    def outputs(of: Weights, x: Array) -> Array:
        return softmax(x @ of["weight"] + of["bias"])

    def slope(x: Array, y: int) -> Array:
        return weights["weight"] @ against(x @ weights["weight"] + weights["bias"], y)

    pairs = list(zip(IMAGES, LABELS, strict=True))
    sets = {
        "clean": IMAGES,
        "fgsm": [x + 0.25 * np.sign(slope(x, y)) for x, y in pairs],
        "random": [x + r for x, r in zip(IMAGES, noise(seed, len(IMAGES)), strict=True)],
    }
    found = {"zero-gradient-share": sum(not slope(x, y).any() for x, y in pairs) / len(pairs)}
    for name, images in sets.items():
        clipped = [np.clip(x, 0, 1) for x in images] if reading.endswith("clipped") else images
        found |= scores(name, [outputs(weights, x) for x in clipped])
    p = [outputs(weights, x) for x in rubbish(seed)]
    sure = [float(each.max()) for each in p if each.max() > 0.5]
    start = state_before(recipe)
    before = [outputs(start, x) for x in rubbish(seed)]
    return {
        **found,
        "rubbish-error": share_above_half(p),
        "rubbish-confidence-on-mistakes": sum(sure) / len(sure),
        "untrained-rubbish-error": share_above_half(before),
    }


def logistic_regression(seed: int, reading: str) -> Measured:
    """Fig. 2: 3 or 7."""
    recipe = networks.logistic_regression(seed, EPOCHS[reading])
    weights, before = state(recipe), state_before(recipe)
    images = [x for x, y in zip(IMAGES, LABELS, strict=True) if y in (3, 7)]
    labels = [y for y in LABELS if y in (3, 7)]

    def error(of: Weights, given: Sequence[Array]) -> float:
        said = [7 if x @ of["weight"] + of["bias"] > 0 else 3 for x in given]
        return sum(a != b for a, b in zip(said, labels, strict=True)) / len(said)

    worst = [np.sign(weights["weight"]) * (1 if y == 3 else -1) for y in labels]
    random = noise(seed, len(images))
    alike = [bool((np.sign(r) == w).all()) for r, w in zip(random, worst, strict=True)]
    return {
        "clean-error": error(weights, images),
        "fgsm-error": error(weights, [x + 0.25 * w for x, w in zip(images, worst, strict=True)]),
        "random-error": error(weights, [x + r for x, r in zip(images, random, strict=True)]),
        "untrained-error": error(before, images),
        "exact-share": 1.0,
        "random-exact-share": sum(alike) / len(alike),
    }


def rbf(seed: int, reading: str) -> Measured:
    """Section 7 and appendix A."""
    weights = state(networks.rbf(seed, WIDTHS[reading]))
    start = state_before(networks.rbf(seed, 1))

    def log_p(of: Weights, x: Array) -> Array:
        return -(np.exp(of["log_b"]) * (x - of["centre"]) ** 2).sum(axis=1)

    def attacked(x: Array, y: int) -> Array:
        """Up the cost -log p_y - sum over c != y of log(1 - p_c)."""
        p = np.exp(log_p(weights, x))
        along = p / (1 - p)
        along[y] = -1
        slope = along @ (-2 * np.exp(weights["log_b"]) * (x - weights["centre"]))
        return x + 0.25 * np.sign(slope)

    sets = {
        "clean": IMAGES,
        "fgsm": [attacked(x, y) for x, y in zip(IMAGES, LABELS, strict=True)],
        "random": [x + r for x, r in zip(IMAGES, noise(seed, len(IMAGES)), strict=True)],
    }
    p = {name: [np.exp(log_p(weights, x)) for x in images] for name, images in sets.items()}
    found = {k: v for name, each in p.items() for k, v in scores(name, each).items()}
    return {
        **found,
        "untrained-confidence": float(np.mean([np.exp(log_p(start, x)).max() for x in IMAGES])),
        "clean-above-half-share": share_above_half(p["clean"]),
        "rubbish-error": share_above_half([np.exp(log_p(weights, x)) for x in rubbish(seed)]),
    }


def maxout_outputs(of: Weights, x: Array) -> tuple[Array, list[tuple[Array, Array]]]:
    """Logits (10,) of one image, and of each hidden layer: weights, and which piece won."""
    passed, h = [], x
    for layer in ("h0", "h1"):
        pieces = (h @ of[f"{layer}.weight"] + of[f"{layer}.bias"]).reshape(5, -1)
        h = pieces.max(axis=0)
        won = pieces == h
        passed.append((of[f"{layer}.weight"], won / won.sum(axis=0)))
    return h @ of["y.weight"] + of["y.bias"], passed


def maxout_slope(of: Weights, x: Array, y: int) -> Array:
    """The slope of the maxout network's loss of a class along the pixels, (784,)."""
    logits, passed = maxout_outputs(of, x)
    slope = of["y.weight"] @ against(logits, y)
    for weights, won in reversed(passed):
        slope = weights @ (won * slope).reshape(-1)
    return slope


def maxout_attacked(of: Weights, pairs: Iterable[tuple[Array, int]]) -> list[Array]:
    """Each image, a step of 0.25 up the maxout network's loss of its class."""
    return [x + 0.25 * np.sign(maxout_slope(of, x, y)) for x, y in pairs]


def maxout(seed: int, reading: str) -> Measured:
    """Section 4 and appendix A."""
    recipe = networks.maxout(seed=seed)
    weights, start = state(recipe), state_before(recipe)

    def outputs(of: Weights, x: Array) -> Array:
        return softmax(maxout_outputs(of, x)[0])

    sets = {
        "clean": IMAGES,
        "fgsm": maxout_attacked(weights, zip(IMAGES, LABELS, strict=True)),
        "random": [x + r for x, r in zip(IMAGES, noise(seed, len(IMAGES)), strict=True)],
    }
    found: Measured = {}
    for name, images in sets.items():
        clipped = [np.clip(x, 0, 1) for x in images] if reading.endswith("clipped") else images
        found |= scores(name, [outputs(weights, x) for x in clipped])
        if reading.endswith("mistakes"):
            found[f"{name}-confidence"] = found[f"{name}-confidence-on-mistakes"]
    p = [outputs(weights, x) for x in rubbish(seed)]
    given = [int(each.argmax()) for each in p if each.max() > 0.5]
    sure = [float(each.max()) for each in p if each.max() > 0.5]
    return {
        **found,
        "rubbish-error": share_above_half(p),
        "rubbish-confidence-on-mistakes": sum(sure) / len(sure),
        "untrained-rubbish-error": share_above_half([outputs(start, x) for x in rubbish(seed)]),
        "rubbish-share-of-5s": given.count(5) / len(given),
        "rubbish-given-8": given.count(8) / len(p),
        "clean-share-of-5s": LABELS.count(5) / len(LABELS),
        "clean-given-8": LABELS.count(8) / len(LABELS),
    }


def epochs(seed: int, _reading: str) -> Measured:
    """The maxout network after 10, 30 and 100 epochs."""
    found: Measured = {}
    for n in (10, 30, 100):
        of = state(networks.maxout(seed=seed, epochs=n))
        for name, images in (
            ("clean", IMAGES),
            ("fgsm", maxout_attacked(of, zip(IMAGES, LABELS, strict=True))),
        ):
            found |= scores(f"{n}-{name}", [softmax(maxout_outputs(of, x)[0]) for x in images])
        p = [softmax(maxout_outputs(of, x)[0]) for x in rubbish(seed)]
        found[f"{n}-rubbish-error"] = share_above_half(p)
        sure = [float(each.max()) for each in p if each.max() > 0.5]
        found[f"{n}-rubbish-confidence"] = sum(sure) / len(sure)
    return found


def agreement(seed: int, _reading: str) -> Measured:
    """Section 8: what three networks make of the images for the maxout network."""
    of_maxout, of_softmax, of_rbf = (
        state(recipe)
        for recipe in (
            networks.maxout(seed=seed),
            networks.softmax_regression(seed, 1),
            networks.rbf(seed, 784),
        )
    )
    found: dict[str, list[tuple[int, int]]] = {}
    attacked = maxout_attacked(of_maxout, zip(IMAGES, LABELS, strict=True))
    for x, y in zip(attacked, LABELS, strict=True):
        m = int(maxout_outputs(of_maxout, x)[0].argmax())
        s = int((x @ of_softmax["weight"] + of_softmax["bias"]).argmax())
        r = int((-np.exp(of_rbf["log_b"]) * (x - of_rbf["centre"]) ** 2).sum(axis=1).argmax())
        if m == y:
            continue
        for name, pair, counts in (
            ("softmax-gives-maxouts-class", (s, m), True),
            ("rbf-gives-maxouts-class", (r, m), True),
            ("softmax-gives-maxouts-class-both-wrong", (s, m), s != y),
            ("rbf-gives-maxouts-class-both-wrong", (r, m), r != y),
            ("rbf-gives-softmaxs-class-both-wrong", (r, s), r != y and s != y),
        ):
            if counts:
                found.setdefault(name, []).append(pair)
    measured: Measured = {}
    for name, pairs in found.items():
        order = draws(seed, f"goodfellow2015/{name}").permutation(len(pairs))
        apart = [(pairs[i][0], other) for i, (_, other) in zip(order, pairs, strict=True)]
        measured[name] = sum(a == b for a, b in pairs) / len(pairs)
        measured[f"{name}-by-chance"] = sum(a == b for a, b in apart) / len(apart)
    return measured


def stay(classes: Sequence[int], y: int) -> float:
    """The longest run of one wrong class, as a share."""
    longest = 0
    for i, first in enumerate(classes):
        run = 0
        while first != y and i + run < len(classes) and classes[i + run] == first:
            run += 1
        longest = max(longest, run)
    return longest / len(classes)


def straight(steps: Array, values: Array) -> float:
    """What straight lines explain of values (E, C) of one image."""
    lines = [np.polyval(np.polyfit(steps, v, 1), steps) for v in values.T]
    rest = ((values.T - np.array(lines)) ** 2).sum()
    return 1 - float(rest / ((values - values.mean(axis=0)) ** 2).sum())


def line(seed: int, _reading: str) -> Measured:
    """Fig. 4: where the signs of the slope lead, up to 15 of them; and random signs."""
    of = state(networks.maxout(seed=seed))
    steps = np.arange(31) / 2
    draw = draws(seed, "goodfellow2015/line")
    x, y = IMAGES[:ON_THE_LINE], LABELS[:ON_THE_LINE]
    random = 2.0 * draw.integers(0, 2, size=(len(x), 784), dtype=np.int8) - 1

    def logits(image: Array, direction: Array) -> Array:
        return np.array([maxout_outputs(of, image + eps * direction)[0] for eps in steps])

    signs = [np.sign(maxout_slope(of, image, label)) for image, label in zip(x, y, strict=True)]
    up = [logits(image, s) for image, s in zip(x, signs, strict=True)]
    down = [logits(image, -s) for image, s in zip(x, signs, strict=True)]
    at_random = [logits(image, r)[2:].argmax(axis=1) for image, r in zip(x, random, strict=True)]
    classes = [z[2:].argmax(axis=1) for z in up]
    orders = [draw.permutation(len(x)) for _ in steps[2:]]
    mixed = [[int(classes[o[i]][k]) for k, o in enumerate(orders)] for i in range(len(x))]

    def wrong(given: Sequence[Array]) -> float:
        return float(np.mean([a != label for a, label in zip(given, y, strict=True)]))

    def both_ways(of_logits: Callable[[Array], Array]) -> float:
        return float(np.mean([straight(steps, of_logits(z)) for z in (*up, *down)]))

    return {
        "wrong-share": wrong(classes),
        "random-wrong-share": wrong(at_random),
        "longest-stay": float(
            np.mean([stay(list(c), k) for c, k in zip(classes, y, strict=True)])
        ),
        "mixed-longest-stay": float(np.mean([stay(c, k) for c, k in zip(mixed, y, strict=True)])),
        "logits-straightness": both_ways(lambda z: z),
        "outputs-straightness": both_ways(lambda z: np.array([softmax(each) for each in z])),
    }


def beside_each_other(seed: int, *roles: str) -> dict[str, Weights]:
    """The weights of the maxout networks of these roles."""
    return {role: state(regularised.TRAININGS[role](seed=seed)) for role in roles}


def adversarial_training(seed: int, _reading: str) -> Measured:
    """Section 6: each network on the images that are made for it, and for the other."""
    weights = beside_each_other(seed, "adversarial", "original")
    pairs = list(zip(IMAGES, LABELS, strict=True))
    noisy = [x + r for x, r in zip(IMAGES, noise(seed, len(IMAGES)), strict=True)]
    found: Measured = {}
    for role, other in (("adversarial", "original"), ("original", "adversarial")):
        sets = {
            "clean": IMAGES,
            "random": noisy,
            "fgsm": maxout_attacked(weights[role], pairs),
            "transferred": maxout_attacked(weights[other], pairs),
        }
        for name, images in sets.items():
            p = [softmax(maxout_outputs(weights[role], x)[0]) for x in images]
            found |= scores(f"{role}-{name}", p)
    return found


def noise_training(seed: int, _reading: str) -> Measured:
    """Section 6: the controls, adversarial training, and neither."""
    roles = ("sign-noise", "uniform-noise", "adversarial", "original")
    found: Measured = {}
    for role, of in beside_each_other(seed, *roles).items():
        attacked = maxout_attacked(of, zip(IMAGES, LABELS, strict=True))
        for name, images in (("clean", IMAGES), ("fgsm", attacked)):
            found |= scores(f"{role}-{name}", [softmax(maxout_outputs(of, x)[0]) for x in images])
    return found


def l1(seed: int, _reading: str) -> Measured:
    """Section 5: the share of training images that a network errs on."""
    assert BARE.train is not None
    digits = list(zip(BARE.train.images, BARE.train.labels, strict=True))[:TRAINING_IMAGES]
    found = {}
    for role, of in beside_each_other(seed, "l1", "original").items():
        given = [int(maxout_outputs(of, x.reshape(784) / 255)[0].argmax()) for x, _ in digits]
        wrong = [a != y for a, (_, y) in zip(given, digits, strict=True)]
        found[f"{role}-training-error"] = sum(wrong) / len(wrong)
    return found


def ensemble(seed: int, _reading: str) -> Measured:
    """Section 9: the mean of twelve softmax outputs, attacked as one, or through the first."""
    weights = [state(networks.maxout(seed=12 * seed + i)) for i in range(12)]

    def outputs(x: Array) -> list[Array]:
        return [softmax(maxout_outputs(of, x)[0]) for of in weights]

    def attacked(x: Array, y: int) -> Array:
        # -log of the mean p_y falls with each member's own, by as much as that has of the mean.
        parts = [p[y] * maxout_slope(of, x, y) for of, p in zip(weights, outputs(x), strict=True)]
        return x + 0.25 * np.sign(np.sum(parts, axis=0))

    pairs = list(zip(IMAGES, LABELS, strict=True))
    sets = {
        "clean": IMAGES,
        "random": [x + r for x, r in zip(IMAGES, noise(seed, len(IMAGES)), strict=True)],
        "fgsm": [attacked(x, y) for x, y in pairs],
        "one-member": maxout_attacked(weights[0], pairs),
    }
    found: Measured = {}
    for name, images in sets.items():
        given = [int(np.mean(outputs(x), axis=0).argmax()) for x in images]
        wrong = [a != y for a, y in zip(given, LABELS, strict=True)]
        found[f"{name}-error"] = sum(wrong) / len(wrong)
    return found


PLAINLY: dict[str, Callable[[int, str], Measured]] = {
    "softmax": softmax_regression,
    "logistic": logistic_regression,
    "rbf": rbf,
    "maxout": maxout,
    "epochs": epochs,
    "agreement": agreement,
    "line": line,
    "adversarial-training": adversarial_training,
    "noise-training": noise_training,
    "l1": l1,
    "ensemble": ensemble,
}
"""Each experiment: (seed, reading) to measurements."""
