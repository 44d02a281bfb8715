"""How likely each sentence of an abstract holds what a question asks for: a logistic model over readable signals.

The question usually describes the paper, and the answer is what it does not say itself; so the sentence most similar to
the question is often not the one that answers it. `eval/fit.py` fits the weights in `data/sentence_scoring.json`.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from rag import question as questions
from rag.text.analysis import content_stems
from rag.text.entities import MENTION
from rag.text.vocabulary import pattern
from rag.types import Passage

SIGNALS = ("similarity", "relative_similarity", "relative_overlap", "position", "mid_position", "length", "background",
           "new_mentions", "asked_noun", "definition_similarity", "method_result")  # fmt: skip

_WORDS_OF_A_RELEASE = 12


def answer_probabilities(question: str, known: str, passage: Passage, idf: Mapping[str, float]) -> NDArray[np.float64]:
    """One probability per sentence of the passage, in order; 0 for an address that nobody asked for.

    `known` is all that the asker has said or been told, the question included; a name in it can't be the answer.
    `idf` has the weight of the question's stems.
    """
    model = fitted()
    probabilities = 1 / (1 + np.exp(-(signals(question, known, passage, idf) @ model["weights"] + model["bias"])))
    if questions.analyse(question).release:
        return np.asarray(probabilities)
    return np.where([is_only_release(sentence.text) for sentence in passage.sentences], 0.0, probabilities)


def signals(question: str, known: str, passage: Passage, idf: Mapping[str, float]) -> NDArray[np.float64]:
    """The model's input, shape (sentences, len(SIGNALS)); every signal is about 0 to 1."""
    total_idf = sum(idf.values()) or 1.0
    asked = questions.analyse(question)
    asked_nouns = {stem for noun in asked.asked_nouns for stem in content_stems(noun)}
    known_stems = set(content_stems(known))
    stems = [set(content_stems(sentence.text)) for sentence in passage.sentences]
    overlap = [sum(idf.get(stem, 0.0) for stem in found) / total_idf for found in stems]
    most_similar = max(sentence.similarity for sentence in passage.sentences)
    rows = []
    for i, sentence in enumerate(passage.sentences):
        position = i / len(passage.sentences)
        rows.append([
            sentence.similarity,
            sentence.similarity - most_similar,
            overlap[i] - max(overlap),
            position,
            0.0 if asked.definition else 1 - abs(2 * position - 1),
            min(len(sentence.text.split()), 60) / 30,
            pattern("sentence.background").search(sentence.text) is not None,
            min(len(_new_mentions(sentence.text, known_stems)), 6) / 3,
            len(asked_nouns & stems[i]) / max(len(asked_nouns), 1),
            asked.definition * sentence.similarity,
            asked.method and pattern("sentence.result").search(sentence.text) is not None,
        ])  # fmt: skip
    return np.array(rows, dtype=np.float64)


def is_only_release(sentence: str) -> bool:
    """Whether it says no more than where the code is, or that there is some."""
    short = len(sentence.split()) <= _WORDS_OF_A_RELEASE or pattern("sentence.release_opening").search(sentence)
    return bool(short) and pattern("sentence.release").search(sentence) is not None


@cache
def fitted() -> dict[str, NDArray[np.float64]]:
    """The weights in the order of SIGNALS, and the bias."""
    stored = json.loads(files("rag").joinpath("data/sentence_scoring.json").read_text(encoding="utf-8"))
    return {"weights": np.array([stored["weights"][name] for name in SIGNALS]), "bias": np.array(stored["bias"])}


def _new_mentions(text: str, known_stems: set[str]) -> list[str]:
    """Names and numbers that the asker did not mention."""
    return [found for found in MENTION.findall(text) if not known_stems & set(content_stems(found))]
