"""A follow-up becomes a question that stands alone, by rules; `writers/chat.py` does the same with a model."""

import re
from collections.abc import Sequence

from rag.grounding import marks
from rag.grounding.sentence_stream import SentenceStream
from rag.types import StandaloneQuery, Turn

_WORDS_OF_A_TURN = 40
_TURNS = 4
_POINTS_BACK = re.compile(
    r"^(and|but|or|so|also|then|what about|how about|why|why not|really|ok(ay)?)\b"
    r"|\b(it|its|they|them|their|this|that|these|those|he|she|there|one|ones|former|latter|same|both"
    r"|the (first|second|third|last|other)|instead|else|then)\b",
    re.IGNORECASE,
)
_SHORT_QUESTION_WORDS = 8

_PLACES = {"first": 0, "1st": 0, "former": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "4th": 3,
           "fifth": 4, "5th": 4, "last": -1, "latter": -1, "other": -1}  # fmt: skip
_THING = r"(?:ones?|papers?|methods?|approach(?:es)?|models?|works?|stud(?:y|ies)|articles?|systems?|options?|items?)"
_OF_THEM = r" of (?:them|these|those)\b"
_PLACED = re.compile(
    rf"\bthe ({'|'.join(_PLACES)})(?: {_THING}\b(?:{_OF_THEM})?|{_OF_THEM}|(?=\s*(?:[?.,!]|$)))", re.IGNORECASE
)
_NUMBERED = re.compile(
    rf"(?:\b(?:number|no\.|source|abstract|{_THING})\s*|#)(\d{{1,2}})\b|\[(\d{{1,2}})\]", re.IGNORECASE
)
_WORDS_OF_A_NAME = 25


class RuleBasedRewriter:
    """Condenses without a model: what is searched for gets the words of the exchange, what is asked stays as it is."""

    async def standalone(self, question: str, history: Sequence[Turn]) -> StandaloneQuery:
        """As the function of that name; "the second one" is also asked by its name."""
        named = with_names(question, history)
        return StandaloneQuery(question=named, search=standalone(question, history) if named == question else named)


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question with the exchange it leans on, when its words point back or are too few to stand alone.

    A question that names its subject itself is left as it is, so that a change of subject is not held back.
    """
    if not history or not leans_back(question):
        return question
    context = " ".join(" ".join(turn.content.split()[:_WORDS_OF_A_TURN]) for turn in _thread(history)[-_TURNS:])
    return f"{question} ({context})"


def with_names(question: str, history: Sequence[Turn]) -> str:
    """The question with the name of what it points at in the last answer: "the second one", "[2]", "paper 2"."""
    told = next((turn.content for turn in reversed(history) if turn.role == "assistant"), "")
    items = _items(told)
    if len(items) < 2:
        return question

    def by_number(found: re.Match[str]) -> str:
        number = int(found[1] or found[2])
        return next((name for numbers, name in items if number in numbers), found[0])

    def by_place(found: re.Match[str]) -> str:
        place = _PLACES[found[1].lower()]
        return items[place][1] if place < len(items) else found[0]

    return _PLACED.sub(by_place, _NUMBERED.sub(by_number, question))


def leans_back(question: str) -> bool:
    """Whether a question can't be understood alone, as far as its words tell."""
    return len(question.split()) <= _SHORT_QUESTION_WORDS or is_anaphoric(question)


def is_anaphoric(question: str) -> bool:
    """Whether its words refer to something said before; a question that is only short may well stand alone."""
    return _POINTS_BACK.search(question) is not None


def _items(answer: str) -> list[tuple[tuple[int, ...], str]]:
    """What an answer tells of, in order: the papers that it cites, or the lines of its list, with their names."""
    written = [sentence for sentence in SentenceStream().sentences(answer, end=True) if sentence.claim]
    cited = {sentence.numbers[0]: sentence for sentence in reversed(written) if sentence.numbers}
    listed = [sentence for sentence in written if re.match(r"\s*(?:[-*•]|\d{1,2}[.)])\s", sentence.text)]
    chosen = [s for s in written if s in cited.values()] if len(cited) > 1 else listed
    return [(sentence.numbers, _name(sentence.claim)) for sentence in chosen]


def _name(claim: str) -> str:
    head, colon, _ = claim.partition(": ")
    words = (head if colon else marks.without(claim)).strip(' .*_“”"').split()
    return " ".join(words[:_WORDS_OF_A_NAME])


def _thread(history: Sequence[Turn]) -> Sequence[Turn]:
    """Back to the last question that stands alone: what was said before it is about something else."""
    start = 0
    for position, turn in enumerate(history):
        if turn.role == "user" and not leans_back(turn.content):
            start = position
    return history[start:]
