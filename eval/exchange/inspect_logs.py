"""Runs as inspect_ai has them: its evaluation logs (version 2), as `.json` or as `.eval`, a zip of JSON files."""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import zstandard

from eval.exchange.foreign import ForeignAnswer, count_of, text_of, texts_of
from eval.exchange.own import KEY, ExportedRow, ExportedRun, read_record
from eval.files import format_errors, read_text
from rag.errors import RequestError
from rag.types import Turn

LOSES = "nothing: each sample keeps our record in its metadata, and has our scores"
_ZIPPED_ZSTD = 93  # of APPNOTE 6.3.8; Python's zipfile reads it from 3.14 on
_LOCAL_HEADER_BYTES = 30
_MOST_BYTES = 256 << 20  # of one sample, unpacked
_UNPACKING_ERRORS = (OSError, BadZipFile, EOFError, zlib.error, zstandard.ZstdError, NotImplementedError, RuntimeError)


def read(paths: Sequence[Path]) -> list[ForeignAnswer]:
    """The samples of a log; of several epochs the first. Raises RequestError."""
    path = paths[0]
    with format_errors(path):
        samples = list(_zipped_samples(path)) if path.suffix == ".eval" else _log(path)["samples"]
        if not samples:
            raise RequestError(f"{path} has no samples; a log written with --no-log-samples can't be scored")
        return [_answer(sample) for sample in samples if int(sample.get("epoch") or 1) == 1]


def write(run: ExportedRun) -> dict[str, str]:
    """The text of a log for `read_eval_log`."""
    model = next((row.case.reply.model for row in run.rows if row.case.reply.model), "unknown")
    created = str(run.manifest.get("begun") or "1970-01-01T00:00:00+00:00")
    spec = {
        "created": created,
        "task": run.name,
        "dataset": {"samples": len(run.rows), "sample_ids": [row.case.question.id for row in run.rows]},
        "model": f"{KEY}/{model}",
        "config": {},
        "packages": {KEY: str((run.manifest.get("code") or {}).get("version", "unknown"))},
        "metadata": {"manifest": dict(run.manifest)},
    }
    counts = {"total_samples": len(run.rows), "completed_samples": len(run.rows) - run.unanswered}
    stats = {"started_at": created, "completed_at": created}
    log = {
        "version": 2,
        "status": "success",
        "eval": spec,
        "plan": {},
        "results": {**counts, "scores": _means(run)},
        "stats": stats,
        "samples": [_sample(row, spec["model"]) for row in run.rows],
    }
    return {"": json.dumps(log, indent=1, ensure_ascii=False) + "\n"}  # inspect relies on the order of the fields


def _sample(row: ExportedRow, model: object) -> dict[str, Any]:
    question, reply, response = row.case.question, row.case.reply, row.response
    asked = [{"role": turn.role, "content": turn.content} for turn in question.history]
    output = {
        "model": model,
        "choices": [{"message": {"role": "assistant", "content": reply.text}, "stop_reason": "stop"}],
        "completion": reply.text,
        "usage": {
            "input_tokens": reply.prompt_tokens,
            "output_tokens": reply.completion_tokens,
            "total_tokens": reply.prompt_tokens + reply.completion_tokens,
        },
    }
    taken = response.latency_ms if response else None
    error = (response.error if response else "") or "it was not asked"
    return {
        "id": question.id,
        "epoch": 1,
        "input": [*asked, {"role": "user", "content": question.question}] if asked else question.question,
        "target": question.answer,
        "output": output if row.answered else {"model": model, "choices": []},
        "scores": {name: {"value": value} for name, value in row.score.values.items() if value is not None},
        "metadata": {KEY: row.record},
        **({} if taken is None else {"total_time": taken / 1000}),
        **({} if row.answered else {"error": {"message": error, "traceback": "", "traceback_ansi": ""}}),
    }


