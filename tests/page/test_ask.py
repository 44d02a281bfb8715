"""Asking on the page: marks and the margin, follow-ups, declines, failures, and what a reload leaves."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from rag.errors import BackendError
from tests.conftest import QUESTION
from tests.page.conftest import Opened, ask
from tests.support.running import Script, wait_until, writes

QUOTED = "the best recipe, named Hydra++"


def abstract(page: Page) -> str:
    return page.locator(".margin .abstract").inner_text()


def half_answered(site: str, opened: Opened, script: Script) -> Page:
    """A page that shows the first piece of the script's answer; the rest comes when `go` is set."""
    page = opened(site)
    page.fill("#question", QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".answer > .prose")).to_contain_text("Hydra heads depend on each")
    assert len(script.heard) == 1
    return page


def test_resting_on_a_mark_opens_the_abstract_beside_it_with_the_words_lit_and_in_sight(
    site: str, opened: Opened
) -> None:
    page = opened(site)
    ask(page, QUESTION)
    page.locator(".mark").first.hover()
    lit = page.locator(".margin mark").filter(has_text="Hydra").first
    expect(lit).to_be_in_viewport()
    assert QUOTED in " ".join(page.locator(".margin .abstract").inner_text().split())
    expect(page.locator(".margin mark strong").first).to_be_visible()


def test_the_verdict_on_a_sentence_is_a_sign_and_words_besides_a_colour(site: str, opened: Opened) -> None:
    page = opened(site)
    ask(page, QUESTION)
    mark = page.locator(".mark").first
    expect(mark).to_have_text("1✓")
    assert re.match(r"Source 1, supported: Hydra", mark.get_attribute("aria-label") or "")
    mark.click()
    expect(page.locator(".margin .verdict")).to_contain_text("The abstract supports this sentence")


def test_a_follow_up_joins_the_conversation_which_is_found_again_by_its_words(site: str, opened: Opened) -> None:
    page = opened(site)
    ask(page, QUESTION)
    ask(page, "How much does it raise throughput over Medusa?")
    assert page.locator(".turn").count() == 2
    address = page.url
    page.goto(f"{site}/")
    page.get_by_label("Find a conversation").fill("throughput over Medusa")
    found = page.locator(".history .entry")
    expect(found).to_have_count(1)
    found.get_by_role("link").click()
    expect(page.locator(".turn")).to_have_count(2)
    assert page.url == address


def test_a_conversation_is_renamed_and_deleted(site: str, opened: Opened) -> None:
    page = opened(site)
    ask(page, "Which papers are about otters?")
    page.locator(".entry").first.hover()
    page.get_by_role("button", name="Rename:").first.click()
    page.get_by_label("New title").fill("Heads of Hydra")
    page.get_by_role("button", name="Save").click()
    entry = page.locator(".entry").filter(has_text="Heads of Hydra")
    expect(entry).to_have_count(1)
    entry.hover()
    entry.get_by_role("button", name="Delete:").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".entry").filter(has_text="Heads of Hydra")).to_have_count(0)
    expect(page.locator(".turn")).to_have_count(0)


def test_a_decline_says_so_and_is_not_dressed_as_an_answer(site: str, opened: Opened) -> None:
    page = opened(site)
    ask(page, "Do otters sleep under water?")
    expect(page.locator(".outcome")).to_have_text("○ Not answered")
    expect(page.locator(".answer > .prose .mark")).to_have_count(0)
    nearest = page.locator(".further")
    expect(nearest).to_contain_text("Nearest statements, which may not answer it")
    expect(nearest.locator(".mark").first).to_be_visible()


def test_a_failure_is_told_with_what_to_do_and_trying_again_answers(
    site: str, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = Script(
        "Heads ", BackendError("openai:x at http://10.0.0.7: overloaded", retryable=True, reason="it is overloaded")
    )
    writes(monkeypatch, failing)
    page = opened(site)
    page.fill("#question", QUESTION)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("can't be used: it is overloaded")
    failing.pieces = ("Hydra heads are sequentially dependent [1].",)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".answer > .prose")).to_contain_text("sequentially dependent")
    expect(page.get_by_role("alert")).to_have_count(0)
    page.reload()
    expect(page.locator(".turn")).to_have_count(1)


def test_an_answer_is_stopped(site: str, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    script = writes(monkeypatch, Script("Hydra heads depend on each other [1]. ", None, "Never."))
    page = half_answered(site, opened, script)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".turn")).to_contain_text("Stopped.")
    assert wait_until(lambda: script.stopped == 1)


