"""Of the sentences of an abstract, the one that holds the answer is found, not the one that repeats the question."""

import numpy as np
import pytest

from rag.text.analysis import content_stems
from rag.types import Passage
from rag.writers import sentence_scoring
from tests.support.passages import Flat, passage

KITE = passage(
    "Kite: Fast Speech Recognition on Phones",
    "Speech recognition on phones remains challenging.",
    "In this paper, we propose Kite, a recogniser for phones.",
    "Kite is trained on 960 hours of speech from LibriSpeech by distilling WavLM.",
    "Experiments show that it significantly outperforms earlier recognisers.",
    "Code is available at https://example.org/kite.",
)


def likeliest(question: str, known: str = "", passage: Passage = KITE) -> str:
    idf = Flat().idf(content_stems(question))
    found = sentence_scoring.answer_probabilities(question, f"{known} {question}", passage, idf)
    return passage.sentences[int(np.argmax(found))].text


@pytest.mark.parametrize(
    ("question", "begins"),
    [
        ("How many hours of speech is Kite trained on?", "Kite is trained"),
        ("Which data set is Kite trained on?", "Kite is trained"),
    ],
)
def test_the_sentence_that_answers_is_the_likeliest(question: str, begins: str) -> None:
    assert likeliest(question).startswith(begins)


def test_there_is_one_probability_for_each_sentence_in_order() -> None:
    found = sentence_scoring.answer_probabilities("What is Kite?", "What is Kite?", KITE, Flat().idf(["kite"]))
    assert found.shape == (len(KITE.sentences),)
    assert ((found >= 0) & (found < 1)).all()


def test_a_name_that_the_asker_knows_is_no_answer() -> None:
    idf = Flat().idf(content_stems("What is it distilled from?"))
    fresh = sentence_scoring.signals("What is it distilled from?", "What is it distilled from?", KITE, idf)
    known = sentence_scoring.signals("What is it distilled from?", "WavLM, LibriSpeech, 960 and Kite", KITE, idf)
    names = sentence_scoring.SIGNALS.index("new_mentions")
    assert fresh[2, names] > known[2, names] == 0


def test_words_that_are_rare_in_the_library_count_for_more() -> None:
    less = sentence_scoring.SIGNALS.index("relative_overlap")
    question = "phones or WavLM?"
    signals = sentence_scoring.signals(question, question, KITE, Flat(absent=["wavlm"]).idf(content_stems(question)))
    assert signals[2, less] == 0 > signals[1, less]


@pytest.mark.parametrize(
    ("question", "sentence", "signal"),
    [
        ("Which data set is it distilled from?", 2, "new_mentions"),
        ("What recogniser is it?", 1, "asked_noun"),
        ("How does Kite recognise speech on phones?", 2, "method_means"),
        ("How many hours of speech is it trained on?", 2, "quantity_number"),
    ],
)
def test_what_is_asked_for_decides_what_counts(question: str, sentence: int, signal: str) -> None:
    signals = sentence_scoring.signals(question, question, KITE, Flat().idf(content_stems(question)))[
        :, sentence_scoring.SIGNALS.index(signal)
    ]
    assert int(np.argmax(signals)) == sentence
    assert signals[sentence] > 0


def test_an_address_is_for_those_who_ask_for_it() -> None:
    def chance(question: str) -> float:
        idf = Flat().idf(content_stems(question))
        return float(sentence_scoring.answer_probabilities(question, question, KITE, idf)[-1])

    assert chance("How fast is Kite?") == 0 < chance("Where is the code of Kite?")


@pytest.mark.parametrize(
    ("sentence", "only"),
    [
        ("Code is available at https://example.org/kite.", True),
        (
            "The pre-trained models and audio samples are available at https://example.org/kite, with a guide to both.",
            True,
        ),
        ("Kite won the first place in the Kestrel challenge, and its code is available at https://example.org.", False),
        ("Kite is fast.", False),
    ],
)
def test_a_sentence_that_tells_more_than_where_the_code_is_counts(sentence: str, only: bool) -> None:
    assert sentence_scoring.is_only_release(sentence) is only


def test_every_signal_has_a_fitted_weight() -> None:
    assert sentence_scoring.fitted()["weights"].shape == (len(sentence_scoring.SIGNALS),)
    assert np.isfinite(sentence_scoring.fitted()["weights"]).all()


@pytest.mark.parametrize("question", ["", "?", "the of and", "漢字 👩🏽‍🔬"])
def test_a_question_without_content_words_still_has_probabilities(question: str) -> None:
    assert np.isfinite(sentence_scoring.answer_probabilities(question, question, KITE, {})).all()
