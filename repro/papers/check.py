"""What of a paper can be found to be wrong before any network is trained."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch

from repro.claims.expected import TO_WRITE
from repro.claims.records import Claim, InconsistencyClaim, Paper
from repro.errors import ClaimsError
from repro.lab.mnist.data import Mnist
from repro.lab.mnist.idx import Digits
from repro.lab.networks import weights
from repro.lab.networks.recipe import Recipe, Trainer, key
from repro.papers import quotes, registry
from repro.papers.experiment import SEED, Experiment


def faults(paper: Paper) -> list[str]:
    """Return what is wrong with a paper's records, experiments, recipes and quotations.

    A recipe's trainer is made, on blank images, and asked for what a checkpoint holds; no epoch
    is run. The quotations are held to ``<id>.txt`` in the folder that ``REPRO_PAPERS_DIR`` names,
    where it is set.

    >>> faults(registry.load_all()["lacok2016"])
    []

    Raises:
        ClaimsError: there is no ``experiments.py``, or no text where there should be one.
    """
    offered = registry.experiments(paper.id)
    found = [*_records(paper, offered), *_experiments(paper), *_recipes(offered.values())]
    if (text := text_of(paper)) is not None:
        found += [f"not in the paper's text: {each}" for each in quotes.missing(paper, text)]
        if not paper.asks:
            found += [
                f"neither claim, limitation nor background: {each!r}"
                for each in quotes.unlisted(paper, text)
            ]
    return found


def text_of(paper: Paper) -> str | None:
    """Read the text of a paper; None where ``REPRO_PAPERS_DIR`` is not set.

    Questions quote the papers that leave them open: their text is that of all others.

    Raises:
        ClaimsError: it cannot be read.
    """
    folder = os.environ.get("REPRO_PAPERS_DIR")
    if not folder:
        return None
    if paper.asks:
        others = (each for each in registry.load_all().values() if not each.asks)
        return "\n\n".join(filter(None, map(text_of, others)))
    path = Path(folder) / f"{paper.id}.txt"
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ClaimsError(
            f"{path} cannot be read: {error}",
            expected="the paper's text, in UTF-8",
            do="put it there, or unset REPRO_PAPERS_DIR",
        ) from error


def unoffered(
    claim: Claim, offered: Mapping[str, Experiment], readings: Iterable[str]
) -> Iterator[ClaimsError]:
    """Give an error for each name in a claim's record that the experiments do not offer."""
    if claim.experiment not in offered:
        yield _unknown("experiment", claim.experiment, offered)
        return
    experiment = offered[claim.experiment]
    for what, names, known in (
        ("reading", readings, experiment.readings),
        ("metric", claim.metrics, experiment.metrics),
    ):
        yield from (_unknown(what, name, known) for name in names if name not in known)


def _unknown(what: str, name: str, offered: Collection[str]) -> ClaimsError:
    return ClaimsError(
        f"no {what} {name!r} in experiments.py",
        expected=f"one of {', '.join(offered)}",
        do="correct claims.toml, or add it to experiments.py",
    )


def _records(paper: Paper, offered: Mapping[str, Experiment]) -> Iterator[str]:
    for claim in paper.claims:
        if not isinstance(claim, InconsistencyClaim):
            for error in unoffered(claim, offered, claim.readings):
                yield f"{claim.id}: {error.found}; expected: {error.expected}"
        for reading, known in claim.readings.items():
            if known.reason == TO_WRITE:
                said = f"{claim.id}, {reading}: {known.verdict} without a reason"
                yield f"{said}, which is for you to write"
    judged = {reading for claim in paper.claims for reading in claim.readings}
    for reading in paper.readings:
        if reading not in judged:
            yield f"no claim is judged under the reading {reading!r}"
    for effect in paper.effects:
        if effect.experiment not in offered:
            yield f"effect {effect.what!r}: no experiment {effect.experiment!r}"
            continue
        metrics = [name for measure in effect.measures for name in effect.metrics(measure)]
        for name in set(metrics) - set(offered[effect.experiment].metrics):
            yield f"effect {effect.what!r}: no metric {name!r} in {effect.experiment}"


