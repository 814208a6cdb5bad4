"""Put into a wheel what a run needs beside the code: claims' tests, evidence and weights."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PARTS = ("fixtures", "tests/claims")


class BuildWithEvidence(build_py):
    """Copies them to ``repro/shipped``, where ``repro.paths`` finds them."""

    def run(self) -> None:
        """Build the package; an editable one has its checkout."""
        super().run()
        if self.editable_mode:
            return
        shipped = Path(self.build_lib) / "repro" / "shipped"
        shutil.rmtree(shipped, ignore_errors=True)  # of an earlier build
        for part in PARTS:
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(part, shipped / part, ignore=ignore)
        shutil.copy("pyproject.toml", shipped)


setup(cmdclass={"build_py": BuildWithEvidence})