def test_a_page_that_is_reloaded_in_the_middle_of_an_answer_comes_to_its_end(
    site: str, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = writes(monkeypatch, Script("Hydra heads depend on each other [1]. ", None, "They are accurate [1]."))
    page = half_answered(site, opened, script)
    page.reload()
    expect(page.locator(".question h2")).to_have_text(QUESTION)
    script.go.set()
    expect(page.locator(".answer > .prose")).to_contain_text("They are accurate")
    page.locator(".actions").wait_for()
    assert page.locator(".turn").count() == 1
    assert len(script.heard) == 1, "it went on instead of beginning again"


def test_an_answer_whose_connection_drops_is_taken_up_again(
    site: str, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = writes(monkeypatch, Script("Hydra heads depend on each other [1]. ", None, "They are accurate [1]."))
    page = half_answered(site, opened, script)
    page.context.set_offline(True)
    script.go.set()
    page.wait_for_timeout(500)
    page.context.set_offline(False)
    expect(page.locator(".answer > .prose")).to_contain_text("They are accurate")
    page.locator(".actions").wait_for()
    assert page.locator(".answer > .prose").inner_text().count("Hydra heads depend on each") == 1
    assert len(script.heard) == 1


def test_a_changed_question_takes_the_place_of_the_first_one(site: str, opened: Opened) -> None:
    page = opened(site)
    ask(page, "Do otters sleep under water?")
    page.get_by_role("button", name="Change the question").click()
    page.locator("form.question textarea").fill(QUESTION)
    page.locator("form.question").get_by_role("button", name="Ask").click()
    expect(page.locator(".answer .mark").first).to_be_visible()
    page.reload()
    expect(page.locator(".turn")).to_have_count(1)
    expect(page.locator(".question h2")).to_have_text(QUESTION)


def test_nothing_moves_while_an_answer_is_written(site: str, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [f"Hydra heads depend on {number} others [1]. " for number in range(30)]
    script = writes(monkeypatch, Script("Hydra heads are drafts [1]. ", None, *words))
    page = opened(site)
    page.fill("#question", QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".answer > .prose")).to_contain_text("Hydra heads")
    page.wait_for_timeout(700)  # what moves within half a second of a key is not counted
    page.evaluate(
        "window.shift = 0; new PerformanceObserver((list) => list.getEntries().forEach((entry) =>"
        " { window.shift += entry.value; })).observe({ type: 'layout-shift' })"
    )
    script.go.set()
    page.locator(".actions").wait_for()
    page.wait_for_timeout(300)
    assert page.evaluate("window.shift") < 0.01


def test_an_answer_is_copied_saved_judged_and_shared(site: str, opened: Opened) -> None:
    page = opened(site, permissions=["clipboard-read", "clipboard-write"])
    ask(page, QUESTION)
    page.get_by_role("button", name="Copy with references").click()
    expect(page.locator(".actions [role=status]")).to_have_text("Copied.")
    assert "[^1]" in page.evaluate("navigator.clipboard.readText()")
    page.locator(".menu summary").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="BibTeX").click()
    assert download.value.suggested_filename.endswith(".bib")
    assert "@" in Path(download.value.path()).read_text("utf-8")
    page.get_by_role("button", name="Bad").click()
    page.get_by_label("What was wrong?").fill("The number is missing")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".actions [role=status]")).to_contain_text("kept with the answer")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator(".actions [role=status]")).to_have_text("Link copied.")
    page.goto(page.evaluate("navigator.clipboard.readText()"))
    expect(page.locator(".question h2")).to_have_text(QUESTION)
    page.locator(".mark").first.hover()
    expect(page.locator(".margin mark").first).to_be_visible()


def test_a_question_is_answered_from_the_years_that_are_chosen(site: str, opened: Opened) -> None:
    page = opened(site)
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("To year").fill("1990")
    ask(page, QUESTION)
    expect(page.locator(".outcome")).to_have_text("○ Not answered")
    page.get_by_role("button", name="Remove: … to 1990").click()
    ask(page, QUESTION)
    expect(page.locator(".turn").nth(1).locator(".mark").first).to_be_visible()


def test_a_question_is_answered_from_the_venue_and_author_that_are_named(site: str, opened: Opened) -> None:
    page = opened(site)
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Venue").fill("Nowhere")
    page.get_by_label("Author").fill("Nobody")
    ask(page, QUESTION)
    expect(page.locator(".outcome")).to_have_text("○ Not answered")
    page.get_by_role("button", name="Remove: in Nowhere").click()
    page.get_by_role("button", name="Remove: by Nobody").click()
    ask(page, QUESTION)
    expect(page.locator(".turn").nth(1).locator(".mark").first).to_be_visible()
