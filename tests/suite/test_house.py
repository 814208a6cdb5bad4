"""The rooms of ``repro/``: no circle among modules, and a map of them that is true."""

from __future__ import annotations

import ast
import graphlib
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module(path): path for path in sorted((ROOT / "repro").rglob("*.py"))}


def imported(path: Path) -> set[str]:
    """Modules of repro that ``path`` imports anywhere in it, but for ``if TYPE_CHECKING``."""
    found, waiting = set(), [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            waiting += ast.iter_child_nodes(node)
    return found & set(MODULES)


def test_no_circle_among_modules() -> None:
    graph = {name: imported(path) - {name} for name, path in MODULES.items()}
    assert sum(map(len, graph.values())) > len(graph)
    graphlib.TopologicalSorter(graph).prepare()  # CycleError names the circle


def test_contributing_maps_every_room_in_its_own_words() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    house = text.partition("## The house\n")[2].partition("\n## ")[0]
    told = dict(re.findall(r"^ +(repro/\S+)/ +(\S.*)$", house, re.M))
    rooms = {path.parent for path in MODULES.values()} - {ROOT / "repro"}
    rooms = {room for room in rooms if room.parent != ROOT / "repro" / "papers"}  # a paper each
    said = {
        room.relative_to(ROOT).as_posix(): ast.get_docstring(
            ast.parse((room / "__init__.py").read_text(encoding="utf-8"))
        )
        for room in rooms
    }
    assert told == said