def _means(run: ExportedRun) -> list[dict[str, Any]]:
    """The mean of every measure, without an interval: inspect computes its own errors from the samples."""
    names = dict.fromkeys(name for row in run.rows for name in row.score.values)
    found = []
    for name in names:
        values = [value for row in run.rows if (value := row.score.values.get(name)) is not None]
        if values:
            metrics = {"mean": {"name": "mean", "value": fmean(values)}}
            found.append({"name": name, "scorer": KEY, "scored_samples": len(values), "metrics": metrics})
    return found


def _answer(sample: Mapping[str, Any]) -> ForeignAnswer:
    history, question = _asked(sample["input"])
    output = sample.get("output") or {}
    error = sample.get("error")
    usage = output.get("usage") or {}
    taken = sample.get("working_time") or sample.get("total_time")
    return ForeignAnswer(
        id=str(sample["id"]),
        question=question,
        history=history,
        reference=" ".join(texts_of(sample.get("target"))),
        text=text_of(output.get("completion")) or _first_choice(output),
        error=text_of(error["message"]) or "it failed" if error else "",
        latency_ms=None if taken is None else round(float(taken) * 1000, 2),
        prompt_tokens=count_of(usage, "input_tokens"),
        completion_tokens=count_of(usage, "output_tokens"),
        model=text_of(output.get("model")),
        own=read_record(sample.get("metadata")),
    )


def _asked(value: str | Sequence[Mapping[str, Any]]) -> tuple[tuple[Turn, ...], str]:
    """What was said before, and the question: the last message of a user."""
    if isinstance(value, str):
        return (), value
    turns: list[Turn] = []
    for message in value:
        if message["role"] == "user":
            turns.append(Turn(role="user", content=_content(message["content"])))
        elif message["role"] == "assistant":
            turns.append(Turn(role="assistant", content=_content(message["content"])))
    if not turns or turns[-1].role != "user":
        raise ValueError("the input of a sample does not end with a message of a user")
    return tuple(turns[:-1]), turns[-1].content


def _first_choice(output: Mapping[str, Any]) -> str:
    choices = output.get("choices") or ()
    return _content(choices[0]["message"]["content"]) if choices else ""


def _content(value: str | Sequence[Mapping[str, Any]]) -> str:
    if isinstance(value, str):
        return value
    return "".join(str(part.get("text") or "") for part in value if part.get("type") == "text")


def _log(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(read_text(path))
    except ValueError as error:
        raise RequestError(f"{path} is not a log of inspect_ai: {error}") from error
    return found


def _zipped_samples(path: Path) -> Iterator[dict[str, Any]]:
    """The samples of an `.eval` file, in the order in which they were written."""
    try:
        with ZipFile(path) as archive:
            members = [m for m in archive.infolist() if m.filename.startswith("samples/")]
            for member in members:
                yield json.loads(_unpacked(archive, member))
    except _UNPACKING_ERRORS as error:
        raise RequestError(
            f"{path} can't be unpacked: {error}; `inspect log convert --to json` writes it as JSON"
        ) from error


def _unpacked(archive: ZipFile, member: ZipInfo) -> bytes:
    """The bytes of a member. Raises BadZipFile if it is too large."""
    if member.file_size > _MOST_BYTES:
        raise BadZipFile(f"{member.filename} has {member.file_size:,} bytes, more than {_MOST_BYTES:,}")
    if member.compress_type in (ZIP_STORED, ZIP_DEFLATED):
        return archive.read(member)
    if member.compress_type != _ZIPPED_ZSTD or archive.fp is None:
        raise BadZipFile(f"{member.filename} is compressed by method {member.compress_type}")
    archive.fp.seek(member.header_offset + _LOCAL_HEADER_BYTES - 4)
    lengths = archive.fp.read(4)  # of the name and of the extra field, which stand before the contents
    archive.fp.seek(int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little"), 1)
    packed = archive.fp.read(member.compress_size)
    with zstandard.ZstdDecompressor().stream_reader(packed) as reader:
        found = reader.read(member.file_size + 1)
    if len(found) != member.file_size:
        raise BadZipFile(f"{member.filename} does not have the {member.file_size:,} bytes that it claims")
    return found
