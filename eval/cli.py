"""The `scholiast eval` command: the options of each sub-command. `commands.py` does the work."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from eval import cli_exchange
from rag.errors import RequestError, ScholiastError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Measure how good the answers are, with error bars, for this or any other system.",
)

_Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]
_Questions = Annotated[
    Path | None,
    typer.Option("--questions", metavar="FILE", help="JSON Lines.", show_default="the bundled questions"),
]
_Papers = Annotated[
    list[Path] | None,
    typer.Option(
        "--papers",
        metavar="FILE",
        help="Papers to load first (local), by default into a library of their own; may be given again.",
    ),
]
_Judge = Annotated[str, typer.Option("--model", metavar="M", help="A chat model, provider:model.")]
_BaseUrl = Annotated[str, typer.Option("--base-url", metavar="URL", help="Of an OpenAI-compatible server.")]
_Price = Annotated[
    str, typer.Option("--price", metavar="IN/OUT", help="US dollars for a million tokens, as 0.15/0.60.")
]
_Limits = Annotated[
    Path | None,
    typer.Option("--limits", metavar="FILE", help="What must be reached.", show_default="eval/limits.toml"),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def command_names() -> list[str]:
    """The names of the sub-commands."""
    return [info.name or str(info.callback and info.callback.__name__) for info in app.registered_commands]


def main(words: Sequence[str]) -> None:
    """Run a sub-command and exit: 0 done, 1 failed or worse, 2 wrong usage or not comparable, 130 interrupted."""
    try:
        app(list(words), prog_name="scholiast eval")
    except ScholiastError as error:
        print(f"scholiast eval: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, RequestError) else 1)


@app.command()
def run(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the run is kept; run again to go on.")],
    questions: _Questions = None,
    target: Annotated[
        str, typer.Option(metavar="T", help="local, http://HOST:PORT, or openai:http://HOST:PORT/v1.")
    ] = "local",
    library: Annotated[str, typer.Option("--library", metavar="NAME", help="Which library answers.")] = "",
    papers: _Papers = None,
    model: Annotated[str, typer.Option(metavar="M", help="What writes the answers.")] = "",
    name: Annotated[str, typer.Option(metavar="NAME", help="What reports call the run.", show_default="DIR")] = "",
    top_k: Annotated[int, typer.Option("--top-k", metavar="N", min=1, help="Papers to answer from.")] = 8,
    concurrency: Annotated[
        int, typer.Option(metavar="N", min=0, help="Questions at a time.", show_default="1 local, 4 remote")
    ] = 0,
    deadline: Annotated[float, typer.Option(metavar="S", min=0.001, help="Seconds that a question may take.")] = 120.0,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Ask failed questions again.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget the run in DIR and ask everything again.")] = False,
    search_only: Annotated[bool, typer.Option("--search-only", help="Measure the ranking alone.")] = False,
    without_gold: Annotated[
        bool,
        typer.Option("--without-gold", help="Ask again with the papers that answer left out (local)."),
    ] = False,
    robustness: Annotated[
        bool,
        typer.Option("--robustness", help="Ask again in other words: case, typing errors, greetings, ... (local)."),
    ] = False,
    support_probe: Annotated[
        bool,
        typer.Option("--support-probe", help="See what the check of support says of changed sentences (local)."),
    ] = False,
    citations: Annotated[
        str, typer.Option(metavar="REGEX", help="What a citation looks like (openai:).", show_default="[n]")
    ] = "",
    system: Annotated[Path | None, typer.Option(metavar="FILE", help="A system prompt (openai:).")] = None,
    gate: Annotated[
        Path | None,
        typer.Option(metavar="BASELINE", help="Exit 1 if worse than this run or beyond a limit, 2 if not comparable."),
    ] = None,
    limits: _Limits = None,
) -> None:
    """Ask every question once, score the answers, and print the figures."""
    from eval import run_commands
    from eval.files import read_text
    from eval.questions import SAMPLE_PAPERS, SAMPLE_QUESTIONS
    from eval.targets import Options

    if not questions and not papers and not library and target == "local":
        papers = [SAMPLE_PAPERS]
    library = library or run_commands.library_of(papers or [])
    plan = run_commands.Plan(
        questions=questions or SAMPLE_QUESTIONS,
        target=target,
        out=out,
        name=name or out.name,
        concurrency=concurrency or (1 if target == "local" else 4),
        deadline_seconds=deadline,
        retry_failed=retry_failed,
        fresh=fresh,
        without_gold=without_gold,
        robustness=robustness,
        support_probe=support_probe,
    )
    options = Options(
        library=library,
        model=model,
        top_k=top_k,
        search_only=search_only,
        papers=papers or [],
        pattern=citations,
        system_prompt=read_text(system) if system else "",
    )
    raise typer.Exit(run_commands.run(plan, options, gate, limits))


@app.command()
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the questions go, such as my.jsonl.")],
) -> None:
    """Write a file of questions to begin with; eval/README.md explains its fields."""
    from eval import commands

    commands.new(file)


@app.command("robustness")
def ask_in_other_words(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder of the run; run again to go on.")],
    questions: _Questions = None,
    library: Annotated[str, typer.Option("--library", metavar="NAME", help="Which library answers.")] = "",
    papers: _Papers = None,
    model: Annotated[str, typer.Option(metavar="M", help="What writes the answers.")] = "",
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget the run in DIR and ask everything again.")] = False,
) -> None:
    """The same as `run --robustness`: in other case, misspelt, wrapped, after another exchange, with a name swapped."""
    run(out, questions, library=library, papers=papers, model=model, fresh=fresh, robustness=True)


@app.command()
def gate(
    run: _Run,
    baseline: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Another run, or its scores, that it must not be worse than.")
    ] = None,
    limits: _Limits = None,
) -> None:
    """Exit 1 if a run breaks a limit or is worse than another, 2 if the two can't be compared."""
    from eval import limits as limiting
    from eval import run_commands

    raise typer.Exit(run_commands.gate(run, baseline, limiting.load(limits or limiting.DEFAULT)))


