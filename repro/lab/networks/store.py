"""Trained weights by content address: shipped, cached, or trained now, once."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from repro import paths
from repro.atomic import locked, write_atomic
from repro.errors import StoreError, WeightsError
from repro.lab import provenance
from repro.lab.mnist.data import Mnist
from repro.lab.networks import recipe as recipes
from repro.lab.networks import weights as files
from repro.lab.networks.recipe import Recipe
from repro.lab.networks.training import OnEpoch, train


@dataclass(frozen=True)
class Artifact:
    """The weights of one trained network and where they came from.

    Args:
        key: the recipe's content address.
        weights: name to tensor, float32, on the CPU.
        sha256: of the safetensors file.
        source: ``"shipped"``, ``"cache"`` or ``"trained"``.
        manifest: configuration, versions, device, seconds, date.
    """

    key: str
    weights: Mapping[str, Tensor]
    sha256: str
    source: str
    manifest: Mapping[str, Any]


def shipped_manifest() -> dict[str, dict[str, Any]]:
    """Read the entries of ``fixtures/weights/manifest.json``, by key; empty where there is none.

    Raises:
        WeightsError: the manifest is damaged, or names a file outside its folder.
        StoreError: the folder may not be entered.
    """
    path = paths.fixtures() / "weights" / "manifest.json"
    manifest = files.read_json(path) if _exists(path) else {}
    for key, entry in manifest.items():
        file = entry.get("file") if isinstance(entry, dict) else None
        if not isinstance(file, str) or Path(file).name != file:
            fault = f"lists the file {file!r} for configuration {key[:16]}…"
            raise files.damaged(path, fault, "the name of a file beside the manifest")
    return manifest


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # a folder that may not be entered
        raise StoreError(
            f"{path} cannot be reached: {error.strerror or error}",
            expected="a folder that can be read",
            do="correct its permissions, or point REPRO_CACHE_DIR at a folder of yours",
        ) from error


def _load(path: Path, entry: Mapping[str, Any], recipe: Recipe, source: str) -> Artifact:
    key = recipes.key(recipe)
    try:
        content = path.read_bytes()
    except OSError as error:
        fault = f"cannot be read: {error.strerror or error}"
        raise files.damaged(path, fault, "the weights that its manifest names") from error
    digest = files.sha256(content)
    if digest != entry.get("sha256"):
        expected = f"SHA-256 {str(entry.get('sha256'))[:16]}…, as its manifest says"
        raise files.damaged(path, f"has SHA-256 {digest[:16]}…", expected)
    tensors, texts = files.unpack(path)
    if texts.get("key") != key:
        fault = f"holds the weights of configuration {texts.get('key', 'unknown')[:16]}…"
        raise files.damaged(path, fault, f"configuration {key[:16]}…")
    wrong = files.misfit(tensors, recipe.shapes())
    if wrong is not None:
        raise files.damaged(path, *wrong)
    missing = sorted({"name", "seed", "seconds", *provenance.describe("cpu")} - set(entry))
    if missing:
        fault = f"has a manifest entry that does not say {', '.join(missing)}"
        raise files.damaged(path, fault, "how and on what the weights were made")
    return Artifact(key, tensors, digest, source, entry)


@dataclass(frozen=True)
class Store:
    """The look-up of trained weights: ``fixtures/weights``, then the cache, then training.

    Args:
        device: where a training runs.
        retrain: do not take what was trained before this run.
        run: a token that names this run, so that with ``retrain`` the workers of one run
            share what one of them trained.
    """

    device: str = "cpu"
    retrain: bool = False
    run: str = ""

    def lookup(self, recipe: Recipe) -> Artifact | None:
        """Find the weights where they are already trained, else None.

        Raises:
            WeightsError: the file that is there cannot be used.
            StoreError: the cache may not be entered.
        """
        key = recipes.key(recipe)
        if not self.retrain:
            shipped = shipped_manifest().get(key)
            if shipped is not None:
                path = paths.fixtures() / "weights" / str(shipped["file"])
                return _load(path, shipped, recipe, "shipped")
        manifest, weights = self._cache(key, ".json"), self._cache(key, ".safetensors")
        # Either file without the other counts as nothing: the user deletes what is damaged.
        if not (_exists(manifest) and _exists(weights)):
            return None
        try:
            entry = files.read_json(manifest)
        except WeightsError:
            if self.retrain:  # it will be replaced, whatever it was
                return None
            raise
        if self.retrain and not (self.run and entry.get("run") == self.run):
            return None
        return _load(weights, entry, recipe, "trained" if self.retrain else "cache")

    def obtain(self, recipe: Recipe, data: Mnist, *, on_epoch: OnEpoch | None = None) -> Artifact:
        """Find the weights, or train them now.

        One lock a key: of several processes that want the same network, one trains.

        Raises:
            WeightsError: the file that is there, or what was trained, cannot be used.
            StoreError: the cache cannot be written.
        """
        # A fault may be another process's retraining, seen half done: the lock settles it.
        with contextlib.suppress(WeightsError):
            found = self.lookup(recipe)
            if found is not None:
                self._drop_checkpoint(found.key)
                return found
        key = recipes.key(recipe)
        with locked(self._cache(key, ".lock")):
            found = self.lookup(recipe)
            return found if found is not None else self._train(recipe, key, data, on_epoch)

    def _drop_checkpoint(self, key: str) -> None:
        """Remove the checkpoint of a process that was killed when all but this was done."""
        # Whoever holds the lock is training anew; a cache that is only read is left as it is; and
        # where there is none (no home), there is nothing.
        with contextlib.suppress(OSError, StoreError):
            checkpoint = self._cache(key, ".checkpoint")
            if checkpoint.exists():
                with locked(self._cache(key, ".lock"), seconds=0):
                    checkpoint.unlink(missing_ok=True)

    def _train(self, recipe: Recipe, key: str, data: Mnist, on_epoch: OnEpoch | None) -> Artifact:
        trainer = recipe.trainer(data, device=self.device)
        checkpoint = self._cache(key, ".checkpoint")
        seconds = train(
            trainer, key=key, checkpoint=checkpoint, device=self.device, on_epoch=on_epoch
        )
        weights = trainer.weights()
        wrong = files.misfit(weights, recipe.shapes())
        if wrong is not None:
            raise WeightsError(
                f"the trained network of {recipe.name}, seed {recipe.seed}, {wrong[0]}",
                expected=wrong[1],
                do="correct the recipe: training it again would end in the same weights",
            )
        content = files.pack(weights, {"key": key})
        entry = {
            "name": recipe.name,
            "seed": recipe.seed,
            "sha256": files.sha256(content),
            "configuration": recipe.configuration(),
            "seconds": round(seconds, 1),
            "date": provenance.now(),
            "run": self.run,
            **provenance.describe(self.device),
        }
        # Without a manifest the weights count as not there: it goes first and comes last.
        manifest = self._cache(key, ".json")
        manifest.unlink(missing_ok=True)
        write_atomic(self._cache(key, ".safetensors"), content)
        write_atomic(manifest, (json.dumps(entry, indent=1) + "\n").encode())
        checkpoint.unlink(missing_ok=True)
        return Artifact(key, weights, str(entry["sha256"]), "trained", entry)

    def ship(self, artifact: Artifact) -> Path:
        """Copy trained weights into ``fixtures/weights`` and its manifest; returns the file.

        Raises:
            StoreError: the folder cannot be written.
            UsageError: it is an installed package's.
        """
        name = f"{artifact.manifest['name']}-seed{artifact.manifest['seed']}.safetensors"
        folder = paths.fixtures(to_write=True) / "weights"
        entry = {k: v for k, v in artifact.manifest.items() if k != "run"}
        with locked(paths.cache() / "locks" / "weights.lock"):
            manifest = shipped_manifest() | {artifact.key: {"file": name, **entry}}
            write_atomic(folder / name, files.pack(artifact.weights, {"key": artifact.key}))
            text = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
            write_atomic(folder / "manifest.json", text.encode())
        return folder / name

    @staticmethod
    def _cache(key: str, suffix: str) -> Path:
        return paths.cache() / "weights" / f"{key}{suffix}"
