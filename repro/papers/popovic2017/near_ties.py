"""How many images rounding may turn, behind each rate that Popović & Mihajlović (2017) print."""

from __future__ import annotations

from torch import Tensor

from repro.lab.attacks import iterative
from repro.lab.attacks.ties import Watched, near_a_tie
from repro.papers.experiment import TARGET, Run
from repro.papers.popovic2017 import common, per_class
from repro.papers.popovic2017.common import SWITCHES, images, logits

Ties = dict[str, tuple[int, int]]
"""Metric to (images near a tie, all images)."""

ATTACKS = {"iterative": "success", "steps": "value-success"}
"""The rates of attacks by eq. (1), by experiment: over all test images, and over the first."""


def count(run: Run, experiment: str, reading: str, within: float) -> Ties:
    """Count the images whose two largest logits are less than ``within`` apart.

    An attack's images are counted at each step: any of its decisions to stop may turn.

    Args:
        run: in which the experiment was just measured; its common noises are used again.
        experiment: its name. Of one whose numbers are not printed there is nothing to count.
        reading: under which it was measured.
        within: in the units of the logits.
    """
    if experiment in ATTACKS:
        x, y = images(run), run.labels()
        first = len(x) if experiment == "iterative" else common.SUBSET
        watched = Watched(run.networks[TARGET], within)
        iterative.attack(watched, x[:first], y[:first], switches=SWITCHES[reading])
        return {ATTACKS[experiment]: (watched.near, len(x[:first]))}
    each = judged(run, experiment, reading)
    found = {name: (near_a_tie(output, within), len(output)) for name, output in each.items()}
    if experiment == "common-classes":
        near, every = zip(*found.values(), strict=True)
        found["success-mean"] = sum(near), sum(every)
    return found


def judged(run: Run, experiment: str, reading: str) -> dict[str, Tensor]:
    """Return metric to the logits (N, 10) that a rate is the share of, where nothing stops."""
    pairs: dict[str, tuple[Tensor, Tensor]] = {}
    if experiment == "network":
        pairs["test-accuracy"] = images(run), images(run).new_zeros(1)
    elif experiment == "common-fives":
        mine = per_class.class_images(run, per_class.FIVE)[1]
        after = per_class.fives_noises(run, reading)[per_class.EPOCHS[reading] - 1]
        pairs = {f"success[{i}]": (mine, noise) for i, noise in enumerate(after)}
    elif experiment == "common-classes":
        noises = per_class.class_noises(run, reading)[-1]
        own = [per_class.class_images(run, c)[1] for c in per_class.CLASSES]
        pairs = {f"success[{c}]": (mine, noises[c]) for c, mine in enumerate(own)}
    model, switches = run.networks[TARGET], SWITCHES[reading]
    return {name: logits(model, x, noise, switches) for name, (x, noise) in pairs.items()}
