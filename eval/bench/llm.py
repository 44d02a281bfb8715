"""What a chat model gains or loses by our prompt and checks, beside a plain prompt and the extractive default.

    export SCHOLIAST_MODEL=openai:NAME SCHOLIAST_MODEL_BASE_URL=http://127.0.0.1:PORT/v1
    python -m eval.bench.llm --set QUESTIONS LIBRARY [--set QUESTIONS LIBRARY] [--count 30] --out FILE

Each question is answered three times, one after the other, so that waits compare: in the abstracts' own sentences, by
the model as the product asks it, and by the model with a plain prompt that holds the same abstracts, as first examples
of retrieval-augmented generation have it. The verdicts on all three come from the product's own check, which is given
each sentence with every abstract that was shown. FILE has one line for each question; run again to go on.
"""

import argparse
import asyncio
import json
import os
import random
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import Any, NamedTuple

from openai import AsyncOpenAI

from eval import questions
from eval.metrics.answers import share_of_facts
from eval.questions import Question
from eval.reply import declines
from eval.words import without_marks
from rag.engine import Engine
from rag.grounding.grounding import Grounding
from rag.text import sentences as splitting
from rag.types import Answer, Passage
from rag.workspace import Workspace
from rag.writers.extractive import ExtractiveWriter
from rag.writers.prompt_context import worth_showing

ARMS = ("extractive", "product", "plain")
_PLAIN = (
    "Answer the question from the context. If the context does not tell, say that you don't know. "
    "Use three sentences at most.\n\nContext:\n{context}\n\nQuestion: {question}\nAnswer:"
)


class Asked(NamedTuple):
    """A question, and who answers it."""

    question: Question
    library: str


def main() -> None:
    """Ask what the file does not have yet, and print the table."""
    options = _options()
    asked = _drawn(options.set, options.count)
    done = _read(options.out)
    asyncio.run(_ask([one for one in asked if one.question.id not in done], options.out))
    lines = _read(options.out)
    for _, library in options.set:
        _print(library, [line for line in lines.values() if line["library"] == library])
    _print("all", list(lines.values()))


async def _ask(asked: Sequence[Asked], out: Path) -> None:
    async with AsyncExitStack() as stack:
        workspace = await stack.enter_async_context(Workspace())
        name = workspace.settings.model
        key = os.environ.get("OPENAI_API_KEY", "none")
        client = await stack.enter_async_context(AsyncOpenAI(base_url=workspace.settings.model_base_url, api_key=key))
        for question, library in asked:
            extractive = await workspace.engine(library, ExtractiveWriter.name)
            product = await workspace.engine(library, name)
            line: dict[str, Any] = {"id": question.id, "library": library, "answerable": question.answerable}
            answer, line["extractive"] = await _engine(extractive, question)
            shown = worth_showing(question.question, answer.passages)
            _, line["product"] = await _engine(product, question)
            line["plain"] = await _plain(client, name.partition(":")[2], question, shown)
            for arm in ARMS:
                line[arm] |= _verdicts(line[arm]["text"], answer.passages, question)
            with out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")


async def _engine(engine: Engine, question: Question) -> tuple[Answer, dict[str, Any]]:
    start = perf_counter()
    answer = await engine.ask(question.question, question.history)
    declined = answer.outcome in ("not_in_abstracts", "out_of_scope", "empty_library")
    return answer, {
        "text": answer.text,
        "declined": declined,
        "asked": answer.usage.prompt_tokens > 0,
        "seconds": perf_counter() - start,
        "prompt_tokens": answer.usage.prompt_tokens,
        "notice": answer.notice,
    }


async def _plain(client: AsyncOpenAI, model: str, question: Question, passages: Sequence[Passage]) -> dict[str, Any]:
    context = "\n\n".join(f"{passage.paper.title}\n{passage.text}" for passage in passages)
    turns = [{"role": turn.role, "content": turn.content} for turn in question.history]
    asked = {"role": "user", "content": _PLAIN.format(context=context, question=question.question)}
    start = perf_counter()
    messages: Any = [*turns, asked]
    reply = await client.chat.completions.create(model=model, messages=messages, temperature=0, max_tokens=400)
    text = reply.choices[0].message.content or ""
    return {
        "text": text,
        "declined": declines(text),
        "asked": True,
        "seconds": perf_counter() - start,
        "prompt_tokens": reply.usage.prompt_tokens if reply.usage else 0,
    }


