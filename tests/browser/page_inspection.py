"""What a browser finds wrong with a page: the checks, which the tests also show failing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome
from selenium.webdriver.support.ui import WebDriverWait

from repro.report.page import figures

SCHEMES = ("light", "dark")
VIEWS = ((400, "dark"), (1400, "light"))
"""Widths, and the scheme in which axe-core looks at each: it takes longest of all."""

ROWS = """
return [...document.querySelectorAll("tr.reading")].map((row) => {
  const cells = [...row.cells].map((cell) => cell.innerText.trim());
  const picture = row.querySelector("td.picture svg");
  return {
    claim: row.closest("tbody").querySelector("a.id").innerText,
    reading: cells[0], text: cells.join(" "), visible: row.checkVisibility(),
    marks: picture ? picture.querySelectorAll(".published, .here, .seed").length : 0,
  };
});
"""
PICTURES = """
const bad = [];
for (const image of document.images) {
  if (!image.complete || !image.naturalWidth || !image.alt) bad.push("img " + image.alt);
}
for (const svg of document.querySelectorAll("svg.strip")) {
  const box = svg.getBoundingClientRect();
  const said = svg.getAttribute("aria-hidden") || svg.getAttribute("aria-label");
  if (!said || !svg.children.length || (svg.checkVisibility() && !(box.width && box.height))) {
    bad.push("svg " + svg.getAttribute("aria-label"));
  }
}
return bad;
"""
FIGURES = """
return [...document.querySelectorAll("figure")].map((figure) => {
  const shapes = [...figure.querySelectorAll("img, svg")].map((shape) => {
    const box = shape.getBoundingClientRect(), view = shape.viewBox?.baseVal;
    // Two plots a row at most, none of them narrow, wherever there is room.
    if (view && innerWidth >= 1100 && box.width < 480) return false;
    const ratio = view ? view.width / view.height : shape.naturalWidth / shape.naturalHeight;
    return box.width > 20 && Math.abs(box.width / box.height - ratio) < 0.1 * ratio;
  });
  const band = figure.querySelector(".band");
  return {
    anchor: figure.id, color: band ? getComputedStyle(band).fill : "",
    right: figure.checkVisibility() && shapes.length > 0 && shapes.every(Boolean),
  };
});
"""
CUT_OFF = """
const bad = [];
const width = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth > width) bad.push("the page scrolls sideways");
for (const each of document.body.querySelectorAll("*")) {
  if (!each.checkVisibility() || each.closest(".skip, .hidden, option")) continue;
  const style = getComputedStyle(each);
  // What is there for screen readers alone is cut off on purpose.
  const head = each.closest("thead");
  if (head && getComputedStyle(head).clipPath !== "none") continue;
  const box = each.getBoundingClientRect();
  const clips = ["hidden", "clip"].includes(style.overflowX);
  const inner = ["INPUT", "SELECT"].includes(each.tagName);
  if (box.width && (box.right > width + 1 || box.left < -1)) bad.push("beyond the edge");
  else if (clips && !inner && each.scrollWidth > each.clientWidth + 1) bad.push("clipped");
  else continue;
  bad.push(bad.pop() + ": " + each.tagName + "." + each.getAttribute("class"));
}
return bad.slice(0, 5);
"""
PLOTS = """
const bad = [];
const within = (a, b) => a.left > b.left - 1.5 && a.right < b.right + 1.5
  && a.top > b.top - 1.5 && a.bottom < b.bottom + 1.5;
const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
  && a.top < b.bottom - 1 && b.top < a.bottom - 1;
for (const svg of document.querySelectorAll("svg.strip[role=img]")) {
  if (!svg.checkVisibility()) continue;
  const frame = svg.getBoundingClientRect(), said = svg.getAttribute("aria-label").slice(0, 60);
  const words = [...svg.querySelectorAll("text")].map((x) => [x, x.getBoundingClientRect()]);
  for (const [text, box] of words) {
    if (box.width && box.height < 11) bad.push("too small: " + text.textContent + " in " + said);
    if (words.some(([other, its]) => other !== text && meet(box, its)))
      bad.push("labels meet: " + text.textContent + " in " + said);
  }
  for (const mark of svg.children) {
    const box = mark.getBoundingClientRect();
    if ((box.width || box.height) && !within(box, frame))
      bad.push("beyond its plot: " + mark.getAttribute("class") + " in " + said);
  }
}
return bad.slice(0, 5);
"""
AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ["violations"] }).then(
  (found) => done(found.violations
    .filter((each) => ["serious", "critical"].includes(each.impact))
    .map((each) => each.id + ": " + each.nodes[0].html.slice(0, 200))),
  (error) => done(["axe-core failed: " + error]));
"""


