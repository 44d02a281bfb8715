"""Quotes are held against gold passages: the overlap, alternatives, and the mistakes that lint finds."""

from dataclasses import replace
from pathlib import Path

import pytest

from eval.files import json_lines
from eval.metrics.case import Case
from eval.metrics.passages import overlap, passage_precision, passages_quoted
from eval.questions import GoldPassage, Question, dump
from eval.reply import Quote, parse
from tests.support.eval_cases import PAPERS, QUESTIONS, answer, case, evaluate, ref

FIRST, SECOND = "Alpha nets have 12 layers.", "They train in 3.5 days."
BETA = "Yes, beta nets use graphs."
ONE = replace(QUESTIONS[0], gold_passages=(GoldPassage(paper="1", text=FIRST), GoldPassage(paper="1", text=SECOND)))
BOTH = replace(QUESTIONS[2], gold_passages=(*ONE.gold_passages, GoldPassage(paper="Paper 2", text=BETA)),
               gold_ids=("1",), gold_titles=("Paper 2",))  # fmt: skip


def quoting(question: Question, *quotes: tuple[str, str], outcome: str = "answered") -> Case:
    found = tuple(Quote(paper=ref(id), quote=text, start=None, end=None) for id, text in quotes)
    return case(question, quotes=found, outcome=outcome)


@pytest.mark.parametrize(
    ("quote", "passage", "share"),
    [
        (FIRST, FIRST, 1.0),
        ("alpha NETS have 12 layers", FIRST, 1.0),
        ("nets have 12 layers", FIRST, 4 / 5),
        ("12 layers", FIRST, 2 / 5),
        (f"{FIRST} {SECOND}", FIRST, 5 / 10),
        ("the nets", "the the nets nets", 2 / 4),
        ("", FIRST, 0.0),
        ("", "", 0.0),
    ],
)
def test_the_overlap_is_that_of_words_by_their_number(quote: str, passage: str, share: float) -> None:
    assert overlap(quote, passage) == pytest.approx(share)
    assert overlap(passage, quote) == pytest.approx(share)


@pytest.mark.parametrize(
    ("quotes", "quoted", "precision"),
    [
        ([("1", FIRST)], 1, 1),
        ([("1", SECOND)], 1, 1),  # either is right
        ([("1", FIRST), ("1", SECOND)], 1, 1),
        ([("1", f"{FIRST} {SECOND}")], 1, 1),
        ([("1", "12 layers")], 0, 0),
        ([("3", FIRST)], 0, 0),  # the words of one paper under the name of another
        ([("1", FIRST), ("3", "Gamma rays are something else entirely.")], 1, 0.5),
        ([], 0, 0),
    ],
)
def test_any_right_passage_of_the_paper_will_do(quotes: list[tuple[str, str]], quoted: float, precision: float) -> None:
    found = quoting(ONE, *quotes)
    assert (passages_quoted(found), passage_precision(found)) == (quoted, precision)


def test_where_all_papers_are_needed_each_must_be_quoted() -> None:
    assert passages_quoted(quoting(BOTH, ("1", FIRST), ("1", SECOND))) == 0.5
    assert passages_quoted(quoting(BOTH, ("1", SECOND), ("2", BETA))) == 1


def test_a_decline_quotes_nothing_and_what_follows_the_answer_does_not_count() -> None:
    assert passages_quoted(quoting(ONE, ("1", FIRST), outcome="not_in_abstracts")) == 0
    said = answer("It is deep [1].", ["3"])
    more = [{"text": "More.", "citations": [2], "quotes": [{"paper": {"id": "1", "title": ""}, "quote": FIRST}]}]
    reply = parse({**said, "more": more}, ())
    found = replace(quoting(ONE), reply=reply)
    assert len(reply.quotes) == 2 and passages_quoted(found) == passage_precision(found) == 0


def test_lint_names_passages_of_no_gold_paper_and_words_that_no_abstract_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    papers, questions = tmp_path / "papers.jsonl", tmp_path / "q.jsonl"
    papers.write_text(json_lines({"id": p.id, "title": p.title, "abstract": p.abstract} for p in PAPERS))
    words = ["lint", str(questions), "--papers", str(papers)]

    questions.write_text(dump([BOTH]))
    assert evaluate(*words) == 0
    questions.write_text(dump([replace(ONE, gold_passages=(GoldPassage(paper="7", text=FIRST),))]))
    assert evaluate(*words) == 2
    assert "gold passage of '7', which is none of the gold papers" in capsys.readouterr().err
    questions.write_text(dump([replace(ONE, gold_passages=(GoldPassage(paper="1", text="Alpha nets are deep."),))]))
    assert evaluate(*words) == 2
    assert "'Alpha nets are deep.' does not stand in the abstract of '1'" in capsys.readouterr().err
