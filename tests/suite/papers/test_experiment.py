from __future__ import annotations

import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import fakes
import numpy as np
import pytest
import torch
from fakes import SmallRecipe

from repro.errors import ReproError
from repro.lab.mnist.data import Mnist
from repro.lab.mnist.idx import Digits
from repro.papers.experiment import Experiment, Run
from repro.papers.lacok2016 import experiments as lacok

NET, BARE = fakes.EXPERIMENTS


def run(seed: int = 0) -> Run:
    images = np.arange(3 * 784, dtype=np.int64).reshape(3, 28, 28).astype(np.uint8)
    images.setflags(write=False)
    digits = Digits(images, np.array([7, 2, 1], np.uint8))
    return Run(Mnist("full", "", {}, None, digits), seed, obtain=pytest.fail)


def measuring(values: dict[str, float]) -> Experiment:
    return Experiment("e", ("r",), lambda *_: {}, lambda *_: values, ("a", "b"))


# Promises


def test_measurements_that_keep_the_promise_are_returned():
    values = {"b": 2.0, "a": np.float64(1.0)}
    assert measuring(values).run(run(), "r") == values


@pytest.mark.parametrize(
    "values", [{}, {"a": 1.0}, {"a": 1.0, "b": 1.0, "c": 1.0}, {"a": 1.0, "B": 1.0}]
)
def test_other_metrics_than_promised_are_an_error(values):
    with pytest.raises(ReproError) as caught:
        measuring(values).run(run(), "r")
    assert str(sorted(values)) in caught.value.found
    assert caught.value.expected == "['a', 'b']"
    assert caught.value.do


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_a_measurement_that_is_not_finite_is_an_error(value):
    with pytest.raises(ReproError, match=r"not finite: \['b'\]"):
        measuring({"a": 1.0, "b": value}).run(run(), "r")


def test_of_a_user_s_network_what_has_no_value_is_left_out():
    one = replace(run(), stand_in=object())
    assert measuring({"a": 1.0, "b": math.nan}).run(one, "r") == {"a": 1.0}


# The content address


def test_the_configuration_is_stable():
    again = Experiment(NET.name, NET.readings, NET.networks, BARE.measure, ("other",))
    assert NET.configuration(0, "plain") == NET.configuration(0, "plain")
    # What a function is made of cannot be hashed; the revision stands for it.
    assert again.configuration(0, "plain") == NET.configuration(0, "plain")


def test_everything_that_decides_a_measurement_changes_its_configuration():
    others = [
        NET.configuration(1, "plain"),
        NET.configuration(0, "scaled"),
        replace(NET, revision=2).configuration(0, "plain"),
        replace(NET, name="other").configuration(0, "plain"),
        *(
            replace(NET, networks=networks).configuration(0, "plain")
            for networks in (
                lambda s, _: {"target": SmallRecipe(s, rate=0.1)},
                lambda s, _: {"target": SmallRecipe(s + 1)},
                lambda s, reading: {"target": SmallRecipe(s, epochs=len(reading))},
                lambda *_: {},
                lambda s, _: dict.fromkeys(("target", "source"), SmallRecipe(s)),
            )
        ),
    ]
    assert len({NET.configuration(0, "plain"), *others}) == 1 + len(others)


def test_the_order_of_the_networks_counts():
    def of(*seeds: int) -> str:
        made = replace(NET, networks=lambda *_: {f"n{s}": SmallRecipe(s) for s in seeds})
        return made.configuration(0, "plain")

    assert of(1, 2) != of(2, 1)


def test_what_a_role_is_called_does_not_count():
    other = replace(NET, networks=lambda s, _: {"source": SmallRecipe(s)})
    assert other.configuration(0, "plain") == NET.configuration(0, "plain")


def test_the_configurations_of_the_evidence_stand():
    table1 = next(each for each in lacok.EXPERIMENTS if each.name == "table1")
    assert table1.configuration(0, "as-written") == (
        "6116eac8829d7cb9a86ee582d40ff7e4d58c416397ef6bc018d1eb1b74097cff"
    )


def test_seeds_do_not_change_without_networks():
    assert BARE.configuration(0, "plain") != BARE.configuration(1, "plain")


# The networks

WEIGHTS = {"w": torch.ones(3, 2)}


