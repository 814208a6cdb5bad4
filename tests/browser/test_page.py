"""The page in a browser: it works, and every check on it is shown to fail on a spoilt page."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from page_inspection import VIEWS, Browser, problems
from sample_reports import at_hand, mixed, picture
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from repro.report.page import html

CLAIM, CURVE = "lacok2016-t1-fgsm-025-error", "popovic2017-fig4-rms"


SMALL = mixed() | {"pictures": [picture()]}


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return at_hand()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, report: dict[str, Any]) -> Path:
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(html.render(report), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A short page to spoil, and its text."""
    return tmp_path_factory.mktemp("small") / "index.html", html.render(SMALL)


def shown(browser: Browser) -> list[str]:
    return browser.js(
        "return [...document.querySelectorAll('tr.reading')]"
        ".filter((row) => row.checkVisibility()).map((row) => row.id)"
    )


def choose(browser: Browser, name: str, value: str) -> None:
    browser.js(
        "const field = document.getElementById(arguments[0]); field.value = arguments[1];"
        "field.dispatchEvent(new Event('input', { bubbles: true }))",
        f"page_{name}",
        value,
    )


def test_nothing_is_wrong_with_the_page(browser, page, report):
    assert problems(browser, page, report) == []


def test_the_filters(browser, page, report):
    browser.show(1400)
    browser.load(page)
    claims = report["claims"]
    assert len(shown(browser)) == len(claims)
    choose(browser, "verdict", "reproduced")
    wanted = [c for c in claims if c["verdict"] == "reproduced"]
    assert len(shown(browser)) == len(wanted) > 0
    status = browser.driver.find_element(By.ID, "page_shown").text
    assert status == f"{len(wanted)} of {len(claims)} rows"
    choose(browser, "paper", "lacok2016")
    assert set(shown(browser)) <= {i for i in shown(browser) if i.startswith("lacok2016")}
    choose(browser, "verdict", "")
    field = browser.driver.find_element(By.ID, "page_text")
    field.send_keys("T1-FGSM-025 FLOAT32")
    claims_025 = {CLAIM, CLAIM.replace("error", "confidence")}
    assert set(shown(browser)) == {f"{claim}--float32-gradient" for claim in claims_025}
    field.send_keys(" no such words")
    assert shown(browser) == []
    assert browser.driver.find_element(By.ID, "page_nothing").is_displayed()
    field.clear()
    choose(browser, "paper", "")
    assert len(shown(browser)) == len(claims)
    assert browser.console() == []


def test_a_row_unfolds_by_mouse_and_keyboard(browser, page):
    browser.show(1400)
    browser.load(page)
    details = browser.driver.find_element(By.CSS_SELECTOR, "tr.more details")
    summary = details.find_element(By.TAG_NAME, "summary")
    summary.click()
    assert details.get_attribute("open")
    assert "--claim" in details.text
    summary.send_keys(Keys.ENTER)
    assert not details.get_attribute("open")
    count = "return document.querySelectorAll('tr.more details[open]').length"
    button = browser.driver.find_element(By.ID, "page_unfold")
    button.click()
    assert browser.js(count) == len(shown(browser))
    button.click()
    assert browser.js(count) == 0


@pytest.mark.parametrize("width", [400, 1400])
def test_an_anchor_leads_to_the_claim_with_its_heading(browser, page, width):
    browser.show(width)
    browser.load(page, CLAIM)
    row = browser.driver.find_element(By.ID, CLAIM)
    assert browser.js("return arguments[0].matches(':target')", row)
    assert browser.js(
        "const box = arguments[0].closest('tbody').querySelector('a.id').getBoundingClientRect();"
        "return box.top >= 0 && box.bottom < innerHeight",
        row,
    )
    assert browser.js("return arguments[0].nextElementSibling.querySelector('details').open", row)


