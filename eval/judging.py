"""What an LLM judge makes of a run, and whether to believe it: it must beat the lexical scorer on labelled pairs."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.judge import POINTS, Judge, Verdict, prompt_version
from eval.metrics.abstention import auroc
from eval.metrics.case import Case
from eval.metrics.citations import stated
from eval.statistics import LEVEL, SEED, Estimate, estimate
from eval.words import rarity, telling, weigh
from rag.errors import RequestError

MOST_UNREADABLE = 0.02
_RESAMPLES = 2_000


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One judged measure: its mean over questions, leaving unreadable verdicts out, and what they could make of it.

    `lowest` and `highest` are the means if every unreadable verdict were 0 or 1. `contradicted` counts verdicts.
    """

    label: str
    estimate: Estimate | None
    unreadable: int
    verdicts: int
    lowest: float
    highest: float
    contradicted: int


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A text, a statement, and whether a person says that the text states it."""

    text: str
    statement: str
    stated: bool


@dataclass(frozen=True, kw_only=True)
class Check:
    """How judge and lexical scorer do on labelled pairs (AUROC), and the 95% interval of the difference."""

    model: str
    prompt_sha256: str
    pairs: int
    unreadable: int
    judge: float
    lexical: float
    low: float
    high: float

    @property
    def passed(self) -> bool:
        """Whether the judge beats the free scorer beyond chance, and can be read."""
        return self.low > 0 and self.unreadable <= MOST_UNREADABLE * self.pairs


async def run(judge: Judge, cases: Sequence[Case], clusters: Sequence[str]) -> list[Judged]:
    """Judge the key facts and the support of every answer. Raises BackendError."""
    facts = await asyncio.gather(*(_facts(judge, case) for case in cases))
    support = await asyncio.gather(*(_support(judge, case) for case in cases))
    return [
        _judged("Key facts stated", facts, clusters),
        _judged("Sentences that their cited abstracts state", support, clusters),
    ]


async def check(judge: Judge, pairs: Sequence[Pair]) -> Check:
    """Set the judge against the lexical scorer on labelled pairs. Raises RequestError if all have the same label."""
    found = await asyncio.gather(*(judge.verdicts(pair.text, [pair.statement]) for pair in pairs))
    verdicts = [one[0] for one in found]
    labels = [pair.stated for pair in pairs]
    # An unreadable verdict is what a coin would have said: it neither helps nor is dropped.
    judged = [0.5 if verdict is None else _strength(verdict) for verdict in verdicts]
    idf = rarity(pair.text for pair in pairs)
    lexical = [_overlap(pair, idf) for pair in pairs]
    ours, theirs = auroc(lexical, labels), auroc(judged, labels)
    if ours is None or theirs is None:
        raise RequestError("the labelled pairs must have both kinds: stated and not stated")
    low, high = _interval(judged, lexical, labels)
    return Check(
        model=judge.name,
        prompt_sha256=prompt_version(),
        pairs=len(pairs),
        unreadable=sum(verdict is None for verdict in verdicts),
        judge=round(theirs, 4),
        lexical=round(ours, 4),
        low=round(low, 4),
        high=round(high, 4),
    )


def may_be_headline(path: Path | None, model: str) -> bool:
    """Whether a file of `judge-check` shows that this model, with this prompt, beats the lexical scorer."""
    if path is None:
        return False
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        checked = Check(**{key: found[key] for key in Check.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(f"{path} is no result of judge-check: {error!r}") from error
    return checked.passed and checked.model == model and checked.prompt_sha256 == prompt_version()


def pairs(path: Path) -> list[Pair]:
    """Labelled pairs: one `{"text", "statement", "stated": true|false}` a line. Raises RequestError."""
    found: list[Pair] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise RequestError(f"{path} can't be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        try:
            row: dict[str, Any] = json.loads(line)
            found.append(Pair(text=str(row["text"]), statement=str(row["statement"]), stated=bool(row["stated"])))
        except (ValueError, KeyError, TypeError) as error:
            raise RequestError(f"{path}:{number} is no labelled pair (text, statement, stated): {error!r}") from error
    return found


def as_json(judge: Judge, measures: Sequence[Judged], checked: bool, headline: bool) -> dict[str, Any]:
    """What a run's `judged.json` holds."""
    return {
        "model": judge.name,
        "prompt_sha256": prompt_version(),
        "checked": checked,
        "headline": headline,
        "measures": [asdict(measure) for measure in measures],
    }


async def _facts(judge: Judge, case: Case) -> list[Verdict | None] | None:
    """None where the question has no key facts; a declined or failed answer states none of them."""
    facts = case.question.key_facts
    if not facts:
        return None
    if case.reply.declined or not case.reply.text:
        return ["no"] * len(facts)
    asked = [f"In answer to “{case.question.question}”: {' or '.join(fact)}" for fact in facts]
    return await judge.verdicts(case.reply.text, asked)


async def _support(judge: Judge, case: Case) -> list[Verdict | None] | None:
    """None where nothing was answered; a sentence without citation is stated by nothing."""
    if case.reply.declined or not case.reply.text:
        return None
    return [
        (await judge.verdicts(text, [sentence.text]))[0] if text else "no"
        for sentence in stated(case)
        for text in [_cited_text(case, sentence.numbers)]
    ]


def _cited_text(case: Case, numbers: Sequence[int]) -> str:
    shown = [passage for passage in case.reply.shown if passage.number in numbers]
    known = [case.paper(passage.paper) for passage in shown]
    return "\n\n".join(f"{paper.title}\n{paper.abstract}" for paper in known if paper)


def _judged(label: str, found: Sequence[list[Verdict | None] | None], clusters: Sequence[str]) -> Judged:
    asked = [(verdicts, cluster) for verdicts, cluster in zip(found, clusters, strict=True) if verdicts]
    readable = [([POINTS[v] for v in verdicts if v], cluster) for verdicts, cluster in asked]
    means = [(sum(points) / len(points), cluster) for points, cluster in readable if points]
    every = [verdict for verdicts, _ in asked for verdict in verdicts]

    def bound(value: float) -> float:
        shares = [sum(POINTS[v] if v else value for v in verdicts) / len(verdicts) for verdicts, _ in asked]
        return sum(shares) / len(shares) if shares else 0.0

    return Judged(
        label=label,
        estimate=estimate([m for m, _ in means], [cluster for _, cluster in means]) if means else None,
        unreadable=sum(verdict is None for verdict in every),
        verdicts=len(every),
        lowest=bound(0.0),
        highest=bound(1.0),
        contradicted=sum(verdict == "contradicted" for verdict in every),
    )


def _strength(verdict: Verdict) -> float:
    """As POINTS, but a contradiction is surer than a silence."""
    return -0.5 if verdict == "contradicted" else POINTS[verdict]


def _overlap(pair: Pair, idf: Any) -> float:
    words, held = telling(pair.statement), set(telling(pair.text))
    return weigh([word for word in words if word in held], idf) / (weigh(words, idf) or 1.0)


def _interval(judged: Sequence[float], lexical: Sequence[float], labels: Sequence[bool]) -> tuple[float, float]:
    """Percentile bootstrap over pairs of AUROC(judge) - AUROC(lexical)."""
    random = np.random.default_rng(SEED)
    gains: list[float] = []
    for _ in range(_RESAMPLES):
        drawn = random.integers(0, len(labels), len(labels))
        chosen = [labels[i] for i in drawn]
        one, other = auroc([judged[i] for i in drawn], chosen), auroc([lexical[i] for i in drawn], chosen)
        if one is not None and other is not None:
            gains.append(one - other)
    low, high = np.quantile(gains, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
