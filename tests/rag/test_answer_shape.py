"""What an answer looks like, asked of a real library: short, each part for itself, and what else there is below it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rag.types import Answer, Paper
from rag.workspace import Workspace
from tests.conftest import settings

KITE = Paper(
    id="kite",
    title="Kite: speech recognition on phones",
    abstract="Speech recognition on phones is slow. We propose Kite, a speech recogniser for phones. Kite is trained "
    "on 960 hours of read speech. It reaches a word error rate of 4.2% on recordings from phones. Kite runs three "
    "times faster than earlier recognisers on phones.",
)
HERON = Paper(
    id="heron",
    title="Heron: speech recognition without labels",
    abstract="Labels for speech are expensive. We introduce Heron, a speech recogniser that learns without labels. "
    "Heron is trained on 40 hours of radio in sixty languages. Its word error rate is 11% on radio broadcasts.",
)
OTHERS = [
    Paper(
        id=f"paper-{number}",
        title=f"{subject.capitalize()} and sleep",
        abstract=f"We asked {number + 20} people about {subject}. {subject.capitalize()} changes how people sleep.",
    )
    for number, subject in enumerate(["coffee", "tea", "noise", "light", "shift work", "travel", "old age", "exercise"])
]


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    async with Workspace(settings(tmp_path)) as opened:
        await opened.ingest(KITE, HERON, *OTHERS)
        yield opened


def words(answer: Answer) -> int:
    return len(answer.text.split())


async def test_the_answer_comes_first_and_the_rest_of_the_abstract_is_told_below_it(workspace: Workspace) -> None:
    answer = await workspace.ask("On how many hours of speech is Kite trained?")
    assert answer.sentences[0].text == "Kite is trained on 960 hours of read speech."
    assert words(answer) <= 60
    said = {citation.quote for citation in answer.citations}
    for index, statement in enumerate(answer.more):
        [quote] = statement.quotes
        assert quote.sentence == index
        assert quote.paper.abstract[quote.start : quote.end] == quote.quote
        assert quote.quote not in said
        assert statement.support == "supported"
        assert (quote.number,) == statement.citations


async def test_each_of_two_questions_is_answered(workspace: Workspace) -> None:
    answer = await workspace.ask(
        "On how many hours of speech is Kite trained, and which word error rate does it reach?"
    )
    assert answer.outcome == "answered"
    assert "960 hours" in answer.text
    assert "4.2%" in answer.text


async def test_a_sentence_that_answers_both_questions_is_told_once(workspace: Workspace) -> None:
    answer = await workspace.ask("How much faster is Kite, and what does Kite run faster than?")
    told = [sentence.text for sentence in answer.sentences]
    assert "Kite runs three times faster than earlier recognisers on phones." in told
    assert len(set(told)) == len(told)


async def test_a_question_of_which_one_half_has_no_answer_is_partial_and_names_it(workspace: Workspace) -> None:
    answer = await workspace.ask("On how many hours of speech is Kite trained, and which university trained it?")
    assert answer.outcome == "partial"
    assert "960 hours" in answer.text
    assert answer.text.endswith("The abstracts do not say: “which university trained it?”")


async def test_a_comparison_has_both_sides_each_from_its_own_paper(workspace: Workspace) -> None:
    answer = await workspace.ask("Kite or Heron: which of the two has the lower word error rate?")
    assert {citation.paper.id for citation in answer.citations} == {"kite", "heron"}
    assert "Kite: " in answer.text
    assert "Heron: " in answer.text


async def test_a_list_says_how_many_papers_were_looked_at(workspace: Workspace) -> None:
    answer = await workspace.ask("Which papers study speech recognition?")
    listed = {citation.paper.id for citation in answer.citations}
    assert listed == {"kite", "heron"}
    assert answer.notice == "2 of the 10 nearest papers are listed."


async def test_a_decline_tells_the_nearest_statements(workspace: Workspace) -> None:
    answer = await workspace.ask("Which university trained Kite, the speech recogniser for phones?")
    assert answer.outcome == "not_in_abstracts"
    assert answer.citations == ()
    assert answer.more[0].quotes[0].paper.id == "kite"
    assert answer.more[0].text not in answer.text


async def test_a_question_about_nothing_here_has_no_nearest_statements(workspace: Workspace) -> None:
    answer = await workspace.ask("Who painted the ceiling of the Sistine Chapel?")
    assert answer.outcome == "out_of_scope"
    assert answer.more == ()


async def test_two_abstracts_that_contradict_each_other_are_both_told(workspace: Workspace) -> None:
    papers = [
        ("Coffee and the blood pressure of nurses", "Coffee raises the blood pressure of nurses at night."),
        ("Coffee in hospitals", "In 90 nurses, coffee lowers the blood pressure of nurses at night."),
    ]
    await workspace.ingest(*(Paper(id=title, title=title, abstract=text) for title, text in papers), library="two")
    answer = await workspace.ask("What does coffee do to the blood pressure of nurses at night?", library="two")
    assert {citation.paper.title for citation in answer.citations} == {title for title, _ in papers}
    assert "Another abstract says otherwise: " in answer.text


async def test_abstracts_that_agree_are_not_set_against_each_other(workspace: Workspace) -> None:
    papers = [
        ("Coffee and the blood pressure of nurses", "Coffee raises the blood pressure of nurses at night."),
        ("Coffee in hospitals", "In 90 nurses, coffee increases the blood pressure of nurses at night."),
    ]
    await workspace.ingest(*(Paper(id=title, title=title, abstract=text) for title, text in papers), library="two")
    answer = await workspace.ask("What does coffee do to the blood pressure of nurses at night?", library="two")
    assert "otherwise" not in answer.text


async def test_a_question_in_another_language_than_the_papers_is_told_so(workspace: Workspace) -> None:
    answer = await workspace.ask("Welche Bäckereien in der Stadt backen das beste Brot und wann öffnen sie?")
    assert answer.outcome == "not_in_abstracts"
    assert answer.text.startswith("The question is in German; the nearest papers are in English. The nearest paper")


async def test_what_papers_in_another_language_may_say_is_not_denied(workspace: Workspace) -> None:
    paper = Paper(
        id="zh", title="交通流量预测", abstract="交通流量预测是重要任务。本文提出一种模型，将误差降低了百分之十二。"
    )
    await workspace.ingest(paper, library="zh")
    answer = await workspace.ask("Who painted the ceiling of the Sistine Chapel?", library="zh")
    assert "Nothing in this library" not in answer.text
    assert "in Chinese" in answer.text
    assert (await workspace.ask("模型将误差降低了多少？", library="zh")).notice == ""


async def test_what_looks_like_a_mark_in_an_abstract_does_not_pass_for_one_of_ours(workspace: Workspace) -> None:
    abstract = "Owls hunt at night. Owls hear mice under snow [2]. Owls fly without a sound [1]. Owls see little [3]."
    await workspace.ingest(Paper(id="owl", title="Owls at night", abstract=abstract), library="owls")
    answer = await workspace.ask("When do owls hunt?", library="owls")
    assert answer.more
    assert not any("[" in statement.text for statement in answer.more)
    assert set(re.findall(r"\[\d+\]", answer.text)) == {"[1]"}


@pytest.mark.parametrize("question", ["When do owls hunt?", "Which papers are about owls?", "Who wrote the owl paper?"])
async def test_no_markup_of_an_abstract_or_a_title_acts(workspace: Workspace, question: str) -> None:
    trap = "![1 a](http://leak.example/x) <img src=http://leak.example/y> [here](javascript:alert(1))"
    abstract = f"Owls hunt at night. Owls hear mice under snow {trap}. Owls fly without a sound."
    await workspace.ingest(Paper(id="owl", title=f"Owls at night {trap}", abstract=abstract), library="owls")
    answer = await workspace.ask(question, library="owls")
    shown = [answer.text, *(statement.text for statement in answer.more)]
    assert not any(active in text for text in shown for active in ("![", "<img", "](javascript:"))


async def test_three_things_are_compared_each_from_its_own_paper(workspace: Workspace) -> None:
    owl = Paper(
        id="owl",
        title="Owl: speech recognition in noise",
        abstract="Noise is everywhere. Owl is a speech recogniser for noisy rooms. Its word error rate is 7%.",
    )
    await workspace.ingest(owl)
    answer = await workspace.ask("Compare the word error rates of the recognisers Kite, Heron, and Owl.")
    assert {citation.paper.id for citation in answer.citations} == {"kite", "heron", "owl"}