@app.command()
def score(run: _Run, price: _Price = "", json: _Json = False) -> None:
    """Measure the answers of a run again; nothing is asked."""
    from eval import commands

    commands.score(run, price, json)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="A run, or a file of scores.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another, on the same questions.")],
    declared: Annotated[
        str, typer.Option("--declared", metavar="NAMES", help="Comma-separated measures that claims rest on.")
    ] = "",
    json: _Json = False,
) -> None:
    """Say whether B differs from A, and list the questions that came out differently."""
    from eval import commands

    commands.compare(a, b, declared, json)


@app.command()
def report(
    run: _Run,
    html: Annotated[Path | None, typer.Option(metavar="FILE", show_default="RUN/report.html")] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", show_default="RUN/report.md")] = None,
    price: _Price = "",
) -> None:
    """Write the figures as one HTML page and as Markdown."""
    from eval import commands

    commands.report(run, html, markdown, price)


@app.command()
def calibrate(
    run: _Run,
    alpha: Annotated[float, typer.Option(help="Most of the answerable questions that may be declined.")] = 0.05,
    test: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Check on this run.", show_default="half of RUN")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", show_default="SCHOLIAST_HOME/calibration.json")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing.")] = False,
) -> None:
    """Choose the confidence from which to answer, with a guarantee on over-refusal."""
    from eval import commands

    commands.calibrate(run, test, alpha, out, dry_run)


@app.command()
def judge(
    run: _Run,
    model: _Judge,
    base_url: _BaseUrl = "",
    check: Annotated[Path | None, typer.Option(metavar="FILE", help="What judge-check wrote.")] = None,
    headline: Annotated[
        bool, typer.Option("--headline", help="Show it in the headline; needs a passed check.")
    ] = False,
) -> None:
    """Let a chat model judge key facts and support."""
    from eval import commands

    commands.judge(run, model, base_url, check, headline)


@app.command("judge-check")
def judge_check(
    pairs: Annotated[Path, typer.Argument(metavar="PAIRS", help='JSON Lines: "text", "statement", "stated".')],
    model: _Judge,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the result goes.")],
    base_url: _BaseUrl = "",
) -> None:
    """See whether a judge beats the lexical scorer on labelled pairs; exit 1 if not."""
    from eval import commands

    raise typer.Exit(commands.judge_check(pairs, model, base_url, out))


@app.command()
def lint(
    questions: Annotated[Path, typer.Argument(metavar="FILE")],
    papers: _Papers = None,
) -> None:
    """Check a file of questions; with --papers, that their gold papers exist."""
    from eval import commands

    commands.lint(questions, papers or [])


@app.command()
def leaks(
    questions: _Questions = None,
    papers: _Papers = None,
    code: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="Code and prompts.", show_default="this package")
    ] = None,
    against: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Other questions, used in development.")
    ] = None,
) -> None:
    """Look for held-out questions in corpus, prompts, code and other questions; exit 1 on a leak."""
    from eval import commands
    from eval.questions import SAMPLE_PAPERS, SAMPLE_QUESTIONS

    papers = papers or ([] if questions else [SAMPLE_PAPERS])
    raise typer.Exit(commands.leak_check(questions or SAMPLE_QUESTIONS, papers, code or [], against or []))


@app.command("support-probe")
def support_probe(
    papers: _Papers = None,
    library: Annotated[str, typer.Option("--library", metavar="NAME", help="Papers of this library instead.")] = "",
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="Most papers to use.")] = 200,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Every sentence with its verdict, as JSON.")] = None,
    json: _Json = False,
) -> None:
    """See how often sentences that were made true or false are called supported."""
    from eval import commands
    from eval.questions import SAMPLE_PAPERS

    if papers and library:
        raise RequestError("give --papers or --library, not both")
    commands.support_probe([] if library else papers or [SAMPLE_PAPERS], library, limit, out, json)


@app.command("import")
def import_set(
    form: Annotated[str, typer.Argument(metavar="FORM", help="beir, scifact, pubmedqa or trec.")],
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="The folder or file; trec: topics, qrels.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the questions go.")],
    split: Annotated[str, typer.Option(help="Of a BEIR folder.")] = "test",
    papers: Annotated[Path | None, typer.Option(metavar="FILE", help="Where its papers go (pubmedqa).")] = None,
) -> None:
    """Turn a published set into questions."""
    from eval import commands

    commands.import_set(form, paths, split, out, papers)


@app.command()
def feedback(
    out: Annotated[Path, typer.Option(metavar="FILE", help="Questions are added to it.")],
) -> None:
    """Turn what people said of answers into questions."""
    from eval import commands

    commands.feedback(out)


app.registered_commands += cli_exchange.app.registered_commands
