"""The sub-commands for what was asked: `scholiast answers`, `scholiast history` and `scholiast feedback`."""

from typing import Annotated

import typer

from service.cli import options
from service.cli.running import run

answers = typer.Typer(no_args_is_help=True, help="The answers that were given.", rich_markup_mode=None)
feedback = typer.Typer(no_args_is_help=True, help="Feedback on answers.", rich_markup_mode=None)

_Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1_000_000, help="Show so many.")]


@answers.command("list")
def answers_list(
    words: Annotated[
        str, typer.Argument(metavar="[WORDS]", help="Only those with all of these words.", show_default=False)
    ] = "",
    library: Annotated[
        str, typer.Option("--library", metavar="NAME", help="Only from this one.", show_default="every library")
    ] = "",
    limit: _Limit = 100,
    json: options.Json = False,
    no_pager: options.NoPager = False,
) -> None:
    """List your answers, the newest first; without API keys also those given over HTTP."""
    from service.cli import past_commands

    run(past_commands.answers_list(words, library, limit, json, not no_pager))


@answers.command("show")
def answers_show(
    id: Annotated[str, typer.Argument(metavar="ANSWER", help="Its id, as `answers list` shows it (ans_...).")],
    json: options.Json = False,
    format: options.AnswerFormat = "",
) -> None:
    """Show an answer again, as it was first shown."""
    from service.cli import past_commands

    run(past_commands.answers_show(id, options.output(json, format)))


def history(
    what: Annotated[
        str,
        typer.Argument(
            metavar="[WORDS|CONVERSATION]",
            help="Only conversations with these words; or the id of one (conv_...), to read it.",
            show_default=False,
        ),
    ] = "",
    limit: _Limit = 100,
    json: options.Json = False,
    no_pager: options.NoPager = False,
) -> None:
    """List your conversations, the last used first, or read one; `chat --conversation` goes on with it."""
    from service.cli import past_commands

    run(past_commands.history(what, limit, json, not no_pager))


@feedback.command("list")
def feedback_list(
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, with what it takes to ask again.")
    ] = False,
    no_pager: options.NoPager = False,
) -> None:
    """List the feedback on answers, oldest first."""
    from service.cli import past_commands

    run(past_commands.feedback_list(json, not no_pager))
