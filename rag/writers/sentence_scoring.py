"""How likely each sentence of an abstract holds what a question asks for: a small logistic model over readable signals.

The question usually describes the paper, and the answer is what it does not say itself; so the sentence most similar to
the question is often not the one that answers it. The weights in `data/evidence.json` were fitted by `eval/fit.py`.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from rag import question as asked
from rag.text.analysis import content_stems
from rag.types import Passage

SIGNALS = ("similarity", "less_similar", "less_overlap", "position", "middle", "words", "background", "means",
           "finding", "availability", "names", "enumeration", "thing", "figures", "defining_similarity",
           "defining_names", "judging_finding", "way_result")  # fmt: skip

_BACKGROUND = re.compile(
    r"^(recent|existing|previous|prior|current|many|most|while|although|despite|however|traditional|conventional"
    r"|over the|it is|there (is|are|has)|with the|due to|since|unfortunately)\b"
    r"|\b(remains?|is (challenging|difficult|crucial|essential|important)|lacks?|limited|challeng\w+"
    r"|(has|have) (become|been|shown|gained|attracted|achieved))\b",
    re.IGNORECASE,
)
_MEANS = re.compile(
    r"\b(by \w+ing|via|using|through|consist|compos|based on|leverag|employ|specifically|in particular"
    r"|we (first|then|use|train|apply)|first|second|two|three|namely|which)\b",
    re.IGNORECASE,
)
_FINDING = re.compile(
    r"\b(we|results?|experiments?|findings?|analysis|evaluations?|study)\b.{0,60}\b(show|demonstrat|find|found|reveal"
    r"|suggest|indicat|prov|observ|confirm|establish)|\b(surprisingly|interestingly|outperform\w*|surpass\w*|significantly)\b",
    re.IGNORECASE,
)
_RESULT = re.compile(
    r"\b(experiment\w*|results?|outperform\w*|surpass\w*|state[- ]of[- ]the[- ]art|superior|achiev\w+|effectiveness)\b",
    re.IGNORECASE,
)
_AVAILABILITY = re.compile(
    r"https?://|\b(code|data|datasets?|models?|checkpoints|demos?|samples|implementation|project page|weights)\b.{0,60}"
    r"\b(available|released?|open-?sourced?|found at|accessible)\b",
    re.IGNORECASE,
)
_RESULT = re.compile(
    r"\b(experiment\w*|results?|outperform\w*|surpass\w*|state[- ]of[- ]the[- ]art|superior|achiev\w+|effectiveness)\b",
    re.IGNORECASE,
)
_ENUMERATION = re.compile(
    r"\((i|1|a)\)|\bfirst(ly)?\b.*\b(second|then|next)|: |, and\b|\b(two|three|four|five|six)\b", re.IGNORECASE
)
_RELEASE = re.compile(
    r"^(?:[\w-]+ ){0,5}(codes?|data|models|checkpoints|demos?|samples|examples|implementation|page)\b", re.IGNORECASE
)
_WORDS_OF_A_RELEASE = 12
NAME = re.compile(r"\b(?:[A-Z][a-z]*[A-Z\d][\w-]*|[A-Z]{2,}[\w-]*|\w*\d\w*)\b|(?<=[a-z,] )[A-Z][a-z]+")
_FIGURE = re.compile(r"\d[\d.,]*")


def answer_probabilities(question: str, known: str, passage: Passage, idf: Mapping[str, float]) -> NDArray[np.float64]:
    """One probability per sentence of `passage.sentences`, in that order; 0 for an address nobody asked for.

    `known` is all that the asker has said or been told, the question included; a name in it can't be the answer.
    `idf` has the weight of the question's stems.
    """
    model = fitted()
    likely = 1 / (1 + np.exp(-(signals(question, known, passage, idf) @ model["weights"] + model["bias"])))
    beside = [not asked.for_a_release(question) and only_a_release(s.text) for s in passage.sentences]
    return np.where(beside, 0.0, likely)


def signals(question: str, known: str, passage: Passage, idf: Mapping[str, float]) -> NDArray[np.float64]:
    """The model's input, shape (sentences, len(SIGNALS)); every signal is about 0 to 1."""
    idf_of_all = sum(idf.values()) or 1.0
    known_stems = set(content_stems(known))
    things = {stem for thing in asked.things(question) for stem in content_stems(thing)}
    quantity, defining = asked.for_a_quantity(question), asked.for_a_definition(question)
    judging, way = asked.for_a_judgement(question), asked.for_a_way(question)
    held = [set(content_stems(sentence.text)) for sentence in passage.sentences]
    overlap = [sum(idf.get(stem, 0.0) for stem in stems) / idf_of_all for stems in held]
    most_similar = max(sentence.similarity for sentence in passage.sentences)
    rows = []
    for i, sentence in enumerate(passage.sentences):
        text = sentence.text
        position = i / len(passage.sentences)
        names = min(len(_new_names(text, known_stems)), 6) / 3
        finding = _FINDING.search(text) is not None
        rows.append([
            sentence.similarity,
            sentence.similarity - most_similar,
            overlap[i] - max(overlap),
            position,
            0.0 if defining else 1 - abs(2 * position - 1),
            min(len(text.split()), 60) / 30,
            _BACKGROUND.search(text) is not None,
            _MEANS.search(text) is not None,
            finding,
            _AVAILABILITY.search(text) is not None,
            names,
            _ENUMERATION.search(text) is not None,
            len(things & held[i]) / max(len(things), 1),
            quantity * min(len(set(_FIGURE.findall(text))), 4) / 2,
            defining * sentence.similarity,
            defining * names,
            judging * finding,
            way and _RESULT.search(text) is not None,
        ])  # fmt: skip
    return np.array(rows, dtype=np.float64)


def _new_names(text: str, known_stems: set[str]) -> list[str]:
    """Names and figures that the asker did not mention."""
    return [name for name in NAME.findall(text) if not known_stems & set(content_stems(name))]


def only_a_release(sentence: str) -> bool:
    """Whether it says no more than where the code is, or that there is some."""
    short = len(sentence.split()) <= _WORDS_OF_A_RELEASE or _RELEASE.match(sentence) is not None
    return short and _AVAILABILITY.search(sentence) is not None


@cache
def fitted() -> dict[str, NDArray[np.float64]]:
    """The weights in the order of SIGNALS, and the bias."""
    stored = json.loads(files("rag").joinpath("data/evidence.json").read_text(encoding="utf-8"))
    return {"weights": np.array([stored["weights"][name] for name in SIGNALS]), "bias": np.array(stored["bias"])}