@pytest.mark.parametrize("width", [400, 1400])
def test_an_unfolded_row_leads_to_its_figure_and_back(browser, page, width):
    browser.show(width)
    browser.load(page, CURVE)
    more = browser.driver.find_element(By.CSS_SELECTOR, f"[id='{CURVE}'] + tr.more")
    more.find_element(By.CSS_SELECTOR, f"a[href='#figure-{CURVE}']").click()
    figure = browser.driver.find_element(By.ID, f"figure-{CURVE}")
    top = "return arguments[0].getBoundingClientRect().top"
    assert -1 <= browser.js(top, figure) < 200
    figure.find_element(By.TAG_NAME, "a").click()
    assert browser.js("return location.hash") == f"#{CURVE}"
    row = browser.driver.find_element(By.ID, CURVE)
    assert 0 <= browser.js(top, row) < 400


@pytest.mark.parametrize(("width", "media"), [(920, ""), (1100, ""), (718, "print")])
def test_a_crowded_table_keeps_its_numbers_whole(browser, page, width, media):
    browser.show(width)
    browser.load(page)
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media})
    try:
        most = browser.js(
            "const range = document.createRange();"
            "return Math.max(...[...document.querySelectorAll('tr.reading .n')].map((cell) => {"
            "  range.selectNodeContents(cell);"
            "  return new Set([...range.getClientRects()].map((box) => box.top)).size }))"
        )
        # ``difference mean ± s (N)`` may take four lines.
        assert most <= 4
        assert browser.js("return document.documentElement.scrollWidth <= innerWidth")
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_an_anchor_is_stronger_than_the_filter(browser, page):
    browser.show(1400)
    browser.load(page)
    choose(browser, "verdict", "not-run")
    assert CLAIM not in shown(browser)
    browser.js("location.hash = arguments[0]", CLAIM)
    browser.js("return new Promise((done) => setTimeout(done, 100))")
    assert CLAIM in shown(browser)


def test_the_keyboard_finds_a_way_past_the_head(browser, page):
    browser.show(1400)
    browser.load(page)
    browser.driver.switch_to.active_element.send_keys(Keys.TAB)
    link = browser.driver.switch_to.active_element
    assert link.get_attribute("class") == "skip"
    assert browser.js("return arguments[0].getBoundingClientRect().left >= 0", link)
    link.send_keys(Keys.ENTER)
    assert browser.js("return document.activeElement.id") == "page_claims"


def alone(browser: Browser, reading: str) -> None:
    """Choose the story of one reading."""
    Select(browser.driver.find_element(By.ID, "page_reading")).select_by_visible_text(reading)


def readings_shown(browser: Browser) -> dict[str, set[str]]:
    """The readings in sight, by where."""
    found = {}
    for where, name in (("tr.reading", "th"), ("li", "a"), ("figure div", "p")):
        texts = browser.js(
            "return [...document.querySelectorAll(arguments[0])]"
            ".filter((part) => part.checkVisibility({ visibilityProperty: true }))"
            ".map((part) => part.innerText)",
            f"{where}[data-reading] {name}",
        )
        found[where] = {text.partition(",")[0].strip() for text in texts}
    return found


def test_one_readings_story_at_a_time(browser, page, report):
    browser.show(1400)
    browser.load(page)
    of_reading = {
        reading: [c for c in report["claims"] if c["reading"] == reading]
        for reading in ("as-coded", "cached-adversarials")
    }
    alone(browser, "as-coded")
    assert set().union(*readings_shown(browser).values()) == {"as-coded"}
    wanted = len(of_reading["as-coded"])
    assert len(shown(browser)) == wanted
    status = browser.driver.find_element(By.ID, "page_shown").text
    assert status == f"{wanted} of {len(report['claims'])} rows"
    papers = browser.driver.find_elements(By.CSS_SELECTOR, ".paper")
    coded = {c["paper"] for c in of_reading["as-coded"]}
    in_order = dict.fromkeys(c["paper"] for c in report["claims"])
    assert [paper.is_displayed() for paper in papers] == [name in coded for name in in_order]
    (mine,) = (paper for paper in papers if paper.is_displayed())
    assert "Under as-coded" in mine.text
    assert "Under as-written" not in mine.text
    # An address is stronger, as it is than the filter.
    browser.js("location.hash = arguments[0]", CLAIM)
    browser.js("return new Promise((done) => setTimeout(done, 100))")
    assert len(shown(browser)) == len(report["claims"])
    alone(browser, "cached-adversarials")
    assert len(shown(browser)) == len(of_reading["cached-adversarials"])
    assert browser.console() == []


