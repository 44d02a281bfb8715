"""The sub-commands of `scholiast eval` that take runs elsewhere and bring them here, plan them and publish them."""

from pathlib import Path
from typing import Annotated

import typer

from rag.errors import RequestError

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


@app.command()
def power(
    runs: Annotated[list[Path] | None, typer.Argument(metavar="A B", help="Two earlier runs, or scores.")] = None,
    measures: Annotated[
        str, typer.Option("--measures", metavar="NAMES", help="Comma-separated.", show_default="the declared ones")
    ] = "",
    difference: Annotated[float, typer.Option(metavar="D", help="What should be seen.")] = 0.05,
    questions: Annotated[
        int, typer.Option(metavar="N", min=0, help="How many are at hand.", show_default="as many as before")
    ] = 0,
    level: Annotated[float, typer.Option(metavar="P", help="Of a two-sided test.")] = 0.05,
    power: Annotated[float, typer.Option(metavar="P", help="How surely it should be seen.")] = 0.8,
    sd: Annotated[
        float, typer.Option("--sd", metavar="S", help="Without runs: the standard deviation of each system's values.")
    ] = 0.0,
    correlation: Annotated[float, typer.Option(metavar="R", help="Of the two systems' values.")] = 0.5,
    cluster_size: Annotated[float, typer.Option(metavar="M", help="Questions that share a gold paper.")] = 1.0,
    icc: Annotated[float, typer.Option(metavar="I", help="How alike their differences are, 0 to 1.")] = 0.0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Before a run: how many questions show a difference, and what difference so many questions show."""
    from eval import commands
    from eval.power import assumed

    if runs and sd:
        raise RequestError("give two runs or --sd, not both")
    spread = assumed(sd, correlation, cluster_size, icc) if sd else None
    names = [name.strip() for name in measures.split(",") if name.strip()]
    commands.power(runs or [], names, spread, commands.PowerRequest(difference, questions, level, power), json)


@app.command()
def leaderboard(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the page goes, as Markdown.")],
    results: Annotated[
        list[Path] | None, typer.Argument(metavar="RESULT...", help="Folders of runs, ours first; comparisons (.json).")
    ] = None,
) -> None:
    """Write the page of figures: systems by measures, with intervals, where we are behind, and how it was made."""
    from eval import commands

    commands.leaderboard(results or [], out)
