"""The documentation site: Sphinx reads the documents where they lie (``tox -e docs``)."""

from __future__ import annotations

import pkgutil
import re
import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
NAVIGATION = {
    "Findings": [
        "CLAIMS",
        "docs/readings",
        "docs/open-questions",
        "docs/statistics",
        "docs/verdict-changes",
    ],
    "Use": ["docs/adding-a-paper", "docs/api"],
    "Project": ["CONTRIBUTING", "docs/mutants", "docs/benchmark", "CHANGELOG"],
}
# Whose docstrings are the API reference.
PACKAGES = ["lab.attacks", "lab.networks", "judge", "claims", "papers"]

sys.path.insert(0, str(ROOT))
project = "repro"
html_title = "repro"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
root_doc = "README"
include_patterns = [f"{name}.md" for names in [[root_doc], *NAVIGATION.values()] for name in names]
exclude_patterns = [".*", "fixtures", "repro", "reports", "site", "tests"]
html_theme = "furo"
html_show_copyright = False
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline"]
# What docstrings do not need is stood in for, so that the site is built without torch.
autodoc_mock_imports = [
    *("filelock", "jsonschema", "pandas", "platformdirs", "pooch"),
    *("rich", "safetensors", "scipy", "torch"),
]
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
napoleon_use_ivar = True


def modules() -> str:
    """Name the modules whose docstrings the API reference shows, under a heading each."""
    text = ""
    for name in PACKAGES:
        package = import_module(f"repro.{name}")
        text += f"\n## {package.__name__}\n\n{package.__doc__}\n"
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if not module.ispkg:
                shown = f"```{{eval-rst}}\n.. automodule:: {module.name}\n```"
                text += f"\n### {module.name}\n\n{shown}\n"
    return text


def complete(_app: Sphinx, name: str, source: list[str]) -> None:
    """Give a document what GitHub does not need: navigation, API reference, anchors."""
    source[0] = re.sub(r'<a id="([^"]+)"></a>(`\1`)', r"[\2]{#\1}", source[0])
    if name == "docs/api":
        source[0] += modules()
    if name == root_doc:
        if (ROOT / "reports" / "index.html").exists():
            link = '<p><a href="report/index.html">The report of the last run</a></p>'
            source[0] = source[0].replace("\n", f"\n\n{link}\n", 1)
        for caption, names in NAVIGATION.items():
            lines = "\n".join(f"/{name}" for name in names)
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{lines}\n```\n"


def finish(app: Sphinx, error: Exception | None) -> None:
    """Make the first document the first page, and lay the last report beside it."""
    out = Path(app.outdir)
    if not error and app.builder.name == "html":
        shutil.copy(out / f"{root_doc}.html", out / "index.html")
        if (ROOT / "reports" / "index.html").exists():
            shutil.copytree(ROOT / "reports", out / "report", dirs_exist_ok=True)


def setup(app: Sphinx) -> None:
    """Register both with Sphinx."""
    app.connect("source-read", complete)
    app.connect("build-finished", finish)
