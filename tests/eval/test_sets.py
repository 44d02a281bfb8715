"""Question sets are imported as published, made from feedback, and searched for leaks."""

import json
from pathlib import Path
from typing import Any

import pytest

from eval import commands, importers, leaks
from eval.feedback import questions_from_feedback
from eval.questions import Question, load
from rag.errors import RequestError
from rag.types import Paper
from tests.support.eval_cases import evaluate

LONG = "Which of the seven proposed samplers needs the fewest steps on faces?"
HELD_OUT = Question(
    id="h1", question=LONG, type="factoid", answerable=True, gold_ids=("p1",),
    answer="The second sampler, with only four steps, needs the fewest.",
)  # fmt: skip


def paper(id: str, abstract: str) -> Paper:
    return Paper(id=id, title=f"Title {id}", abstract=abstract)


def write(path: Path, *records: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records))
    return path


def test_a_question_in_an_abstract_is_a_leak_even_in_part() -> None:
    part = "We ask WHICH of the seven proposed samplers -- needs the fewest, and why."
    found = list(leaks.in_corpus([HELD_OUT], [paper("p1", part), paper("p2", "Samplers need steps.")]))
    assert [(leak.question_id, leak.part, leak.where) for leak in found] == [("h1", "question", "paper p1")]
    assert found[0].words == "which of the seven proposed samplers needs the"


def test_the_gold_paper_may_hold_the_answer_and_no_other() -> None:
    texts = [paper("p1", HELD_OUT.answer), paper("p2", HELD_OUT.answer)]
    assert [leak.where for leak in leaks.in_corpus([HELD_OUT], texts)] == ["paper p2"]


def test_short_questions_leak_only_whole_and_tiny_ones_never() -> None:
    short = Question(id="s", question="how deep is the net", type="factoid", answerable=True, answer="12")
    tiny = Question(id="t", question="and why?", type="factoid", answerable=True, answer="12")
    assert list(leaks.in_files([short, tiny], {"a.py": "# and why? how deep is a net"})) == []
    assert [leak.question_id for leak in leaks.in_files([short, tiny], {"a.py": "'How deep is the net?'"})] == ["s"]


def test_the_same_question_in_other_words_is_found_in_another_set() -> None:
    near = Question(id="n", question=LONG.replace("fewest", "least"), type="factoid", answerable=True, answer="x")
    far = Question(id="f", question="What is a transformer?", type="factoid", answerable=True, answer="x")
    assert [leak.where for leak in leaks.in_questions([HELD_OUT], [near, far])] == ["question n"]


def test_the_check_reads_code_and_prompts_but_not_the_questions_themselves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = {"id": "h1", "question": LONG, "type": "factoid", "answerable": True, "answer": "Four."}
    questions = write(tmp_path / "code" / "eval" / "q.jsonl", record)
    write(tmp_path / "code" / ".git" / "x.txt", LONG)
    words = ["leaks", "--questions", str(questions), "--code", str(tmp_path / "code")]
    assert evaluate(*words) == 0
    write(tmp_path / "code" / "prompts" / "answer.md", f"For example: {LONG}")
    assert evaluate(*words) == 1
    assert "h1: its question stands in" in capsys.readouterr().out


@pytest.mark.slow
def test_the_bundled_questions_do_not_leak() -> None:
    assert evaluate("leaks") == 0


def test_a_beir_folder_is_read_in_both_layouts(tmp_path: Path) -> None:
    rows = ({"_id": "q1", "text": "one?"}, {"_id": "q2", "text": "two?"}, {"_id": "q3", "text": "three?"})
    qrels = ("query-id\tcorpus-id\tscore", "q1\td1\t1", "q1\td2\t2", "q2\td3\t0", "q3\t10.1000/XYZ\t1")
    write(tmp_path / "a" / "queries.jsonl", *rows)
    write(tmp_path / "a" / "qrels" / "test.tsv", *qrels)
    write(tmp_path / "b" / "queries.train.jsonl", *rows)
    write(tmp_path / "b" / "qrels.train.tsv", *qrels)
    found = importers.beir(tmp_path / "a").questions
    assert [(q.id, q.gold) for q in found] == [("q1", {"d2": 2.0, "d1": 1.0}), ("q3", {"doi:10.1000/xyz": 1.0})]
    assert importers.beir(tmp_path / "b", "train").questions == found
    with pytest.raises(RequestError, match=r"has no qrels/dev\.tsv or qrels\.dev\.tsv"):
        importers.beir(tmp_path / "a", "dev")


