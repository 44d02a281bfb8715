"""What the sub-commands do. Each writes to the terminal or prints JSON, and returns whether it succeeded."""

import json as json_format
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from importlib.resources import as_file, files
from itertools import chain
from pathlib import Path
from typing import Any

from rag import config, corpus, embedders, references, serialize
from rag.config import Settings
from rag.errors import ConfigError, CorpusError, RequestError, how_to_list_papers
from rag.history.answers import Answers
from rag.library.checks import Finding, diagnose
from rag.types import Effort, Filters, Record
from rag.workspace import DEMO_LIBRARY, Workspace, list_libraries, open_database, remove_library
from service.cli.terminal import UNSAFE_ON_A_TERMINAL, Page, print_error, print_file, progress, progress_of

_DEMO_QUESTION = "What is wrong with the draft heads of Medusa, and how does Hydra fix it?"
_TRY_NEXT = (
    'ask "Which papers speed up decoding with a draft model?"',
    'search "sparse autoencoders"',
    "serve",
    "ingest FILE...     your own papers: from Zotero, PubMed, arXiv, ..., or JSON and CSV",
)
_YEARS_PATTERN = re.compile(r"(?P<first>\d{4})?(?P<to>-)?(?P<last>\d{4})?")


async def demo() -> bool:
    """Load the sample, ask it a question, show the answer and what to try next."""
    page = Page()
    async with Workspace() as workspace:
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
    """How the user can run this program: by name, or by path where its virtual environment is not active."""
    program = Path(sys.argv[0])
    return program.name if shutil.which(program.name) else os.path.relpath(program)


async def ingest(paths: Sequence[Path], library: str, format: str, json: bool) -> bool:
    """Add files and folders to a library; a file that can't be read does not stop the others."""
    if format and format not in corpus.formats():
        raise RequestError(f"--format is {format!r}; there is {', '.join(corpus.formats())}")
    errors: list[str] = []
    records = _records(dict.fromkeys(paths), format, errors)
    first = next(records, None)
    if first is not None:
        async with Workspace() as workspace:
            opened = await workspace.library(library, create=True)
            with progress("Embedding") as bar:
                report = await opened.ingest(chain([first], records), bar)
        _print(serialize.report(report)) if json else Page().report(report)
    for message in errors:
        print_error(message)
    return not errors


async def fetch(source: str, query: str, since: str, limit: int, library: str, json: bool) -> bool:
    """Add what a source finds for a query."""
    async with Workspace() as workspace:
        with progress_of(f"Fetching from {source}", "Embedding") as (fetching, bar):
            report = await workspace.fetch(
                source, _text(query), since=since, limit=limit, library=library, fetching=fetching, progress=bar
            )
    _print(serialize.report(report)) if json else Page().report(report)
    return True


async def enrich(library: str, json: bool) -> bool:
    """Fill what papers lack."""
    async with Workspace() as workspace:
        with progress_of("Asking OpenAlex", "Embedding") as (asking, bar):
            report = await workspace.enrich(library=library, asking=asking, progress=bar)
    _print(serialize.enrich_report(report)) if json else Page().enriched(report)
    return True


def _records(paths: Iterable[Path], format: str, errors: list[str]) -> Iterator[Record]:
    """The records of all files and folders; for one that can't be read, a message is added to `errors`."""
    for path in paths:
        try:
            yield from corpus.read(path, format or None)
        except CorpusError as error:
            errors.append(str(error))


async def ask(
    question: str, library: str, top_k: int, model: str, year: str, papers: Sequence[str], effort: Effort, output: str
) -> bool:
    """Answer one question; `output` is json, a format of references, or empty for the terminal."""
    _check_output(output)
    first, last = _years(year)
    filters = Filters(year_from=first, year_to=last, papers=tuple(papers))
    async with Workspace() as workspace:
        answer = await workspace.ask(
            _text(question),
            library=library,
            model=model,
            filters=filters,
            top_k=top_k,
            effort=effort,
            door="terminal",
        )
    if output == "json":
        _print(serialize.answer(answer))
    elif output:
        print_file(references.write_answer(answer, {}, output))
    else:
        Page().answer(answer)
    return True


async def search(query: str, library: str, limit: int, output: str) -> bool:
    """Rank papers; `output` as for `ask`."""
    _check_output(output)
    async with Workspace() as workspace:
        passages = await workspace.search(_text(query), library=library, limit=limit)
    results = serialize.search_results(passages)
    if output == "json":
        _print(results)
    elif output:
        print_file(references.write([passage.paper for passage in passages], output))
    else:
        Page().results(passages, [result["snippet"] for result in results["results"]])
    return True


async def papers_list(library: str, offset: int, limit: int, json: bool) -> bool:
    """List a page of the papers, by id."""
    async with Workspace() as workspace:
        opened = await workspace.library(library)
        papers, total = await opened.papers(offset, limit), (await opened.counts()).papers
    if json:
        _print(serialize.paper_page(opened.name, papers, total, offset, limit))
    else:
        Page().papers(papers, total, offset)
    return True