def test_the_columns_order_the_claims(browser, page):
    browser.show(1400)
    browser.load(page)
    before = shown(browser)
    heads = browser.driver.find_elements(By.CSS_SELECTOR, "thead th")
    published = heads[1].find_element(By.TAG_NAME, "button")
    first = (
        "return [...document.querySelectorAll('.about + .reading')]"
        ".map((row) => row.cells[1].innerText)"
    )
    for order, sign in (("ascending", 1), ("descending", -1)):
        published.click()
        assert heads[1].get_attribute("aria-sort") == order
        found = [re.match(r"[<>]? ?(-?[\d.]+)", text) for text in browser.js(first)]
        numbers = [float(match[1]) for match in found if match]
        assert numbers == sorted(numbers, key=lambda x: sign * x)
        assert found[len(numbers) :] == [None] * (len(found) - len(numbers)) != []
    heads[0].find_element(By.TAG_NAME, "button").click()
    assert heads[1].get_attribute("aria-sort") is None
    names = [claim.partition("--")[0] for claim in shown(browser)]
    assert names == sorted(names)
    heads[7].find_element(By.TAG_NAME, "button").click()
    worst = browser.js("return document.querySelector('tr.reading').dataset.verdict")
    assert worst == "not-reproduced"
    assert sorted(shown(browser)) == sorted(before)


def test_every_row_has_a_link_to_itself(browser, page):
    browser.show(1400)
    browser.load(page)
    links = (
        "return [...document.querySelectorAll('tr.reading > th a')].map((a) => a.hash.slice(1))"
    )
    assert browser.js(links) == shown(browser)


def test_two_figures_a_row(browser, page):
    for width, columns in ((400, 1), (1400, 2), (2200, 2)):
        browser.show(width)
        browser.load(page)
        lefts = browser.js(
            "return [...document.querySelectorAll('figure')]"
            ".map((each) => each.getBoundingClientRect().left)"
        )
        assert len(set(lefts)) == columns


def test_a_print_on_a4_is_of_full_pages(browser, page):
    browser.load(page)
    wide, high, margin = 8.27, 11.69, 0.4  # inches
    paper = {"paperWidth": wide, "paperHeight": high, "printBackground": True}
    sides = dict.fromkeys(("marginTop", "marginBottom", "marginLeft", "marginRight"), margin)
    printed = browser.driver.execute_cdp_cmd("Page.printToPDF", paper | sides)["data"]
    pages = len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(printed)))
    browser.show(round(96 * (wide - 2 * margin)))
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        tall = browser.js("return document.documentElement.scrollHeight")
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert pages > 5
    assert tall / (pages * 96 * (high - 2 * margin)) > 0.85


def test_without_scripts_the_page_is_a_plain_list_of_any_reading(browser, page, report):
    browser.show(1400)
    switch = "Emulation.setScriptExecutionDisabled"
    browser.driver.execute_cdp_cmd(switch, {"value": True})
    try:
        browser.load(page)
        assert not browser.driver.find_element(By.ID, "page_filter").is_displayed()
        rows = browser.driver.find_elements(By.CSS_SELECTOR, "tr.reading")
        assert len(rows) == len(report["claims"])
        alone(browser, "cached-adversarials")
        found = readings_shown(browser)
        assert found["tr.reading"] == found["li"] == {"cached-adversarials"}
    finally:
        browser.driver.execute_cdp_cmd(switch, {"value": False})


def without_policy(text: str) -> str:
    return re.sub(r"<meta http-equiv[^>]*>", "", text)


def adding(what: str, *, policy: bool = False) -> Callable[[str], str]:
    def spoil(text: str) -> str:
        return (text if policy else without_policy(text)).replace("</main>", f"{what}</main>")

    return spoil


def less_a_row(text: str) -> str:
    return re.sub(r'<tr role="row" class="reading" id="tiny-same".*?</tr>', "", text, flags=re.S)


def with_another_verdict(text: str) -> str:
    head, row, tail = text.partition('id="tiny-same"')
    return head + row + tail.replace("equivalent</span>", "reproduced</span>", 1)


