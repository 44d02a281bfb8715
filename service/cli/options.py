"""Options that several sub-commands share, and what their values mean together."""

from typing import Annotated

import typer

from rag.errors import RequestError
from service.cli import completion

_REFERENCES = "bibtex, ris, csl, html, text, apa, ..."

Library = Annotated[
    str,
    typer.Option(
        "--library",
        metavar="NAME",
        help="Which library.",
        show_default="default; the demo's while empty",
        autocompletion=completion.libraries,
    ),
]
NewLibrary = Annotated[
    str,
    typer.Option("--library", metavar="NAME", help="Made if it is missing.", autocompletion=completion.libraries),
]
Json = Annotated[bool, typer.Option("--json", help="Print the object that HTTP gives.")]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help=f"Print references: markdown, {_REFERENCES}",
        autocompletion=completion.reference_formats,
    ),
]
AnswerFormat = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help=f"markdown, json or plain (no colours, nothing wrapped); or references: {_REFERENCES}",
        show_default=False,
        autocompletion=completion.answer_formats,
    ),
]
Model = Annotated[
    str, typer.Option("--model", metavar="MODEL", help="What writes the answers.", show_default="SCHOLIAST_MODEL")
]
NoPager = Annotated[bool, typer.Option("--no-pager", help="Print a long list at once instead of showing it in $PAGER.")]
Dask = Annotated[
    str,
    typer.Option(
        "--dask",
        metavar="CLUSTER",
        help="Embed on a cluster of Dask: tcp://HOST:PORT of its scheduler, or local:N for N processes here.",
        show_default="in this process",
    ),
]


def output(json: bool, format: str) -> str:
    """The one form that was asked for: json, plain, a format of references, or empty for the terminal."""
    if json and format not in ("", "json"):
        raise RequestError(f"--json and --format {format} ask for two outputs; leave one out")
    return "json" if json else format
