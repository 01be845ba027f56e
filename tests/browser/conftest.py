"""A real browser: Debian's chromium, driven through its own driver; nothing is downloaded."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from prunelab.records.schema import Record
from prunelab.results.figures import figures
from prunelab.results.frames import checked
from prunelab.results.report import render
from tests.results.conftest import as_frame, lottery, network

REPOSITORY = Path(__file__).parents[2]
SHOTS = Path(os.environ.get("PRUNELAB_BROWSER_SHOTS") or REPOSITORY / "build" / "browser")
REQUIRED = os.environ.get("PRUNELAB_TEST_BROWSER") == "1"
WIDTH, HEIGHT = 1100, 900
EVIL = "<script>alert(1)</script>\"'&$x_"
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
)  # fmt: skip


class Browser:
    """What a test does in the browser, and what it sees."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, address: str) -> None:
        self.resize(WIDTH)
        self.scheme("light")
        self.driver.get("about:blank")
        self.driver.get_log("performance")
        self.driver.get_log("browser")
        self.driver.get(address)

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def find_all(self, selector: str) -> list[Any]:
        return self.driver.find_elements("css selector", selector)

    def press(self, selector: str, *keys: str) -> None:
        """Focus an element and press keys on it, the first of them held."""
        self.find(selector).send_keys("".join(keys))

    def resize(self, width: int, height: int = HEIGHT) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def scheme(self, name: str) -> None:
        wanted = {"prefers-color-scheme": name, "prefers-reduced-motion": "reduce"}  # a smooth scroll would run away from a click
        features = [{"name": feature, "value": value} for feature, value in wanted.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def requests(self) -> list[str]:
        """Addresses that were asked for since the page was opened."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        """What the console has of warnings and errors."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("WARNING", "SEVERE")]

    def shot(self, name: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(SHOTS / f"{name}.png"))

    def until(self, script: str, *arguments: Any, seconds: float = 30) -> Any:
        """What a script returns once that is true."""
        end = time.monotonic() + seconds
        while not (found := self.run(script, *arguments)):
            assert time.monotonic() < end, f"not within {seconds} s: {script}"
            time.sleep(0.05)
        return found


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not REQUIRED:
        pytest.skip("`make test-browser` runs it")
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not driver:
        pytest.fail("no chromium with chromedriver on this machine; `make test-browser` installs them on Debian")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--window-size={WIDTH},{HEIGHT}", f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield Browser(opened)
    finally:
        opened.quit()


def _priced(record: Record) -> Record:
    """With the numbers that each figure of accuracy against cost needs."""
    if record.kind != "point" or record.sparsity is None:
        return record
    left = max(0.02, 1 - record.sparsity)
    return dataclasses.replace(
        record, theoretical_speedup=1 / left, multiply_adds=round(266_000 * left), size_bytes=round(1e6 * left),
        measured_speedup=0.7 + 0.3 / left,
    )  # fmt: skip


def _shootout() -> list[Record]:
    """Seven criteria, with and without retraining, that share their dense networks."""
    names = ("magnitude", "snip", "grasp", "synflow", "obs", "movement", "random")
    pruned = [
        network(seed=seed, level=level, study="shootout", criterion=name, retraining=retraining, schedule="one_shot", knee=1 + 0.4 * place)
        for place, name in enumerate(names)
        for retraining in ("weight_rewinding", "none")
        for seed in (0, 1, 2)
        for level in range(1, 9)
    ]
    return [network(seed=seed, study="shootout", criterion="none", retraining="none") for seed in (0, 1, 2)] + pruned


def _named() -> list[Record]:
    return [r for name in (EVIL, "magnitude") for r in lottery(levels=2, controls=(), criterion=name, study=EVIL, git_commit=EVIL)]


STUDIES: dict[str, Callable[[], list[Record]]] = {
    "lottery": lambda: lottery(with_barriers=True), "shootout": _shootout, "named": _named,
}  # fmt: skip


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The address of the report of a made-up study, written once."""
    folder, written = tmp_path_factory.mktemp("pages"), {}

    def address(name: str) -> str:
        if name not in written:
            frame = checked(as_frame([_priced(record) for record in STUDIES[name]()]))
            title = EVIL if name == "named" else name.capitalize()
            page = folder / f"{name}.html"
            page.write_text(render(frame, *figures(frame), title=title, description="A made-up study."), encoding="utf-8")
            written[name] = page.as_uri()
        return written[name]

    return address
