"""What kind of thing a question asks for, and whether a text has anything of that kind."""

import pytest

from rag import question as asked

ABSTRACT = "We train Kite, a small model, in 12 hours on four A100s. Accuracy rises by 3 points."


@pytest.mark.parametrize(
    "question",
    [
        "How many languages are covered?",
        "What accuracy does it reach?",
        "how fast is it",
        "What is the number of heads?",
    ],
)
def test_a_number_answers_a_question_for_a_quantity(question: str) -> None:
    assert asked.for_a_quantity(question)


@pytest.mark.parametrize("question", ["What is a draft head?", "Why does it work?", "Who built the data set?"])
def test_a_number_does_not_answer_other_questions(question: str) -> None:
    assert not asked.for_a_quantity(question)


@pytest.mark.parametrize(
    "question", ["What is a draft head?", "What does SAE stand for?", "Explain distillation.", "whats Kite?"]
)
def test_what_something_is_or_means_asks_for_a_definition(question: str) -> None:
    assert asked.for_a_definition(question)


def test_a_value_is_no_definition() -> None:
    assert not asked.for_a_definition("What is the accuracy?")
    assert not asked.for_a_definition("Which method do they propose?")


@pytest.mark.parametrize("question", ["Is tea better than coffee?", "But does it scale?", "Can people hear it?"])
def test_yes_or_no_answers_a_judgement(question: str) -> None:
    assert asked.for_a_judgement(question)
    assert not asked.for_a_judgement(f"Why: {question}")


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Under which licence is Kite released?", "Kite is released under the MIT license."),
        ("On how many GPUs was Kite trained?", "Kite was trained on eight A100s."),
        ("How many parameters has Kite?", "Kite has 7B weights."),
        ("What learning rate was used?", "We set the learning rate to 0.1."),
        ("At which conference was it published?", "This is in the proceedings of a workshop."),
    ],
)
def test_a_kind_that_abstracts_seldom_tell_is_missing_unless_the_text_has_it(question: str, text: str) -> None:
    assert asked.for_a_kind(question)
    assert asked.missing_kind(question, "We propose a method that works well.")
    assert not asked.missing_kind(question, text)


def test_nothing_is_missing_when_no_such_kind_is_asked_for() -> None:
    assert not asked.for_a_kind("What does Kite gain?")
    assert not asked.missing_kind("What does Kite gain?", ABSTRACT)


@pytest.mark.parametrize(
    "question", ["How does Kite hear?", "Which trick lets Kite hear?", "What does Kite do about noise?", "how to hear?"]
)
def test_how_and_by_which_means_ask_for_a_way(question: str) -> None:
    assert asked.for_a_way(question)


@pytest.mark.parametrize("question", ["How many kites?", "How well does Kite hear?", "What is Kite?", "Which birds?"])
def test_how_much_asks_for_no_way(question: str) -> None:
    assert not asked.for_a_way(question)


def test_the_code_is_asked_for_by_its_words() -> None:
    assert asked.for_a_release("Where is the code of Kite on GitHub?")
    assert not asked.for_a_release("How does Kite hear?")


def test_the_thing_asked_for_stands_after_the_asking_word() -> None:
    assert asked.things("Which speech benchmark did Kite top, and what else?") == [" speech benchmark did", " else"]
    assert asked.things("Does Kite hear?") == []


@pytest.mark.parametrize("question", ["", "?", "漢字はどれ", "a" * 4000])
def test_any_text_can_be_read(question: str) -> None:
    asked_for = (
        asked.for_a_quantity,
        asked.for_a_definition,
        asked.for_a_judgement,
        asked.for_a_kind,
        asked.for_a_way,
    )
    assert not any(question_for(question) for question_for in asked_for)
