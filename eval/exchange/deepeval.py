"""Runs as deepeval has them: goldens as `EvaluationDataset.save_as` writes them, and its saved test runs (4.3)."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.exchange.foreign import Context, ForeignAnswer, count_of, text_of
from eval.exchange.own import KEY, ExportedRow, ExportedRun, read_record
from eval.files import format_errors, pretty, read_json_lines, read_text
from rag.errors import RequestError

LOSES = (
    "nothing as goldens, which keep our record in additional_metadata; test cases made of them drop it, and with it "
    "histories, key facts, quotes, outcomes, confidence and times"
)
_SOURCED = re.compile(r"deepeval_source=(?P<source>.*?),deepeval_context=(?P<context>.*)", re.DOTALL)
_NEXT_CONTEXT = "|"  # between the contexts of a golden in JSON Lines


def read(paths: Sequence[Path]) -> list[ForeignAnswer]:
    """The goldens or test cases of a file, JSON or JSON Lines. Raises RequestError."""
    with format_errors(paths[0]):
        return [_answer(case) for case in _cases(paths[0])]


def write(run: ExportedRun) -> dict[str, str]:
    """The text of `add_goldens_from_json_file`; `add_test_cases_from_json_file` reads it too."""
    return {"": pretty([_golden(row) for row in run.rows])}


def _golden(row: ExportedRow) -> dict[str, Any]:
    question, reply = row.case.question, row.case.reply
    return {
        "name": question.id,
        "input": question.question,
        "actual_output": reply.text if row.answered else None,
        "expected_output": question.answer or None,
        "retrieval_context": [_sourced(p.paper.id, p.text) for p in reply.shown] if row.answered else None,
        "context": [passage.text for passage in question.gold_passages] or None,
        "input_token_count": reply.prompt_tokens or None,
        "output_token_count": reply.completion_tokens or None,
        "additional_metadata": {KEY: row.record},
    }


def _cases(path: Path) -> list[Mapping[str, Any]]:
    if path.suffix == ".jsonl":
        return list(read_json_lines(path))
    try:
        found = json.loads(read_text(path))
    except ValueError as error:
        raise RequestError(f"{path} is not JSON: {error}") from error
    if isinstance(found, Mapping):
        return list(found.get("testRunData", found)["testCases"])
    return list(found)


def _answer(case: Mapping[str, Any]) -> ForeignAnswer:
    if "input" not in case:
        raise RequestError("conversations of deepeval have no single answer to score; give single-turn test cases")
    metadata = _either(case, "additional_metadata", "metadata")
    text, taken = _either(case, "actual_output", "actualOutput"), _either(case, "completion_time", "completionTime")
    return ForeignAnswer(
        id=text_of((metadata or {}).get("id") or case.get("name")),
        question=str(case["input"]),
        reference=text_of(_either(case, "expected_output", "expectedOutput")),
        text=text_of(text),
        contexts=_contexts(_either(case, "retrieval_context", "retrievalContext")),
        error="" if text is not None else "it has no actual_output",
        latency_ms=None if taken is None else float(taken) * 1000,
        prompt_tokens=count_of(case, "input_token_count") or count_of(case, "inputTokenCount"),
        completion_tokens=count_of(case, "output_token_count") or count_of(case, "outputTokenCount"),
        own=read_record(metadata),
    )


def _contexts(value: object) -> tuple[Context, ...]:
    """Texts, texts with a source as deepeval writes them, or objects of `context` and `source`."""
    if isinstance(value, str):
        value = value.split(_NEXT_CONTEXT)
    return tuple(_context(item) for item in value) if isinstance(value, list) else ()


def _context(item: object) -> Context:
    if isinstance(item, Mapping):
        return Context(str(item["context"]), text_of(item.get("source")))
    found = _SOURCED.fullmatch(str(item))
    return Context(found["context"], found["source"]) if found else Context(str(item))


def _sourced(source: str, text: str) -> str:
    """A context with its source as deepeval writes and reads them, which takes one line."""
    return f"deepeval_source={source},deepeval_context={' '.join(text.splitlines())}"


def _either(case: Mapping[str, Any], *names: str) -> Any:
    """The first of these fields that is not null: files of goldens and of test runs spell them differently."""
    return next((case[name] for name in names if case.get(name) is not None), None)
