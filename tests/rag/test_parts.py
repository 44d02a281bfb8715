"""Several questions in one are told apart, and so are the sides of a comparison."""

import pytest

from rag import parts


@pytest.mark.parametrize(
    ("question", "split"),
    [
        ("What does Kite change, and how fast is it?", ["What does Kite change?", "how fast is it?"]),
        ("Which drug was tried? Did it help?", ["Which drug was tried?", "Did it help?"]),
        ("Who wrote it, where was it done and when was it published?",
         ["Who wrote it, where was it done?", "when was it published?"]),
    ],
)  # fmt: skip
def test_two_questions_are_two_parts(question: str, split: list[str]) -> None:
    assert parts.split(question) == split


@pytest.mark.parametrize(
    "question",
    [
        "What does Kite change and break?",
        "How do Kite and Heron differ?",
        "Kite listens to birds, and what then?",
        "Why? And how?",
        "What is a? What is b? What is c? What is d? What is e?",
        "",
    ],
)
def test_one_question_stays_whole(question: str) -> None:
    assert parts.split(question) == [question]


def test_the_sides_of_a_comparison_are_searched_for_alone() -> None:
    assert parts.sides("Kite versus Heron: which is faster?") == ["Kite", "Heron", "which is faster"]
    assert parts.sides("How do tea and coffee drinkers differ?") == ["How do tea", "coffee drinkers differ"]


def test_a_comparison_has_few_sides() -> None:
    assert len(parts.sides(", ".join(f"kite{n} or heron{n}" for n in range(40)))) == parts.MAX_SIDES
