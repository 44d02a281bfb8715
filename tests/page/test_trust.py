"""What abstracts, titles and names say is text: it runs nothing, hides nothing and pushes nothing out of its place."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from service.http.app import create_app
from tests.conftest import settings
from tests.page.conftest import Opened, ask, put
from tests.support.command import words
from tests.support.running import running

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)> of badgers"
OVERRIDE = "Badgers \u202edgers backwards\u202c and \u2066isolated"
LONG = "Badgers dig " + "verylongword" * 850 + " at night. Badgers sleep by day."
UNBROKEN = "B" * 900


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(create_app(settings(tmp_path_factory.mktemp("hostile")), words())) as url:
        digs = "Badgers dig for two hours each night"
        papers: list[dict[str, Any]] = [
            {
                "id": "x-1",
                "title": MARKUP,
                "abstract": f"{digs}. <b onclick=alert(3)>Not bold</b> {{{{7*7}}}} ${{alert(4)}}",
            },
            {"id": "x-2", "title": OVERRIDE, "abstract": "Badgers \u202e sleep by day \u202c in setts.", "year": 2020},
            {"id": "x-3", "title": UNBROKEN, "abstract": LONG, "url": "javascript:alert(5)", "authors": ["<i>A</i>"]},
            {
                "id": "x-4",
                "title": "Emoji \U0001f9a1\U0001f9a1",
                "abstract": f"\U0001f9a1\U0001f9a1\U0001f9a1 {digs} in autumn too.",
            },
        ]
        put(url, papers)
        yield url


@pytest.mark.parametrize("path", ["/search", "/search?q=badgers", "/papers/x-1", "/papers/x-2", "/papers/x-3", "/map"])
@pytest.mark.parametrize("width", [390, 1280])
def test_hostile_titles_and_abstracts_are_shown_as_text_within_the_width_of_the_page(
    hostile: str, opened: Opened, path: str, width: int
) -> None:
    page = opened(f"{hostile}{path}", width=width)
    expect(page.locator(".paper, .whole, .note").first).to_be_attached()
    page.wait_for_timeout(300)
    assert page.locator("#page :is(script, img, b, i, iframe)").count() == 0
    assert page.locator('a[href^="javascript"]').count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_quote_is_lit_at_its_place_behind_characters_that_javascript_counts_twice(
    hostile: str, opened: Opened
) -> None:
    page = opened(hostile)
    ask(page, "How long do badgers dig in autumn too?")
    title = page.locator(".note").filter(has_text="Emoji")
    title.click()
    lit = page.locator(".margin mark")
    expect(lit.first).to_be_visible()
    assert "".join(lit.all_inner_texts()).endswith("in autumn too.")


def test_a_title_that_turns_the_direction_of_writing_does_not_turn_what_stands_beside_it(
    hostile: str, opened: Opened
) -> None:
    page = opened(f"{hostile}/search?order=title")
    year = page.locator(".paper").filter(has_text="backwards").locator("p.fine")
    expect(year).to_have_text("2020")
    assert page.locator("bdi").first.evaluate("(element) => getComputedStyle(element).unicodeBidi") == "isolate"


def test_no_text_can_become_markup_even_by_mistake(hostile: str, opened: Opened, complaints: list[str]) -> None:
    page = opened(hostile)
    refused = "() => { try { document.body.innerHTML = '<p>x'; return '' } catch (error) { return error.name } }"
    assert page.evaluate(refused) == "TypeError"
    assert "TrustedHTML" in complaints.pop()
