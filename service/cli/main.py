"""The `scholiast` command and the arguments of its sub-commands; `commands.py` does the work and is loaded late."""

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Literal

import typer

from rag.errors import ConfigError, RequestError, ScholiastError, how_to_make_room
from service.cli import options, papers, past, watch
from service.cli.output import print_error
from service.cli.running import run

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Ask questions about scientific abstracts and see the very words that support each sentence.",
)
app.add_typer(papers.papers, name="papers")
app.add_typer(papers.libraries, name="libraries")
app.add_typer(past.answers, name="answers")
app.add_typer(past.feedback, name="feedback")
app.add_typer(watch.app, name="watch")

_INPUT = "In quotes; - or none reads it from standard input."
_Years = Annotated[
    str, typer.Option("--year", metavar="YEARS", help="2023, 2023-, -2020 or 2019-2023.", show_default=False)
]
_BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="The file of the backup.")]
_Papers = Annotated[
    list[str] | None,
    typer.Option(
        "--paper", metavar="PAPER", help="Only from this paper, by id or DOI, which the question is about; repeatable."
    ),
]
_Venues = Annotated[
    list[str] | None,
    typer.Option("--venue", metavar="WORDS", help="Only from venues whose names have these words; repeatable."),
]
_Authors = Annotated[
    list[str] | None, typer.Option("--author", metavar="NAME", help="Only by this author; any of several. Repeatable.")
]


@app.callback(invoke_without_command=True)
def _scholiast(version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"scholiast {installed('scholiast')}")
        raise typer.Exit


@app.command()
def demo() -> None:
    """Load the bundled sample and show a cited answer."""
    from service.cli import commands

    run(commands.demo())


@app.command()
def setup() -> None:
    """Ask for the settings of a first run, try them, and write them."""
    from service.cli.setup import setup

    raise typer.Exit(0 if setup() else 1)


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, or folders of files.")],
    library: options.NewLibrary = "default",
    format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="Of the files.", show_default="by their content")
    ] = "",
    dask: options.Dask = "",
    json: options.Json = False,
) -> None:
    """Put papers into a library. May be repeated: what has not changed costs nothing."""
    from service.cli import commands

    run(commands.ingest(paths, library, format, json, dask))


@app.command()
def fetch(
    source: Annotated[
        str, typer.Argument(help="arxiv, pubmed, openalex, semanticscholar, crossref or europepmc.", metavar="SOURCE")
    ],
    query: Annotated[str, typer.Argument(metavar="QUERY", help="In quotes, in the source's own syntax.")],
    since: Annotated[
        str, typer.Option("--since", metavar="YYYY-MM-DD", help="Published then or later.", show_default=False)
    ] = "",
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="How many works at most.")] = 100,
    library: options.NewLibrary = "default",
    json: options.Json = False,
) -> None:
    """Put what a source finds into a library, the most relevant works first. A killed fetch goes on where it was."""
    from service.cli import commands

    run(commands.fetch(source, query, since, limit, library, json))


@app.command()
def enrich(
    library: options.Library = "",
    source: Annotated[str, typer.Option("--from", metavar="SOURCE", help="openalex or crossref.")] = "openalex",
    json: options.Json = False,
) -> None:
    """Fill missing years, venues, DOIs and retractions of papers with an id."""
    from service.cli import commands

    run(commands.enrich(library, source, json))


@app.command()
def ask(
    question: Annotated[str | None, typer.Argument(metavar="QUESTION", help=_INPUT, show_default=False)] = None,
    library: options.Library = "",
    top_k: Annotated[int, typer.Option("--top-k", metavar="N", help="How many papers to answer from.")] = 8,
    model: options.Model = "",
    year: _Years = "",
    paper: _Papers = None,
    venue: _Venues = None,
    author: _Authors = None,
    effort: Annotated[
        Literal["quick", "deep"], typer.Option("--effort", help="deep searches widely; it needs a chat model.")
    ] = "quick",
    json: options.Json = False,
    format: options.AnswerFormat = "",
) -> None:
    """Answer a question, with quotes for each sentence."""
    from service.cli import commands

    asked = _given(question, "a question")
    narrowing = commands.Narrowing(year, paper or [], venue or [], author or [])
    run(commands.ask(asked, library, top_k, model, narrowing, effort, options.output(json, format)))


@app.command()
def search(
    query: Annotated[str | None, typer.Argument(metavar="WORDS", help=_INPUT, show_default=False)] = None,
    library: options.Library = "",
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="How many papers.")] = 10,
    year: _Years = "",
    venue: _Venues = None,
    author: _Authors = None,
    json: options.Json = False,
    format: options.AnswerFormat = "",
    no_pager: options.NoPager = False,
) -> None:
    """Rank papers, best first."""
    from service.cli import commands

    looked_for = _given(query, "what to look for")
    narrowing = commands.Narrowing(year, [], venue or [], author or [])
    run(commands.search(looked_for, library, limit, narrowing, options.output(json, format), not no_pager))