SPOILT: dict[str, tuple[Callable[[str], str], str]] = {
    "a row is missing": (less_a_row, "rows: none for tiny-same"),
    "a row has another verdict": (with_another_verdict, "rows: tiny-same (plain) without"),
    "an image is broken": (
        lambda t: t.replace(
            'src="data:image/png;base64,iVBORw0KGgo', 'src="data:image/png;base64,A'
        ),
        "picture: img",
    ),
    "a figure is missing": (
        lambda t: re.sub(r'<figure id="figure-tiny-curve">.*?</figure>', "", t, flags=re.S),
        "figures: none for figure-tiny-curve",
    ),
    "a figure is hidden": (
        lambda t: t.replace(
            '<figure id="figure-tiny-fig1"', '<figure hidden id="figure-tiny-fig1"'
        ),
        "figures: figure-tiny-fig1 hidden or out of shape",
    ),
    "a figure is squeezed": (
        lambda t: without_policy(t).replace('alt="original, 0"', 'style="height: 9px" alt="o"'),
        "figures: figure-tiny-fig1 hidden or out of shape",
    ),
    "a figure has one scheme's colours": (
        lambda t: without_policy(t).replace(
            "<style>", "<style>.panel .band { fill: red !important }"
        ),
        "figures: figure-tiny-curve in the same colours",
    ),
    "an image says nothing": (
        lambda t: re.sub(r'alt="original, [^"]*"', 'alt=""', t),
        "picture: img",
    ),
    "a plot is empty": (
        lambda t: re.sub(r'(<svg class="strip" role="img"[^>]*>).*?</svg>', r"\1</svg>", t),
        "picture: svg",
    ),
    "a plot lacks a seed": (
        lambda t: re.sub(r'<circle class="seed"[^>]*/>', "", t),
        "rows: tiny-same (plain) with",
    ),
    "a label is on another": (
        lambda t: re.sub(r'(class="tick" x=)"[\d.]+"', r'\1"100"', t),
        "labels meet",
    ),
    "a mark leaves its plot": (
        lambda t: re.sub(r'(class="here" cx=)"[\d.]+"', r'\1"300"', t),
        "beyond its plot: here",
    ),
    "a label is tiny": (
        lambda t: without_policy(t).replace(
            "<style>", "<style>.strip text { font-size: 6px !important }"
        ),
        "too small",
    ),
    "a request goes out": (
        adding('<img alt="x" src="http://127.0.0.1:9/x.png">'),
        "request: http",
    ),
    "a request is refused": (
        adding('<img alt="x" src="http://127.0.0.1:9/x.png">', policy=True),
        "console: ",
    ),
    "a script of another": (
        adding("<script>document.title = 1</script>", policy=True),
        "console: ",
    ),
    "a script fails": (adding("<script>nothing.at.all</script>"), "console: "),
    "too wide": (adding('<p style="width: 1500px">wide</p>'), "px: "),
    "cut off": (
        adding('<p style="width: 5em; overflow: hidden; white-space: nowrap">a long line</p>'),
        "px: clipped",
    ),
    "a field without label": (adding('<input type="text">'), "axe: label"),
    "too faint": (adding('<p style="color: #888; background: #999">faint</p>'), "axe: color"),
    "too faint in the dark": (
        lambda t: without_policy(t).replace(
            "<style>",
            "<style>@media (prefers-color-scheme: dark) { p { color: #333 !important } }",
        ),
        "axe: color",
    ),
}


def test_the_page_that_is_to_be_spoilt_is_right(browser, small):
    path, text = small
    path.write_text(text, encoding="utf-8")
    assert problems(browser, path, SMALL) == []


@pytest.mark.parametrize("fault", SPOILT)
def test_a_spoilt_page_is_found_out(browser, small, fault):
    path, text = small
    spoil, said = SPOILT[fault]
    spoilt = spoil(text)
    assert spoilt != text
    path.write_text(spoilt, encoding="utf-8")
    found = problems(browser, path, SMALL, views=VIEWS[:1] if "dark" in fault else VIEWS[1:])
    assert any(said in problem for problem in found), found
