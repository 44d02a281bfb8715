"""The `scholiast` command and the arguments of its sub-commands; `commands.py` does the work and is loaded late."""

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Literal

import typer

from rag.errors import ConfigError, RequestError, ScholiastError, how_to_make_room
from service.cli import watch
from service.cli.running import run

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Ask questions about scientific abstracts and see the very words that support each sentence.",
)
_papers = typer.Typer(no_args_is_help=True, help="The papers of a library.", rich_markup_mode=None)
_libraries = typer.Typer(no_args_is_help=True, help="The libraries.", rich_markup_mode=None)
app.add_typer(_papers, name="papers")
app.add_typer(_libraries, name="libraries")
_feedback = typer.Typer(no_args_is_help=True, help="Feedback on answers.", rich_markup_mode=None)
app.add_typer(_feedback, name="feedback")
app.add_typer(watch.app, name="watch")

_Library = Annotated[
    str,
    typer.Option("--library", metavar="NAME", help="Which library.", show_default="default; the demo's while empty"),
]
_Json = Annotated[bool, typer.Option("--json", help="Print the object that HTTP gives.")]
_Format = Annotated[
    str,
    typer.Option(
        "--format", metavar="FORMAT", help="Print references: bibtex, ris, csl, markdown, html, text, apa, ..."
    ),
]
_FromInput = Annotated[
    str | None, typer.Argument(help="In quotes; - or none reads it from standard input.", show_default=False)
]
_Years = Annotated[
    str, typer.Option("--year", metavar="YEARS", help="2023, 2023-, -2020 or 2019-2023.", show_default=False)
]
_Papers = Annotated[
    list[str] | None, typer.Option("--paper", metavar="ID", help="Only from this paper; may be given again.")
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
def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, or folders of files.")],
    library: Annotated[str, typer.Option("--library", metavar="NAME", help="Made if it is missing.")] = "default",
    format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="Of the files.", show_default="by their content")
    ] = "",
    json: _Json = False,
) -> None:
    """Put papers into a library. May be repeated: what has not changed costs nothing."""
    from service.cli import commands

    run(commands.ingest(paths, library, format, json))


@app.command()
def fetch(
    source: Annotated[
        str, typer.Argument(help="arxiv, pubmed, openalex, semanticscholar, crossref or europepmc.", metavar="SOURCE")
    ],
    query: Annotated[str, typer.Argument(help="In quotes, in the source's own syntax.")],
    since: Annotated[
        str, typer.Option("--since", metavar="YYYY-MM-DD", help="Published then or later.", show_default=False)
    ] = "",
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="How many works at most.")] = 100,
    library: Annotated[str, typer.Option("--library", metavar="NAME", help="Made if it is missing.")] = "default",
    json: _Json = False,
) -> None:
    """Put what a source finds into a library, the most relevant works first. A killed fetch goes on where it was."""
    from service.cli import commands

    run(commands.fetch(source, query, since, limit, library, json))


@app.command()
def enrich(
    library: _Library = "",
    source: Annotated[str, typer.Option("--from", metavar="SOURCE", help="openalex or crossref.")] = "openalex",
    json: _Json = False,
) -> None:
    """Fill missing years, venues, DOIs and retractions of papers with an id."""
    from service.cli import commands

    run(commands.enrich(library, source, json))


@app.command()
def ask(
    question: _FromInput = None,
    library: _Library = "",
    top_k: Annotated[int, typer.Option("--top-k", metavar="N", help="How many papers to answer from.")] = 8,
    model: Annotated[
        str, typer.Option("--model", metavar="MODEL", help="What writes the answer.", show_default="SCHOLIAST_MODEL")
    ] = "",
    year: _Years = "",
    paper: _Papers = None,
    effort: Annotated[
        Literal["quick", "deep"], typer.Option("--effort", help="deep searches widely; it needs a chat model.")
    ] = "quick",
    json: _Json = False,
    format: _Format = "",
) -> None:
    """Answer a question, with quotes for each sentence."""
    from service.cli import commands

    asked = _given(question, "a question")
    run(commands.ask(asked, library, top_k, model, year, paper or [], effort, _output(json, format)))


@app.command()
def search(
    query: _FromInput = None,
    library: _Library = "",
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="How many papers.")] = 10,
    json: _Json = False,
    format: _Format = "",
) -> None:
    """Rank papers, best first."""
    from service.cli import commands

    run(commands.search(_given(query, "what to look for"), library, limit, _output(json, format)))


@app.command()
def cite(
    id: Annotated[str, typer.Argument(metavar="ID", help="Of an answer (ans_...) or a conversation (conv_...).")],
    format: _Format = "bibtex",
) -> None:
    """Print the references of an answer or a conversation; as markdown, html or text an answer with them."""
    from service.cli import references

    run(references.cite(id, format))


