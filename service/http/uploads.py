"""Reads the body of `POST /v1/papers`: a JSON list, the files of a form, or one file as the body itself."""

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
from rag.errors import CorpusError, RequestError
from rag.types import Paper, Record

_MAX_FILES = 100
_CHUNK_BYTES = 1 << 20
_MAX_NAME_CHARACTERS = 100
_CURL_HINT = "Send one as `curl -F file=@papers.jsonl` does."
_SUFFIXES = {"text/csv": ".csv", "application/x-ndjson": ".jsonl", "application/jsonl": ".jsonl"}


class Upload(NamedTuple):
    """The records of a request, and the library that its form names; empty if it names none."""

    records: list[Record]
    library: str


async def read_upload(request: Request, format: str) -> Upload:
    """All records of a request's body; they are read before any is stored, so that a bad file changes nothing.

    An empty `format` is detected from the content. Raises RequestError, CorpusError, or HTTPException for a bad form.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        return Upload(_from_list(await request.body()), "")
    with TemporaryDirectory(prefix="scholiast-") as folder:
        if media_type == "multipart/form-data":
            try:
                async with request.form(max_files=_MAX_FILES) as form:
                    files = await _save_files(form, Path(folder))
            except HTTPException as error:
                if error.status_code != 400:
                    raise
                raise HTTPException(400, f"the form can't be read: {error.detail} {_CURL_HINT}") from error
            format, library = _field(form, "format") or format, _field(form, "library")
        else:
            file = Path(folder) / f"body{_SUFFIXES.get(media_type, '')}"
            await _save_body(request, file)
            files, library = {file: file.name}, ""
        return Upload(await asyncio.to_thread(_records, files, format), library)


def _from_list(body: bytes) -> list[Record]:
    """The nth object of the list gets line n as its source."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(
            400, f"the body is not JSON: {error}; send JSON Lines as Content-Type: application/x-ndjson"
        ) from error
    if not isinstance(values, list) or not values:
        raise RequestError("the body must be a JSON list of papers, each with a title and an abstract")
    return list(corpus.from_values(values, "request"))


def _records(files: Mapping[Path, str], format: str) -> list[Record]:
    if format and format not in corpus.formats():
        raise RequestError(f"format is {format!r}; there is {', '.join(corpus.formats())}")
    return [record for file, name in files.items() for record in _of_file(file, name, format)]


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
