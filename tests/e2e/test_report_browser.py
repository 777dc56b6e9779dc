"""The report as a reader meets it: in a browser, on a screen, on a phone and on paper."""

from __future__ import annotations

import base64
import functools
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.unit.report.runs import VARIANTS

from pixleak.analyses.exposed_records import Exposures
from pixleak.report.html.render import render

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None,
    reason="no browser here: the Debian packages chromium and chromium-driver are not installed",
)

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


class Browser:
    """Chromium with what the tests ask of it."""

    def __init__(self, profile: Path) -> None:
        from selenium import webdriver
        from selenium.webdriver.chrome.options import Options
        from selenium.webdriver.chrome.service import Service

        options = Options()
        options.binary_location = str(CHROMIUM)
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))

    def open(self, page: Path, *, width: int = 1280, scheme: str = "light") -> None:
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        self.command(
            "Emulation.setEmulatedMedia",
            media="",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get(page.as_uri())

    def command(self, name: str, **arguments: object) -> dict[str, object]:
        return self.driver.execute_cdp_cmd(name, arguments)

    def script(self, code: str) -> object:
        return self.driver.execute_script(f"return {code}")

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        events = [json.loads(e["message"])["message"] for e in self.driver.get_log("performance")]
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.driver.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    return {name: render(make().write(folder / name)) for name, make in VARIANTS.items()}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_loads_whole_and_alone(
    browser: Browser, pages: dict[str, Path], variant: str, scheme: str
) -> None:
    browser.open(pages[variant], scheme=scheme)

    assert browser.complaints() == []
    assert all(url.startswith(("file:", "data:")) for url in browser.requests())
    exposures = VARIANTS[variant]().result().section(Exposures)
    pictures = browser.script("[...document.images].map((i) => [i.naturalWidth, i.complete])")
    training = variant == "generator"
    assert len(pictures) == 4 * len(exposures.records if exposures else []) + training
    assert all(width > 0 and complete for width, complete in pictures)
    figures = browser.script(
        "[...document.querySelectorAll('svg')].map((s) => s.getBoundingClientRect())"
        ".map((r) => [r.width, r.height])"
    )
    assert len(figures) > 5
    assert all(width > 0 and height > 0 for width, height in figures)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("width", [320, 390, 820, 1280])
def test_nothing_is_wider_than_the_screen(
    browser: Browser, pages: dict[str, Path], variant: str, width: int
) -> None:
    browser.open(pages[variant], width=width)
    browser.script("document.querySelectorAll('details').forEach((d) => (d.open = true))")

    assert browser.script("document.documentElement.scrollWidth") <= width
    outside = browser.script(
        "[...document.querySelectorAll('main *, header *')]"
        f".filter((e) => e.getBoundingClientRect().right > {width} + 1"
        " && !e.closest('.scroll, thead, .skip, svg')).map((e) => e.outerHTML.slice(0, 80))"
    )
    assert outside == []


def test_light_and_dark_differ_and_paper_is_always_light(
    browser: Browser, pages: dict[str, Path]
) -> None:
    def look() -> tuple[str, str, str]:
        curve = "document.querySelector('svg.figure [data-curve=\"0\"] path')"
        return (
            str(browser.script("getComputedStyle(document.body).backgroundColor")),
            str(browser.script("getComputedStyle(document.body).color")),
            str(browser.script(f"getComputedStyle({curve}).stroke")),
        )

    browser.open(pages["leak"], scheme="light")
    light = look()
    browser.open(pages["leak"], scheme="dark")
    dark = look()
    browser.command(
        "Emulation.setEmulatedMedia",
        media="print",
        features=[{"name": "prefers-color-scheme", "value": "dark"}],
    )
    paper = look()

    assert light[0] == "rgb(251, 250, 247)"
    assert dark[0] == "rgb(20, 23, 27)"
    assert all(one != other for one, other in zip(light, dark, strict=True))
    assert paper == ("rgb(255, 255, 255)", *light[1:])


def test_the_table_can_be_sorted(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["leak"])
    column = (
        "[...document.querySelectorAll('table.attacks tbody tr')].map((r) => "
        "Number(r.cells[2].dataset.value))"
    )
    button = "document.querySelectorAll('table.attacks thead button')[2]"

    before = browser.script(column)
    browser.script(f"{button}.click()")
    falling = browser.script(column)
    browser.script(f"{button}.click()")
    rising = browser.script(column)

    assert falling == sorted(before, reverse=True) != before
    assert rising == sorted(before)
    assert browser.script(f"{button}.closest('th').ariaSort") == "ascending"
    assert browser.script("document.querySelectorAll('[aria-sort]').length") == 1


def test_a_curve_can_be_picked_out(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["leak"])
    button = "document.querySelectorAll('.curves button')[2]"
    picked = "document.querySelectorAll('svg.figure g.picked').length"

    browser.script(f"{button}.click()")
    assert browser.script(picked) == 2
    assert browser.script(f"{button}.getAttribute('aria-pressed')") == "true"
    browser.script(f"{button}.click()")
    assert browser.script(picked) == 0


def test_it_is_complete_without_scripts(browser: Browser, pages: dict[str, Path]) -> None:
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(pages["leak"])
        tree = browser.command("Accessibility.getFullAXTree")["nodes"]
    finally:
        browser.command("Emulation.setScriptExecutionDisabled", value=False)

    roles = [node.get("role", {}).get("value") for node in tree]
    assert roles.count("button") == 0
    assert roles.count("heading") > 10
    names = {node.get("name", {}).get("value") for node in tree}
    assert VARIANTS["leak"]().result().verdict.sentence in names
    assert "ROC curves, linear axes" in names


def test_the_table_is_a_table_on_a_phone_too(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["leak"], width=390)

    tree = browser.command("Accessibility.getFullAXTree")["nodes"]

    roles = [node.get("role", {}).get("value") for node in tree]
    attacks = len(VARIANTS["leak"]().result().attacks)
    assert roles.count("rowheader") >= attacks
    assert roles.count("cell") + roles.count("gridcell") >= 5 * attacks


def test_paper_shows_what_is_folded_on_the_screen(browser: Browser, pages: dict[str, Path]) -> None:
    visible = "[...document.querySelectorAll('details pre')].map((p) => p.checkVisibility())"
    unfolded = "[...document.querySelectorAll('details')].map((d) => d.open)"
    browser.open(pages["leak"])
    assert not any(browser.script(visible))

    # Without the script, by style alone ...
    browser.command("Emulation.setEmulatedMedia", media="print")
    assert len(browser.script(visible)) > 2
    assert all(browser.script(visible))

    # ... and with it, where a browser does not know the style.
    browser.open(pages["leak"])
    browser.script("window.dispatchEvent(new Event('beforeprint'))")
    assert all(browser.script(unfolded))
    browser.script("window.dispatchEvent(new Event('afterprint'))")
    assert not any(browser.script(unfolded))

    printed = browser.command("Page.printToPDF", preferCSSPageSize=True)["data"]
    assert base64.b64decode(str(printed)).startswith(b"%PDF")


def test_a_server_is_asked_for_the_page_and_nothing_more(
    browser: Browser, pages: dict[str, Path]
) -> None:
    asked = []

    class Recorder(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            super().do_GET()

        def log_message(self, format: str, *args: object) -> None:
            pass

    serve = functools.partial(Recorder, directory=str(pages["leak"].parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            browser.driver.get_log("browser")
            browser.driver.get(f"http://127.0.0.1:{server.server_port}/report.html")
            assert browser.complaints() == []
        finally:
            server.shutdown()
            thread.join()
    assert asked == ["/report.html"]