@app.command()
def chat(
    library: _Library = "",
    model: Annotated[
        str, typer.Option("--model", metavar="MODEL", help="What writes the answers.", show_default="SCHOLIAST_MODEL")
    ] = "",
    conversation: Annotated[
        str, typer.Option("--conversation", metavar="ID", help="Go on with this one.", show_default="a new one")
    ] = "",
) -> None:
    """Converse in the terminal; questions may be piped in, one a line."""
    from service.cli.chat import chat

    raise typer.Exit(0 if chat(library, model, conversation) else 1)


@_feedback.command("list")
def feedback_list(
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, with what it takes to ask again.")
    ] = False,
) -> None:
    """List the feedback on answers, oldest first."""
    from service.cli import commands

    run(commands.feedback_list(json))


@_papers.command("list")
def papers_list(
    library: _Library = "",
    offset: Annotated[int, typer.Option("--offset", metavar="N", min=0, max=1_000_000_000, help="Skip so many.")] = 0,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1_000_000_000, help="Show so many.")] = 100,
    json: _Json = False,
) -> None:
    """List papers by id."""
    from service.cli import commands

    run(commands.papers_list(library, offset, limit, json))


@_papers.command("show")
def papers_show(
    id: Annotated[str, typer.Argument(help="As `papers list` shows it.")], library: _Library = "", json: _Json = False
) -> None:
    """Show a paper: its abstract and where it was read."""
    from service.cli import commands

    run(commands.papers_show(id, library, json))


@_papers.command("remove")
def papers_remove(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="As `papers list` shows them.")],
    library: _Library = "",
    json: _Json = False,
) -> None:
    """Take papers out of a library."""
    from service.cli import commands

    run(commands.papers_remove(ids, library, json))


@_papers.command("export")
def papers_export(library: _Library = "", format: _Format = "bibtex") -> None:
    """Print the references of a whole library."""
    from service.cli import references

    run(references.export(library, format))


@_papers.command("split")
def papers_split(
    id: Annotated[str, typer.Argument(help="As `papers list` shows it.")], library: _Library = "", json: _Json = False
) -> None:
    """Make papers of their own again of the records that were merged into one; they are not merged again."""
    from service.cli import commands

    run(commands.papers_split(id, library, json))


@_libraries.command("list")
def libraries_list(json: _Json = False) -> None:
    """List the libraries and how much they hold."""
    from service.cli import commands

    run(commands.libraries_list(json))


@_libraries.command("remove")
def libraries_remove(
    name: Annotated[str, typer.Argument()],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask on the terminal.")] = False,
) -> None:
    """Delete a library and all it holds."""
    from service.cli import commands

    if not yes and sys.stdin.isatty() and not typer.confirm(f"Delete library {name!r} and all its papers?", err=True):
        raise typer.Exit(1)
    run(commands.libraries_remove(name))


@app.command()
def rebuild(
    library: _Library = "",
    embed: Annotated[bool, typer.Option("--embed", help="Also cut and embed every paper again.")] = False,
) -> None:
    """Rebuild the indexes of a library from its catalog."""
    from service.cli import commands

    run(commands.rebuild(library, embed))


@app.command()
def doctor(
    library: Annotated[
        str, typer.Option("--library", metavar="NAME", help="Only this one.", show_default="every library")
    ] = "",
    json: _Json = False,
) -> None:
    """Check that all parts fit each other; say how to fix a fault."""
    from service.cli import commands

    run(commands.doctor(library, json))


@app.command("serve")
def serve_command(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8000,
) -> None:
    """Answer over HTTP until stopped."""
    from service.http.server import serve

    serve(host, port)


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


@app.command(
    "eval",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def evaluate(context: typer.Context) -> None:
    """Measure how good the answers are, with error bars: run, score, compare, report, calibrate, ..."""
    from eval import cli as evaluation

    evaluation.main(context.args)


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a title may have characters that the terminal can't show
    try:
        app()
    except ScholiastError as error:
        print(f"scholiast: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2 if isinstance(error, RequestError) else 1)
    except (OSError, MemoryError) as error:
        reason = str(error) or "out of memory"
        if not (room := how_to_make_room(reason)):
            raise
        print(f"scholiast: {reason}; {room}", file=sys.stderr)
        sys.exit(1)


def _given(text: str | None, what: str) -> str:
    """The argument, or what is piped in, or typed after `-`."""
    if text == "-" or (text is None and not sys.stdin.isatty()):
        return sys.stdin.read().strip()
    if text is None:
        raise RequestError(f"give {what}, in quotes; - reads it from standard input")
    return text


def _output(json: bool, format: str) -> str:
    """The one form that was asked for: `json`, a format of references, or empty for the terminal."""
    if json and format:
        raise RequestError(f"--json and --format {format} ask for two outputs; leave one out")
    return "json" if json else format
