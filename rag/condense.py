"""A follow-up becomes a question that stands alone, by rules; `writers/chat.py` does the same with a model."""

import asyncio
import re
from collections.abc import Sequence

from rag import spelling, topic, wording
from rag.grounding import marks
from rag.grounding.refusals import declines
from rag.grounding.sentence_stream import sentences
from rag.protocols import Retriever, Vocabulary
from rag.text.vocabulary import pattern, words
from rag.types import Paper, StandaloneQuery, Turn

_WORDS_OF_A_TURN = 40
_TURNS = 4
_PAPERS_COMPARED = 8
_PAPERS_TO_SPELL_FROM = 24
_WORDS_OF_A_NAME = 25
_LIST_ITEM = re.compile(r"\s*(?:[-*•]|\d{1,2}[.)])\s")


class RuleBasedRewriter:
    """Rewrites without a model: takes off what is around a question, reads misspelt words, adds the exchange it needs.

    Without a retriever and a vocabulary it goes by the words of the question alone.
    """

    def __init__(self, retriever: Retriever | None = None, vocabulary: Vocabulary | None = None) -> None:
        self._retriever, self._vocabulary = retriever, vocabulary

    async def rewrite(self, question: str, history: Sequence[Turn]) -> StandaloneQuery:
        """The search query gets the exchange where the question needs it; "the second one" is asked by its name."""
        if wording.small_talk(question):
            return StandaloneQuery(question=question, search="")
        asked, notice = await self._spelt(wording.without_politeness(question))
        named = with_names(asked, history)
        if named != asked:
            return StandaloneQuery(question=named, search=named, goes_on=True, notice=notice)
        if not await self._goes_on(asked, history):
            return StandaloneQuery(question=asked, search=asked, notice=notice)
        search = with_exchange(asked, await self._thread(history))
        # What no paper answers, a paper that answers "why?" alone does not answer either.
        question = search if _declines(history[-1].content) else asked
        return StandaloneQuery(question=question, search=search, goes_on=True, notice=notice)

    async def _spelt(self, question: str) -> tuple[str, str]:
        """The question with its misspelt words as they are read, and what the reader is told of that."""
        if self._retriever is None or self._vocabulary is None:
            return question, ""
        unknown = spelling.unknown_words(question, self._vocabulary)
        if not unknown:
            return question, ""
        found = await self._retriever.retrieve(question, _PAPERS_TO_SPELL_FROM)
        texts = [passage.paper.title_and_abstract for passage in found]
        read_as = spelling.guesses(unknown, texts)
        return spelling.corrected(question, read_as), spelling.notice(read_as)

    async def _goes_on(self, question: str, history: Sequence[Turn]) -> bool:
        if not history:
            return False
        if self._retriever is None or self._vocabulary is None:
            return topic.leans_by_words(question)
        alone, together = await asyncio.gather(
            self._retriever.retrieve(question, _PAPERS_COMPARED),
            self._retriever.retrieve(with_exchange(question, history), 1),
        )
        return topic.goes_on(question, alone, together, self._vocabulary)

    async def _thread(self, history: Sequence[Turn]) -> Sequence[Turn]:
        """Back to the last question that stands alone: what was said before it is about something else."""
        recent = len(history) - _TURNS
        for start in range(len(history) - 1, max(recent, 0), -1):
            turn = history[start]
            if turn.role == "user" and not await self._goes_on(turn.content, history[:start]):
                return history[start:]
        return history


def about(paper: Paper) -> tuple[Turn, ...]:
    """An exchange after which "it" and "this paper" mean this one."""
    return (
        Turn(role="user", content=f"What does the paper “{paper.title}” say?"),
        Turn(role="assistant", content=paper.title),
    )


def with_exchange(question: str, history: Sequence[Turn]) -> str:
    """The question with the beginning of each of the last turns, to be searched for; as it is without history.

    An answer that declines is left out: the papers that it names are not what the exchange is about.
    """
    told = [turn.content for turn in history[-_TURNS:] if turn.role == "user" or not _declines(turn.content)]
    context = " ".join(" ".join(content.split()[:_WORDS_OF_A_TURN]) for content in told)
    return f"{question} ({context})" if context else question


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


def is_anaphoric(question: str) -> bool:
    """Whether its words refer to something said before; a question that is only short may well stand alone."""
    return pattern("question.anaphoric").search(question) is not None


def _declines(answer: str) -> bool:
    """Whether the first thing that it says is that there is no answer."""
    first = next(iter(sentences(answer)), None)
    return first is not None and declines(first.text)


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
