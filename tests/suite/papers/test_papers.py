"""Where papers are found, and what is wrong with a paper's folder."""

from __future__ import annotations

import os

import pytest

from repro.errors import ClaimsError, UsageError
from repro.papers import registry


def test_a_further_paper_is_a_folder_and_nothing_else(tiny):
    tiny.write()
    assert registry.folders()["tiny"] == tiny.folder
    assert set(registry.load_all()) >= {"lacok2016", "tiny"}
    assert list(registry.experiments("tiny")) == ["toy"]


def test_folders_are_separated_as_in_path(tiny, tmp_path, monkeypatch):
    tiny.write()
    (tmp_path / "more" / "wee").mkdir(parents=True)
    (tmp_path / "more" / "wee" / "claims.toml").write_text("")
    both = os.pathsep.join([str(tmp_path / "papers"), "", str(tmp_path / "more")])
    monkeypatch.setenv("REPRO_EXTRA_PAPERS", both)
    assert {"tiny", "wee"} <= set(registry.folders())


def test_two_papers_of_one_name_are_an_error(tiny, tmp_path):
    tiny.folder = tmp_path / "papers" / "lacok2016"
    tiny.write()
    with pytest.raises(ClaimsError, match="two papers named lacok2016"):
        registry.folders()


def test_a_paper_named_otherwise_than_its_folder_is_an_error(tiny, tmp_path):
    tiny.folder = tmp_path / "papers" / "wee"
    tiny.write()
    with pytest.raises(ClaimsError, match=r"wee/claims\.toml has id = 'tiny'"):
        registry.load_all()


def test_a_paper_whose_claims_could_have_anothers_ids_is_an_error(tiny, tmp_path):
    tiny.write()
    tiny.folder = tmp_path / "papers" / "tiny-order"
    tiny.paper["paper"]["id"] = "tiny-order"
    tiny.paper["claim"] = []
    tiny.write()
    with pytest.raises(ClaimsError, match="papers named tiny and tiny-order"):
        registry.load_all()


def test_a_paper_without_experiments_is_an_error(tiny):
    tiny.write()
    path = tiny.folder / "experiments.py"
    path.write_text("experiments = ()")
    with pytest.raises(ClaimsError, match="has no EXPERIMENTS"):
        registry.experiments("tiny")
    path.write_text("from repro.papers.experiment import Experiment\nEXPERIMENTS = (Experiment)")
    with pytest.raises(ClaimsError, match="is a type") as caught:
        registry.experiments("tiny")
    assert caught.value.expected == "a tuple of experiments"
    path.unlink()
    with pytest.raises(ClaimsError, match=r"has no experiments\.py"):
        registry.experiments("tiny")
    with pytest.raises(UsageError, match="no paper 'tinny'"):
        registry.experiments("tinny")


def test_experiments_that_do_not_load_are_a_programmers_error_with_its_traceback(tiny):
    tiny.write()
    path = tiny.folder / "experiments.py"
    source = path.read_text()
    path.write_text("1 / 0")
    with pytest.raises(ZeroDivisionError):
        registry.experiments("tiny")
    path.write_text(source)
    assert list(registry.experiments("tiny")) == ["toy"]
