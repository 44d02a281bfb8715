"""The wording of a question says what shape of answer it wants."""

import pytest

from rag.writers.intent import intent


@pytest.mark.parametrize(
    "question",
    [
        "What is Hydra++?",
        "Which paper introduces the draft heads?",
        "How many languages does the benchmark cover?",
        "Who wrote the paper?",
        "What do they say about each of its datasets?",
        "How does it avoid running each step at full size?",
    ],
)
def test_most_questions_want_the_word_of_one_paper(question: str) -> None:
    assert intent(question) == "single"


@pytest.mark.parametrize(
    "question",
    [
        "How do Hydra and Medusa differ?",
        "Compare Hydra with Medusa.",
        "Hydra vs Medusa: which is faster?",
        "Which of the two methods needs no training?",
        "Do both methods need a draft model?",
        "Hydra or Medusa, what weakness does either of them go after?",
        "How large are the models of EAGLE and Medusa, respectively?",
    ],
)
def test_two_things_side_by_side_are_a_comparison(question: str) -> None:
    assert intent(question) == "comparison"


@pytest.mark.parametrize(
    "question",
    [
        "Which papers study speculative decoding?",
        "list papers on sound separation",
        "What do we have on sparse autoencoders?",
        "Are there any works about one-step diffusion?",
        "papers on time series",
        "Give me the papers about exposure bias.",
        "Who else worked on source separation?",
    ],
)
def test_asking_for_papers_wants_a_list(question: str) -> None:
    assert intent(question) == "list"


def test_two_papers_are_compared_and_not_listed() -> None:
    assert intent("Which two papers use wavelets, and what does each gain?") == "comparison"


def test_both_papers_are_compared_and_not_listed() -> None:
    assert intent("What do both papers measure?") == "comparison"


@pytest.mark.parametrize("question", ["", "?", "漢字", "COMPARE"])
def test_any_text_has_an_intent(question: str) -> None:
    assert intent(question) in ("single", "comparison", "list")
