"""Weights that must not be used: each way gives one clear error, in the cache and shipped."""

from __future__ import annotations

import json
import pickle

import fakes
import pytest
import torch
from fakes import Bomb, SmallRecipe

from repro.errors import WeightsError
from repro.lab import provenance
from repro.lab.mnist import data
from repro.lab.networks import recipe as recipes
from repro.lab.networks import store, weights
from repro.lab.networks.store import Store

pytestmark = pytest.mark.usefixtures("home")

RECIPE = SmallRecipe()
KEY = recipes.key(RECIPE)
GOOD = torch.arange(6.0).reshape(3, 2)


class Place:
    """One stored network: its file, its manifest, and how to damage either."""

    def __init__(self, home, where: str) -> None:
        artifact = Store().obtain(RECIPE, data.find())
        folder = home / "cache" / "weights"
        self.shipped = where == "shipped"
        if self.shipped:
            self.path = Store().ship(artifact)
            for path in folder.iterdir():
                path.unlink()
            self.manifest = self.path.with_name("manifest.json")
        else:
            self.path = folder / f"{KEY}.safetensors"
            self.manifest = folder / f"{KEY}.json"
        self.content = self.path.read_bytes()

    def entry(self, **changes) -> None:
        """Change the manifest's entry; None takes a value away."""
        manifest = json.loads(self.manifest.read_text())
        entry = manifest[KEY] if self.shipped else manifest
        entry.update(changes)
        for name in [name for name, value in changes.items() if value is None]:
            del entry[name]
        self.manifest.write_text(json.dumps(manifest))

    def put(self, content: bytes) -> None:
        """Another file, which the manifest vouches for."""
        self.path.write_bytes(content)
        self.entry(sha256=weights.sha256(content))

    def error(self) -> WeightsError:
        """What the user is told; nothing is trained over it."""
        before = len(fakes.notes())
        told = []
        for attempt in (Store().lookup, lambda recipe: Store().obtain(recipe, data.find())):
            with pytest.raises(WeightsError) as caught:
                attempt(RECIPE)
            told.append(str(caught.value))
            assert all((caught.value.found, caught.value.expected, caught.value.do))
        assert told[0] == told[1]
        assert len(fakes.notes()) == before
        return caught.value


@pytest.fixture(params=["cache", "shipped"])
def place(request, home) -> Place:
    return Place(home, request.param)


def test_the_whole_hash_decides(place):
    digest = weights.sha256(place.content)
    place.entry(sha256=digest[:-1] + ("0" if digest[-1] != "0" else "1"))
    assert f"has SHA-256 {digest[:16]}" in place.error().found


def test_an_undamaged_file_is_read(place):
    artifact = Store().lookup(RECIPE)
    assert artifact.source == ("shipped" if place.shipped else "cache")
    assert artifact.sha256 == weights.sha256(place.content)


@pytest.mark.parametrize("at", [0, 9, 60, -1, -24])
def test_a_flipped_bit(place, at):
    damaged = bytearray(place.content)
    damaged[at] ^= 4
    place.path.write_bytes(damaged)
    error = place.error()
    assert error.found.startswith(f"{place.path} has SHA-256 {weights.sha256(damaged)[:16]}")
    assert weights.sha256(place.content)[:16] in error.expected


@pytest.mark.parametrize("length", [0, 8, -1])
def test_a_truncated_file(place, length):
    place.path.write_bytes(place.content[:length])
    assert "has SHA-256" in place.error().found


def test_a_truncated_file_that_the_manifest_vouches_for(place):
    place.put(place.content[:-1])
    assert "cannot be read as safetensors" in place.error().found


def test_a_pickle(place, home):
    place.put(pickle.dumps(Bomb(home / "mark")))
    assert "cannot be read as safetensors" in place.error().found
    torch.save(Bomb(home / "mark"), place.path)
    place.put(place.path.read_bytes())
    assert "cannot be read as safetensors" in place.error().found
    assert not (home / "mark").exists()


@pytest.mark.parametrize(
    ("tensors", "fault"),
    [
        ({"w": GOOD.index_fill(0, torch.tensor(0), torch.nan)}, "NaN or infinity"),
        ({"w": GOOD.index_fill(0, torch.tensor(0), torch.inf)}, "NaN or infinity"),
        ({"w": GOOD.index_fill(0, torch.tensor(0), -torch.inf)}, "NaN or infinity"),
        ({"w": GOOD.t()}, "(2, 3)"),
        ({"w": GOOD[:, :1]}, "(3, 1)"),
        ({"w": GOOD.double()}, "torch.float64"),
        ({"w": GOOD.bfloat16()}, "torch.bfloat16"),
        ({"v": GOOD}, "'v'"),
        ({"w": GOOD, "bias": GOOD + 1}, "'bias'"),
        ({}, "holds {}"),
    ],
)
def test_weights_that_do_not_fit_the_network(place, tensors, fault):
    place.put(weights.pack(tensors, {"key": KEY}))
    error = place.error()
    assert str(place.path) in error.found
    assert fault in error.found


