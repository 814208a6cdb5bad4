"""Attack twelve maxout networks together, as a whole and through one of them (section 9)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from repro.lab.attacks import metrics
from repro.lab.networks.network import Network
from repro.papers.experiment import Experiment, Measurements, Run, named
from repro.papers.goodfellow2015.networks import maxout
from repro.papers.goodfellow2015.shallow import made_for, noisy

MEMBERS = 12


class Ensemble:
    """Networks whose softmax outputs are averaged; its logits are the logarithms of the means.

    Args:
        members: one network or more.
    """

    def __init__(self, members: Sequence[Network]) -> None:
        self.members = tuple(members)

    def __call__(self, x: Tensor) -> Tensor:
        """Compute log p (N, 10) of images ``x`` (N, 784)."""
        each = torch.stack([torch.log_softmax(member(x), dim=1) for member in self.members])
        return torch.logsumexp(each, dim=0) - math.log(len(self.members))

    def to(self, dtype: torch.dtype) -> Ensemble:
        """Give the same ensemble with weights of ``dtype``."""
        return Ensemble([member.to(dtype) for member in self.members])


def _ensemble(run: Run, _reading: str) -> Measurements:
    """Measure the error rates of the ensemble: its members' classes are not voted on."""
    x, y = run.images(), run.labels()
    members = list(run.networks.values())
    ensemble = Ensemble(members)
    sets = {
        "clean": x,
        "random": noisy(run, x),
        "fgsm": made_for(run, ensemble),
        "one-member": made_for(run, members[0]),
    }
    return {
        f"{name}-error": metrics.error_rate(metrics.predict(ensemble, images), y)
        for name, images in sets.items()
    }


EXPERIMENTS = (
    Experiment(
        name="ensemble",
        readings=("thirty-epochs",),
        # Of two ensembles' networks none is the same: they are draws of their own.
        networks=lambda seed, _: {
            f"member-{i}": maxout(seed=MEMBERS * seed + i) for i in range(MEMBERS)
        },
        measure=_ensemble,
        metrics=named(("clean", "random", "fgsm", "one-member"), ("error",)),
        on_demand=True,
    ),
)
