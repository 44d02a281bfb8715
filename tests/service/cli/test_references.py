"""References on the command line: `cite`, `papers export`, and `--format` of `ask` and `search`."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rag.types import Paper
from service.http.app import create_app
from tests.conftest import QUESTION, CommandResult, settings
from tests.support.command import words

pytestmark = pytest.mark.slow

Scholiast = Callable[..., CommandResult]


def test_cite_prints_the_references_of_an_answer_that_was_given(
    scholiast: Scholiast, home: Path, papers: Sequence[Paper]
) -> None:
    answer = json.loads(scholiast("ask", QUESTION, "--json").out)
    ran = scholiast("cite", answer["id"])
    assert (ran.code, ran.err) == (0, "")
    assert f"title = {{{{{papers[0].title}}}}}" in ran.out
    assert scholiast("cite", answer["id"], "--format", "text").out.startswith(f"{QUESTION}\n\n{answer['text']}")


def test_ask_prints_the_same_as_cite(scholiast: Scholiast, home: Path) -> None:
    asked = scholiast("ask", QUESTION, "--format", "ris")
    assert asked.code == 0 and asked.out.startswith("TY  - ")


def test_search_and_export_print_papers(scholiast: Scholiast, home: Path, papers: Sequence[Paper]) -> None:
    found = json.loads(scholiast("search", "decoding heads", "--limit", "2", "--format", "csl").out)
    assert len(found) == 2
    assert len(json.loads(scholiast("papers", "export", "--format", "csl").out)) == len(papers)
    assert "(2024)" in scholiast("papers", "export", "--format", "apa").out


def test_references_are_printed_while_a_service_has_the_library(scholiast: Scholiast, home: Path) -> None:
    with TestClient(create_app(settings(home), words()), base_url="http://127.0.0.1") as client:
        id = client.post("/v1/ask", json={"question": QUESTION}).json()["id"]
        assert scholiast("cite", id).out.startswith("@")
        assert scholiast("papers", "export").out.count("\n@") > 5


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("cite", "ans_1", "--format", "word"), 2, "format is 'word'; there is bibtex, ris"),
        (("ask", "Why?", "--format", "word"), 2, "format is 'word'; there is bibtex, ris"),
        (("ask", "Why?", "--json", "--format", "ris"), 2, "--json and --format ris ask for two outputs"),
        (("cite", "ans_1"), 1, "no answer 'ans_1'"),
        (("cite", "conv_1"), 1, "no conversation 'conv_1'"),
        (("papers", "export", "--library", "none"), 1, "no library 'none'"),
    ],
)
def test_what_can_not_be_printed_is_one_line(
    scholiast: Scholiast, home: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    ran = scholiast(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err and ran.err.count("\n") == 1
