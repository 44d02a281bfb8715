"""Follow-ups: what is searched for, and what "the second one" is called."""

import pytest

from rag.condense import RuleBasedRewriter, with_exchange, with_names
from rag.types import Turn

LIST = "- Hydra: draft heads that see each other [1].\n- Medusa: several heads [2].\n- EAGLE: draws features [4]."
PROSE = "Hydra: Its heads see each other [1]. It is fast [1]. Medusa: It adds heads [2]."
ASKED = Turn(role="user", content="Which papers speed up the decoding of large language models with draft heads?")


def after(answer: str) -> list[Turn]:
    return [ASKED, Turn(role="assistant", content=answer)]


async def test_a_first_question_is_left_alone() -> None:
    assert (await RuleBasedRewriter().rewrite("and then?", ())).search == "and then?"


async def test_a_question_that_names_its_subject_is_left_alone() -> None:
    question = "Which optimizer converges fastest on convex quadratic problems with noisy gradients?"
    assert (await RuleBasedRewriter().rewrite(question, after(LIST))).search == question


def test_a_question_is_searched_with_what_was_said() -> None:
    assert "draft heads" in with_exchange("and how fast is it?", after(LIST))


@pytest.mark.parametrize("declined", ["The abstracts do not say.", "Sorry, the papers do not mention any figure."])
def test_the_papers_that_a_decline_names_are_not_what_was_said(declined: str) -> None:
    search = with_exchange("and how fast is it?", after(f"{declined} The nearest papers are “Medusa” and “EAGLE”."))
    assert ("draft heads" in search, "Medusa" in search) == (True, False)


async def test_what_was_said_before_a_change_of_subject_is_left_out() -> None:
    history = [
        *after(LIST),
        Turn(role="user", content="How do honey bees navigate home over many kilometres of open fields?"),
    ]
    assert "Hydra" not in (await RuleBasedRewriter().rewrite("and at night?", history)).search


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("what about the second one?", "what about Medusa?"),
        ("What does the last do?", "What does the last do?"),
        ("how fast is the last one?", "how fast is EAGLE?"),
        ("and the third?", "and EAGLE?"),
        ("does the first paper need training?", "does Hydra need training?"),
        ("tell me more about [4]", "tell me more about EAGLE"),
        ("is paper 2 faster than #1?", "is Medusa faster than Hydra?"),
        ("what is the second stage of it?", "what is the second stage of it?"),
        ("what about the fifth one?", "what about the fifth one?"),
        ("and paper 3?", "and paper 3?"),
    ],
)
def test_a_place_in_the_last_answer_gets_its_name(question: str, named: str) -> None:
    assert with_names(question, after(LIST)) == named


def test_a_place_counts_papers_not_sentences() -> None:
    assert with_names("and the second one?", after(PROSE)) == "and Medusa?"


def test_a_list_without_marks_has_places_too() -> None:
    assert with_names("the second one?", after("1. Hydra: fast.\n2. Medusa: simple.")) == "Medusa?"


def test_an_answer_about_one_paper_has_no_second_one() -> None:
    assert with_names("and the second one?", after("Hydra: Its heads see each other [1].")) == "and the second one?"


async def test_a_question_by_place_is_searched_and_asked_by_name() -> None:
    found = await RuleBasedRewriter().rewrite("what about the second one?", after(LIST))
    assert found.question == found.search == "what about Medusa?"


async def test_another_follow_up_is_asked_as_it_is() -> None:
    found = await RuleBasedRewriter().rewrite("and how fast is it?", after(LIST))
    assert found.question == "and how fast is it?"
    assert found.search.startswith("and how fast is it? (")