class Browser:
    """A headless Chromium, and what it logs.

    Args:
        driver: selenium's.
        axe: the source of axe-core.
    """

    def __init__(self, driver: Chrome, axe: str) -> None:
        self.driver = driver
        self.axe = axe

    def show(self, width: int, scheme: str = "light") -> None:
        """Set the window's width in CSS pixels, and the colour scheme that the user prefers."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def load(self, page: Path, anchor: str = "") -> None:
        """Load a page from disk, with logs that hold nothing of an earlier one."""
        self.driver.get("about:blank")
        for log in ("browser", "performance"):
            self.driver.get_log(log)
        self.driver.get(page.as_uri() + (f"#{anchor}" if anchor else ""))
        # On a busy machine the driver has been seen to go on before the whole page was there.
        WebDriverWait(self.driver, 60).until(
            lambda driver: driver.execute_script("return document.readyState") == "complete"
        )

    def js(self, code: str, *arguments: Any) -> Any:
        """The value of a script's ``return``."""
        return self.driver.execute_script(code, *arguments)

    def console(self) -> list[str]:
        """Errors and warnings since the page was loaded."""
        return [
            f"console: {entry['message']}"
            for entry in self.driver.get_log("browser")
            if entry["level"] in ("SEVERE", "WARNING")
        ]

    def requests(self, page: Path) -> list[str]:
        """Requests for anything but the page itself and its data: addresses."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"].partition("#")[0]
                if url != page.as_uri() and not url.startswith("data:"):
                    found.append(f"request: {url}")
        return found

    def accessibility(self) -> list[str]:
        """Serious and critical faults that axe-core finds."""
        self.js(self.axe)
        return [f"axe: {fault}" for fault in self.driver.execute_async_script(AXE)]


def rows_wrong(browser: Browser, report: Mapping[str, Any]) -> Iterator[str]:
    """Records without a row of their own, with its verdict and, where there are seeds, marks."""
    rows = browser.js(ROWS)
    if len(rows) != len(report["claims"]):
        yield f"rows: {len(rows)} for {len(report['claims'])} records"
    found = {(row["claim"], row["reading"]): row for row in rows}
    for record in report["claims"]:
        row = found.get((record["id"], record["reading"]))
        if row is None:
            yield f"rows: none for {record['id']} ({record['reading']})"
            continue
        if not row["visible"] or record["verdict"] not in row["text"]:
            yield f"rows: {record['id']} ({record['reading']}) without its verdict"
        wanted = max(len(record["values"]), len(record["points"]))
        if row["marks"] < wanted:
            yield f"rows: {record['id']} ({record['reading']}) with {row['marks']} marks"


def figures_wrong(browser: Browser, report: Mapping[str, Any]) -> Iterator[str]:
    """Figures that are missing, hidden, out of shape, or alike in both colour schemes."""
    found = {figure["anchor"]: figure for figure in browser.js(FIGURES)}
    for anchor in (figure.anchor for figure in figures.figures(report)):
        if anchor not in found:
            yield f"figures: none for {anchor}"
        elif not found[anchor]["right"]:
            yield f"figures: {anchor} hidden or out of shape"


def colors_wrong(browser: Browser, width: int) -> Iterator[str]:
    """Figures that do not follow the colour scheme."""
    seen: dict[str, set[str]] = {}
    for scheme in SCHEMES:
        browser.show(width, scheme)
        for figure in browser.js(FIGURES):
            seen.setdefault(figure["anchor"], set()).add(figure["color"])
    for anchor, colors in seen.items():
        if len(colors) == 1 and "" not in colors:
            yield f"figures: {anchor} in the same colours, light and dark"


def problems(
    browser: Browser,
    page: Path,
    report: Mapping[str, Any],
    *,
    views: Sequence[tuple[int, str]] = VIEWS,
) -> list[str]:
    """All that is wrong with a report's page at some widths; axe-core has a scheme for each."""
    found: list[str] = []
    for width, scheme in views:
        browser.show(width)
        browser.load(page)
        found += rows_wrong(browser, report)
        found += [f"picture: {picture}" for picture in browser.js(PICTURES)]
        found += [f"plot at {width} px: {each}" for each in browser.js(PLOTS)]
        found += figures_wrong(browser, report)
        found += [f"at {width} px: {each}" for each in browser.js(CUT_OFF)]
        browser.js("for (const each of document.querySelectorAll('details')) each.open = true")
        found += [f"at {width} px, unfolded: {each}" for each in browser.js(CUT_OFF)]
        found += colors_wrong(browser, width)
        browser.show(width, scheme)
        found += browser.accessibility()
        found += browser.console()
        found += browser.requests(page)
    return list(dict.fromkeys(found))