def _verdicts(text: str, passages: Sequence[Passage], question: Question) -> dict[str, Any]:
    """How many sentences each verdict has, whatever the text itself cites, and the share of the key facts."""
    plain = without_marks(text)
    cited = "".join(f" [{passage.number}]" for passage in passages)
    grounding = Grounding(passages, question=question.question)
    for start, end in splitting.spans(plain):
        grounding.feed(f"{plain[start:end].rstrip('.')}{cited}. ")
    grounding.flush()
    counts: dict[str, int] = {}
    for judged in grounding.result.sentences:
        counts[judged.support] = counts.get(judged.support, 0) + 1
    return {
        "verdicts": counts,
        "words": len(plain.split()),
        "facts": share_of_facts(question, plain) if question.key_facts else None,
    }


def _print(name: str, lines: Sequence[Mapping[str, Any]]) -> None:
    if not lines:
        return
    yes, no = ([line for line in lines if line["answerable"] is answerable] for answerable in (True, False))
    print(f"\n{name}: {len(yes)} answerable questions, {len(no)} unanswerable ones")
    print("| | " + " | ".join(ARMS) + " |")
    print("|---|" + "---|" * len(ARMS))
    _row("key facts, of answerable questions", [_mean(_facts(line[arm]) for line in yes) for arm in ARMS])
    _row("answerable declined", [_mean(line[arm]["declined"] for line in yes) for arm in ARMS])
    _row("unanswerable declined", [_mean(line[arm]["declined"] for line in no) for arm in ARMS])
    for verdict in ("contradicted", "unsupported", "partial", "supported"):
        _row(f"sentences {verdict}", [_share(verdict, [line[arm] for line in lines]) for arm in ARMS])
    given = [[line[arm] for line in lines if not line[arm]["declined"]] for arm in ARMS]
    _row("words of an answer", [_mean(reply["words"] for reply in replies) for replies in given])
    _row("tokens of a prompt", [_mean(line[arm]["prompt_tokens"] for line in lines) for arm in ARMS])
    _row("seconds", [_mean(line[arm]["seconds"] for line in lines) for arm in ARMS])


def _facts(reply: Mapping[str, Any]) -> float | None:
    """An answer that declines states none, whatever words it has."""
    return 0.0 if reply["declined"] and reply["facts"] is not None else reply["facts"]


def _share(verdict: str, replies: Sequence[Mapping[str, Any]]) -> float:
    """Of the sentences of answers that were given."""
    counts = [reply["verdicts"] for reply in replies if not reply["declined"]]
    total = sum(sum(count.values()) for count in counts)
    return sum(count.get(verdict, 0) for count in counts) / total if total else float("nan")


def _mean(values: Any) -> float:
    known = [float(value) for value in values if value is not None]
    return fmean(known) if known else float("nan")


def _row(label: str, values: Sequence[float]) -> None:
    print(f"| {label} | " + " | ".join(f"{value:.3g}" for value in values) + " |")


def _drawn(sets: Sequence[Sequence[str]], count: int) -> list[Asked]:
    """`count` questions of each set at random, the sets in turn, so that a run that stops early has some of each."""
    drawn = [random.Random(1).sample(list(questions.load(Path(file))), count) for file, _ in sets]
    libraries = [library for _, library in sets]
    return [
        Asked(question, library)
        for row in zip(*drawn, strict=True)
        for question, library in zip(row, libraries, strict=True)
    ]


def _read(file: Path) -> dict[str, dict[str, Any]]:
    if not file.exists():
        return {}
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return {line["id"]: line for line in lines}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", nargs=2, action="append", required=True, metavar=("QUESTIONS", "LIBRARY"))
    parser.add_argument("--count", type=int, default=30, help="questions of each set")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
