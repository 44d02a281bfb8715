"""What the sub-commands do. Each writes to the terminal or prints JSON, and returns whether it succeeded."""

import os
import re
import shutil
import sys
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import NamedTuple

from rag import config, corpus, embedders, references, serialize
from rag.errors import RequestError, how_to_list_papers
from rag.library.checks import diagnose
from rag.types import Effort, Filters
from rag.workspace import DEMO_LIBRARY, Workspace, list_libraries
from service.cli import trials
from service.cli.output import print_error, print_errors, print_file, print_json
from service.cli.progress import progress, progress_of, storing
from service.cli.references import check_output
from service.cli.terminal import Page
from service.owner.client import Owner
from service.owner.operations import Operations

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


async def ingest(paths: Sequence[Path], library: str, format: str, json: bool, dask: str = "") -> bool:
    """Add files and folders to a library; a file that can't be read does not stop the others."""
    if format and format not in corpus.formats():
        raise RequestError(f"--format is {format!r}; there is {', '.join(corpus.formats())}")
    async with Owner() as owner:
        with storing("Embedding") as (bar,):
            done = await owner.run(
                Operations.ingest, paths=paths, library=library, format=format, progress=bar, dask=dask
            )
    if done.report:
        print_json(serialize.report(done.report)) if json else Page().report(done.report)
    print_errors(done.errors, paths)
    return not done.errors


async def fetch(source: str, query: str, since: str, limit: int, library: str, json: bool) -> bool:
    """Add what a source finds for a query."""
    async with Owner() as owner:
        with storing(f"Fetching from {source}", "Embedding") as (fetching, bar):
            report = await owner.run(
                Operations.fetch,
                source=source,
                query=_text(query),
                since=since,
                limit=limit,
                library=library,
                fetching=fetching,
                progress=bar,
            )
    print_json(serialize.report(report)) if json else Page().report(report)
    return True


async def enrich(library: str, source: str, json: bool) -> bool:
    """Fill what papers lack."""
    async with Owner() as owner:
        with progress_of(f"Asking {source}", "Embedding") as (asking, bar):
            report = await owner.run(Operations.enrich, library=library, source=source, asking=asking, progress=bar)
    print_json(serialize.enrich_report(report)) if json else Page().enriched(report)
    return True


class Narrowing(NamedTuple):
    """Which papers may be used, as options say it."""

    year: str
    papers: Sequence[str]
    venues: Sequence[str]
    authors: Sequence[str]

    @property
    def filters(self) -> Filters:
        """The same for the engine. Raises RequestError for what are no years."""
        first, last = _years(self.year)
        return Filters(
            year_from=first,
            year_to=last,
            papers=tuple(self.papers),
            venues=tuple(self.venues),
            authors=tuple(self.authors),
        )


async def ask(
    question: str, library: str, top_k: int, model: str, narrowing: Narrowing, effort: Effort, output: str
) -> bool:
    """Answer one question; `output` is json, plain, a format of references, or empty for the terminal."""
    check_output(output)
    filters = narrowing.filters
    async with Owner() as owner:
        answer = await owner.run(
            Operations.ask,
            question=_text(question),
            library=library,
            model=model,
            filters=filters,
            top_k=top_k,
            effort=effort,
        )
    if output == "json":
        print_json(serialize.answer(answer))
    elif output not in ("", "plain"):
        print_file(references.write_answer(answer, {}, output))
    else:
        Page(plain=output == "plain").answer(answer)
    return True


async def search(query: str, library: str, limit: int, narrowing: Narrowing, output: str, pager: bool) -> bool:
    """Rank papers; `output` as for `ask`."""
    check_output(output)
    filters = narrowing.filters
    async with Owner() as owner:
        found = await owner.run(Operations.search, query=_text(query), library=library, limit=limit, filters=filters)
    papers = [serialize.parse_paper(result["paper"]) for result in found["results"]]
    if output == "json":
        print_json(found)
    elif output not in ("", "plain"):
        print_file(references.write(papers, output))
    else:
        with Page.paged(pager, plain=output == "plain") as page:
            page.results(papers, found["results"])
    return True


