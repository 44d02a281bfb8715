"""What the sub-commands do. Each returns whether it went well, and writes to the terminal or prints JSON."""

import json as json_format
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from importlib.resources import as_file, files
from itertools import chain
from pathlib import Path
from typing import Any

from rag import config, corpus, embedders, serialize
from rag.config import Settings
from rag.engine import collect_answer
from rag.errors import ConfigError, CorpusError, RequestError
from rag.history.answers import Answers, AskRequest
from rag.history.conversations import LOCAL
from rag.library import advice
from rag.library.checks import Finding, diagnose
from rag.types import Filters, Paper, RejectedRecord
from rag.workspace import DEMO_LIBRARY, Workspace, list_libraries, open_database, remove_library
from service import shapes
from service.cli import paths as on_disk
from service.cli.terminal import Page, complain, progress
from service.searching import ranked

_DEMO_QUESTION = "What is wrong with the draft heads of Medusa, and how does Hydra mend it?"
_TRY_NEXT = (
    'ask "Which papers speed up decoding with a draft model?"',
    'search "sparse autoencoders"',
    "serve",
    "ingest FILE...     your own papers: JSON Lines, CSV or saved pages",
)
_YEARS = re.compile(r"(?P<first>\d{4})?(?P<to>-)?(?P<last>\d{4})?")


async def demo() -> bool:
    """Load the sample, ask it a question, show the answer and what to try next."""
    page = Page()
    async with Workspace(config.load()) as workspace:
        library = await workspace.library(DEMO_LIBRARY, create=True)
        with as_file(files("rag") / "data" / "sample_papers.jsonl") as sample, progress("Reading the sample") as bar:
            report = await library.ingest(corpus.read(sample), bar)
        page.line(f"{report.papers} sample papers are in library {report.library}. A question:", "dim")
        page.line()
        page.line(f"> {_DEMO_QUESTION}", "bold")
        page.line()
        page.answer(await (await workspace.engine(DEMO_LIBRARY)).ask(_DEMO_QUESTION))
    page.line()
    page.line("Try next:")
    for command in _TRY_NEXT:
        page.line(f"    {_program()} {command}")
    return True


def _program() -> str:
    """How the user can call us again: by name, or by path where a virtual environment is not active."""
    program = Path(sys.argv[0])
    return program.name if shutil.which(program.name) else os.path.relpath(program)


async def ingest(paths: Sequence[Path], library: str, format: str, json: bool) -> bool:
    """Files and folders into a library; a file that can't be read does not keep the others out."""
    if format and format not in corpus.formats():
        raise RequestError(f"--format is {format!r}; there is {', '.join(corpus.formats())}")
    files, refused = on_disk.found(paths)
    records = _records(files, format, refused)
    first = next(records, None)
    if first is not None:
        async with Workspace(config.load()) as workspace:
            opened = await workspace.library(library, create=True)
            with progress("Embedding") as bar:
                report = await opened.ingest(chain([first], records), bar)
        _print(serialize.report(report)) if json else Page().report(report)
    for reason in refused:
        complain(reason)
    return not refused


def _records(files: Sequence[Path], format: str, refused: list[str]) -> Iterator[Paper | RejectedRecord]:
    """The records of all files; the complaint about a file that can't be read goes to `refused`."""
    for file in files:
        try:
            yield from corpus.read(file, format or None)
        except CorpusError as error:
            refused.append(str(error))


async def ask(
    question: str, library: str, top_k: int, model: str, year: str, papers: Sequence[str], json: bool
) -> bool:
    """Answer one question."""
    first, last = _years(year)
    filters = Filters(year_from=first, year_to=last, papers=tuple(papers))
    async with Workspace(config.load()) as workspace:
        engine = await workspace.engine(library, model)
        request = AskRequest(question=_text(question), filters=filters, top_k=top_k, door="terminal", caller=LOCAL)
        answer = await collect_answer(workspace.answers.ask(engine, request))
    _print(serialize.answer(answer)) if json else Page().answer(answer)
    return True


async def search(query: str, library: str, limit: int, json: bool) -> bool:
    """Rank papers."""
    async with Workspace(config.load()) as workspace:
        passages = await ranked(await workspace.engine(library), _text(query), limit)
    found = serialize.search_results(list(passages))
    _print(found) if json else Page().results(passages, [result["snippet"] for result in found["results"]])
    return True


