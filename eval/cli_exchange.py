"""The sub-commands of `scholiast eval` that take runs elsewhere and bring them here, plan them and publish them."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command("import-run")
def import_run(
    form: Annotated[str, typer.Argument(metavar="FORM", help="ragas, deepeval, inspect or trec-rag.")],
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="The file; trec-rag: the answers, then the run file if any.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the run is kept.")],
    questions: Annotated[
        Path | None,
        typer.Option("--questions", metavar="FILE", help="What was asked.", show_default="as the file has it"),
    ] = None,
    papers: Annotated[
        list[Path] | None,
        typer.Option("--papers", metavar="FILE", help="Papers that were asked about; may be given again."),
    ] = None,
    name: Annotated[str, typer.Option(metavar="NAME", help="What reports call the run.", show_default="DIR")] = "",
) -> None:
    """Bring the answers of another harness here, score them, and print the figures."""
    from eval.exchange import commands

    commands.import_run(form, paths, out, questions, papers or [], name)


@app.command()
def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="ragas, deepeval, inspect or trec-rag.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="trec-rag: FILE.run has the ranking.")],
) -> None:
    """Write a run as another harness reads it, and say what that can't hold."""
    from eval.exchange import commands

    commands.export(run, form, out)
