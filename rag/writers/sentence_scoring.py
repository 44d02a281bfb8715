"""How likely each sentence of an abstract holds what a question asks for: a logistic model over readable signals.

The question usually describes the paper, and the answer is what it does not say itself; so the sentence most similar to
the question is often not the one that answers it. `eval/fit_sentences.py` fits the weights in
`data/sentence_scoring.json`.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from rag import question as questions
from rag.grounding import marks
from rag.text.analysis import content_stems
from rag.text.entities import MENTION
from rag.text.sections import sections
from rag.text.vocabulary import pattern
from rag.types import Passage

SIGNALS = ("similarity", "relative_similarity", "relative_overlap", "previous_similarity", "title_overlap", "novelty",
           "position", "mid_position", "first", "length", "new_mentions", "asked_noun", "contribution",
           "background_section", "methods_section", "conclusion_section", "definition_similarity", "method_means",
           "why_cause", "quantity_number", "quantity_position", "metric_number", "closed_position", "closed_ending",
           "closed_aim")  # fmt: skip

_WORDS_OF_A_RELEASE = 12
_NO_SENTENCE_BEFORE = -0.3
_NUMBER = re.compile(r"(?<![\w.])(?!(?:19|20)\d\d(?![\d.%]))\d")
"""The start of a number that is no year."""
_SHARE = re.compile(r"\d\s?%|\bper ?cent\b|\b\d+ (?:of|out of) \d+|\b0?\.\d|\b\d+/\d+")


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
    """The model's input, shape (sentences, len(SIGNALS)); every signal is about 0 to 1, leads are negative."""
    total_idf = sum(idf.values()) or 1.0
    asked = questions.analyse(question)
    closed, why = not asked.open, pattern("question.why").search(question) is not None
    asked_nouns = {stem for noun in asked.asked_nouns for stem in content_stems(noun)}
    kind_of_number = _SHARE if _asks_share(question) else _NUMBER
    numbered = (*asked.metrics, *asked.counted)
    known_stems, title = set(content_stems(known)), set(content_stems(passage.paper.title))
    texts = [sentence.text for sentence in passage.sentences]
    stems = [set(content_stems(text)) for text in texts]
    overlap = [sum(idf.get(stem, 0.0) for stem in found) / total_idf for found in stems]
    most_similar = max(sentence.similarity for sentence in passage.sentences)
    leads = [sentence.similarity - most_similar for sentence in passage.sentences]
    rows = []
    for i, (text, section) in enumerate(zip(texts, sections(texts), strict=True)):
        position = i / len(texts)
        bare = marks.without(text) if "[" in text else text  # most have none, and to look for them takes time
        has_number = kind_of_number.search(bare) is not None
        rows.append([
            passage.sentences[i].similarity,
            leads[i],
            overlap[i] - max(overlap),
            leads[i - 1] if i else _NO_SENTENCE_BEFORE,
            len(stems[i] & title) / max(len(stems[i]), 1),
            len(stems[i] - known_stems) / max(len(stems[i]), 1),
            position,
            0.0 if asked.definition else 1 - abs(2 * position - 1),
            i == 0,
            min(len(text.split()), 60) / 30,
            min(len(_new_mentions(text, known_stems)), 6) / 3,
            len(asked_nouns & stems[i]) / max(len(asked_nouns), 1),
            _is("contribution", text),
            section == "background",
            section == "methods",
            section == "conclusion",
            asked.definition * passage.sentences[i].similarity,
            asked.method and _is("means", text),
            why and _is("cause", text),
            asked.quantity and has_number,
            asked.quantity * position,
            any(questions.has_number_near(term, text) for term in numbered),
            closed * position,
            closed and i >= len(texts) - 2,
            closed and _is("aim", text),
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


def _is(kind: str, sentence: str) -> bool:
    return pattern(f"sentence.{kind}").search(sentence) is not None


def _asks_share(question: str) -> bool:
    return pattern("question.share").search(question) is not None


def _new_mentions(text: str, known_stems: set[str]) -> list[str]:
    """Names and numbers that the asker did not mention."""
    return [found for found in MENTION.findall(text) if not known_stems & set(content_stems(found))]
