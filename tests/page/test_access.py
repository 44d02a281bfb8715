"""For every reader: by keyboard, on a phone, in light and dark, with a screen reader's rules, and with a key."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from service.http.app import create_app
from tests.conftest import QUESTION, settings
from tests.page.conftest import Opened, ask
from tests.support.command import words
from tests.support.running import running

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CONTRAST = ["color-contrast"]
"""All that differs between light and dark."""
PATHS = ["/", "/search?q=heads", "/map", "/watches", "/add"]


def violations(page: Page, rules: list[str] = RULES) -> list[str]:
    found = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]}).response["violations"]
    return [f"{rule['id']}: {node['html']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("path", PATHS)
def test_no_page_breaks_the_rules_of_accessibility(site: str, opened: Opened, path: str) -> None:
    page = opened(f"{site}{path}", color_scheme="light")
    page.wait_for_load_state("networkidle")
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page, CONTRAST) == []


@pytest.mark.parametrize("width", [390, 1280])
def test_an_answer_and_a_paper_break_no_rules_either(site: str, opened: Opened, width: int) -> None:
    page = opened(site, width=width, color_scheme="light")
    ask(page, QUESTION)
    page.locator(".further summary").click()
    page.locator(".mark").first.click()
    expect(page.locator(".margin mark").first).to_be_visible()
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page, CONTRAST) == []
    page.get_by_role("link", name="This paper").click()
    page.wait_for_load_state("networkidle")
    page.get_by_role("heading", level=1).wait_for()
    assert violations(page) == []


def test_everything_is_done_by_keyboard(site: str, opened: Opened) -> None:
    page = opened(site)
    page.locator("#question").wait_for()
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the text")
    page.keyboard.press("Enter")
    page.locator("#question").focus()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    page.locator(".actions").wait_for()
    for _ in range(12):
        page.keyboard.press("Shift+Tab")
        if page.locator(".mark:focus").count():
            break
    expect(page.locator(".mark:focus")).to_have_count(1)
    expect(page.locator(".margin mark").first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator(".margin h2:focus")).to_contain_text("Hydra")
    page.keyboard.press("Escape")
    expect(page.locator(".mark:focus")).to_have_count(1)


def test_on_a_phone_the_abstract_comes_as_a_sheet_that_leaves_the_mark_in_sight(site: str, opened: Opened) -> None:
    page = opened(site, width=390, height=844, has_touch=True, is_mobile=True)
    ask(page, QUESTION)
    mark = page.locator(".mark").first
    mark.tap()
    sheet = page.locator(".margin[data-sheet]")
    expect(sheet.locator("mark").first).to_be_in_viewport()
    below, above = mark.bounding_box(), sheet.bounding_box()
    assert below and above and below["y"] + below["height"] <= above["y"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Close the abstract").tap()
    expect(page.locator(".margin[data-sheet]")).to_have_count(0)


def test_a_reader_chooses_light_or_dark_for_good(site: str, opened: Opened) -> None:
    page = opened(site, color_scheme="light")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Colours: Auto").click()
    page.get_by_role("button", name="Colours: Light").click()
    dark = page.evaluate(paper)
    page.reload()
    page.get_by_role("button", name="Colours: Dark").wait_for()
    assert page.evaluate(paper) == dark != light


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("guarded")
    with running(create_app(settings(home, api_keys="first-key,second-key"), words())) as url:
        yield url


def test_a_service_with_keys_asks_for_one_and_keeps_it_for_the_tab(guarded: str, opened: Opened) -> None:
    page = opened(guarded)
    page.get_by_label("Your key").fill("wrong")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_have_text("The service does not know this key.")
    assert violations(page) == []
    page.get_by_label("Your key").fill("first-key")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_label("Your key")).to_have_count(0)
    assert page.evaluate("localStorage.length + document.cookie.length") == 0
