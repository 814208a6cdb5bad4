"""Epochs with a checkpoint after each, so that a killed training goes on where it was."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from repro.atomic import write_atomic
from repro.errors import ReproError
from repro.lab import matmul, provenance
from repro.lab.networks import weights
from repro.lab.networks.recipe import Trainer

OnEpoch = Callable[[int, int, float], None]
"""Called after each epoch with (epochs done, epochs in all, mean cost of the last one)."""


def train(
    trainer: Trainer,
    *,
    key: str,
    checkpoint: Path,
    device: str,
    on_epoch: OnEpoch | None = None,
) -> float:
    """Run ``trainer`` to its last epoch, resuming from ``checkpoint`` where there is one.

    A checkpoint that is damaged, of another recipe, or made with another processor, instruction
    set, thread count, kernel, device, torch or numpy, is dropped and the training starts over: the
    weights are then still those of one uninterrupted run, bit for bit.

    Args:
        trainer: at epoch 0.
        key: the recipe's content address.
        checkpoint: the file to keep the state in.
        device: ``"cpu"`` or ``"cuda"``.
        on_epoch: told after each epoch.

    Returns:
        The seconds spent in epochs, those before a kill included.
    """
    made_with = {
        "key": key,
        # What decides the last bits:
        "torch": torch.__version__,
        "numpy": np.__version__,
        "threads": torch.get_num_threads(),
        "kernel": matmul.name(),
        "cpu": provenance.processor(),
        "instructions": provenance.instructions(),
        "device": device,
    }
    identity = json.dumps(made_with, sort_keys=True)
    done, seconds = _resume(trainer, checkpoint, identity)
    if done and on_epoch:
        on_epoch(done, trainer.epochs, float("nan"))
    while done < trainer.epochs:
        start = time.monotonic()
        cost = trainer.run_epoch()
        done, seconds = done + 1, seconds + time.monotonic() - start
        progress = {"identity": identity, "epoch": str(done), "seconds": str(seconds)}
        tensors, texts = trainer.tensors(), {**trainer.texts(), **progress}
        texts["sha256"] = weights.digest(tensors, texts)
        write_atomic(checkpoint, weights.pack(tensors, texts))
        if on_epoch:
            on_epoch(done, trainer.epochs, cost)
    return seconds


def _resume(trainer: Trainer, checkpoint: Path, identity: str) -> tuple[int, float]:
    """Restore ``trainer``; the epochs and seconds done, (0, 0) where nothing usable is there."""
    # A missing or damaged checkpoint costs time, never correctness: the training starts over.
    with contextlib.suppress(ReproError, KeyError, ValueError):
        tensors, texts = weights.unpack(checkpoint)
        whole = texts.pop("sha256", "") == weights.digest(tensors, texts)
        expected = {name: t.shape for name, t in trainer.tensors().items()}
        fits = expected == {name: t.shape for name, t in tensors.items()}
        if whole and fits and texts.get("identity") == identity:
            done = int(texts["epoch"]), float(texts["seconds"])
            trainer.restore(tensors, texts)
            return done
    return 0, 0.0
