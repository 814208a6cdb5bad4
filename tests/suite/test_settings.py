"""What the project's settings mean on other people's machines."""

from __future__ import annotations

import ast
import shutil
import subprocess
from pathlib import Path

import pytest

import repro

ROOT = Path(__file__).parents[2]

WARNERS = """
import warnings

def warn_as(module):
    code = compile("import warnings; warnings.warn('old', DeprecationWarning)", module, "exec")
    exec(code, {"__name__": module})

def test_of_others():
    warn_as("pandas.core")

def test_ours():
    warn_as("repro.lab.mnist.data")

def test_the_tests_own():
    warnings.warn("old", DeprecationWarning)
"""


def test_warnings_of_other_packages_fail_no_claim_and_ours_do(pytester):
    folder = pytester.mkdir("tests")
    (folder / "test_warn.py").write_text(WARNERS, encoding="utf-8")
    settings = shutil.copy(ROOT / "pyproject.toml", pytester.path)
    result = pytester.runpytest_inprocess("-c", settings, "-p", "no:cacheprovider", "tests")
    result.assert_outcomes(passed=1, failed=2, warnings=1)
    failed = {line.split(" - ")[0] for line in result.outlines if line.startswith("FAILED ")}
    assert failed == {
        "FAILED tests/test_warn.py::test_ours",
        "FAILED tests/test_warn.py::test_the_tests_own",
    }


def test_a_clone_with_other_line_ends_has_the_same_bytes(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("needs git")

    def git(folder, *words):
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        words = (shutil.which("git"), *who, *words)
        subprocess.run(words, cwd=folder, check=True, capture_output=True)

    texts = {"a.csv": b"seed,error\n0,0.5\n", "b.py": b"x = 1\n", "c.toml": b"x = 1\r\ny = 2\n"}
    made, cloned = tmp_path / "made", tmp_path / "cloned"
    made.mkdir()
    shutil.copy(ROOT / ".gitattributes", made)
    for name, content in texts.items():
        (made / name).write_bytes(content)
    git(made, "init", "-q")
    git(made, "-c", "core.autocrlf=true", "add", ".")
    git(made, "commit", "-q", "-m", "texts")
    git(tmp_path, "clone", "-q", "-c", "core.autocrlf=true", str(made), str(cloned))
    assert {name: (cloned / name).read_bytes() for name in texts} == texts


def calls_without_encoding(source: str) -> list[int]:
    """The lines that read or write text in the machine's own encoding."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        named = {word.arg: getattr(word.value, "value", None) for word in node.keywords}
        modes = [str(getattr(word, "value", "")) for word in node.args] + [str(named.get("mode"))]
        text = (
            (name == "read_text" and not node.args)
            or (name == "write_text" and len(node.args) < 2)
            or (name == "open" and not any("b" in mode for mode in modes))
            or named.get("text")
            or named.get("universal_newlines")
        )
        if text and "encoding" not in named:
            found.append(node.lineno)
    return found


def test_no_text_is_in_the_machine_s_own_encoding():
    folder = Path(repro.__file__).parent
    found = {
        str(path.relative_to(folder)): lines
        for path in folder.rglob("*.py")
        if (lines := calls_without_encoding(path.read_text(encoding="utf-8")))
    }
    assert not found


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("p.read_text()", 1),
        ("p.read_text('utf-8')", 0),
        ("p.write_text(x)", 1),
        ("p.write_text(x, encoding='utf-8')", 0),
        ("p.open()", 1),
        ("p.open('w', encoding='utf-8')", 0),
        ("p.open('rb')", 0),
        ("p.open(mode='wb')", 0),
        ("subprocess.run(x, text=True)", 1),
        ("subprocess.run(x)", 0),
    ],
)
def test_calls_without_encoding_are_noticed(source, count):
    assert len(calls_without_encoding(source)) == count
