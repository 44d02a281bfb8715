"""The sub-commands of `scholiast watch`."""

from typing import Annotated

import typer

from service.cli.running import run

app = typer.Typer(no_args_is_help=True, help="What is new on a subject or a question.", rich_markup_mode=None)

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
_Id = Annotated[str, typer.Argument(metavar="ID", help="As `watch list` shows it.")]


@app.command()
def add(
    text: Annotated[str, typer.Argument(help="A subject, or a question that ends with ?, in quotes.")],
    library: Annotated[
        str, typer.Option("--library", metavar="NAME", help="Which library.", show_default="default")
    ] = "",
    source: Annotated[
        str, typer.Option("--source", metavar="SOURCE", help="Also search it: arxiv, pubmed, ...", show_default=False)
    ] = "",
    to: Annotated[
        str, typer.Option("--to", metavar="WHERE", help="feed, or also slack:CHANNEL or email:ADDRESS.")
    ] = "feed",
    json: _Json = False,
) -> None:
    """Watch a subject or a question from now on."""
    from service.cli import watch_commands

    run(watch_commands.add(text, library, source, to, json))


@app.command("list")
def list_watches(json: _Json = False) -> None:
    """List every watch, oldest first."""
    from service.cli import watch_commands

    run(watch_commands.list_watches(json))


@app.command()
def remove(id: _Id, json: _Json = False) -> None:
    """Remove a watch and what it found."""
    from service.cli import watch_commands

    run(watch_commands.remove(id, json))


@app.command("run")
def run_watches(
    id: Annotated[str, typer.Argument(metavar="[ID]", help="Only this one, due or not.", show_default=False)] = "",
    json: _Json = False,
) -> None:
    """Look for what is new, in every watch that has not run today; for a daily timer such as cron."""
    from service.cli import watch_commands

    run(watch_commands.run_watches(id, json))
