"""Measure the maxout network: FGSM, rubbish, and who agrees with it."""

from __future__ import annotations

import torch
from torch import Tensor

from repro.lab.attacks import metrics
from repro.lab.networks.network import Network
from repro.papers.experiment import TARGET, Experiment, Measurements, Run, named
from repro.papers.goodfellow2015.networks import maxout, rbf, softmax_regression
from repro.papers.goodfellow2015.shallow import (
    FOOLING,
    SCORES,
    above_half,
    fooling,
    made_for,
    rubbish,
    scores,
    softmax_of,
)

READINGS = ("thirty-epochs", "thirty-epochs-on-mistakes", "thirty-epochs-clipped")
AGREEMENTS = {
    "softmax-gives-maxouts-class": ("softmax", TARGET, ()),
    "rbf-gives-maxouts-class": ("rbf", TARGET, ()),
    "softmax-gives-maxouts-class-both-wrong": ("softmax", TARGET, ("softmax",)),
    "rbf-gives-maxouts-class-both-wrong": ("rbf", TARGET, ("rbf",)),
    "rbf-gives-softmaxs-class-both-wrong": ("rbf", "softmax", ("rbf", "softmax")),
}
"""Who gives whose class, and who else is wrong: the maxout network always is."""


EPOCHS = (10, 30, 100)
"""30 in the readings; the original stops where 100 epochs have brought no gain, after hundreds."""


def attacked(run: Run, network: Network) -> Tensor:
    """Return the FGSM images (N, 784) that are made for a maxout network."""
    return run.once(("attacked", network), lambda: made_for(run, network))


def _maxout(run: Run, reading: str) -> Measurements:
    """Measure section 4's maxout network, and appendix A's."""
    network = run.networks[TARGET]
    p, before = softmax_of(network, rubbish(run)), run.untrained(maxout(seed=run.seed))
    clipped = reading == "thirty-epochs-clipped"
    result = fooling(run, attacked(run, network), p, before, clipped=clipped)
    if reading == "thirty-epochs-on-mistakes":
        for name in ("clean", "fgsm", "random"):
            result[f"{name}-confidence"] = result[f"{name}-confidence-on-mistakes"]
    classes = p[above_half(p)].argmax(dim=1)
    result["rubbish-share-of-5s"] = float((classes == 5).double().mean())
    result["rubbish-given-8"] = float((classes == 8).double().sum() / len(p))
    result["clean-share-of-5s"] = float((run.labels() == 5).double().mean())
    result["clean-given-8"] = float((run.labels() == 8).double().mean())
    return result


def agreement(given: Tensor, classes: Tensor, where: Tensor) -> float:
    """Return the share of the images ``where`` that are given these ``classes``, all (N,)."""
    return float((given == classes)[where].double().mean())


def _agreement(run: Run, _reading: str) -> Measurements:
    """Measure section 8: the classes of images that are made for the maxout network."""
    x, y = attacked(run, run.networks[TARGET]), run.labels()
    given = {
        role: metrics.predict(network, x).argmax(dim=1) for role, network in run.networks.items()
    }
    result = {}
    for name, (giver, owner, others) in AGREEMENTS.items():
        one, other, where = given[giver], given[owner], given[TARGET] != y
        for role in others:
            where = where & (given[role] != y)
        result[name] = agreement(one, other, where)
        order = torch.from_numpy(run.rng(f"goodfellow2015/{name}").permutation(int(where.sum())))
        apart, every = one[where][order], torch.ones(len(order), dtype=torch.bool)
        result[f"{name}-by-chance"] = agreement(apart, other[where], every)
    return result


def _epochs(run: Run, _reading: str) -> Measurements:
    """Measure the maxout network after more and fewer epochs."""
    result: Measurements = {}
    for epochs, network in run.networks.items():
        for name, images in (("clean", run.images()), ("fgsm", attacked(run, network))):
            result |= scores(f"{epochs}-{name}", softmax_of(network, images), run.labels())
        p = softmax_of(network, rubbish(run))
        result[f"{epochs}-rubbish-error"] = float(above_half(p).double().mean())
        result[f"{epochs}-rubbish-confidence"] = float(p.amax(dim=1)[above_half(p)].mean())
    return result


EXPERIMENTS = (
    Experiment(
        name="maxout",
        readings=READINGS,
        networks=lambda seed, _: {TARGET: maxout(seed=seed)},
        measure=_maxout,
        metrics=(
            *FOOLING,
            "rubbish-share-of-5s",
            "rubbish-given-8",
            "clean-share-of-5s",
            "clean-given-8",
        ),
    ),
    Experiment(
        name="agreement",
        readings=READINGS[:1],
        networks=lambda seed, _: {
            TARGET: maxout(seed=seed),
            "softmax": softmax_regression(seed, 1),
            "rbf": rbf(seed, 784),
        },
        measure=_agreement,
        metrics=tuple(name for each in AGREEMENTS for name in (each, f"{each}-by-chance")),
    ),
    Experiment(
        name="epochs",
        readings=("maxout-hundred-epochs",),
        networks=lambda seed, _: {str(n): maxout(seed=seed, epochs=n) for n in EPOCHS},
        measure=_epochs,
        metrics=named(
            map(str, EPOCHS),
            (*named(("clean", "fgsm"), SCORES), "rubbish-error", "rubbish-confidence"),
        ),
        on_demand=True,
    ),
)
