"""The sub-commands of `scholiast papers` and `scholiast libraries`."""

import sys
from typing import Annotated

import typer

from rag.errors import RequestError
from service.cli import options
from service.cli.running import run

papers = typer.Typer(no_args_is_help=True, help="The papers of a library.", rich_markup_mode=None)
libraries = typer.Typer(no_args_is_help=True, help="The libraries.", rich_markup_mode=None)

_Id = Annotated[str, typer.Argument(metavar="PAPER", help="Its id, as `papers list` shows it, or its DOI.")]


@papers.command("list")
def papers_list(
    library: options.Library = "",
    offset: Annotated[int, typer.Option("--offset", metavar="N", min=0, max=1_000_000_000, help="Skip so many.")] = 0,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1_000_000_000, help="Show so many.")] = 100,
    json: options.Json = False,
    no_pager: options.NoPager = False,
) -> None:
    """List papers by id."""
    from service.cli import commands

    run(commands.papers_list(library, offset, limit, json, not no_pager))


@papers.command("show")
def papers_show(id: _Id, library: options.Library = "", json: options.Json = False) -> None:
    """Show a paper: its abstract and where it was read."""
    from service.cli import commands

    run(commands.papers_show(id, library, json))


@papers.command("remove")
def papers_remove(
    ids: Annotated[list[str], typer.Argument(metavar="PAPER...", help="Their ids, as `papers list` shows them.")],
    library: options.Library = "",
    json: options.Json = False,
) -> None:
    """Take papers out of a library."""
    from service.cli import commands

    run(commands.papers_remove(ids, library, json))


@papers.command("export")
def papers_export(library: options.Library = "", format: options.Format = "bibtex") -> None:
    """Print the references of a whole library."""
    from service.cli import references

    run(references.export(library, format))


@papers.command("split")
def papers_split(id: _Id, library: options.Library = "", json: options.Json = False) -> None:
    """Make papers of their own again of the records that were merged into one; they are not merged again."""
    from service.cli import commands

    run(commands.papers_split(id, library, json))


@libraries.command("list")
def libraries_list(json: options.Json = False) -> None:
    """List the libraries and how much they hold."""
    from service.cli import commands

    run(commands.libraries_list(json))


@libraries.command("remove")
def libraries_remove(
    name: Annotated[str, typer.Argument(metavar="LIBRARY", help="Its name, as `libraries list` shows it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask. Needed where there is no terminal to ask on.")] = False,
) -> None:
    """Delete a library and all it holds."""
    from service.cli import commands

    if not yes and not sys.stdin.isatty():
        raise RequestError(f"library {name!r} and all its papers would be deleted; add --yes if that is meant")
    if not yes and not typer.confirm(f"Delete library {name!r} and all its papers?", err=True):
        raise typer.Exit(1)
    run(commands.libraries_remove(name))