def test_another_network_s_weights(place):
    other = recipes.key(SmallRecipe(seed=1))
    place.put(weights.pack({"w": GOOD}, {"key": other}))
    error = place.error()
    assert other[:16] in error.found
    assert KEY[:16] in error.expected


def test_foreign_safetensors_without_a_key(place):
    place.put(weights.pack({"w": GOOD}, {}))
    assert "configuration unknown" in place.error().found


def test_a_manifest_without_a_hash(place):
    place.entry(sha256=None)
    assert "has SHA-256" in place.error().found
    place.entry(sha256=5)
    assert "SHA-256 5" in place.error().expected


@pytest.mark.parametrize("name", ["name", "seed", "seconds", *provenance.describe("cpu")])
def test_a_manifest_that_does_not_say_how_the_weights_were_made(place, name):
    place.entry(**{name: None})
    assert f"does not say {name}" in place.error().found


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"\xff"])
def test_a_damaged_manifest(place, content):
    place.manifest.write_bytes(content)
    error = place.error()
    assert str(place.manifest) in error.found
    assert place.manifest.name in error.do


def test_a_folder_in_the_file_s_place(place):
    place.path.unlink()
    place.path.mkdir()
    assert f"{place.path} cannot be read" in place.error().found


def test_what_the_error_says_to_do_helps(home):
    place = Place(home, "cache")
    for damage in (b"damaged", weights.pack({"w": GOOD.t()}, {"key": KEY})):
        place.path.write_bytes(damage)
        place.entry(sha256=weights.sha256(damage))
        assert "delete" in place.error().do
        place.path.unlink()
        assert Store().obtain(RECIPE, data.find()).source == "trained"
    place.manifest.write_bytes(b"damaged")
    assert "delete" in place.error().do
    place.manifest.unlink()
    assert Store().obtain(RECIPE, data.find()).source == "trained"
    assert Store().obtain(RECIPE, data.find()).source == "cache"


# Shipped weights only


def test_a_missing_shipped_file(home):
    place = Place(home, "shipped")
    place.path.unlink()
    error = place.error()
    assert error.found == f"{place.path} cannot be read: No such file or directory"
    assert f"restore {place.path.name}" in error.do
    # Deleting it is what was done here, and would not help.
    assert "delete" not in error.do


def test_the_cache_s_files_are_not_to_be_restored(home):
    place = Place(home, "cache")
    place.path.write_bytes(b"damaged")
    assert "restore" not in place.error().do


@pytest.mark.parametrize(
    "file",
    ["../small.safetensors", "/etc/passwd", "sub/small.safetensors", "..", ".", "", 5, None],
)
def test_a_manifest_that_lists_a_path_outside_its_folder(home, file):
    place = Place(home, "shipped")
    # Even where a good file lies there.
    (home / "fixtures" / "small.safetensors").write_bytes(place.content)
    (place.path.parent / "sub").mkdir()
    (place.path.parent / "sub" / "small.safetensors").write_bytes(place.content)
    place.entry(file=file)
    assert str(place.path.parent) in place.error().found


@pytest.mark.parametrize("entry", [[], "small.safetensors", None, 3])
def test_a_manifest_whose_entry_is_no_object(home, entry):
    place = Place(home, "shipped")
    place.manifest.write_text(json.dumps({KEY: entry}))
    error = place.error()
    assert str(place.manifest) in error.found
    assert KEY[:16] in error.found


def test_the_manifest_of_the_project_is_sound():
    entries = json.loads(
        store.paths.checkout().joinpath("fixtures/weights/manifest.json").read_text()
    )
    for key, entry in entries.items():
        path = store.paths.checkout() / "fixtures" / "weights" / entry["file"]
        assert weights.sha256(path.read_bytes()) == entry["sha256"]
        tensors, texts = weights.unpack(path)
        assert texts["key"] == key
        assert weights.sha256(recipes.canonical(entry["configuration"]).encode()) == key
        assert all(torch.isfinite(tensor).all() for tensor in tensors.values())
