"""The body of `POST /v1/papers` to records: a JSON list, files of a form, or one file as the body itself."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import anyio
from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from rag import corpus
from rag.corpus.record import from_record
from rag.errors import CorpusError, RequestError
from rag.types import Paper, RejectedRecord

_MAX_FILES = 100
_PIECE_BYTES = 1 << 20
_MAX_NAME = 100
_HOW = "Send one as `curl -F file=@papers.jsonl` does."
_SUFFIXES = {"text/csv": ".csv", "application/x-ndjson": ".jsonl", "application/jsonl": ".jsonl"}


class Upload(NamedTuple):
    """Records, and where they shall go; `library` is empty where the body does not say."""

    records: list[Paper | RejectedRecord]
    library: str


async def received(request: Request, format: str) -> Upload:
    """The records of a request's body, all read, so that a file which can't be read changes nothing.

    An empty `format` lets the content decide. Raises RequestError, CorpusError, or HTTPException for a broken form.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return Upload(_from_list(await request.body()), "")
    with TemporaryDirectory(prefix="scholiast-") as folder:
        if kind == "multipart/form-data":
            try:
                async with request.form(max_files=_MAX_FILES) as form:
                    files = await _saved(form, Path(folder))
            except HTTPException as error:
                if error.status_code != 400:
                    raise
                raise HTTPException(400, f"the form can't be read: {error.detail} {_HOW}") from error
            format, library = _field(form, "format") or format, _field(form, "library")
        else:
            file = Path(folder) / f"body{_SUFFIXES.get(kind, '')}"
            await _save_body(request, file)
            files, library = {file: file.name}, ""
        return Upload(await asyncio.to_thread(_records, files, format), library)


def _from_list(body: bytes) -> list[Paper | RejectedRecord]:
    """Line n of the provenance is the nth object of the list."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(
            400, f"the body is not JSON: {error}; send JSON Lines as Content-Type: application/x-ndjson"
        ) from error
    if not isinstance(values, list) or not values:
        raise RequestError("the body must be a JSON list of papers, each with a title and an abstract")
    return [_from_value(value, number) for number, value in enumerate(values, 1)]


def _from_value(value: object, number: int) -> Paper | RejectedRecord:
    if isinstance(value, Mapping):
        return from_record(value, "request", number)
    return RejectedRecord(source="request", line=number, reason=f"is a JSON {type(value).__name__}, not an object")


def _records(files: Mapping[Path, str], format: str) -> list[Paper | RejectedRecord]:
    if format and format not in corpus.formats():
        raise RequestError(f"format is {format!r}; there is {', '.join(corpus.formats())}")
    return [record for file, name in files.items() for record in _of_file(file, name, format)]


def _of_file(file: Path, name: str, format: str) -> Iterator[Paper | RejectedRecord]:
    """Under the name that the client gave, which is what it can recognise."""
    try:
        for record in corpus.read(file, format or None):
            if isinstance(record, RejectedRecord):
                yield replace(record, source=name)
            else:
                yield replace(record, sources=tuple(replace(source, path=name) for source in record.sources))
    except CorpusError as error:
        raise CorpusError(str(error).replace(str(file), name)) from error


async def _saved(form: FormData, folder: Path) -> dict[Path, str]:
    """The form's files on disk, with their names."""
    files: dict[Path, str] = {}
    for number, (_, part) in enumerate(form.multi_items()):
        if isinstance(part, UploadFile):
            name = _file_name(part.filename or "")
            file = folder / f"{number}{Path(name).suffix}"
            async with await anyio.open_file(file, "wb") as out:
                while piece := await part.read(_PIECE_BYTES):
                    await out.write(piece)
            files[file] = name
    if not files:
        raise RequestError(f"the form has no file. {_HOW}")
    return files


async def _save_body(request: Request, file: Path) -> None:
    async with await anyio.open_file(file, "wb") as out:
        async for piece in request.stream():
            await out.write(piece)


def _field(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def _file_name(given: str) -> str:
    """The last part of a path, without what could spoil a log or a terminal."""
    name = "".join(letter for letter in given.replace("\\", "/").rpartition("/")[2] if letter.isprintable())
    return name[-_MAX_NAME:] or "file"