def test_the_help_of_import_names_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("import", "--help") == 0
    printed = capsys.readouterr().out
    assert all(format in printed for format in importers.IMPORTERS)


def test_scifact_claims_become_yes_no_and_unanswerable(tmp_path: Path) -> None:
    path = write(
        tmp_path / "claims.jsonl",
        {"id": 1, "claim": "A is B.", "evidence": {"9": [{"sentences": [0], "label": "SUPPORT"}]}},
        {"id": 2, "claim": "A is C.", "evidence": {"9": [{"sentences": [0], "label": "CONTRADICT"}]}},
        {"id": 3, "claim": "A is D.", "evidence": {}},
    )
    found = importers.scifact(path).questions
    assert [(q.answer, q.answerable, q.gold_ids) for q in found] == [
        ("Yes.", True, ("9",)), ("No.", True, ("9",)), ("", False, ()),
    ]  # fmt: skip


ORIGINAL = {"QUESTION": "Does A help B?", "CONTEXTS": ["We did.", "It did."], "LABELS": ["AIM", "RESULTS"],
            "LONG_ANSWER": "It may.", "final_decision": "maybe"}  # fmt: skip
FLAT = {
    "question": "Does A help B?",
    "abstract": [{"label": "AIM", "text": "We did."}, {"label": "RESULTS", "text": "It did."}],
    "conclusion": "It may.",
    "decision": "maybe",
}


@pytest.mark.parametrize(
    ("content", "id"),
    [
        (json.dumps({"123": ORIGINAL}, indent=1), "123"),
        (json.dumps({"id": "pubmedqa-123", **FLAT}), "pubmedqa-123"),
        (json.dumps([{"pubid": 123, **FLAT}]), "123"),
        (json.dumps({"id": "x-123", **FLAT}) + "\n\n" + json.dumps({"id": "x-9", **FLAT}), "x-123"),
        (json.dumps({"pubid": 123, "question": "Does A help B?", "context": {"contexts": ["We did.", "It did."]},
                     "long_answer": "It may.", "final_decision": "maybe"}), "123"),
    ],
    ids=["original", "one", "list", "lines", "nested"],
)  # fmt: skip
def test_pubmedqa_has_its_papers_in_every_form(tmp_path: Path, content: str, id: str) -> None:
    path = write(tmp_path / "ori_pqal.json", content)
    out, papers = tmp_path / "q.jsonl", tmp_path / "p.jsonl"
    assert evaluate("import", "pubmedqa", str(path), "--out", str(out), "--papers", str(papers)) == 0
    question = load(out)[0]
    assert (question.id, question.answer, question.gold_ids) == (id, "Maybe. It may.", ("pmid:123",))
    record = json.loads(papers.read_text().splitlines()[0])
    assert record == {"id": "pmid:123", "title": "PubMed 123", "abstract": "We did. It did."}


def test_a_line_is_ended_by_a_line_feed_alone(tmp_path: Path) -> None:
    rows = (json.dumps({"id": n, **FLAT, "conclusion": "It\u2028may\x85."}, ensure_ascii=False) for n in ("x-1", "x-2"))
    out = tmp_path / "q.jsonl"
    assert evaluate("import", "pubmedqa", str(write(tmp_path / "in.jsonl", *rows)), "--out", str(out)) == 0
    assert [question.answer for question in load(out)] == ["Maybe. It\u2028may\x85."] * 2


