"""How cost grows: the slope of the logarithm of the time over that of the number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor

import numpy as np
import torch
from attacks import images
from plain_networks import shipped
from table import Row, best, once

from repro.lab.attacks import common_noise, fgsm, iterative
from repro.lab.attacks.iterative import AS_WRITTEN
from repro.lab.mnist import sample
from repro.lab.networks.cnn import Cnn
from repro.lab.networks.cnn_training import CnnRecipe
from repro.lab.networks.mlp import Mlp, MlpRecipe, MlpTrainer
from repro.measure import workers as seed_workers

SECTION = "How cost grows"
EACH = 4
"""Seeds that the workers share."""


def exponent(seconds: Mapping[int, float]) -> float:
    """The slope of log(seconds) over log(number)."""
    return float(np.polyfit(np.log(list(seconds)), np.log(list(seconds.values())), 1)[0])


def _row(what: str, seconds: Mapping[int, float]) -> Row:
    how = ", ".join(f"{number}: {value:.2g} s" for number, value in seconds.items())
    return Row(SECTION, what, exponent(seconds), "exponent", how=how)


def _timed(
    call: Callable[[int], object], numbers: tuple[int, ...], rounds: int = 3
) -> dict[int, float]:
    took = best({str(n): lambda n=n: call(n) for n in numbers}, rounds=rounds)
    return {int(n): seconds for n, seconds in took.items()}


def train(seed: int, steps: int = 150) -> float:
    """The beginning of one training on one thread, as a worker does it; its last cost."""
    torch.set_num_threads(1)
    found = sample.load()
    pixels = found.images.reshape(len(found.images), -1)
    trainer = MlpTrainer(MlpRecipe(seed=seed), pixels, found.labels, device="cpu")
    size, cost = trainer.recipe.batch, torch.zeros(())
    for i in range(steps):
        at = i * size % (len(pixels) - size)
        cost = trainer.step(trainer.x[at : at + size], trainer.y[at : at + size])
    return float(cost)


def _on(executor: Executor) -> float:
    """Seconds of all seeds on workers that are there already."""
    list(executor.map(train, range(EACH)))
    return once(lambda: list(executor.map(train, range(EACH))))


def _dask(workers: int) -> float:
    from distributed import LocalCluster

    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        seed_workers.pool(1, cluster.scheduler_address) as executor,
    ):
        assert executor is not None
        return _on(executor)


def _processes(workers: int) -> float:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as executor:
        return _on(executor)


def rows() -> Iterator[Row]:
    """Images, classes, seeds, workers."""
    thousands = (1000, 2000, 5000, 10_000)
    x, y = images(max(thousands))
    mlp, cnn = Mlp(shipped(MlpRecipe(seed=0))), Cnn(shipped(CnnRecipe(seed=0)))
    flat = x.flatten(1)
    found = _timed(lambda n: fgsm.loss_gradient(mlp, flat[:n], y[:n]), thousands)
    yield _row("images, FGSM", found)
    found = _timed(
        lambda n: iterative.attack(cnn, x[:n], y[:n], switches=AS_WRITTEN),
        (250, 500, 1000, 2000),
        rounds=1,
    )
    yield _row("images, the iterative attack", found)

    def classes(n: int) -> None:
        sets = [x[y == c][:20] for c in range(n)]
        common_noise.craft(cnn, sets, range(n), eps=[0.24] * n, switches=AS_WRITTEN, epochs=1)

    yield _row("classes, common noise in one batch", _timed(classes, (1, 2, 5, 10)))
    yield _row("worker processes", {n: _processes(n) for n in (1, 2)})
    yield _row("workers of a Dask cluster", {n: _dask(n) for n in (1, 2)})
