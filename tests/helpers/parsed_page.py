"""A page as its elements and texts."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from repro.report.page import html

ADDRESS = re.compile(r"#[a-z0-9_-]+$|data:(image/[^\s,]+,[^\s,]+$|,$)")


class Parsed(HTMLParser):
    """The elements of a page with their attributes, and all its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str, kind: str = "") -> list[dict[str, str | None]]:
        found = [attributes for name, attributes in self.tags if name == tag]
        return [a for a in found if not kind or kind in (a.get("class") or "").split(" ")]

    @property
    def ids(self) -> list[str]:
        return [a["id"] or "" for _, a in self.tags if "id" in a]

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def parsed(made: dict[str, Any]) -> Parsed:
    return Parsed(html.render(made))


def assert_harmless(page: str) -> None:
    """One script and one style, both the page's own; no handler; no address but its own."""
    found = Parsed(page)
    assert len(found.all("script")) == len(found.all("style")) == 1
    allowed = {
        *("html", "head", "meta", "title", "link", "style", "body", "header", "main", "footer"),
        *("section", "article", "h1", "h2", "h3", "p", "a", "ul", "li", "b", "em", "div", "span"),
        *("blockquote", "cite", "q", "code", "details", "summary", "dl", "dt", "dd", "figure"),
        *("form", "label", "select", "option", "input", "button"),
        *("img", "figcaption"),
        *("table", "caption", "thead", "tbody", "tr", "th", "td", "script"),
        *("svg", "path", "rect", "circle", "text"),
    }
    assert {tag for tag, _ in found.tags} <= allowed
    for _, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in ("href", "src", "srcset"):
            if name in attributes:
                assert ADDRESS.match(attributes[name] or "")
