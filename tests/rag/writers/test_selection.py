"""Of the sentences that fit, the best are shown, and none that can't be understood."""

from hypothesis import given
from hypothesis import strategies as st

from rag.text.dangling import is_dangling
from rag.writers.extractive import MAX_ANTECEDENTS, lead

texts = st.lists(
    st.integers(1, 40).flatmap(lambda n: st.sampled_from([f"We {'w ' * n}.", f"It {'w ' * n}."])),
    min_size=1,
    max_size=8,
)


@given(texts, st.data(), st.integers(1, 120))
def test_the_likeliest_sentence_leads_after_what_it_needs(
    sentences: list[str], data: st.DataObject, words: int
) -> None:
    likely = data.draw(st.lists(st.floats(0, 1), min_size=len(sentences), max_size=len(sentences), unique=True))
    chosen = lead(sentences, likely, words)
    best = likely.index(max(likely))
    before = chosen[: chosen.index(best)]
    assert [*before, best] == list(range(best - len(before), best + 1))
    assert all(is_dangling(sentences[i + 1]) for i in before)
    assert len(set(chosen)) == len(chosen)


@given(texts, st.data(), st.integers(1, 120))
def test_what_follows_fits_and_can_be_understood(sentences: list[str], data: st.DataObject, words: int) -> None:
    likely = data.draw(st.lists(st.floats(0.1, 1), min_size=len(sentences), max_size=len(sentences), unique=True))
    chosen = lead(sentences, likely, words)
    if len(chosen) > len(lead(sentences, likely, 0)):
        assert sum(len(sentences[i].split()) for i in chosen) <= words
    leaning = [i for i in chosen if i and is_dangling(sentences[i]) and i - 1 not in chosen]
    assert all({i + 1, i + MAX_ANTECEDENTS} <= set(chosen) for i in leaning)


def test_an_anaphoric_sentence_comes_after_the_one_before_it() -> None:
    sentences = ["We propose Kite.", "It hears 60 languages.", "This is the most."]
    assert lead(sentences, [0.1, 0.2, 0.9], 60) == [0, 1, 2]


def test_a_sentence_that_is_far_less_likely_does_not_follow() -> None:
    sentences = ["We propose Kite.", "Kite hears 60 languages.", "Birds sing."]
    assert lead(sentences, [0.3, 0.6, 0.05], 60) == [1, 0]
    assert lead(sentences, [0.1, 0.6, 0.05], 60) == [1]


def test_what_is_said_is_not_shown_again_and_the_next_only_if_it_is_nearly_as_likely() -> None:
    sentences = ["We propose Kite.", "It hears 60 languages.", "Birds sing."]
    assert lead(sentences, [0.3, 0.6, 0.05], 60, said=[1]) == [0]
    assert lead(sentences, [0.3, 0.6, 0.05], 60, said=[0]) == [1]
    assert lead(sentences, [0.1, 0.6, 0.05], 60, said=[1]) == []
