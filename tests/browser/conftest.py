"""A headless Chromium for the tests of the page; ``.ci/browser`` installs what they need."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("selenium", reason="tox -e browser installs it")

from page_inspection import Browser
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
AXE = Path(__file__).parents[2] / ".tox" / "axe-core" / "axe.min.js"


def _program(*names: str) -> str:
    for name in names:
        if found := shutil.which(name):
            return found
    raise pytest.UsageError(f"no {names[0]} on this machine; .ci/browser installs it")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium with a profile of its own."""
    axe = Path(os.environ.get("REPRO_AXE", AXE))
    if not axe.exists():
        raise pytest.UsageError(f"no {axe.name} in {axe.parent}; .ci/browser fetches it")
    options = webdriver.ChromeOptions()
    options.binary_location = _program("chromium", "chromium-browser", "google-chrome")
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(_program("chromedriver")))
    driver.set_script_timeout(60)
    yield Browser(driver, axe.read_text(encoding="utf-8"))
    driver.quit()