async def papers_list(library: str, offset: int, limit: int, json: bool) -> bool:
    """A page of the papers."""
    async with Workspace(config.load()) as workspace:
        opened = await workspace.library(library)
        papers, total = await opened.papers(offset, limit), (await opened.counts()).papers
    _print(shapes.papers(opened.name, papers, total, offset, limit)) if json else Page().papers(papers, total, offset)
    return True


async def papers_show(id: str, library: str, json: bool) -> bool:
    """One paper."""
    async with Workspace(config.load()) as workspace:
        paper = await (await workspace.library(library)).paper(_text(id))
    _print(serialize.paper(paper)) if json else Page().paper(paper)
    return True


async def papers_remove(ids: Sequence[str], library: str, json: bool) -> bool:
    """Take papers out; ids that are not there are named."""
    async with Workspace(config.load()) as workspace:
        opened = await workspace.library(library)
        there = await opened.stored(ids)
        count = await opened.remove(list(there))
    _print(shapes.removed(opened.name, count)) if json else Page().line(f"{count} removed from library {opened.name}")
    for id in ids:
        if id not in there:
            complain(f"library {opened.name!r} has no paper {id!r}; {advice.list_papers(opened.name)}")
    return len(there) == len(set(ids))


async def libraries_list(json: bool) -> bool:
    """Every library; none is opened."""
    found = await list_libraries(config.load())
    _print(shapes.libraries(found)) if json else Page().libraries(found)
    return True


async def libraries_remove(name: str) -> bool:
    """Delete a library."""
    await remove_library(config.load(), name)
    Page().line(f"library {name} is deleted")
    return True


async def rebuild(library: str, embed: bool) -> bool:
    """Make the indexes anew."""
    async with Workspace(config.load()) as workspace:
        opened = await workspace.library(library, repair=True)
        with progress("Embedding" if embed else "Indexing") as bar:
            counts = await opened.rebuild(embed=embed, progress=bar)
    Page().line(f"library {opened.name} is rebuilt: {counts.papers} papers, {counts.chunks} chunks")
    return True


async def feedback_list(json: bool) -> bool:
    """What was said of answers; as JSON one object a line, which `scholiast eval` reads as questions."""
    with closing(Answers(open_database(config.load()))) as answers:
        said = await answers.feedback()
    for one in said:
        comment = f" ({one['comment']})" if one["comment"] else ""
        if json:
            print(json_format.dumps(one, ensure_ascii=False))
        else:
            Page().line(f"{one['created'][:10]}  {one['verdict']:<4}  {one['question']}{comment}")
    if not said and not json:
        Page().line("Nobody has said anything of an answer yet.", "dim")
    return True


async def doctor(library: str, json: bool) -> bool:
    """Check everything; False when something is at fault."""
    settings = config.load()
    findings = [*await diagnose(settings, library, embedders.embedder), *await _slack(settings)]
    _print(shapes.findings(findings)) if json else Page().findings(findings)
    return all(finding.verdict != "fault" for finding in findings)


async def _slack(settings: Settings) -> Sequence[Finding]:
    """Slack's libraries are loaded only where it is set up."""
    if not any(name.startswith("slack_") for name in settings.model_fields_set):
        return ()
    from service.slack.http import extra_installed

    try:
        with extra_installed():
            from service.slack import setup
    except ConfigError as error:
        message, _, remedy = str(error).partition("; ")
        return [Finding("Slack", "fault", message, remedy)]
    return await setup.diagnose(settings)


def _years(text: str) -> tuple[int | None, int | None]:
    """The first and the last year of `2023`, `2023-`, `-2020` or `2019-2023`."""
    found = _YEARS.fullmatch(text.strip())
    if found is None or (text and not (found["first"] or found["last"])) or (found["last"] and not found["to"]):
        raise RequestError(f"--year is {text!r}; write 2023, 2023-, -2020 or 2019-2023")
    first = int(found["first"]) if found["first"] else None
    last = int(found["last"]) if found["last"] else None
    return first, last if found["to"] else first


def _text(argument: str) -> str:
    """An argument that is text; the system hands over bytes that need not be."""
    try:
        argument.encode()
    except UnicodeEncodeError as error:
        raise RequestError(f"the argument {argument!r} is not UTF-8; check the terminal's encoding") from error
    return argument


def _print(value: Mapping[str, Any]) -> None:
    print(json_format.dumps(value, ensure_ascii=False, indent=2))
