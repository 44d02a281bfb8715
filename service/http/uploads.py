"""Reads the body of `POST /v1/papers`: a JSON document, the files of a form, or one file as the body itself."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import anyio
from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from rag import corpus
from rag.corpus import json_document
from rag.errors import CorpusError, RequestError, storage_errors
from rag.library import ingest
from rag.library.ingest import IngestBatch
from rag.types import Paper, Record, RejectedRecord
from service.http import unknown

_MAX_FILES = 100
_MAX_RECORDS = 100_000
# Threads of their own, so that no number of uploads keeps questions waiting for a thread.
_READERS = ThreadPoolExecutor(2, "upload")
_CHUNK_BYTES = 1 << 20
_MAX_NAME_CHARACTERS = 100
_FIELDS = ("file", "format", "library")
_NO_PAPERS = (
    "the body must be a JSON list of papers, each with a title and an abstract, or an object that holds one "
    "(results, data, message.items, ...), or papers by their ids"
)
_CURL_HINT = "Send one as `curl -F file=@papers.jsonl` does."
_SUFFIXES = {"text/csv": ".csv", "application/x-ndjson": ".jsonl", "application/jsonl": ".jsonl"}


class Upload(NamedTuple):
    """The papers of a request, and the library that its form names; empty if it names none."""

    batch: IngestBatch
    library: str


async def read_upload(request: Request, format: str) -> Upload:
    """All records of a request's body; they are read before any is stored, so that a bad body changes nothing.

    The body goes to a file and is read from there in a thread, a record at a time, so that a large one neither holds
    up other requests nor fills the memory. An empty `format` is detected from the content. Raises RequestError,
    CorpusError, or HTTPException for a bad form.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    with storage_errors("the upload"), TemporaryDirectory(prefix="scholiast-") as folder:
        if media_type == "multipart/form-data":
            try:
                async with request.form(max_files=_MAX_FILES) as form:
                    files = await _save_files(form, Path(folder))
            except HTTPException as error:
                if error.status_code != 400:
                    raise
                raise HTTPException(400, f"the form can't be read: {error.detail} {_CURL_HINT}") from error
            if others := [name for name, part in form.multi_items() if isinstance(part, str) and name not in _FIELDS]:
                raise RequestError(unknown.message(others[0], _FIELDS))
            format, library = _field(form, "format") or format, _field(form, "library")
            return Upload(await _in_reader(lambda: _records(files, format)), library)
        file = Path(folder) / f"body{_SUFFIXES.get(media_type, '')}"
        await _save_body(request, file)
        if media_type == "application/json" or media_type.endswith("+json"):
            return Upload(await _in_reader(lambda: _from_document(file)), "")
        return Upload(await _in_reader(lambda: _records({file: file.name}, format)), "")


async def _in_reader(records: Callable[[], Iterator[Record]]) -> IngestBatch:
    return await asyncio.get_running_loop().run_in_executor(_READERS, _gather, records)


def _gather(records: Callable[[], Iterator[Record]]) -> IngestBatch:
    try:
        return ingest.gather(_at_most(_MAX_RECORDS, records()))
    except json_document.NotJsonError as error:
        raise HTTPException(
            400,
            f"the body is not JSON: line {error.line}: {error}; send JSON Lines as Content-Type: application/x-ndjson",
        ) from error


def _at_most(limit: int, records: Iterable[Record]) -> Iterator[Record]:
    for number, record in enumerate(records):
        if number == limit:
            raise RequestError(f"more than {limit:,} records at once; send less, or use `scholiast ingest`")
        yield record


def _from_document(file: Path) -> Iterator[Record]:
    """The nth object of the document gets line n as its source."""
    place = json_document.find(file)
    if place is None:
        raise RequestError(_NO_PAPERS)
    values = (value for _, value in json_document.entries(file, place))
    first = next(values, None)
    if first is None:
        raise RequestError(_NO_PAPERS)
    yield from corpus.from_values(chain([first], values), "request")


def _records(files: Mapping[Path, str], format: str) -> Iterator[Record]:
    """Of several files, one that can't be read is rejected as a whole. Raises CorpusError if none can be read."""
    if format and format not in corpus.formats():
        raise RequestError(f"format is {format!r}; there is {', '.join(corpus.formats())}")
    unreadable: list[str] = []
    for file, name in files.items():
        try:
            yield from _of_file(file, name, format)
        except CorpusError as error:
            unreadable.append(str(error))
            yield RejectedRecord(source=name, line=0, reason=str(error))
    if len(unreadable) == len(files):
        raise CorpusError("; ".join(unreadable))


def _of_file(file: Path, name: str, format: str) -> Iterator[Record]:
    """The records of one file; their sources have the file's name on the client, not our temporary path."""

    def on_client(path: str) -> str:
        return path.replace(str(file), name, 1)  # a member of an archive has its own name behind that

    try:
        for record in corpus.read(file, format or None):
            if isinstance(record, Paper):
                yield replace(record, sources=tuple(replace(s, path=on_client(s.path)) for s in record.sources))
            else:
                yield replace(record, source=on_client(record.source))
    except CorpusError as error:
        raise CorpusError(str(error).replace(str(file), name)) from error


async def _save_files(form: FormData, folder: Path) -> dict[Path, str]:
    """Write the form's files into a folder: their paths there, and their names on the client."""
    files: dict[Path, str] = {}
    for number, (_, part) in enumerate(form.multi_items()):
        if isinstance(part, UploadFile):
            name = _file_name(part.filename or "")
            file = folder / f"{number}{Path(name).suffix}"
            async with await anyio.open_file(file, "wb") as out:
                while chunk := await part.read(_CHUNK_BYTES):
                    await out.write(chunk)
            files[file] = name
    if not files:
        raise RequestError(f"the form has no file. {_CURL_HINT}")
    return files


async def _save_body(request: Request, file: Path) -> None:
    async with await anyio.open_file(file, "wb") as out:
        async for chunk in request.stream():
            await out.write(chunk)


def _field(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def _file_name(path: str) -> str:
    """The last part of a client's path, without characters that are unsafe in a log or on a terminal."""
    name = "".join(character for character in path.replace("\\", "/").rpartition("/")[2] if character.isprintable())
    return name[-_MAX_NAME_CHARACTERS:] or "file"
