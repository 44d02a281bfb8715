"""Searching and reading: an endless list of a large library, years and venues, a paper, the map."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from service.http.app import create_app
from tests.conftest import FEW, QUESTION, settings
from tests.page.conftest import Opened, ask, put
from tests.support.command import words
from tests.support.running import running

MANY = 1000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with a library of a thousand papers, of ten years and four venues."""
    with running(create_app(settings(tmp_path_factory.mktemp("large")), words())) as url:
        papers = [
            {
                "title": f"Study {number} of heron colonies",
                "abstract": f"Colony {number} was counted in spring. It had {number + 40} nests.",
                "year": 2010 + number % 10,
                "venue": f"Journal {'ABCD'[number % 4]}",
                "id": f"h-{number}",
            }
            for number in range(MANY)
        ]
        put(url, papers)
        yield url


def test_a_library_of_a_thousand_papers_is_listed_without_end_and_narrowed_by_year_and_venue(
    large: str, opened: Opened
) -> None:
    page = opened(f"{large}/search")
    expect(page.locator("main [role=status]")).to_have_text("1,000 papers")
    for listed in (25, 50, 75):
        expect(page.locator(".paper")).to_have_count(listed)
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.get_by_role("button", name="2013", exact=False).first.click()
    expect(page.locator("main [role=status]")).to_have_text("100 papers")
    page.get_by_role("button", name="Journal", exact=False).first.click()
    expect(page.locator("main [role=status]")).to_have_text("50 papers")
    page.go_back()
    expect(page.locator("main [role=status]")).to_have_text("100 papers")


def test_a_search_finds_the_paper_and_shows_the_sentence_that_matches(large: str, opened: Opened) -> None:
    page = opened(f"{large}/search")
    page.fill("#words", "colony 777 nests")
    page.keyboard.press("Enter")
    first = page.locator(".paper").first
    expect(first).to_contain_text("Study 777 of heron colonies")
    expect(first.locator(".snippet")).to_contain_text("777")


def test_a_list_is_sorted_by_title_and_by_age(large: str, opened: Opened) -> None:
    page = opened(f"{large}/search")
    expect(page.locator(".paper").first).to_contain_text("2019")
    page.get_by_label("Order").select_option("oldest")
    expect(page.locator(".paper").first).to_contain_text("2010")
    page.get_by_label("Order").select_option("title")
    expect(page.locator(".paper h2").first).to_have_text("Study 0 of heron colonies")


def test_a_paper_tells_what_is_like_it_and_which_answers_cited_it_and_is_asked_about(site: str, opened: Opened) -> None:
    page = opened(site)
    ask(page, QUESTION)
    page.locator(".mark").first.click()
    page.get_by_role("link", name="This paper").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Hydra")
    expect(page.locator(".margin")).to_contain_text(QUESTION)
    expect(page.locator(".margin .notes").last.locator("li")).to_have_count(8)
    page.get_by_role("button", name="Ask about this paper").click()
    expect(page.locator(".chip")).to_contain_text("Hydra")
    ask(page, "What does it raise?")
    expect(page.locator(".notes li")).to_have_count(1)


def test_a_map_shows_every_paper_and_is_moved_and_read_by_keyboard(site: str, opened: Opened) -> None:
    page = opened(f"{site}/map")
    canvas = page.locator("canvas")
    expect(page.locator(".margin")).to_contain_text(f"In view: {FEW} papers")
    canvas.focus()
    for _ in range(6):
        page.keyboard.press("+")
    expect(page.locator(".margin h2")).not_to_contain_text(f"{FEW} papers")
    page.get_by_role("button", name="Whole").click()
    expect(page.locator(".margin")).to_contain_text(f"In view: {FEW} papers")
    page.locator(".note").first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_a_point_of_the_map_is_a_paper(site: str, opened: Opened) -> None:
    page = opened(f"{site}/map")
    expect(page.locator(".margin")).to_contain_text("In view")
    box = page.locator("canvas").bounding_box()
    found = page.evaluate("fetch('/v1/libraries/default/map').then((response) => response.json())")
    assert box
    point, size = found["points"][0], min(box["width"], box["height"]) - 56
    x = box["x"] + box["width"] / 2 + (point["x"] - 0.5) * size
    y = box["y"] + box["height"] / 2 - (point["y"] - 0.5) * size
    page.mouse.click(x, y)
    expect(page.locator(".reading h2")).to_have_text(point["title"])


def test_a_paper_is_shown_on_the_map_among_those_around_it(site: str, opened: Opened) -> None:
    page = opened(f"{site}/search")
    page.locator(".paper a").first.click()
    title = page.get_by_role("heading", level=1).inner_text()
    page.get_by_role("button", name="Show it on the map").click()
    expect(page.locator(".reading h2")).to_have_text(title)
    expect(page.locator(".notes [data-read]")).to_contain_text(title)
    expect(page.locator(".margin h2.small")).not_to_contain_text(f"{FEW} papers")


def test_the_digest_of_a_watch_tells_what_is_new(site: str, opened: Opened) -> None:
    page = opened(f"{site}/watches")
    page.fill("#subject", "sleep of ferrets")
    page.get_by_role("button", name="Watch").click()
    expect(page.locator(".watch")).to_contain_text("Nothing yet.")
    put(site, [{"title": "Sleep of ferrets", "abstract": "The sleep of ferrets is long.", "year": 2024, "id": "f-1"}])
    page.get_by_role("button", name="Look now").click()
    expect(page.locator(".watch .paper")).to_contain_text("The sleep of ferrets is long.")
