"""Measure the shallow networks: softmax and logistic regression, and RBF units."""

from __future__ import annotations

import torch
from torch import Tensor

from repro.lab.attacks import fgsm, metrics
from repro.lab.networks.network import Network
from repro.papers.experiment import TARGET, Experiment, Measurements, Run, named
from repro.papers.goodfellow2015.networks import (
    THREE_SEVEN,
    cost_of_log_p,
    logistic_regression,
    rbf,
    softmax_regression,
)

EPS = 0.25
EPOCHS = {
    "one-epoch": 1,
    "two-epochs": 2,
    "ten-epochs": 10,
    "hundred-epochs": 100,
    "one-epoch-clipped": 1,
}
"""How long softmax and logistic regression are trained, by reading."""

WIDTHS = {"one-width": 1, "width-per-pixel": 784}
"""The free entries of an RBF unit's diagonal, by reading."""

LOGISTIC, RBF = "logistic", "rbf"
"""The roles of networks that no other can stand for: of two classes, of independent outputs."""

RUBBISH = 10_000


def softmax_of(network: Network, x: Tensor) -> Tensor:
    """Return the softmax outputs (N, C), float64."""
    return torch.softmax(metrics.predict(network, x).double(), dim=1)


def independent_of(network: Network, x: Tensor) -> Tensor:
    """Return the outputs (N, C), float64, of a network that gives their logarithms."""
    return metrics.predict(network, x).double().exp()


def scores(name: str, p: Tensor, y: Tensor) -> Measurements:
    """Measure error rate and confidence, over all and over the mistakes, of outputs ``p``."""
    confidence, wrong = p.amax(dim=1), p.argmax(dim=1) != y
    return {
        f"{name}-error": float(wrong.double().mean()),
        f"{name}-confidence": float(confidence.mean()),
        f"{name}-confidence-on-mistakes": float(confidence[wrong].mean()),
    }


SCORES = ("error", "confidence", "confidence-on-mistakes")


def rubbish(run: Run) -> Tensor:
    """Return the 10,000 samples of N(0, I), (10000, 784) float32 (appendix A)."""

    def make() -> Tensor:
        drawn = run.rng("goodfellow2015/rubbish").standard_normal((RUBBISH, 784), dtype="float32")
        return torch.from_numpy(drawn)

    return run.once("rubbish", make)


def noisy(run: Run, x: Tensor) -> Tensor:
    """Return images with random-sign noise of the attack's size: its control."""
    return fgsm.random_sign(x, eps=EPS, rng=run.rng("goodfellow2015/random"))


def made_for(run: Run, network: Network) -> Tensor:
    """Return the FGSM images (N, 784) of a network with a softmax on top."""
    x = run.images()
    return fgsm.fgsm(x, fgsm.loss_gradient(network, x, run.labels()), eps=EPS)


def above_half(p: Tensor) -> Tensor:
    """Tell which rows of ``p`` give some class more than 0.5: an error, if they are rubbish."""
    return p.amax(dim=1) > 0.5


def fooling(
    run: Run, attacked: Tensor, outputs: Tensor, before: Network, *, clipped: bool
) -> Measurements:
    """Measure section 4's numbers of a network with a softmax on top, and appendix A's.

    ``attacked`` are its FGSM images (N, 784), ``outputs`` what it gives for :func:`rubbish`, and
    ``before`` is the network before its training. ``clipped`` images are, after the attack.
    """
    x = run.images()
    result: Measurements = {}
    for name, images in (("clean", x), ("fgsm", attacked), ("random", noisy(run, x))):
        p = softmax_of(run.networks[TARGET], images.clamp(0, 1) if clipped else images)
        result |= scores(name, p, run.labels())
    fooled, blank = above_half(outputs), above_half(softmax_of(before, rubbish(run)))
    result["rubbish-error"] = float(fooled.double().mean())
    result["rubbish-confidence-on-mistakes"] = float(outputs.amax(dim=1)[fooled].mean())
    result["untrained-rubbish-error"] = float(blank.double().mean())
    return result


FOOLING = (
    *named(("clean", "fgsm", "random"), SCORES),
    "rubbish-error",
    "rubbish-confidence-on-mistakes",
    "untrained-rubbish-error",
)


def _softmax(run: Run, reading: str) -> Measurements:
    """Measure section 4's softmax regression, and appendix A's."""
    network, x = run.networks[TARGET], run.images()
    gradient = fgsm.loss_gradient(network, x, run.labels())
    attacked, outputs = fgsm.fgsm(x, gradient, eps=EPS), softmax_of(network, rubbish(run))
    before = run.untrained(softmax_regression(run.seed, EPOCHS[reading]))
    return {
        "zero-gradient-share": fgsm.zero_gradient_share(gradient),
        **fooling(run, attacked, outputs, before, clipped=reading == "one-epoch-clipped"),
    }