def _experiments(paper: Paper) -> Iterator[str]:
    listed: tuple[Experiment, ...] = registry.offered_by(paper.id, "experiments", "EXPERIMENTS")
    for name in _twice(experiment.name for experiment in listed):
        yield f"two experiments named {name!r}"
    for experiment in listed:
        for name in _twice([*experiment.metrics, *experiment.readings]):
            yield f"experiment {experiment.name}: {name!r} stands twice"
        for reading in set(experiment.readings) - set(paper.readings):
            yield f"experiment {experiment.name}: no reading {reading!r} in claims.toml"


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _recipes(experiments: Iterable[Experiment]) -> Iterator[str]:
    shipped: dict[str, str] = {}
    seen: set[str] = set()
    data = _blank()
    for experiment in experiments:
        for reading in experiment.readings:
            try:
                yield from _networks(experiment, reading, data, shipped, seen)
            except Exception as error:  # whatever the paper's own code raises
                said = getattr(error, "in_one_line", repr(error))
                yield f"experiment {experiment.name}, {reading}: a recipe fails: {said}"


def _networks(
    experiment: Experiment, reading: str, data: Mnist, shipped: dict[str, str], seen: set[str]
) -> Iterator[str]:
    """Say what is wrong with an experiment's recipes: ``seen`` are the keys of those before."""
    for role, recipe in experiment.networks(SEED, reading).items():
        if lacking := _lacking(recipe, Recipe):
            yield f"experiment {experiment.name}: the recipe of {role!r} {lacking}"
            continue
        about = f"recipe {recipe.name}, seed {recipe.seed}"
        file = about if not experiment.on_demand else key(recipe)
        if shipped.setdefault(file, key(recipe)) != key(recipe):
            yield f"{about}: another network of this name, whose file it would replace"
        if key(recipe) not in seen:
            seen.add(key(recipe))
            yield from (f"{about}: {fault}" for fault in _trainer(recipe, data))


def _lacking(given: object, protocol: type) -> str:
    """Say what an object lacks of a protocol; nothing where it has it all."""
    names = [n for n in (*vars(protocol), *protocol.__annotations__) if not n.startswith("_")]
    lacking = [name for name in names if not hasattr(given, name)]
    return f"has no {', no '.join(lacking)}" if lacking else ""


def _trainer(recipe: Recipe, data: Mnist) -> Iterator[str]:
    """Say what of a recipe would fail during its training, or after it."""
    trainer = recipe.trainer(data, device="cpu")
    if lacking := _lacking(trainer, Trainer):
        yield f"its trainer {lacking}"
        return
    tensors, texts = trainer.tensors(), trainer.texts()
    for said, given, kind in (("tensors", tensors, torch.Tensor), ("texts", texts, str)):
        for name, value in given.items():
            if not isinstance(value, kind):
                yield f"{said}() gives {name!r} as {type(value).__name__}, not {kind.__name__}"
                return
    try:
        weights.digest(tensors, texts)
        trainer.restore(tensors, texts)
    except Exception as error:  # whatever the paper's own code raises
        yield f"restore() does not take what tensors() and texts() give: {error!r}"
    if wrong := weights.misfit(trainer.weights(), recipe.shapes()):
        yield f"its trainer's weights() {wrong[0]}; shapes() says {wrong[1]}"


def _blank() -> Mnist:
    """Make blank images of all classes, as many as MNIST has."""
    labels = np.arange(60_000, dtype=np.uint8) % 10
    digits = Digits(np.zeros((len(labels), 28, 28), dtype=np.uint8), labels)
    return Mnist("full", "blank images", {}, digits, digits)
