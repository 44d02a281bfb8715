"""A sentence is told in the third person and in print, and nothing that it says is changed by that."""

import json
import re
from collections import Counter
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.text import entities, sentences
from rag.text.opposites import polarity
from rag.text.readable import in_print, readable, without_opening

VERBS = ("am", "are", "is", "has", "have")
OWN = {"the", "present", "author", "authors", "they", "their", "theirs", "them", "themselves", *VERBS}
FIRST_PERSON = {"we", "i", "our", "ours", "us", "my", "me", "ourselves", "myself", *VERBS}
PIECES = [
    "We", "we", "our", "Our", "I", "show", "my", "us", "ours", "In this paper,", "we propose", "CONCLUSIONS:", "and",
    "not", "never", "no", "GPT-4", "We-Math", "2.5%", "“we", "did”", '"', "However,", "that", "$x^2$", "64times64",
    "10<sup>-3</sup>", "&lt;", "[1]", "e.g.", "the authors", "them", ",", ".", "type I", "Background", "Results -",
]  # fmt: skip


def sample_sentences() -> list[str]:
    lines = files("rag").joinpath("data/sample_papers.jsonl").read_text(encoding="utf-8").splitlines()
    abstracts = [json.loads(line)["abstract"] for line in lines]
    return [text[start:end] for text in abstracts for start, end in sentences.spans(text)]


def tokens(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def base(word: str) -> str:
    """A verb without the s that follows "the author"."""
    return re.sub(r"(?:ie)?s\Z|y\Z", "", word)


def unchanged(text: str) -> list[str]:
    return [base(word) for word in tokens(text) if word not in OWN and word not in FIRST_PERSON and word != "s"]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("We propose a cell that we train on our data.", "The authors propose a cell that they train on their data."),
        ("Our model beats ours, and it helps us.", "The authors' model beats theirs, and it helps them."),
        ("In this paper, we ask ourselves why.", "The authors ask themselves why."),
        ("In this work we show that it holds.", "The authors show that it holds."),
        ("Here we show that it holds.", "The authors show that it holds."),
        ("To our knowledge, this is the first trial.", "To the authors' knowledge, this is the first trial."),
        ("It improves our understanding of sleep.", "It improves the understanding of sleep."),
        ("This allows us to test it.", "This allows the authors to test it."),
        ("We've found that we're slower.", "The authors have found that they are slower."),
        ("The authors of Kite err; we do not.", "The authors of Kite err; the present authors do not."),
        ("I argue that it is so and conclude my tale.", "The author argues that it is so and concludes their tale."),
        ("Now I have shown it, and I am glad.", "Now I have shown it, and the author is glad."),
        ("I was first; later I was second.", "The author was first; later I was second."),
    ],
)
def test_the_authors_are_spoken_of(written: str, told: str) -> None:
    assert readable(written) == told


@pytest.mark.parametrize(
    "kept",
    [
        "Nurses said “we cannot sleep in our ward” twice.",
        'Asked why, one said "We are tired", another nothing.',
        "On We-Math and WeNet it wins in the US.",
        "Stage I and type I tumours grow; topoisomerase I has no part in it.",
        "Memory fades as we age in our society.",
        "K-means and mRNA stay, and so does pH.",
        "mRNA levels fell by a<b.",
    ],
)
def test_speech_names_and_numerals_stay(kept: str) -> None:
    assert readable(kept) == kept


@pytest.mark.parametrize(
    ("written", "alone"),
    [
        ("CONCLUSIONS: Sleep helps.", "Sleep helps."),
        ("Results - Sleep helps.", "Sleep helps."),
        ("Background and aims: Sleep may help.", "Sleep may help."),
        ("MAIN OUTCOME MEASURES: hours of sleep.", "Hours of sleep."),
        ("Methods. The trial ran twice.", "The trial ran twice."),
        ("ResultsJet lag lasted a week.", "Jet lag lasted a week."),
        ("Conclusion: However, sleep helps.", "Sleep helps."),
        ("However, in contrast, sleep helps.", "Sleep helps."),
        ("Results of this kind: sleep helps.", "Results of this kind: sleep helps."),
        ("BERT: a model.", "BERT: a model."),
        ("Based on these 12 trials, sleep helps.", "Based on these 12 trials, sleep helps."),
        ("Methods:", "Methods:"),
    ],
)
def test_labels_and_connectives_go(written: str, alone: str) -> None:
    assert without_opening(written) == alone


def test_markup_is_shown_in_print() -> None:
    assert in_print("CO<sub>2</sub> at\n 256times256, $p &lt; 0.05$") == "CO2 at 256×256, p < 0.05"


@pytest.mark.parametrize(
    "forged", ["It works &#91;2&#93;.", "It works [{2}].", "It works [<b>2</b>].", "It works ({1})."]
)
def test_markup_can_not_become_a_mark(forged: str) -> None:
    assert in_print(forged) == forged


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join))
def test_nothing_else_changes(text: str) -> None:
    check(text)


def test_no_sentence_of_the_sample_changes_otherwise() -> None:
    for sentence in sample_sentences():
        check(sentence)
        assert not re.search(r"\b(?:we|our|us)\b", readable(sentence), re.IGNORECASE)


def check(text: str) -> None:
    """What is told is the end of what was printed but for the words about the authors; and it stays as it is."""
    printed, told = in_print(text), readable(text)
    assert readable(told) == told
    assert len(told.split()) <= len(text.split()) + 4
    kept, said = unchanged(printed), unchanged(told)
    assert kept[len(kept) - len(said) :] == said
    dropped = [word for word in tokens(printed) if word not in OWN and word not in FIRST_PERSON][
        : len(kept) - len(said)
    ]
    assert not polarity("negating") & set(dropped)
    assert Counter(entities.NUMBER.findall(printed)) == Counter(entities.NUMBER.findall(told))
    lost = Counter(capitals(printed)) - Counter(capitals(told))
    assert all(name.lower() in dropped for name in lost)


def capitals(text: str) -> list[str]:
    """Names by their capitals or digits."""
    return re.findall(r"\b\w*(?:[a-z\d][A-Z]|[A-Z]{2}|[A-Za-z]-?\d)\w*", text)