def test_an_experiment_finds_its_networks_by_role():
    asked = []

    def obtain(recipe):
        asked.append(recipe)
        return SimpleNamespace(weights=WEIGHTS)

    one = replace(run(seed=3), obtain=obtain)
    two = replace(
        NET,
        networks=lambda s, _: {"target": SmallRecipe(s), "source": SmallRecipe(s + 1)},
        measure=lambda run, _: {"same": run.networks["source"] is run.networks["target"]},
        metrics=("same",),
    )
    assert two.run(one, "plain") == {"same": False}
    assert {r: n.weights for r, n in one.networks.items()} == {
        "target": WEIGHTS,
        "source": WEIGHTS,
    }
    target = one.networks["target"]
    NET.run(one, "plain")
    assert list(one.networks) == ["target"]
    assert one.networks["target"] is target, "a network is built once a run"
    assert asked == [SmallRecipe(3), SmallRecipe(4)]


def test_every_network_of_any_reading_is_named_once():
    by_reading = {"plain": 1, "scaled": 2}
    made = replace(
        NET,
        networks=lambda s, r: {"source": SmallRecipe(s), "target": SmallRecipe(by_reading[r])},
    )
    assert made.recipes(0) == [SmallRecipe(0), SmallRecipe(1), SmallRecipe(2)]


def test_networks_run_on_the_device_of_the_run():
    one = replace(run(), obtain=lambda _: SimpleNamespace(weights=WEIGHTS), device="meta")
    assert one.trained(SmallRecipe()).weights["w"].device.type == "meta"


# The run


def test_images_are_scaled_and_labels_are_classes():
    one = run()
    assert one.images().shape == (3, 784)
    assert one.images().dtype == torch.float32
    pixels = one.data.test.images.reshape(3, 784).astype(np.float32) / np.float32(255)
    assert torch.equal(one.images(), torch.from_numpy(pixels))
    assert (float(one.images().min()), float(one.images().max())) == (0.0, 1.0)
    assert one.labels().dtype == torch.int64
    assert one.labels().tolist() == [7, 2, 1]
    assert one.images() is one.images()
    assert one.labels() is one.labels()


def test_what_is_made_once_is_made_once():
    one, made = run(), []
    values = [one.once("x", lambda: made.append(1) or "value") for _ in range(3)]
    assert values == ["value"] * 3
    assert len(made) == 1
    assert [one.once("nothing", lambda: made.append(1)) for _ in range(2)] == [None, None]
    assert len(made) == 2
    assert run().once("x", lambda: "other") == "other"


def test_what_fails_is_tried_again():
    one = run()
    with pytest.raises(ZeroDivisionError):
        one.once("x", lambda: 1 / 0)
    assert one.once("x", lambda: 2) == 2


def test_a_generator_is_fresh_and_the_seed_s():
    one = run()
    draws = [one.rng("a").random(), one.rng("a").random()]
    assert draws[0] == draws[1]
    assert len({draws[0], one.rng("b").random(), run(1).rng("a").random()}) == 3


# Between processes


def test_what_is_made_once_in_all_is_read_by_other_processes(tmp_path):
    first, second = (replace(run(), shared=tmp_path / "paper") for _ in range(2))
    exact = {"a": 0.1 + 0.2, "b": math.pi}
    assert first.once_in_all("attack", lambda: exact) == exact
    assert second.once_in_all("attack", pytest.fail) == exact
    assert second.once_in_all("another", lambda: {"a": 1.0}) == {"a": 1.0}


def test_another_process_makes_what_one_failed_to_make(tmp_path):
    first, second = (replace(run(), shared=tmp_path / "paper") for _ in range(2))
    with pytest.raises(ZeroDivisionError):
        first.once_in_all("attack", lambda: {"a": 1 / 0})
    assert second.once_in_all("attack", lambda: {"a": 1.0}) == {"a": 1.0}


def test_two_processes_do_not_make_the_same_at_once(tmp_path):
    begun, made = threading.Event(), []

    def slowly():
        begun.set()
        time.sleep(0.2)
        made.append(0)
        return {"a": 1.0}

    one = replace(run(), shared=tmp_path / "paper")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(one.once_in_all, "attack", slowly)
        assert begun.wait(10)
        other = replace(run(), shared=tmp_path / "paper")
        assert other.once_in_all("attack", slowly) == first.result() == {"a": 1.0}
    assert len(made) == 1


def test_without_other_processes_it_is_made_once_in_this_one():
    alone = run()
    assert alone.once_in_all("attack", lambda: {"a": 1.0}) == {"a": 1.0}
    assert alone.once_in_all("attack", pytest.fail) == {"a": 1.0}
    assert run().once_in_all("attack", lambda: {"a": 2.0}) == {"a": 2.0}
