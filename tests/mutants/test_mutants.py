from __future__ import annotations

from pathlib import Path

import mutants
import pytest
from mutants import Memory, Mutant, Outcome

MUTANTS = mutants.load(mutants.TABLE)
EACH = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.id)


# The table


@EACH
def test_a_mutant_can_be_made_of_this_code(mutant: Mutant) -> None:
    assert not mutants.stale(mutant, mutants.ROOT)
    assert mutant.new != mutant.old


def test_the_page_is_of_the_table() -> None:
    text = (mutants.ROOT / mutants.PAGE).read_text(encoding="utf-8")
    assert mutants.page(MUTANTS) == text, "tox -e mutants -- write"


# The runner, on a package of one function

SOUND = "def double(x):\n    return x + x\n"
TESTS = """
from repro.sums import double

def test_three():
    assert double(3) == 6

def test_two():
    assert double(2) == 4
"""
ROW = """
[[mutant]]
id = "{id}"
what = "a defect"
file = "repro/sums.py"
old = "{old}"
new = "{new}"
test = "tests/test_sums.py{select}"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # The suite's own plugin is not in that package.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(mutants, "LIBRARIES", ("pytest",))
    for name, text in {
        "repro/__init__.py": "",
        "repro/sums.py": SOUND,
        "tests/test_sums.py": TESTS,
        "pyproject.toml": "[tool.pytest.ini_options]\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "docs").mkdir()
    return tmp_path


def run(project: Path, *words: str, **row: str) -> int:
    """The runner's exit status on one mutant."""
    table = project / "mutants.toml"
    filled = {"id": "one", "old": "x + x", "new": "x * x", "select": "::test_three", **row}
    table.write_text(ROW.format(**filled))
    status = mutants.main(list(words), root=project, table=table)
    assert (project / "repro" / "sums.py").read_text() == SOUND
    return status


SOURCE = """\
LIMIT: int = 1
A = B = 2

@decorated
def f():
    x = 1

    def inner():
        x = 1

class C:
    x = 1

    def f(self):
        x = 1
"""


@pytest.mark.parametrize(
    ("symbol", "text"),
    [
        ("", SOURCE),
        ("LIMIT", "LIMIT: int = 1\n"),
        ("B", "A = B = 2\n"),
        ("f", "@decorated\ndef f():\n    x = 1\n\n    def inner():\n        x = 1\n"),
        ("f.inner", "    def inner():\n        x = 1\n"),
        ("C.x", "    x = 1\n"),
        ("C.f", "    def f(self):\n        x = 1\n"),
        ("g", ""),
        ("C.g", ""),
        ("A.f", ""),
    ],
)
def test_a_symbol_is_found_with_all_of_its_text(symbol: str, text: str) -> None:
    start, end = mutants.span(SOURCE, symbol)
    assert SOURCE[start:end] == text


def test_the_defect_is_made_in_its_symbol_alone(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text(SOURCE)
    row = {
        "id": "m",
        "what": "",
        "file": "file.py",
        "old": "x = 1",
        "new": "x = 2",
        "test": "file.py::f",
    }
    mutant = Mutant(**row, symbol="C.f")
    assert not mutants.stale(mutant, tmp_path)
    assert mutants.changed(mutant, SOURCE) == SOURCE.removesuffix("x = 1\n") + "x = 2\n"
    assert "occurs 2 times in f of file.py" in mutants.stale(Mutant(**row, symbol="f"), tmp_path)
    assert mutants.stale(Mutant(**row, symbol="g"), tmp_path) == "no g in file.py"


def test_a_mutant_that_a_test_notices_is_killed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(project) == 0
    assert capsys.readouterr().out.endswith("1 passed, 0 failed\n")
    assert run(project, "write") == 0
    page = (project / mutants.PAGE).read_text(encoding="utf-8")
    assert "| a defect | `repro/sums.py` | `tests/test_sums.py::test_three` |" in page


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({"select": "::test_two"}, "SURVIVED"),
        ({"old": "x - x"}, "stale"),
        ({"old": "x"}, "stale"),
        ({"select": "s::test_three"}, "stale"),
        ({"new": "x +"}, "broken"),
        ({"select": "::test_four"}, "stale"),
        ({"select": "::test_three[4]"}, "broken"),
    ],
    ids=["survivor", "gone", "not once", "no file", "does not load", "no test", "no such case"],
)
def test_what_is_not_killed_fails_the_run(
    row: dict[str, str], state: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(project, **row) == 1
    out = capsys.readouterr().out
    last = out.partition("└")[2]  # a log is read from its end
    assert f"{state}: one" in last or (state == "broken" and "broken: sound code" in last)


def test_tests_that_fail_on_sound_code_kill_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = project / "tests" / "test_sums.py"
    tests.write_text(TESTS.replace("== 6", "== 7"))
    assert run(project) == 1
    assert "broken: sound code: tests/test_sums.py" in capsys.readouterr().out


def test_a_name_that_is_no_mutant_s_is_a_mistake(project: Path) -> None:
    assert run(project, "two") == 2


def test_a_stopped_run_goes_on_and_changed_code_begins_anew(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(project) == 0
    made = []
    monkeypatch.setattr(mutants.Bench, "run", lambda *_: made.append(1) or (0, ""))
    assert run(project) == 0
    assert not made
    assert run(project, "fresh") == 1
    assert made
    (project / "repro" / "other.py").write_text("")
    made.clear()
    assert run(project) == 1
    assert made


def test_only_what_went_well_is_remembered(project: Path) -> None:
    memory = Memory(project, project / "reports", fresh=False)
    for outcome in (
        Outcome("a", "killed", "t"),
        Outcome("b", "SURVIVED", "t"),
        Outcome("c", "sound", "t"),
        Outcome("c", "broken", "t"),
    ):
        memory.keep(outcome)
    with memory.path.open("a") as file:
        file.write('{"id": "d", "sta')
    assert set(memory.load()) == {"a"}


def test_a_table_with_a_doubled_or_an_unknown_key_is_refused(project: Path) -> None:
    table = project / "mutants.toml"
    row = ROW.format(id="one", old="x + x", new="x * x", select="::test_three")
    table.write_text(row + row)
    with pytest.raises(ValueError, match="one twice"):
        mutants.load(table)
    table.write_text(row + 'why = "no"\n')
    with pytest.raises(TypeError, match="why"):
        mutants.load(table)