async def papers_list(library: str, offset: int, limit: int, json: bool, pager: bool) -> bool:
    """List a page of the papers, by id."""
    async with Owner() as owner:
        page = await owner.run(Operations.papers, library=library, offset=offset, limit=limit)
    if json:
        print_json(serialize.paper_page(page.library, page.papers, page.total, offset, limit))
    else:
        with Page.paged(pager) as shown:
            shown.papers(page.papers, page.total, offset)
    return True


async def papers_show(id: str, library: str, json: bool) -> bool:
    """Show one paper."""
    async with Owner() as owner:
        paper = await owner.run(Operations.paper, id=_text(id), library=library)
    print_json(serialize.paper(paper)) if json else Page().paper(paper)
    return True


async def papers_remove(ids: Sequence[str], library: str, json: bool) -> bool:
    """Remove papers; unknown ids are named on standard error."""
    async with Owner() as owner:
        done = await owner.run(Operations.remove, ids=[_text(id) for id in ids], library=library)
    print_json(serialize.removal(done.library, done.count)) if json else Page().line(
        f"{done.count} removed from library {done.library}"
    )
    for id in done.unknown:
        print_error(f"library {done.library!r} has no paper {id!r}; {how_to_list_papers(done.library)}")
    return not done.unknown


async def papers_split(id: str, library: str, json: bool) -> bool:
    """Take a merge back."""
    async with Owner() as owner:
        made = await owner.run(Operations.split, id=_text(id), library=library)
    if json:
        print_json(serialize.split(made.library, made.papers))
    else:
        Page().papers(made.papers, made.total, 0)
    return True


async def libraries_list(json: bool) -> bool:
    """List every library; none is opened."""
    libraries = await list_libraries(config.load())
    print_json(serialize.libraries(libraries)) if json else Page().libraries(libraries)
    return True


async def libraries_remove(name: str) -> bool:
    """Delete a library."""
    async with Owner() as owner:
        await owner.run(Operations.remove_library, name=name)
    Page().line(f"library {name} is deleted")
    return True


async def rebuild(library: str, embed: bool, dask: str) -> bool:
    """Rebuild the indexes."""
    if dask and not embed:
        raise RequestError("--dask is for embedding again; give --embed too")
    async with Owner() as owner:
        with progress("Embedding" if embed else "Indexing") as bar:
            built = await owner.run(Operations.rebuild, library=library, embed=embed, progress=bar, dask=dask)
    Page().line(f"library {built.library} is rebuilt: {built.papers} papers, {built.chunks} chunks")
    return True


async def doctor(library: str, json: bool) -> bool:
    """Check everything; False if there is a fault."""
    settings = config.load()
    uses_slack = any(name.startswith("slack_") for name in settings.model_fields_set)
    slack = await trials.slack(settings) if uses_slack else ()
    findings = [*await diagnose(settings, library, embedders.embedder), *slack]
    print_json(serialize.findings(findings)) if json else Page().findings(findings)
    return all(finding.verdict != "fault" for finding in findings)


def _years(text: str) -> tuple[int | None, int | None]:
    """The first and the last year of `2023`, `2023-`, `-2020` or `2019-2023`."""
    match = _YEARS_PATTERN.fullmatch(text.strip())
    if match is None or (text and not (match["first"] or match["last"])) or (match["last"] and not match["to"]):
        raise RequestError(f"--year is {text!r}; write 2023, 2023-, -2020 or 2019-2023")
    first = int(match["first"]) if match["first"] else None
    last = int(match["last"]) if match["last"] else None
    return first, last if match["to"] else first


def _text(argument: str) -> str:
    """The argument, checked: the system passes bytes, which need not be UTF-8."""
    try:
        argument.encode()
    except UnicodeEncodeError as error:
        raise RequestError(f"the argument {argument!r} is not UTF-8; check the terminal's encoding") from error
    return argument