def _logistic(run: Run, reading: str) -> Measurements:
    """Measure Fig. 2's logistic regression on the test images of 3 and 7."""
    network, x, y = run.networks[LOGISTIC], *threes_and_sevens(run)
    gradient = fgsm.loss_gradient(network, x, y)
    sets = {"clean": x, "fgsm": fgsm.fgsm(x, gradient, eps=EPS), "random": noisy(run, x)}
    before = run.untrained(logistic_regression(run.seed, EPOCHS[reading]))
    best = worst_signs(network, y)
    return {
        **{
            f"{n}-error": metrics.error_rate(metrics.predict(network, v), y)
            for n, v in sets.items()
        },
        "untrained-error": metrics.error_rate(metrics.predict(before, x), y),
        "exact-share": _same_signs(gradient, best),
        "random-exact-share": _same_signs(noisy(run, x) - x, best),
    }


def threes_and_sevens(run: Run) -> tuple[Tensor, Tensor]:
    """Return the test images of 3 and 7 (N, 784), and 0 for a 3 and 1 for a 7 (N,)."""
    three, seven = ((run.labels() == label) for label in THREE_SEVEN)
    return run.images()[three | seven], seven[three | seven].long()


def worst_signs(network: Network, y: Tensor) -> Tensor:
    """Return the signs (N, 784) that the text derives: -sign(w) for a 7, sign(w) for a 3."""
    return (1 - 2 * y[:, None]) * slope(network).sign()


def slope(network: Network) -> Tensor:
    """Return w (784,) float64 of w x + b, the log-odds of a 7 against a 3."""
    blank = torch.zeros(1, 784, dtype=torch.float64, requires_grad=True)
    three, seven = network.to(torch.float64)(blank)[0]
    (w,) = torch.autograd.grad(seven - three, blank)
    return w[0]


def _same_signs(noise: Tensor, signs: Tensor) -> float:
    """Return the share of images whose noise has these signs in every pixel."""
    return float((noise.sign() == signs).all(dim=1).double().mean())


def _rbf(run: Run, _reading: str) -> Measurements:
    """Measure section 7's shallow RBF network, and appendix A's."""
    network, x, y = run.networks[RBF], run.images(), run.labels()
    before = run.untrained(rbf(run.seed, 1))
    attacked = fgsm.fgsm(x, _gradient(network, x, y), eps=EPS)
    clean = independent_of(network, x)
    return {
        **scores("clean", clean, y),
        **scores("fgsm", independent_of(network, attacked), y),
        **scores("random", independent_of(network, noisy(run, x)), y),
        "untrained-confidence": float(independent_of(before, x).amax(dim=1).mean()),
        "clean-above-half-share": float(above_half(clean).double().mean()),
        "rubbish-error": float(above_half(independent_of(network, rubbish(run))).double().mean()),
    }


def _gradient(network: Network, x: Tensor, y: Tensor) -> Tensor:
    """Return the gradient (N, 784) float64 of the cost that the RBF network was trained with."""
    model, parts = network.to(torch.float64), []
    for image, label in zip(torch.split(x.double(), 1000), torch.split(y, 1000), strict=True):
        image.requires_grad_()
        cost = cost_of_log_p(model(image), label)
        parts.append(torch.autograd.grad(cost.sum(), image)[0])
    return torch.cat(parts)


EXPERIMENTS = (
    Experiment(
        name="softmax",
        readings=tuple(EPOCHS),
        networks=lambda seed, reading: {TARGET: softmax_regression(seed, EPOCHS[reading])},
        measure=_softmax,
        metrics=("zero-gradient-share", *FOOLING),
    ),
    Experiment(
        name="logistic",
        readings=("one-epoch", "two-epochs", "ten-epochs", "hundred-epochs"),
        networks=lambda seed, reading: {LOGISTIC: logistic_regression(seed, EPOCHS[reading])},
        measure=_logistic,
        metrics=(
            *named(("clean", "fgsm", "random", "untrained"), ("error",)),
            "exact-share",
            "random-exact-share",
        ),
    ),
    Experiment(
        name="rbf",
        readings=tuple(WIDTHS),
        networks=lambda seed, reading: {RBF: rbf(seed, WIDTHS[reading])},
        measure=_rbf,
        metrics=(
            *named(("clean", "fgsm", "random"), SCORES),
            "untrained-confidence",
            "clean-above-half-share",
            "rubbish-error",
        ),
    ),
)
