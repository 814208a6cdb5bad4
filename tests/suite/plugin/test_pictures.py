"""A run's pictures: in its report wherever they were made, and never a reason to fail."""

from __future__ import annotations

import base64

import pytest

from repro.report import outputs

WRITE = outputs.write_beside

PICTURES = """
import numpy as np
from repro.papers.picture import Picture, Row

def rows(run, reading):
    if reading == BAD:
        raise RuntimeError("out of ink")
    return (Row(reading, run.data.test.images + np.uint8(9), ("a", "b", "c")),)

PICTURES = (
    Picture("tiny-fig1", "Fig. 1", "Three", "Greys.", "toy", ("plain", "other"), rows),
)
"""


@pytest.fixture
def pictured(runs):
    """Runs of the tiny paper with a picture; the picture fails under the reading ``bad``."""

    def run(*words, bad=""):
        runs.tiny.folder.mkdir(parents=True, exist_ok=True)
        module = PICTURES.replace("BAD", repr(bad))
        (runs.tiny.folder / "pictures.py").write_text(module)
        return runs(*words)

    return run


def names(runs) -> list[tuple[str, str]]:
    return [(each["name"], each["reading"]) for each in runs.report()["pictures"]]


@pytest.mark.usefixtures("warm_workers")
@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_pictures_come_from_whichever_process_measured(runs, pictured, workers):
    if workers:
        pytest.importorskip("xdist")
    pictured(*workers).assert_outcomes(passed=12, xfailed=1)
    assert names(runs) == [("tiny-fig1", "plain"), ("tiny-fig1", "other")][::-1]
    made = runs.report()["pictures"][0]
    assert (made["place"], made["title"], made["experiment"]) == ("Fig. 1", "Three", "toy")
    images = made["rows"][0]["images"]
    assert [image["label"] for image in images] == ["a", "b", "c"]
    assert base64.b64decode(images[0]["pixels"]) == bytes([9]) * 784


def test_a_picture_is_made_only_where_its_experiment_is_measured(runs, pictured):
    pictured("--reading", "plain", "--claim", "tiny-error")
    assert names(runs) == [("tiny-fig1", "plain")]
    pictured("--claim", "tiny-twice")
    assert names(runs) == []


def test_a_picture_that_fails_is_told_and_fails_nothing(runs, pictured):
    result = pictured(bad="plain")
    result.assert_outcomes(passed=12, xfailed=1)
    assert names(runs) == [("tiny-fig1", "other")]
    line = "picture tiny-fig1 (plain) was not made: RuntimeError('out of ink')"
    result.stdout.fnmatch_lines([line])


def test_a_picture_is_on_the_page(runs, pictured, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.setattr(outputs, "write_beside", WRITE)
    pictured("--reading", "plain").stdout.fnmatch_lines(["page: reports/index.html*"])
    page = runs.report_path.with_name("index.html").read_text("utf-8")
    assert '<figure id="figure-tiny-fig1">' in page
    assert 'href="#figure-tiny-fig1"' in page