@app.command()
def cite(
    id: Annotated[
        str,
        typer.Argument(metavar="ANSWER|CONVERSATION", help="The id of either: ans_... or conv_..."),
    ],
    format: options.Format = "bibtex",
) -> None:
    """Print the references of an answer or a conversation; as markdown, html or text an answer with them."""
    from service.cli import references

    run(references.cite(id, format))


@app.command()
def chat(
    library: options.Library = "",
    model: options.Model = "",
    conversation: Annotated[
        str,
        typer.Option("--conversation", metavar="CONVERSATION", help="Go on with this one.", show_default="a new one"),
    ] = "",
) -> None:
    """Converse in the terminal; questions may be piped in, one a line."""
    from service.cli.chat import chat

    raise typer.Exit(0 if chat(library, model, conversation) else 1)


app.command()(past.history)


@app.command()
def rebuild(
    library: options.Library = "",
    embed: Annotated[bool, typer.Option("--embed", help="Also cut and embed every paper again.")] = False,
    dask: options.Dask = "",
) -> None:
    """Rebuild the indexes of a library from its catalog."""
    from service.cli import commands

    run(commands.rebuild(library, embed, dask))


@app.command()
def doctor(
    library: Annotated[
        str, typer.Option("--library", metavar="NAME", help="Only this one.", show_default="every library")
    ] = "",
    json: options.Json = False,
) -> None:
    """Check that all parts fit each other; say how to fix a fault."""
    from service.cli import commands

    run(commands.doctor(library, json))


@app.command()
def backup(
    file: _BackupFile, overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE.")] = False
) -> None:
    """Write all papers, conversations and answers to one file; a service may run. Settings and keys are not in it."""
    from service.cli import backups

    run(backups.save(file, overwrite))


@app.command()
def restore(
    file: _BackupFile,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace all that the home folder holds, except its .env file.")
    ] = False,
) -> None:
    """Put a backup in place, whole or not at all. Stop the service before."""
    from service.cli import backups

    run(backups.restore(file, overwrite))


@app.command("serve")
def serve_command(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="PORT", help="Port to listen on; 0 takes a free one.", min=0, max=65535)
    ] = 8000,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", help="Processes that answer, as SCHOLIAST_WORKERS; 1 unless set.", min=1),
    ] = None,
) -> None:
    """Answer over HTTP until stopped."""
    from service.http.listen import serve

    serve(host, port, workers)


@app.command("slack")
def slack_command() -> None:
    """Answer in Slack over Socket Mode until stopped; no public address is needed."""
    from service.slack.http import extra_installed

    with extra_installed():
        from service.slack.socket_mode import listen
    listen()


@app.command("mcp")
def mcp_command(
    allow_adding: Annotated[
        bool, typer.Option("--allow-adding", help="Also let the assistant add papers; or set SCHOLIAST_MCP_MAY_ADD.")
    ] = False,
) -> None:
    """Be an MCP server on standard input and output, for an assistant on this machine that starts it."""
    from service.mcp import extra

    if not extra.is_installed():
        raise ConfigError(extra.MISSING)
    from service.mcp import stdio

    run(stdio.serve(allow_adding))


def _evaluation(incomplete: str) -> list[str]:
    from eval import cli as evaluation

    return [name for name in evaluation.command_names() if name.startswith(incomplete)]


@app.command(
    "eval",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def evaluate(
    context: typer.Context,
    command: Annotated[list[str] | None, typer.Argument(metavar="COMMAND", autocompletion=_evaluation)] = None,
) -> None:
    """Measure how good the answers are, with error bars: run, score, compare, report, calibrate, ..."""
    from eval import cli as evaluation

    evaluation.main([*(command or ()), *context.args])


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a title may have characters that the terminal can't show
    try:
        app()
    except ScholiastError as error:
        print_error(str(error))
        sys.exit(2 if isinstance(error, RequestError) else 1)
    except (OSError, MemoryError) as error:
        reason = str(error) or "out of memory"
        if not (room := how_to_make_room(reason)):
            raise
        print_error(f"{reason}; {room}")
        sys.exit(1)


def _given(text: str | None, what: str) -> str:
    """The argument, or what is piped in, or typed after `-`."""
    if text == "-" or (text is None and not sys.stdin.isatty()):
        return sys.stdin.read().strip()
    if text is None:
        raise RequestError(f"give {what}, in quotes; - reads it from standard input")
    return text
