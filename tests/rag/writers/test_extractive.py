"""The answer is made of the best sentences: short, each cited, readable without the abstract."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.types import Passage
from rag.writers.extractive import MAX_WORDS, MAX_WORDS_COMPARED, ExtractiveWriter, cite, short_name
from tests.support.passages import Flat, passage

CITED = re.compile(r"[^\[\]]+ \[(\d+)\][.!?]")

KITE = passage(
    "Kite: Fast Speech Recognition on Phones",
    "Speech recognition on phones remains challenging.",
    "In this paper, we propose Kite, a recogniser for phones.",
    "Specifically, Kite is trained on 960 hours of speech from LibriSpeech by distilling WavLM.",
    "Does it work on old phones?",
    "Experiments show that it significantly outperforms earlier recognisers.",
)
HERON = passage(
    "Training Recognisers of Speech Without Any Labels for Sixty Languages",
    "We train Heron on 40 hours of radio in sixty languages.",
    "Its recognisers need no labels.",
    number=2,
    score=0.9,
)
OWL = passage("Owl: Listening at Night", "Owls hear mice.", "We record 12 owls.", number=3, score=0.3)


async def pieces(question: str, *passages: Passage) -> list[str]:
    return [piece async for piece in ExtractiveWriter(Flat()).write(question, passages)]


def words_long(*lengths: int, number: int = 1) -> Passage:
    """A paper with sentences of so many words."""
    sentences = [" ".join(["We", *["word"] * (length - 1)]) + "." for length in lengths]
    return passage(f"Kite {number}: A study", *sentences, number=number)


def words(text: str) -> int:
    return len(re.sub(r" \[\d+\]", "", text).split())


async def test_every_sentence_is_cited_before_its_full_stop() -> None:
    written = await pieces("On how many hours of speech is Kite trained?", KITE, HERON)
    assert all(CITED.fullmatch(piece.strip()) for piece in written)


async def test_the_sentence_that_answers_comes_first() -> None:
    [first, *_] = await pieces("On how many hours of speech is Kite trained?", KITE)
    assert first == "Kite is trained on 960 hours of speech from LibriSpeech by distilling WavLM [1]."


async def test_a_question_that_states_its_answer_gets_what_the_abstracts_say_and_no_yes() -> None:
    [first, *_] = await pieces("Does Kite need 960 hours of speech?", KITE)
    assert first.startswith("The abstracts say: Kite is trained on 960 hours")


async def test_the_first_sentence_of_a_paper_begins_with_its_name() -> None:
    question = "On how many hours of speech do Kite and Heron train, respectively?"
    written = "".join(await pieces(question, KITE, HERON))
    assert written.startswith("Kite: ")
    assert f" “{HERON.paper.title}”: The authors train Heron" in written


async def test_words_that_lean_on_a_sentence_not_shown_are_left_out() -> None:
    assert "Specifically" not in "".join(await pieces("On how many hours of speech is Kite trained?", KITE))


async def test_words_that_tie_a_sentence_to_the_one_shown_before_it_stay() -> None:
    tied = passage("Kite: A study", "Kite hears 60 languages.", "However, it hears no music from 1960.")
    assert "[1]. However, it" in "".join(await pieces("What does Kite not hear?", tied))


async def test_the_two_sides_of_a_comparison_have_the_same_room() -> None:
    written = "".join(await pieces("Compare Kite and Heron.", KITE, words_long(20, 20, 20, 20, 20, number=2)))
    assert 1 <= written.count("[1]") <= 2
    assert written.count("[2]") == 2
    assert words(written) <= MAX_WORDS_COMPARED


async def test_a_list_has_the_titles_of_the_papers_that_match_nearly_as_well() -> None:
    lines = "".join(await pieces("Which papers train recognisers of speech?", KITE, HERON, OWL)).splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["- Kite", f"- {HERON.paper.title}"]
    assert all(re.fullmatch(r"- .+ \[\d\][.!?]", line) for line in lines)
    assert KITE.paper.title in lines[0]


async def test_a_long_sentence_is_no_item_of_a_list() -> None:
    papers = [words_long(20, number=1), words_long(80, number=2)]
    lines = "".join(await pieces("Which papers are there?", *papers)).splitlines()
    assert [line.count("word") for line in lines] == [19, 0]
    assert lines[1] == "- Kite 2: A study [2]."


async def test_one_paper_answers_unless_two_are_asked_for() -> None:
    assert "Heron" not in "".join(await pieces("On how many hours of speech is Kite trained?", KITE, HERON))


async def test_papers_far_behind_the_best_are_not_compared_with_it() -> None:
    assert "wl" not in "".join(await pieces("What is the difference between Kite and Owl?", KITE, OWL))


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=4, max_size=20))
async def test_an_answer_of_ordinary_sentences_is_short(lengths: list[int]) -> None:
    one, two = words_long(*lengths[::2]), words_long(*lengths[1::2], number=2)
    for question, most in {"What is it?": MAX_WORDS + 4, "Compare them.": MAX_WORDS_COMPARED + 8}.items():
        assert words("".join(await pieces(question, one, two))) <= most


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=9))
async def test_an_answer_is_never_more_than_one_sentence_beyond_its_words(lengths: list[int]) -> None:
    answer = "".join(await pieces("What is it?", words_long(*lengths)))
    assert words(answer) <= MAX_WORDS + 2 or answer.count("The authors") == 1


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Kite: Fast Speech Recognition on Phones", "Kite"),
        ("DSI++: Updating Transformer Memory", "DSI++"),
        ("Attention Is All You Need.", "“Attention Is All You Need”"),
        ("A title of more than four words: with a colon", "“A title of more than four words: with a colon”"),
    ],
)
def test_a_paper_is_called_by_the_name_of_what_it_proposes(title: str, name: str) -> None:
    assert short_name(passage(title, "It works.")) == name


@pytest.mark.parametrize(
    ("sentence", "cited"),
    [
        ("It works.", "It works [2]."),
        ("Does it?", "Does it [2]?"),
        ("It works", "It works [2]."),
        ("It works in 3.5 hours!", "It works in 3.5 hours [2]!"),
    ],
)
def test_the_mark_goes_before_the_full_stop(sentence: str, cited: str) -> None:
    assert cite(sentence, 2) == cited


async def test_a_sentence_of_nothing_but_a_lead_in_is_no_piece() -> None:
    assert all(
        CITED.fullmatch(piece.strip()) for piece in await pieces("What?", passage("Kite: A", "It works.", "Thus,"))
    )


async def test_a_sentence_without_an_end_does_not_make_an_endless_answer() -> None:
    assert words("".join(await pieces("What is it?", words_long(5000)))) <= 200
