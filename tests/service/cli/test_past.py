"""What was asked is found again: answers, conversations, and one paper as the subject of a question."""

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from rag.types import Paper
from tests.conftest import QUESTION, CommandResult

Scholiast = Callable[..., CommandResult]


def test_answers_are_listed_found_by_words_and_shown_again(scholiast: Scholiast, home: Path) -> None:
    assert "No answer yet." in scholiast("answers", "list").out
    first = scholiast("ask", QUESTION)
    scholiast("ask", "How long must banana bread bake?")
    listed = json.loads(scholiast("answers", "list", "--json").out)
    assert [one["question"] for one in listed["answers"]] == ["How long must banana bread bake?", QUESTION]
    id = listed["answers"][1]["id"]
    shown = scholiast("answers", "list", "recipe Hydra").out
    assert id in shown and "banana" not in shown and "1 answer\n" in shown
    assert "2 answers\n" in scholiast("answers", "list", "--library", "default").out
    again = scholiast("answers", "show", id)
    assert again.out.removeprefix(f"> {QUESTION}\n\n") == first.out
    assert json.loads(scholiast("answers", "show", id, "--json").out)["id"] == id
    assert scholiast("answers", "show", id, "--format", "bibtex").out.startswith("@")
    missing = scholiast("answers", "show", "ans_0")
    assert missing.code == 1 and "no answer 'ans_0'" in missing.err


@pytest.mark.slow
def test_conversations_are_listed_found_by_words_and_read(
    scholiast: Scholiast, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No conversation yet." in scholiast("history").out
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{QUESTION}\n"))
    scholiast("chat")
    (one,) = json.loads(scholiast("history", "--json").out)["conversations"]
    assert one["id"] in scholiast("history", "recipe for the heads").out
    assert one["id"] not in scholiast("history", "banana").out
    shown = scholiast("history", one["id"]).out
    assert f"> {QUESTION}" in shown and "[1]" in shown and f"chat --conversation {one['id']}" in shown
    assert [message["role"] for message in json.loads(scholiast("history", one["id"], "--json").out)["messages"]] == [
        "user",
        "assistant",
    ]
    assert scholiast("history", "conv_0").code == 1


def test_one_paper_is_the_subject(scholiast: Scholiast, home: Path, papers: Sequence[Paper]) -> None:
    answer = json.loads(scholiast("ask", "What does it say about the heads?", "--paper", papers[0].id, "--json").out)
    assert answer["outcome"] == "answered"
    assert {citation["paper"]["id"] for citation in answer["citations"]} == {papers[0].id}
    assert papers[0].title in answer["standalone_question"]
    off = json.loads(scholiast("ask", "How long must banana bread bake?", "--paper", papers[0].id, "--json").out)
    assert off["outcome"] != "answered"


def test_a_paper_is_named_by_its_doi_with_or_without_a_prefix(scholiast: Scholiast, tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(
        json.dumps([{"title": "Tea", "abstract": "Tea does not shorten sleep.", "doi": "10.1000/tea"}])
    )
    scholiast("ingest", tmp_path / "one.json")
    shown = {
        scholiast("papers", "show", id).out for id in ("10.1000/tea", "doi:10.1000/tea", "https://doi.org/10.1000/TEA")
    }
    assert len(shown) == 1 and "Tea does not" in shown.pop()
    assert "answered" in scholiast("ask", "Does it shorten sleep?", "--paper", "10.1000/tea", "--json").out
    unknown = scholiast("ask", "Does it shorten sleep?", "--paper", "10.1000/coffee")
    assert unknown.code == 1 and "has no paper '10.1000/coffee'" in unknown.err
