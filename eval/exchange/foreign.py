"""An answer of another harness in one shape, and the Answer object that our measures read, made of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from eval.exchange.own import OwnRecord
from eval.metrics.citations import marks
from eval.records import SeenPaper
from eval.reply import AnswerSentence
from rag.corpus.identity import UnusableIdError, paper_id
from rag.errors import RequestError
from rag.types import Paper, Turn

_TEXT_ID_DIGITS = 16


@dataclass(frozen=True)
class Context:
    """A passage that the answer was written from; `id` is that of its paper, empty where the format has none."""

    text: str
    id: str = ""


@dataclass(frozen=True, kw_only=True)
class ForeignAnswer:
    """One answer as another harness has it, with as much of its question as the file tells.

    `[n]` in `text` is the n-th distinct paper of `contexts`. `sentences`, where a format lists them, cite by the same
    numbers. `ranked` are ids of papers, best first. A failed answer has an `error`. `own` is the record that our export
    put beside it: nothing else is read where it is there.
    """

    question: str
    id: str = ""
    history: tuple[Turn, ...] = ()
    reference: str = ""
    gold_ids: tuple[str, ...] = ()
    text: str = ""
    sentences: tuple[AnswerSentence, ...] = ()
    contexts: tuple[Context, ...] = ()
    ranked: tuple[str, ...] = ()
    error: str = ""
    latency_ms: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    model: str = ""
    own: OwnRecord | None = None


class KnownPapers:
    """The papers of the user's files: they give an answer's contexts their ids, and ids their titles."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        self._by_id = {paper.id: paper for paper in papers}
        self._texts = [(folded(f"{paper.title} {paper.abstract}"), paper.id) for paper in papers]
        self._found: dict[str, str] = {}

    def identify(self, context: Context) -> Context:
        """The context with the id of its paper: its own, that of the first paper that holds its words, or a hash."""
        if context.id:
            return replace(context, id=usable_id(context.id))
        words = folded(context.text)
        if words not in self._found:
            holder = next((id for text, id in self._texts if words and words in text), "")
            digest = sha256(words.encode()).hexdigest()[:_TEXT_ID_DIGITS]
            self._found[words] = holder or f"text:{digest}"
        return replace(context, id=self._found[words])

    def name(self, id: str) -> dict[str, str]:
        """A paper as an Answer names it; without a title where it is not known."""
        paper = self._by_id.get(id)
        return {"id": id, "title": paper.title if paper else ""}

    def seen(self, contexts: Sequence[Context], others: Sequence[str]) -> Iterator[SeenPaper]:
        """These papers with their abstracts; of one that is not known the contexts stand for the abstract."""
        for id in dict.fromkeys([*(context.id for context in contexts), *others]):
            paper = self._by_id.get(id)
            if paper:
                yield SeenPaper(id=id, title=paper.title, abstract=paper.abstract)
            elif text := "\n".join(context.text for context in contexts if context.id == id):
                yield SeenPaper(id=id, title="", abstract=text)


def usable_id(id: str) -> str:
    """An id as a library would have it. Raises RequestError."""
    try:
        return paper_id("", id)
    except UnusableIdError as error:
        raise RequestError(f"the paper id {id[:80]!r} can't be used: {error}") from error


def answer_object(found: ForeignAnswer, contexts: Sequence[Context], known: KnownPapers) -> dict[str, Any]:
    """The API's Answer object; `contexts` are those of the answer, with ids. Its outcome is unknown: words tell it."""
    numbers = {id: number for number, id in enumerate(dict.fromkeys(c.id for c in contexts), start=1)}
    ids = {number: id for id, number in numbers.items()}
    text = found.text or " ".join(_with_marks(sentence) for sentence in found.sentences)
    cited = dict.fromkeys([*marks(text), *(n for sentence in found.sentences for n in sentence.numbers)])
    return {
        "outcome": None,
        "text": text,
        "sentences": [{"text": s.text, "citations": list(s.numbers)} for s in found.sentences],
        "citations": [{"number": n, "paper": known.name(ids[n])} for n in cited if n in ids],
        "passages": [{"number": numbers[c.id], "paper": known.name(c.id), "text": c.text} for c in contexts],
        "confidence": None,
        "model": found.model,
        "usage": {"prompt_tokens": found.prompt_tokens, "completion_tokens": found.completion_tokens},
    }


def text_of(value: object) -> str:
    """A text field that may be missing or null."""
    return "" if value is None else str(value)


def texts_of(value: object) -> tuple[str, ...]:
    """A field that holds one text, a list of them, or nothing."""
    if value is None or value == "":
        return ()
    return tuple(map(str, value)) if isinstance(value, list | tuple) else (str(value),)


def count_of(holder: Mapping[str, Any], name: str) -> int:
    """A number of tokens that may be missing."""
    return int(holder.get(name) or 0)


def _with_marks(sentence: AnswerSentence) -> str:
    return " ".join([sentence.text, *(f"[{number}]" for number in sentence.numbers)])


def folded(text: str) -> str:
    """The words in lower case, a blank between them: what two texts are compared by."""
    return " ".join(text.split()).lower()
