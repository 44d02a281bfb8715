"""The wording of a question says what would answer it; whether a text has anything of that kind."""

import pytest

from rag.question import analyse, has_number_near

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
    assert analyse(question).quantity


@pytest.mark.parametrize("question", ["What is a draft head?", "Why does it work?", "Who built the data set?"])
def test_a_number_does_not_answer_other_questions(question: str) -> None:
    assert not analyse(question).quantity


@pytest.mark.parametrize(
    "question", ["What is a draft head?", "What does SAE stand for?", "Explain distillation.", "whats Kite?"]
)
def test_what_something_is_or_means_asks_for_a_definition(question: str) -> None:
    assert analyse(question).definition


def test_a_value_is_no_definition() -> None:
    assert not analyse("What is the accuracy?").definition
    assert not analyse("Which method do they propose?").definition


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
def test_an_answer_that_abstracts_rarely_give_is_missing_unless_the_text_has_it(question: str, text: str) -> None:
    asked = analyse(question)
    assert asked.rare_answer_type
    assert asked.answer_type_missing("We propose a method that works well.")
    assert not asked.answer_type_missing(text)


def test_nothing_is_missing_when_no_such_answer_is_asked_for() -> None:
    asked = analyse("What does Kite gain?")
    assert not asked.rare_answer_type
    assert not asked.answer_type_missing(ABSTRACT)


@pytest.mark.parametrize(
    "question", ["How does Kite hear?", "Which trick lets Kite hear?", "What does Kite do about noise?", "how to hear?"]
)
def test_how_and_by_which_means_ask_for_a_method(question: str) -> None:
    assert analyse(question).method


@pytest.mark.parametrize("question", ["How many kites?", "How well does Kite hear?", "What is Kite?", "Which birds?"])
def test_how_much_asks_for_no_method(question: str) -> None:
    assert not analyse(question).method


def test_the_code_is_asked_for_by_its_words() -> None:
    assert analyse("Where is the code of Kite on GitHub?").release
    assert not analyse("How does Kite hear?").release


def test_the_noun_asked_for_stands_after_the_asking_word() -> None:
    asked = analyse("Which speech benchmark did Kite top, and what else?")
    assert asked.asked_nouns == (" speech benchmark did", " else")
    assert analyse("Does Kite hear?").asked_nouns == ()


@pytest.mark.parametrize(
    ("term", "near"), [("accuracy", True), ("training hours", True), ("perplexity", False), ("languages", False)]
)
def test_a_number_is_looked_for_near_the_word_it_belongs_to(term: str, near: bool) -> None:
    assert has_number_near(term, ABSTRACT) is near


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
def test_most_questions_are_answered_by_one_paper(question: str) -> None:
    assert analyse(question).shape == "single"


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
        "Which two papers use wavelets, and what does each gain?",
        "What do both papers measure?",
    ],
)
def test_two_things_side_by_side_are_a_comparison(question: str) -> None:
    assert analyse(question).shape == "comparison"


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
def test_asking_for_papers_is_answered_by_a_list(question: str) -> None:
    assert analyse(question).shape == "list"


@pytest.mark.parametrize("question", ["", "?", "漢字はどれ", "a" * 4000])
def test_any_text_can_be_read(question: str) -> None:
    asked = analyse(question)
    assert asked.shape == "single"
    assert not (asked.quantity or asked.definition or asked.method or asked.release or asked.rare_answer_type)


@pytest.mark.parametrize(
    "question",
    [
        "Which cost function does the network minimise?",
        "How does the default mode network change with age?",
        "How is parameter estimation done for small samples?",
        "What is the weight decay schedule of the immune system?",
        "Does a wearable device improve sleep in older adults?",
        "Is the pain threshold higher in runners than in other people?",
    ],
)
def test_a_word_that_is_not_what_is_asked_for_is_no_answer_type(question: str) -> None:
    assert not analyse(question).rare_answer_type


@pytest.mark.parametrize(
    "question",
    [
        "What learning rate were the heads trained with?",
        "Which university do the authors work at?",
        "How many GPU hours did training take?",
        "How much does a single long night of training cost?",
        "On which GPU was decoding timed?",
        "Do they report the batch size?",
        "hydra batch size",
    ],
)
def test_a_rare_answer_type_is_recognised_where_it_is_asked_for(question: str) -> None:
    assert analyse(question).rare_answer_type
