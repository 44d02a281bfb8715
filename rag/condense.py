"""A follow-up becomes a question that stands alone."""

import re
from collections.abc import Sequence

from rag.types import Standalone, Turn

_WORDS_OF_A_TURN = 40
_TURNS = 4
_LEANS_BACK = re.compile(
    r"^(and|but|or|so|also|then|what about|how about|why|why not|really|ok(ay)?)\b"
    r"|\b(it|its|they|them|their|this|that|these|those|he|she|there|one|ones|former|latter|same|both"
    r"|the (first|second|third|last|other)|instead|else|then)\b",
    re.IGNORECASE,
)
_SHORT_QUESTION_WORDS = 8
_VERB = re.compile(r"\b(is|are|was|were|do|does|did|has|have|can|could|will|would|should)\b", re.IGNORECASE)
_NAME = re.compile(r"(?<=\s)(?!I\b)[A-Z]|\w\d")


class Rules:
    """Condenses without a model: what is searched for gets the words of the exchange, what is asked stays as it is."""

    async def standalone(self, question: str, history: Sequence[Turn]) -> Standalone:
        """As the function of that name."""
        return Standalone(question=question, search=standalone(question, history))


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question with the exchange it leans on, when its words point back or are too few to stand alone.

    A question that names its subject itself is left as it is, so that a change of subject is not held back.
    """
    if not history or not leans_back(question):
        return question
    context = " ".join(" ".join(turn.content.split()[:_WORDS_OF_A_TURN]) for turn in _thread(history)[-_TURNS:])
    return f"{question} ({context})"


def leans_back(question: str) -> bool:
    """Whether a question can't be understood alone, as far as its words tell.

    A short one seldom can, unless it is a whole sentence that names something: "What is the capital of France?"
    """
    if _LEANS_BACK.search(question):
        return True
    whole = _VERB.search(question) is not None and _NAME.search(question) is not None
    return len(question.split()) <= _SHORT_QUESTION_WORDS and not whole


def _thread(history: Sequence[Turn]) -> Sequence[Turn]:
    """Back to the last question that stands alone: what was said before it is about something else."""
    start = 0
    for position, turn in enumerate(history):
        if turn.role == "user" and not leans_back(turn.content):
            start = position
    return history[start:]