async def papers_show(id: str, library: str, json: bool) -> bool:
    """Show one paper."""
    async with Workspace() as workspace:
        paper = await (await workspace.library(library)).paper(_text(id))
    _print(serialize.paper(paper)) if json else Page().paper(paper)
    return True


async def papers_remove(ids: Sequence[str], library: str, json: bool) -> bool:
    """Remove papers; unknown ids are named on standard error."""
    async with Workspace() as workspace:
        opened = await workspace.library(library)
        known = await opened.resolve(ids)
        count = await opened.remove(set(known.values()))
    _print(serialize.removal(opened.name, count)) if json else Page().line(
        f"{count} removed from library {opened.name}"
    )
    for id in ids:
        if id not in known:
            print_error(f"library {opened.name!r} has no paper {id!r}; {how_to_list_papers(opened.name)}")
    return len(known) == len(set(ids))


async def papers_split(id: str, library: str, json: bool) -> bool:
    """Take a merge back."""
    async with Workspace() as workspace:
        opened = await workspace.library(library)
        papers = await opened.split(_text(id))
    if json:
        _print(serialize.split(opened.name, papers))
    else:
        Page().papers(papers, len(papers), 0)
    return True


async def libraries_list(json: bool) -> bool:
    """List every library; none is opened."""
    libraries = await list_libraries(config.load())
    _print(serialize.libraries(libraries)) if json else Page().libraries(libraries)
    return True


async def libraries_remove(name: str) -> bool:
    """Delete a library."""
    await remove_library(config.load(), name)
    Page().line(f"library {name} is deleted")
    return True


async def rebuild(library: str, embed: bool) -> bool:
    """Rebuild the indexes."""
    async with Workspace() as workspace:
        opened = await workspace.library(library, repair=True)
        with progress("Embedding" if embed else "Indexing") as bar:
            counts = await opened.rebuild(embed=embed, progress=bar)
    Page().line(f"library {opened.name} is rebuilt: {counts.papers} papers, {counts.chunks} chunks")
    return True


async def feedback_list(json: bool) -> bool:
    """List the feedback on answers; as JSON one object a line, which `scholiast eval` reads as questions."""
    with closing(Answers(open_database(config.load()))) as answers:
        feedback = await answers.feedback()
    for entry in feedback:
        comment = f" ({entry['comment']})" if entry["comment"] else ""
        if json:
            print(_json(entry))
        else:
            Page().line(f"{entry['created'][:10]}  {entry['verdict']:<4}  {entry['question']}{comment}")
    if not feedback and not json:
        Page().line("There is no feedback yet.", "dim")
    return True


async def doctor(library: str, json: bool) -> bool:
    """Check everything; False if there is a fault."""
    settings = config.load()
    findings = [*await diagnose(settings, library, embedders.embedder), *await _slack(settings)]
    _print(serialize.findings(findings)) if json else Page().findings(findings)
    return all(finding.verdict != "fault" for finding in findings)


async def _slack(settings: Settings) -> Sequence[Finding]:
    """The findings about Slack; its libraries are loaded only where it is set up."""
    if not any(name.startswith("slack_") for name in settings.model_fields_set):
        return ()
    from service.slack.http import extra_installed

    try:
        with extra_installed():
            from service.slack import setup
    except ConfigError as error:
        message, _, remedy = str(error).partition("; ")
        return [Finding(part="Slack", verdict="fault", message=message, remedy=remedy)]
    return await setup.diagnose(settings)


def _years(text: str) -> tuple[int | None, int | None]:
    """The first and the last year of `2023`, `2023-`, `-2020` or `2019-2023`."""
    match = _YEARS_PATTERN.fullmatch(text.strip())
    if match is None or (text and not (match["first"] or match["last"])) or (match["last"] and not match["to"]):
        raise RequestError(f"--year is {text!r}; write 2023, 2023-, -2020 or 2019-2023")
    first = int(match["first"]) if match["first"] else None
    last = int(match["last"]) if match["last"] else None
    return first, last if match["to"] else first


def _check_output(output: str) -> None:
    """Refuse an unknown format before the work is done."""
    if output and output != "json":
        references.check(output)


def _text(argument: str) -> str:
    """The argument, checked: the system passes bytes, which need not be UTF-8."""
    try:
        argument.encode()
    except UnicodeEncodeError as error:
        raise RequestError(f"the argument {argument!r} is not UTF-8; check the terminal's encoding") from error
    return argument


def _print(value: Mapping[str, Any]) -> None:
    print(_json(value, indent=2))


def _json(value: object, indent: int | None = None) -> str:
    """As JSON, with what a terminal would execute or reorder in JSON's own spelling."""
    text = json_format.dumps(value, ensure_ascii=False, indent=indent)
    return UNSAFE_ON_A_TERMINAL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
