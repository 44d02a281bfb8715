"""What a question asks for, read off its wording, and whether a text has anything of that kind.

A question about the right paper is still unanswerable when its abstract has no number for the metric, no hardware, no
licence. The words are in `rag/data/vocabulary.toml`; they are about English and about papers, not about any one paper.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rag.text.analysis import content_stems
from rag.text.entities import words_and_numbers
from rag.text.vocabulary import abstract_pattern, names, pattern

Shape = Literal["single", "comparison", "list"]
"""One paper's word, two papers side by side, or a list of papers."""

_WORDS_TO_A_NUMBER = 10
"""How far from the name of a metric, or of what is counted, its number may stand."""

_WORDS_TO_WHAT_IS_ASKED = 4
"""How many words may stand between an asking word and what it asks for: "which of the two learning rates"."""
_WORDS_BEFORE_A_TOPIC = 2
_WORDS_OF_A_TOPIC = 6
"""A question without an asking word asks for what it names only if it is as short as a search: "hydra batch size"."""


@dataclass(frozen=True, kw_only=True)
class QuestionAnalysis:
    """What would answer a question.

    `quantity`: a number; `definition`: what something is or means; `method`: how something is done; `release`: what is
    released, or where to get it. `asked_nouns` are the words after "which" and the like, `metrics` the measures whose
    value is asked for, `counted` what is asked the number of. `answer_types` are those that abstracts rarely give, and
    `exact_terms` the things with one name; both only where they are what is asked for. `open` is false for a question
    that states all of its proposition, to be answered yes or no.
    """

    shape: Shape
    quantity: bool
    definition: bool
    method: bool
    release: bool
    asked_nouns: tuple[str, ...]
    metrics: tuple[str, ...]
    counted: tuple[str, ...]
    answer_types: tuple[str, ...]
    exact_terms: tuple[str, ...]
    open: bool

    @property
    def asks_quantity(self) -> bool:
        """Whether it asks for one number, not for a list of papers."""
        return self.quantity and self.shape != "list"

    @property
    def rare_answer_type(self) -> bool:
        """Whether it asks for something that abstracts rarely give."""
        return bool(self.answer_types or self.exact_terms)

    def answer_type_missing(self, text: str) -> bool:
        """Whether it asks for a type of answer of which the text has nothing."""
        lowered = text.lower()
        if any(term not in lowered for term in self.exact_terms):
            return True
        return any(not abstract_pattern(name).search(text) for name in self.answer_types)


@lru_cache(maxsize=256)
def analyse(question: str) -> QuestionAnalysis:
    """Read any text as a question."""
    quantity = _matches("quantity", question) or _matches("metric", question)
    return QuestionAnalysis(
        shape=_shape(question),
        quantity=quantity,
        definition=_matches("definition", question) and not quantity,
        method=_matches("method", question) and not quantity,
        release=_matches("release", question),
        asked_nouns=tuple(pattern("question.asked_noun").findall(question)),
        metrics=tuple(_metric(found[1]) for found in pattern("question.metric").finditer(question)),
        counted=tuple(pattern("question.counted").findall(question)),
        answer_types=tuple(name for name in names("answer_type") if any(_asked_for(name, question))),
        exact_terms=tuple(found[0].lower() for found in _asked_for("question.exact_term", question)),
        open=_matches("open", question),
    )


def has_number_near(term: str, text: str) -> bool:
    """Whether a number stands near a word of the term."""
    stems = set(content_stems(term))
    words = words_and_numbers(text)
    numbers = [position for position, (_, is_number) in enumerate(words) if is_number]
    steps = [step for step in range(-_WORDS_TO_A_NUMBER, _WORDS_TO_A_NUMBER + 1) if step]
    around = {number + step for number in numbers for step in steps}
    near = [words[position][0] for position in around if 0 <= position < len(words)]
    return any(not stems.isdisjoint(content_stems(word)) for word in near)


def _asked_for(name: str, question: str) -> Iterator[re.Match[str]]:
    """Where the pattern names what is asked for: not as part of a longer noun, and soon after the asking word."""
    for found in pattern(name).finditer(question):
        if pattern("question.noun_ends").match(question[found.end() :]) and _is_asked(question, found):
            yield found


def _is_asked(question: str, found: re.Match[str]) -> bool:
    asking = pattern("question.open")
    if asking.match(found[0]) or _matches("how_much", question[: found.start()]):
        return True
    before = [word.end() for word in asking.finditer(question) if word.start() <= found.end()]
    if before:
        return len(question[before[-1] : found.start()].split()) <= _WORDS_TO_WHAT_IS_ASKED
    if asking.search(question):
        return len(question[: found.start()].split()) <= _WORDS_BEFORE_A_TOPIC
    return len(question.split()) <= _WORDS_OF_A_TOPIC or _matches("reported", question)


def _matches(name: str, question: str) -> bool:
    return pattern(f"question.{name}").search(question) is not None


def _shape(question: str) -> Shape:
    if _matches("paper_list", question) and not _matches("pair", question):
        return "list"
    return "comparison" if _matches("comparison", question) else "single"


def _metric(name: str) -> str:
    """Top-1 is an accuracy."""
    return f"{name} accuracy" if name.lower().startswith("top") else name
