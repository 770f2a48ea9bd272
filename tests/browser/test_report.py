"""The report in a real browser: it plays, obeys nobody, asks nobody, fits and prints."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from lab_runner.catalogue import Catalogue
from lab_runner.gradebook import page
from tests.browser.browsing import ARTEFACTS, DESKTOP, PHONE, Browser, chromium, lacking
from tests.classroom import HOSTILE, Classroom, classroom

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking())


@pytest.fixture(scope="module")
def room(shipped: Catalogue) -> Classroom:
    return classroom(shipped)


@pytest.fixture(scope="module")
def report(room: Classroom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    page.write(room.book(), path)
    return path


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as made:
        yield made


@pytest.fixture
def browser(driver: webdriver.Chrome, report: Path) -> Iterator[Browser]:
    made = Browser(driver, report)
    yield made
    assert made.complaints() == []


def test_the_class_is_seen_at_a_glance(browser: Browser, room: Classroom) -> None:
    browser.go("class")
    rows = browser.driver.find_elements(By.CSS_SELECTOR, "#marks tbody tr")
    assert len(rows) == len(room.people)
    assert "Ada Brandt" in rows[0].text
    assert browser.ask("document.querySelectorAll('.page.shown').length") == 1
    browser.picture("report-class", DESKTOP)


def test_rows_are_sorted_and_found(browser: Browser) -> None:
    browser.go("class")
    heads = browser.driver.find_elements(By.CSS_SELECTOR, "#marks .sort")
    heads[-1].click()
    heads[-1].click()
    totals = browser.ask(
        "[...document.querySelectorAll('#marks tbody .total')].map(one => +one.dataset.value)"
    )
    assert totals == sorted(totals, reverse=True)
    browser.driver.find_element(By.ID, "filter").send_keys("jiménez")
    shown = "[...document.querySelectorAll('#marks tbody tr')].filter(one => !one.hidden).length"
    assert browser.ask(shown) == 1


def test_a_click_leads_to_the_work(browser: Browser) -> None:
    browser.go("class")
    browser.driver.find_element(By.CSS_SELECTOR, "#marks tbody tr:nth-child(2) .cell a").click()
    browser.wait("document.querySelector('#t2').classList.contains('shown')")
    assert "Bruno Okafor" in browser.driver.find_element(By.CSS_SELECTOR, "#t2 h2").text
    browser.driver.back()
    browser.wait("document.querySelector('#class').classList.contains('shown')")


def test_a_recorded_terminal_plays(browser: Browser) -> None:
    browser.go("t1")
    browser.driver.find_element(By.CSS_SELECTOR, "#t1 .recording .play").click()
    browser.wait("document.querySelector('#dock .ap-player') !== null")
    browser.wait("/root@/.test(document.querySelector('#dock .ap-term').textContent)")
    browser.picture("report-terminal", DESKTOP, 900)


def test_a_command_is_found_in_its_terminal(browser: Browser) -> None:
    browser.go("t1")
    rows = browser.driver.find_elements(By.CSS_SELECTOR, "#t1 .line .command:has(.play)")
    row = rows[4]
    typed = row.find_element(By.CSS_SELECTOR, ".what").text
    row.find_element(By.CSS_SELECTOR, ".play").click()
    text = "document.querySelector('#dock .ap-term').textContent.replaceAll('\\u00a0', ' ')"
    browser.wait("document.querySelector('#dock .ap-term') !== null")
    # It is there at once: played from the beginning it would take half a minute.
    browser.wait(f"{text}.includes({json.dumps(typed)})", 6)


def test_what_is_hostile_is_only_read(browser: Browser, room: Classroom) -> None:
    number = [one.id for one in room.people].index(HOSTILE) + 1
    browser.go(f"t{number}")
    browser.ask(f"document.querySelectorAll('#t{number} details').forEach(one => one.open = true)")
    browser.driver.find_element(By.CSS_SELECTOR, f"#t{number} .command .play").click()
    browser.wait("/window.broken/.test(document.querySelector('#dock .ap-term')?.textContent)")
    browser.picture("report-hostile", DESKTOP)
    browser.driver.find_element(By.ID, "close").click()
    browser.wait("document.querySelector('#dock .ap-player') === null")
    for place in ("class", "a1", f"t{number}"):
        browser.go(place)
        assert browser.ask("window.broken === undefined")
        assert browser.ask("document.querySelectorAll('script:not(.cast)').length") == 2
        assert browser.ask("document.querySelectorAll('main img, main [onload]').length") == 0
        hidden = r"/[\u202a-\u202e\u2066-\u2069\u001b]/.test(document.body.innerText)"
        assert browser.ask(f"!{hidden}")


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_every_page_fits(browser: Browser, room: Classroom, width: int) -> None:
    for place in ("class", "a3", "t3", "t13"):
        browser.go(place, width)
        assert browser.ask("document.documentElement.scrollWidth") <= width, place
        kind = "phone" if width == PHONE else "desktop"
        browser.picture(f"report-{kind}-{place}", width)


def test_it_prints_one_page_or_everything(browser: Browser, room: Classroom) -> None:
    browser.go("t1")
    one = printed(browser, "trainee")
    browser.ask("document.documentElement.classList.add('everything')")
    everything = printed(browser, "everything")
    assert 1 <= one <= 12
    assert everything >= len(room.people) + 5


def printed(browser: Browser, name: str) -> int:
    """Sheets of paper."""
    told = browser.driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    data = base64.b64decode(told["data"])
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    (ARTEFACTS / f"report-{name}.pdf").write_bytes(data)
    return data.count(b"/Type /Page\n") or data.count(b"/Type /Page ") or data.count(b"/Page\n")


def test_it_is_all_there_without_scripts(browser: Browser, room: Classroom) -> None:
    disabled = {"value": True}
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", disabled)
    try:
        browser.go("class")
        shown = browser.driver.find_elements(By.CSS_SELECTOR, ".page")
        assert len(shown) == 1 + len(room.course.assignments) + len(room.people)
        assert all(one.is_displayed() for one in shown)
        assert not browser.driver.find_element(By.ID, "print").is_displayed()
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
