"""Takes runs to other harnesses and brings theirs here: ragas, deepeval, inspect_ai and TREC's RAG track.

None of their libraries is needed: `FORMATS` has the files as they read and write them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.exchange import deepeval, inspect_logs, ragas, trec_rag
from eval.exchange.foreign import ForeignAnswer
from eval.exchange.own import ExportedRun
from rag.errors import RequestError


@dataclass(frozen=True)
class Format:
    """A harness's files. `takes` says which paths `read` needs; one more may follow where `most` is 2.

    `write` gives the text of each file by what its name adds to the one that was asked for; `loses` says what of our
    run it can't hold.
    """

    takes: str
    read: Callable[[Sequence[Path]], list[ForeignAnswer]]
    write: Callable[[ExportedRun], Mapping[str, str]]
    loses: str
    most: int = 1


FORMATS: Mapping[str, Format] = {
    "ragas": Format("a file of samples (.jsonl)", ragas.read, ragas.write, ragas.LOSES),
    "deepeval": Format("goldens or a test run (.json, .jsonl)", deepeval.read, deepeval.write, deepeval.LOSES),
    "inspect": Format("a log (.eval, .json)", inspect_logs.read, inspect_logs.write, inspect_logs.LOSES),
    "trec-rag": Format("answers (.jsonl) and, if at hand, the run file", trec_rag.read, trec_rag.write,
                       trec_rag.LOSES, most=2),
}  # fmt: skip


def format_named(name: str) -> Format:
    """The format of this name. Raises RequestError."""
    if name not in FORMATS:
        raise RequestError(f"no format {name!r}; there is {', '.join(FORMATS)}")
    return FORMATS[name]
