"""Runs as ragas has them: the JSON Lines of its `EvaluationDataset` (0.4), one `SingleTurnSample` a line."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.exchange.foreign import Context, ForeignAnswer, text_of, texts_of
from eval.exchange.own import ExportedRow, ExportedRun
from eval.files import format_errors, json_lines, read_json_lines
from rag.errors import RequestError
from rag.types import Turn

LOSES = (
    "ids and histories of questions, key facts, what a paper's abstract says beyond its passages, what is shown after "
    "an answer, quotes, outcomes (refusals are read from words), confidence, times, and questions without an answer"
)
_ROLES = {"human": "user", "ai": "assistant"}


def read(paths: Sequence[Path]) -> list[ForeignAnswer]:
    """The samples of a file, single-turn or multi-turn. Raises RequestError."""
    with format_errors(paths[0]):
        return [_answer(row) for row in read_json_lines(paths[0])]


def write(run: ExportedRun) -> dict[str, str]:
    """The text of `EvaluationDataset.from_jsonl`, without the questions that have no answer."""
    return {"": json_lines(_sample(row) for row in run.rows if row.answered)}


def _sample(row: ExportedRow) -> dict[str, Any]:
    question, reply = row.case.question, row.case.reply
    found = {
        "user_input": question.question,
        "retrieved_contexts": [passage.text for passage in reply.shown],
        "retrieved_context_ids": [passage.paper.id for passage in reply.shown],
        "reference_contexts": [passage.text for passage in question.gold_passages],
        "reference_context_ids": list(row.gold_ids),
        "response": reply.text,
        "reference": question.answer,
    }
    return {name: value for name, value in found.items() if value}


def _answer(row: Mapping[str, Any]) -> ForeignAnswer:
    asked = row["user_input"]
    turns = [] if isinstance(asked, str) else list(_turns(asked))
    if turns:
        question, response, history = _last_exchange(turns)
    else:
        question, response, history = str(asked), text_of(row.get("response")), ()
    texts, ids = texts_of(row.get("retrieved_contexts")), texts_of(row.get("retrieved_context_ids"))
    if ids and texts and len(ids) != len(texts):
        raise ValueError(f"{len(ids)} retrieved_context_ids for {len(texts)} retrieved_contexts of {question[:60]!r}")
    contexts = [Context(text, ids[n] if ids else "") for n, text in enumerate(texts)] or [Context("", id) for id in ids]
    return ForeignAnswer(
        question=question,
        history=history,
        reference=text_of(row.get("reference")),
        gold_ids=texts_of(row.get("reference_context_ids")),
        text=response,
        contexts=tuple(contexts),
        ranked=tuple(dict.fromkeys(ids)),
    )


def _turns(messages: Sequence[Mapping[str, Any]]) -> Iterator[Turn]:
    for message in messages:
        if role := _ROLES.get(str(message["type"])):
            yield Turn(role="user" if role == "user" else "assistant", content=str(message["content"]))


def _last_exchange(turns: Sequence[Turn]) -> tuple[str, str, tuple[Turn, ...]]:
    """The last question of a conversation, the answer to it, and what was said before."""
    asked = max((n for n, turn in enumerate(turns) if turn.role == "user"), default=None)
    if asked is None:
        raise RequestError("a conversation of the file has no message of a user, so there is no question in it")
    answer = " ".join(turn.content for turn in turns[asked + 1 :])
    return turns[asked].content, answer, tuple(turns[:asked])