def test_pubmedqa_keeps_the_year_and_needs_no_decision(tmp_path: Path) -> None:
    entry = {key: value for key, value in ORIGINAL.items() if key != "final_decision"}
    found = importers.pubmedqa(write(tmp_path / "q.json", json.dumps({"5": {**entry, "YEAR": "2011"}})))
    assert found.papers[0]["year"] == 2011
    assert found.questions[0].answer == "It may."


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"id": "nine", **FLAT}, "does not end in a PubMed number"),
        ({"id": "9", "question": "Why?"}, "contexts or abstract or context"),
        ("{", "is not JSON"),
    ],
)
def test_an_entry_of_pubmedqa_that_can_not_be_read_is_named(tmp_path: Path, record: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        importers.pubmedqa(write(tmp_path / "q.jsonl", record))


@pytest.mark.parametrize(
    "topics",
    ["t1\tWhat is A?\nt2\tWhat is B?", "<top>\n<num> Number: t1\n<title> What is A?\n<desc> x\n</top>"],
)
def test_trec_topics_and_qrels_are_read(tmp_path: Path, topics: str) -> None:
    found = importers.trec(write(tmp_path / "t.txt", topics), write(tmp_path / "qrels", "t1 0 d1 1", "t1 0 d2 0"))
    assert [(q.id, q.question, q.gold_ids) for q in found.questions] == [("t1", "What is A?", ("d1",))]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["import", "csv", "x"], "no form 'csv'; there is beir, scifact, pubmedqa, trec"),
        (["import", "trec", "x"], "trec takes topics and qrels, not 1 paths"),
        (["import", "scifact", "nowhere.jsonl"], "nowhere.jsonl can't be read"),
        (["import", "pubmedqa", "nowhere.json"], "nowhere.json can't be read"),
    ],
)
def test_an_impossible_import_is_reported(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(*words, "--out", str(tmp_path / "out.jsonl")) == 2
    assert message in capsys.readouterr().err


def test_a_file_of_another_format_is_reported(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="is not of the form that was named"):
        importers.scifact(write(tmp_path / "x.jsonl", {"a": 1}))
    with pytest.raises(RequestError, match=r"x\.jsonl:1 is not JSON"):
        importers.scifact(write(tmp_path / "x.jsonl", "{"))
    with pytest.raises(RequestError, match="judges nothing to be relevant"):
        importers.trec(write(tmp_path / "t", "1\tx"), write(tmp_path / "q", "nothing"))


def entry(question: str, verdict: str, **fields: Any) -> dict[str, Any]:
    return {
        "answer_id": "ans", "question": question, "history": [], "library": "default", "outcome": "answered",
        "verdict": verdict, "comment": "", "passages": ["p1", "p2"], "cited": ["p1"], "model": "m",
        "created": "2026-01-01", **fields,
    }  # fmt: skip


def test_a_good_answer_becomes_a_question_with_its_papers_as_gold() -> None:
    history = [{"role": "user", "content": "before"}]
    found = questions_from_feedback([
        entry("A?", "good"),
        entry("B?", "good", outcome="not_in_abstracts", cited=[]),
        entry("C?", "good", history=history),
        entry("D?", "good", cited=[]),
    ]).questions  # fmt: skip
    assert [(q.question, q.type, q.gold_ids) for q in found] == [
        ("A?", "factoid", ("p1",)), ("B?", "unanswerable", ()), ("C?", "followup", ("p1",)),
    ]  # fmt: skip


def test_the_last_verdict_on_a_question_counts() -> None:
    found = questions_from_feedback([entry("A?", "good"), entry(" A? ", "bad", comment="wrong paper")])
    assert found.questions == ()
    assert found.drafts[0]["finish"]["comment"] == "wrong paper"
    assert questions_from_feedback([entry("A?", "bad"), entry("A?", "good")]).drafts == ()


def test_a_draft_can_not_be_asked_before_it_is_finished(tmp_path: Path) -> None:
    draft = dict(questions_from_feedback([entry("A?", "bad")]).drafts[0])
    path = write(tmp_path / "d.jsonl", draft)
    with pytest.raises(RequestError, match="finish is no field of a question"):
        load(path)
    del draft["finish"]
    with pytest.raises(RequestError, match="needs gold papers, key facts or an answer"):
        load(write(path, draft))
    assert load(write(path, {**draft, "gold_ids": ["p2"]}))[0].gold_ids == ("p2",)


def test_feedback_is_added_with_one_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def feedback() -> list[dict[str, Any]]:
        return [entry("A?", "good"), entry("B?", "bad")]

    monkeypatch.setattr(commands, "_feedback", feedback)
    out = tmp_path / "q.jsonl"
    for _ in range(2):  # the second time adds nothing
        assert evaluate("feedback", "--out", str(out)) == 0
    assert [q.question for q in load(out)] == ["A?"]
    assert "0 new questions, 1 there before" in capsys.readouterr().err
    assert (tmp_path / "q.drafts.jsonl").read_text().count("\n") == 1
