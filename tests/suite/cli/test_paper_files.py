"""``repro new-paper`` and ``repro expect``, beside what docs/adding-a-paper.md shows of them."""

from __future__ import annotations

import pytest
from tiny_paper import document

from repro import paths
from repro.claims.expected import TO_WRITE
from repro.cli.main import main


@pytest.mark.parametrize("name", ["Doe2020", "doe_2020", "lacok2016-b", "../doe", ""])
def test_an_id_that_is_none_is_refused(name, tmp_path, capsys):
    assert main(["new-paper", name, "--dir", str(tmp_path)]) == 2
    assert f"found: a paper's id {name!r}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_paper_of_the_repository_is_not_written_over(capsys):
    name = min(path.parent.name for path in (paths.PACKAGE / "papers").glob("*/claims.toml"))
    assert main(["new-paper", name]) == 2
    assert f"found: a paper {name} that is there already" in capsys.readouterr().err


def test_a_module_of_the_suite_is_not_shadowed(monkeypatch, capsys):
    monkeypatch.setattr("repro.cli.paper_files.write_atomic", lambda path, _: pytest.fail(path))
    assert main(["new-paper", "registry"]) == 2
    assert "found: a paper registry that is there already" in capsys.readouterr().err


def test_in_a_checkout_the_files_lie_beside_those_of_the_others(monkeypatch, capsys):
    written = {}
    monkeypatch.setattr(
        "repro.cli.paper_files.write_atomic",
        lambda path, text: written.update({path: text.decode()}),
    )
    assert main(["new-paper", "doe2020"]) == 0
    folder = paths.PACKAGE / "papers" / "doe2020"
    test = paths.checkout() / "tests" / "claims" / "test_doe2020.py"
    assert set(written) == {
        *(folder / name for name in ("__init__.py", "claims.toml", "experiments.py")),
        test,  # conftest.py is there
    }
    assert written[folder / "claims.toml"].startswith("#:schema ../../claims/claims.schema.json\n")
    assert 'PAPER = "doe2020"\n' in written[test]
    assert "example2020" not in "".join(written.values())
    out = capsys.readouterr().out
    assert "export" not in out
    order = "docs\nrepro expect doe2020 --write\nrepro train doe2020 --ship\nrepro docs\n"
    assert f"{order}repro run --paper doe2020\n" in out


def test_expect_writes_only_when_asked_and_keeps_what_was_not_measured(tiny, capsys):
    tiny.expect("inconclusive", "tiny-order")
    tiny.write()
    assert main(["expect", "tiny"]) == 0
    out = capsys.readouterr().out
    assert "tiny-order@plain: inconclusive stays: no population yet" in out
    assert "->" not in out

    tiny.measure()
    before = (tiny.folder / "claims.toml").read_text()
    assert main(["expect", "tiny"]) == 1
    out = capsys.readouterr().out
    assert "tiny-order@plain: inconclusive (known) -> reproduced\n" in out
    assert out.endswith("1 to write: look at each, then repro expect tiny --write\n")
    assert (tiny.folder / "claims.toml").read_text() == before


def test_a_reason_from_before_there_was_evidence_does_not_stay(tiny, capsys):
    tiny.expect("inconclusive")
    for reading in tiny.claim()["readings"].values():
        reading["reason"] = "not measured yet"
    tiny.write()
    tiny.measure(n=3)  # too few to say more
    assert main(["expect", "tiny"]) == 1
    out = capsys.readouterr().out
    assert "tiny-error@plain: inconclusive (not measured yet) -> inconclusive\n" in out


def test_why_a_claim_does_not_hold_is_for_a_person_to_write(tiny, capsys, monkeypatch):
    tiny.metrics["error"] = 0.15
    tiny.write()
    tiny.measure()
    records = tiny.folder / "claims.toml"
    parts = [(claim, claim.pop("readings")) for claim in tiny.paper.pop("claim")]
    records.write_text(
        document(tiny.paper)
        + "".join(
            f"[[claim]]\n{document(claim)}[claim.readings]\n{document(readings)}"
            for claim, readings in parts
        )
    )
    assert main(["expect", "tiny", "--write"]) == 0
    assert f"without a reason: write one where it says {TO_WRITE!r}" in capsys.readouterr().out
    written = f'expected = "not-reproduced", reason = "{TO_WRITE}"'
    assert written in records.read_text()
    monkeypatch.delenv("REPRO_PAPERS_DIR", raising=False)
    assert main(["check", "tiny"]) == 1
    refused = "tiny-order, plain: not-reproduced without a reason, which is for you to write"
    assert refused in capsys.readouterr().out
    text = records.read_text().replace(TO_WRITE, "fewer errors than the paper has")
    records.write_text(text)
    main(["check", "tiny"])
    assert "without a reason" not in capsys.readouterr().out


def test_no_such_paper(capsys):
    assert main(["expect", "tinny"]) == 2
    assert "found: no paper 'tinny'" in capsys.readouterr().err
