"""What a number is said to have been produced by."""

from __future__ import annotations

import os
import subprocess

import pytest

from repro.lab import provenance


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with one commit of one file, and a function that runs git in it."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "somebody")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "somebody@example.org")

    def git(*words):
        done = subprocess.run(
            ["git", "-C", tmp_path, *words],  # noqa: S607 - git from PATH is meant
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        return done.stdout.strip()

    git("init", "-q")
    (tmp_path / "code.py").write_text("one = 1\n")
    git("add", "code.py")
    git("commit", "-q", "-m", "a commit")
    return tmp_path, git


def test_a_run_of_committed_code_is_of_its_commit(checkout):
    folder, git = checkout
    assert provenance.commit(folder) == (git("rev-parse", "HEAD"), False)
    (folder / "report.json").write_text("{}")  # what a run leaves behind changes no code
    assert provenance.commit(folder) == (git("rev-parse", "HEAD"), False)


@pytest.mark.parametrize("staged", [False, True])
def test_a_run_of_changed_code_says_so(checkout, staged):
    folder, git = checkout
    (folder / "code.py").write_text("one = 2\n")
    if staged:
        git("add", "code.py")
    assert provenance.commit(folder) == (git("rev-parse", "HEAD"), True)


def test_the_last_commit_that_changed_something_is_told_where_there_is_a_history(checkout):
    folder, git = checkout
    first = git("rev-parse", "HEAD")
    (folder / "other.py").write_text("")
    git("add", "other.py")
    git("commit", "-q", "-m", "another: % commit")
    assert provenance.last(folder, "%s") == "another: % commit"
    assert provenance.last(folder, "%H", folder / "code.py") == first
    assert provenance.last(folder, "%H", folder / "other.py") == git("rev-parse", "HEAD")
    assert provenance.last(folder, "%H", folder.parent / "elsewhere") == ""
    git("clone", "-q", "--depth", "1", folder.as_uri(), str(folder / "shallow"))
    assert provenance.last(folder / "shallow", "%s") == "another: % commit"
    assert provenance.last(folder / "shallow", "%H", folder / "shallow" / "code.py") == ""


def test_what_git_says_need_not_be_utf_8(checkout):
    folder, git = checkout
    git("config", "i18n.logOutputEncoding", "ISO-8859-1")
    git("commit", "-q", "--allow-empty", "-m", "Größe")
    assert provenance.last(folder, "%s").startswith("Gr")
    odd = folder / os.fsdecode(b"odd\xff")
    git("clone", "-q", folder.as_uri(), odd)
    assert provenance.commit(odd) == (git("rev-parse", "HEAD"), False)


def test_outside_a_checkout_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.commit(tmp_path) == ("unknown", False)
    assert provenance.last(tmp_path, "%s") == ""
