"""A follow-up becomes a question that stands alone, by rules; `writers/chat.py` does the same with a model."""

import re
from collections.abc import Sequence

from rag.grounding import marks
from rag.grounding.sentence_stream import sentences
from rag.text.vocabulary import pattern, words
from rag.types import StandaloneQuery, Turn

_WORDS_OF_A_TURN = 40
_TURNS = 4
_SHORT_QUESTION_WORDS = 8
_WORDS_OF_A_NAME = 25
_LIST_ITEM = re.compile(r"\s*(?:[-*•]|\d{1,2}[.)])\s")


class RuleBasedRewriter:
    """Rewrites without a model: the search query gets the words of the exchange, the question stays as it is."""

    async def rewrite(self, question: str, history: Sequence[Turn]) -> StandaloneQuery:
        """The search query gets the exchange where the question needs it; "the second one" is asked by its name."""
        named = with_names(question, history)
        query = with_exchange(question, history) if named == question else named
        return StandaloneQuery(question=named, search=query)


def with_exchange(question: str, history: Sequence[Turn]) -> str:
    """The question with the exchange it needs, when its words point back or are too few to stand alone.

    A question that names its subject itself is left as it is, so that a change of subject is not held back.
    """
    if not history or not needs_history(question):
        return question
    context = " ".join(" ".join(turn.content.split()[:_WORDS_OF_A_TURN]) for turn in _thread(history)[-_TURNS:])
    return f"{question} ({context})"


def with_names(question: str, history: Sequence[Turn]) -> str:
    """The question with the name of what it points at in the last answer: "the second one", "[2]", "paper 2"."""
    answer = next((turn.content for turn in reversed(history) if turn.role == "assistant"), "")
    items = _items(answer)
    if len(items) < 2:
        return question

    def by_number(found: re.Match[str]) -> str:
        number = int(found[1] or found[2])
        return next((name for numbers, name in items if number in numbers), found[0])

    def by_place(found: re.Match[str]) -> str:
        place = words("ordinals")[found[1].lower()]
        return items[place][1] if place < len(items) else found[0]

    return pattern("question.ordinal").sub(by_place, pattern("question.item_number").sub(by_number, question))


def needs_history(question: str) -> bool:
    """Whether a question can't be understood alone, as far as its words tell."""
    return len(question.split()) <= _SHORT_QUESTION_WORDS or is_anaphoric(question)


def is_anaphoric(question: str) -> bool:
    """Whether its words refer to something said before; a question that is only short may well stand alone."""
    return pattern("question.anaphoric").search(question) is not None


def _items(answer: str) -> list[tuple[tuple[int, ...], str]]:
    """What an answer lists, in order: the papers that it cites, or the lines of its list, with their names."""
    written = [sentence for sentence in sentences(answer) if sentence.claim]
    cited = {sentence.numbers[0]: sentence for sentence in reversed(written) if sentence.numbers}
    listed = [sentence for sentence in written if _LIST_ITEM.match(sentence.text)]
    chosen = [s for s in written if s in cited.values()] if len(cited) > 1 else listed
    return [(sentence.numbers, _name(sentence.claim)) for sentence in chosen]


def _name(claim: str) -> str:
    head, colon, _ = claim.partition(": ")
    name = (head if colon else marks.without(claim)).strip(' .*_“”"').split()
    return " ".join(name[:_WORDS_OF_A_NAME])


def _thread(history: Sequence[Turn]) -> Sequence[Turn]:
    """Back to the last question that stands alone: what was said before it is about something else."""
    start = 0
    for position, turn in enumerate(history):
        if turn.role == "user" and not needs_history(turn.content):
            start = position
    return history[start:]
