"""Chromium with a report in it, as a lead opens one."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
ARTEFACTS = Path(__file__).parents[2] / ".breakfix" / "artefacts"
DESKTOP, PHONE = 1280, 390
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


class Browser:
    """Chromium with the report."""

    def __init__(self, driver: webdriver.Chrome, report: Path) -> None:
        self.driver, self.report = driver, report
        driver.get("about:blank")
        self.complaints()  # what the browser did before, with pages of its own

    def go(self, place: str, width: int = DESKTOP, height: int = 900) -> None:
        self.driver.get("about:blank")
        self.size(width, height)
        self.driver.get(f"{self.report.as_uri()}#{place}")

    def size(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1}
        told = size | {"mobile": width == PHONE}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", told)

    def ask(self, script: str) -> Any:
        return self.driver.execute_script(f"return {script}")

    def wait(self, script: str, seconds: float = 20) -> None:
        WebDriverWait(self.driver, seconds).until(lambda _: self.ask(script))

    def picture(self, name: str, width: int, highest: int = 2600) -> None:
        self.size(width, min(highest, self.ask("document.documentElement.scrollHeight")))
        time.sleep(0.2)
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(ARTEFACTS / f"{name}.png"))

    def complaints(self) -> list[str]:
        """Whatever the console says, and whatever was asked of anybody."""
        said = [str(row["message"]) for row in self.driver.get_log("browser")]
        for row in self.driver.get_log("performance"):
            message = json.loads(row["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                if url.split("#", maxsplit=1)[0] != self.report.as_uri():
                    said.append(f"asked for {url[:200]}")
        return said


def lacking() -> str:
    """What this machine has not; empty if it can open a report."""
    return "" if CHROMIUM and DRIVER else "needs chromium and chromium-driver"


@contextlib.contextmanager
def chromium(profile: Path) -> Iterator[webdriver.Chrome]:
    """A browser without a window, which keeps what it says and asks for."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for option in (*_OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    made = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield made
    finally:
        made.quit()
