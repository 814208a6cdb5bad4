"""Make docs/report.png, the README's picture of a report: ``python docs/picture.py``.

Needs what ``.ci/browser`` and the extra ``browser`` install, and a run's ``reports/index.html``.
"""

from __future__ import annotations

import base64
import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

ROOT = Path(__file__).resolve().parents[1]
WIDTH, MARGIN = 1360, 16
LARGEST = 190_000
"""Bytes: the picture is in few colours, as many as it takes to stay below."""
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
BELOW_THE_SUMMARY = """
const all = [...document.querySelectorAll("figure")].map((each) => each.getBoundingClientRect());
const first = all.filter((box) => box.top === all[0].top).map((box) => box.bottom);
return [document.querySelector("#page_counts").getBoundingClientRect().top, Math.max(...first)];
"""


def main() -> None:
    """Take the verdicts, the headline claims and the first figures, in few colours.

    The summary above them is long, and of words that the README has as well.
    """
    page = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "reports" / "index.html"
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for flag in (*FLAGS, "--hide-scrollbars"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        size = {"width": WIDTH, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        driver.get(page.resolve().as_uri())
        top, bottom = driver.execute_script(BELOW_THE_SUMMARY)
        clip = {"x": 0, "y": top - MARGIN, "height": bottom - top + 2 * MARGIN}
        shot = {"captureBeyondViewport": True, "clip": clip | {"width": WIDTH, "scale": 1}}
        png = driver.execute_cdp_cmd("Page.captureScreenshot", shot)["data"]
    finally:
        driver.quit()
    target = ROOT / "docs" / "report.png"
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    for colours in (128, 96, 64, 48, 32):
        picture.quantize(colours, dither=Image.Dither.NONE).save(target, optimize=True)
        if target.stat().st_size <= LARGEST:
            break
    print(f"{target}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
