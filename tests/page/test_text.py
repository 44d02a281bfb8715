"""How the page divides an answer into sentences and marks, and an abstract into what is lit; run in the browser."""

from typing import Any

import pytest
from playwright.sync_api import Page

from service.page import assets
from tests.page.conftest import Opened


@pytest.fixture
def page(site: str, opened: Opened) -> Page:
    return opened(site)


def call(page: Page, function: str, *arguments: Any) -> Any:
    """What a function of `text.js` returns."""
    script = "([path, name, given]) => import(path).then((module) => module[name](...given))"
    return page.evaluate(script, [f"{assets.load().base}/files/text.js", function, list(arguments)])


def test_a_mark_belongs_to_its_sentence_and_stands_behind_the_stop_tied_to_the_last_word(page: Page) -> None:
    sentences = [{"text": "Otters dive."}, {"text": "They rest at night."}]
    (line,) = call(page, "lines", "Otters dive [1][2]. They rest at night. [3]", sentences)
    assert [(part["text"], part["sentence"]) for part in line["parts"]] == [
        ("Otters ", 0),
        ("dive.", 0),
        (" They rest at ", 1),
        ("night.", 1),
    ]
    marks = [[(mark["number"], mark["sentence"]) for mark in part.get("marks", [])] for part in line["parts"]]
    assert marks == [[], [(1, 0), (2, 0)], [], [(3, 1)]]


def test_lines_that_begin_with_a_dash_are_items_and_a_sentence_twice_is_two_sentences(page: Page) -> None:
    text = "Two papers:\n- Otters dive [1].\n- Otters dive [2]."
    sentences = [{"text": "Two papers:"}, {"text": "Otters dive."}, {"text": "Otters dive."}]
    lines = call(page, "lines", text, sentences)
    assert [line["item"] for line in lines] == [False, True, True]
    assert [line["parts"][0]["sentence"] for line in lines] == [0, 1, 2]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Otters dive [1]. They re", "Otters dive [1]. They "),
        ("Otters dive deep [1][2]", "Otters dive "),
        ("Otters dive ", "Otters dive "),
        ("", ""),
    ],
)
def test_a_last_word_waits_with_its_marks_until_nothing_moves_it(page: Page, written: str, shown: str) -> None:
    assert call(page, "settled", written) == shown


def test_offsets_count_characters_where_javascript_counts_two(page: Page) -> None:
    text = "\U0001f9a6\U0001f9a6 dive \U0001f9a6 deep"
    pieces = call(page, "lightUp", text, [{"start": 3, "end": 9, "words": [[3, 7]]}])
    assert [(piece["text"], piece["lit"], piece["strong"]) for piece in pieces] == [
        ("\U0001f9a6\U0001f9a6 ", False, False),
        ("dive", True, True),
        (" \U0001f9a6", True, False),
        (" deep", False, False),
    ]
    assert call(page, "find", text, "deep") == [{"start": 10, "end": 14, "words": []}]
    assert call(page, "find", text, "shallow") == []


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", " https://x.example", "ftp://x.example", "", None]
)
def test_only_addresses_of_the_web_become_links(page: Page, url: str | None) -> None:
    assert call(page, "webAddress", url) is None
    assert call(page, "webAddress", "https://x.example/1") == "https://x.example/1"
