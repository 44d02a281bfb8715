"""How likely each sentence of an abstract holds what a question asks for: a small logistic model over readable signals.

The question usually describes the paper, and the answer is what it does not say itself; so the sentence most similar to
the question is often not the one that answers it. The weights in `data/evidence.json` were fitted by `eval/fit.py`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from rag import asked
from rag.terms import telling
from rag.types import Evidence, Passage

SIGNALS = ("similarity", "overlap", "most_overlap", "overlap_before", "position", "opening", "words", "background",
           "own", "means", "finding", "availability", "names", "figures", "defining_similarity", "defining_names",
           "judging_finding", "judging_names")  # fmt: skip

_BACKGROUND = re.compile(
    r"^(recent|existing|previous|prior|current|many|most|while|although|despite|however|traditional|conventional"
    r"|over the|it is|there (is|are|has)|with the|due to|since|unfortunately)\b"
    r"|\b(remains?|is (challenging|difficult|crucial|essential|important)|lacks?|limited|challeng\w+"
    r"|(has|have) (become|been|shown|gained|attracted|achieved))\b",
    re.IGNORECASE,
)
_OWN = re.compile(
    r"\b(we|our)\b.{0,40}\b(propos|introduc|present|develop|design|describ|address|study|investigat|explor)"
    r"|\b(this|the) (paper|work|article)\b|\bin this\b",
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
_AVAILABILITY = re.compile(
    r"https?://|\b(code|data|datasets?|models?|checkpoints|demos?|samples|implementation|project page|weights)\b.{0,60}"
    r"\b(available|released?|open-?sourced?|found at|accessible)\b",
    re.IGNORECASE,
)
NAME = re.compile(r"\b(?:[A-Z][a-z]*[A-Z\d][\w-]*|[A-Z]{2,}[\w-]*|\w*\d\w*)\b|(?<=[a-z,] )[A-Z][a-z]+")
_FIGURE = re.compile(r"\d[\d.,]*")


def likelihoods(question: str, known: str, passage: Passage, idf: Mapping[str, float]) -> NDArray[np.float64]:
    """One probability per sentence of `passage.evidence`, in that order.

    `known` is all that the asker has said or been told, the question included; a name in it can't be the answer.
    `idf` has the weight of the question's stems.
    """
    model = fitted()
    return 1 / (1 + np.exp(-(signals(question, known, passage, idf) @ model["weights"] + model["bias"])))


def signals(question: str, known: str, passage: Passage, idf: Mapping[str, float]) -> NDArray[np.float64]:
    """The model's input, shape (sentences, len(SIGNALS)); every signal is about 0 to 1."""
    stems = telling(question)
    total = sum(idf.get(stem, 0.0) for stem in stems) or 1.0
    known_stems = set(telling(known))
    overlap = [_overlap(stems, sentence, idf) / total for sentence in passage.evidence]
    quantity, defining, judging = (
        asked.for_a_quantity(question),
        asked.for_a_definition(question),
        asked.for_a_judgement(question),
    )
    names = [min(len(_new_names(sentence.text, known_stems)), 6) / 3 for sentence in passage.evidence]
    finding = [_FINDING.search(sentence.text) is not None for sentence in passage.evidence]
    return np.array([
        [
            sentence.similarity,
            overlap[i],
            overlap[i] - max(overlap),
            overlap[i - 1] if i else 0.0,
            i / len(passage.evidence),
            i == 0,
            min(len(sentence.text.split()), 60) / 30,
            _BACKGROUND.search(sentence.text) is not None,
            _OWN.search(sentence.text) is not None,
            _MEANS.search(sentence.text) is not None,
            finding[i],
            _AVAILABILITY.search(sentence.text) is not None,
            names[i],
            quantity * min(len(set(_FIGURE.findall(sentence.text))), 4) / 2,
            defining * sentence.similarity,
            defining * names[i],
            judging * finding[i],
            judging * names[i],
        ]
        for i, sentence in enumerate(passage.evidence)
    ], dtype=np.float64)  # fmt: skip


def _overlap(stems: Sequence[str], sentence: Evidence, idf: Mapping[str, float]) -> float:
    present = set(telling(sentence.text))
    return sum(idf.get(stem, 0.0) for stem in stems if stem in present)


def _new_names(text: str, known_stems: set[str]) -> list[str]:
    """Names and figures that the asker did not mention."""
    return [name for name in NAME.findall(text) if not known_stems & set(telling(name))]


@cache
def fitted() -> dict[str, NDArray[np.float64]]:
    """The weights in the order of SIGNALS, and the bias."""
    stored = json.loads(files("rag").joinpath("data/evidence.json").read_text(encoding="utf-8"))
    return {"weights": np.array([stored["weights"][name] for name in SIGNALS]), "bias": np.array(stored["bias"])}
