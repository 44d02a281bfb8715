"""An optional LLM judge of key facts and support: cached, at temperature 0, and not trusted before it is checked.

It sees no system's name. An unreadable verdict is asked for once more and then counted apart, never as a zero. To be
trusted it must beat the lexical scorer on labelled pairs.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, Literal

import numpy as np

from eval.files import json_lines, read_text
from eval.metrics.abstention import auroc
from eval.metrics.case import Case
from eval.metrics.citations import answer_sentences
from eval.statistics import LEVEL, SEED, Estimate, estimate
from eval.words import content_words, rarity, weigh
from rag.errors import BackendError, ConfigError, RequestError

MOST_UNREADABLE = 0.02

Verdict = Literal["yes", "partly", "no", "contradicted"]
POINTS: Mapping[Verdict, float] = {"yes": 1.0, "partly": 0.5, "no": 0.0, "contradicted": 0.0}

Model = Callable[[str], Awaitable[str]]
"""A prompt to a reply. Raises BackendError."""

_RESAMPLES = 2_000
_RETRY = "\n\nYour last reply could not be read. Reply with the JSON object alone."
_VERDICT = re.compile(r'"?(\d+)"?\s*[:.)=-]+\s*"?(yes|partly|no|contradicted)\b', re.IGNORECASE)
_VERDICTS: Mapping[str, Verdict] = {verdict: verdict for verdict in POINTS}


@dataclass
class Judge:
    """Asks a model whether texts state things. Its replies are cached in a file, so no prompt is sent twice."""

    name: str
    model: Model
    cache_file: Path
    concurrency: int = 4
    _replies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.concurrency)
        if self.cache_file.exists():
            for line in self.cache_file.read_bytes().splitlines():
                entry = json.loads(line)
                self._replies[entry["key"]] = entry["reply"]

    async def verdicts(self, text: str, statements: Sequence[str]) -> list[Verdict | None]:
        """One verdict for each statement, in order; None where the reply could not be read. Raises BackendError."""
        if not statements:
            return []
        prompt = render_prompt(text, statements)
        found = read_verdicts(await self._reply(prompt), len(statements))
        if any(verdict is None for verdict in found):
            second = read_verdicts(await self._reply(prompt + _RETRY), len(statements))
            found = [verdict or other for verdict, other in zip(found, second, strict=True)]
        return found

    async def _reply(self, prompt: str) -> str:
        key = sha256(f"{self.name}\0{prompt}".encode()).hexdigest()
        if key not in self._replies:
            async with self._slots:
                reply = await self.model(prompt)
            self._replies[key] = reply
            with self.cache_file.open("a", encoding="utf-8") as file:
                file.write(json_lines([{"key": key, "reply": reply}]))
        return self._replies[key]


@dataclass(frozen=True, kw_only=True)
class JudgeMeasure:
    """One judged measure: its mean over questions, leaving unreadable verdicts out, and what they could change.

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
class LabelledPair:
    """A text, a statement, and whether a person says that the text states it."""

    text: str
    statement: str
    stated: bool


@dataclass(frozen=True, kw_only=True)
class JudgeCheck:
    """AUROC of judge and lexical scorer on labelled pairs, and the 95% interval of the difference."""

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


async def measure(judge: Judge, cases: Sequence[Case], clusters: Sequence[str]) -> list[JudgeMeasure]:
    """Judge the key facts and the support of every answer. Raises BackendError."""
    facts = await asyncio.gather(*(_facts(judge, case) for case in cases))
    support = await asyncio.gather(*(_support(judge, case) for case in cases))
    return [
        _measure("Key facts stated", facts, clusters),
        _measure("Sentences that their cited abstracts state", support, clusters),
    ]


async def check(judge: Judge, pairs: Sequence[LabelledPair]) -> JudgeCheck:
    """Compare the judge with the lexical scorer. Raises RequestError if all pairs have the same label."""
    found = await asyncio.gather(*(judge.verdicts(pair.text, [pair.statement]) for pair in pairs))
    verdicts = [one[0] for one in found]
    labels = [pair.stated for pair in pairs]
    # An unreadable verdict is worth a coin toss: it neither helps nor is dropped.
    judged = [0.5 if verdict is None else _strength(verdict) for verdict in verdicts]
    idf = rarity(pair.text for pair in pairs)
    lexical = [_overlap(pair, idf) for pair in pairs]
    ours, theirs = auroc(lexical, labels), auroc(judged, labels)
    if ours is None or theirs is None:
        raise RequestError("the labelled pairs must have both kinds: stated and not stated")
    low, high = _interval(judged, lexical, labels)
    return JudgeCheck(
        model=judge.name,
        prompt_sha256=prompt_version(),
        pairs=len(pairs),
        unreadable=sum(verdict is None for verdict in verdicts),
        judge=round(theirs, 4),
        lexical=round(ours, 4),
        low=round(low, 4),
        high=round(high, 4),
    )


def is_checked(path: Path | None, model: str) -> bool:
    """Whether a file written by `judge-check` shows that this model, with this prompt, beats the lexical scorer."""
    if path is None:
        return False
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        result = JudgeCheck(**{key: found[key] for key in JudgeCheck.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(f"{path} is no result of judge-check: {error!r}") from error
    return result.passed and result.model == model and result.prompt_sha256 == prompt_version()


def read_pairs(path: Path) -> list[LabelledPair]:
    """Labelled pairs: one `{"text", "statement", "stated": true|false}` a line. Raises RequestError."""
    pairs: list[LabelledPair] = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row: dict[str, Any] = json.loads(line)
            pair = LabelledPair(text=str(row["text"]), statement=str(row["statement"]), stated=bool(row["stated"]))
        except (ValueError, KeyError, TypeError) as error:
            raise RequestError(f"{path}:{number} is no labelled pair (text, statement, stated): {error!r}") from error
        pairs.append(pair)
    return pairs


def as_json(judge: Judge, measures: Sequence[JudgeMeasure], checked: bool, headline: bool) -> dict[str, Any]:
    """The content of a run's `judged.json`."""
    return {
        "model": judge.name,
        "prompt_sha256": prompt_version(),
        "checked": checked,
        "headline": headline,
        "measures": [asdict(measure) for measure in measures],
    }


def render_prompt(text: str, statements: Sequence[str]) -> str:
    """The prompt for one text."""
    listed = "\n".join(f"{n}. {' '.join(statement.split())}" for n, statement in enumerate(statements, start=1))
    return _template().substitute(text=text.replace("</text>", "< /text>"), statements=listed)


def read_verdicts(reply: str, count: int) -> list[Verdict | None]:
    """The verdicts of statements 1 to `count`, whatever stands around them; None for one that can't be read."""
    found: dict[int, Verdict] = {}
    for number, verdict in _VERDICT.findall(reply):
        found.setdefault(int(number), _VERDICTS[verdict.lower()])
    return [found.get(number) for number in range(1, count + 1)]


def prompt_version() -> str:
    """SHA-256 of the prompt: a check holds for one model with one prompt."""
    return sha256(_template().template.encode()).hexdigest()


def chat_model(name: str, base_url: str = "") -> Model:
    """A LangChain chat model named `provider:model`, at temperature 0. Raises ConfigError."""
    from langchain.chat_models import init_chat_model

    try:
        options: dict[str, Any] = {"base_url": base_url} if base_url else {}
        model = init_chat_model(name, temperature=0, **options)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"the judge {name!r} can't be made: {error}; name it provider:model") from error

    async def ask(prompt: str) -> str:
        try:
            return str((await model.ainvoke(prompt)).text)
        except Exception as error:  # each provider has its own
            raise BackendError(f"the judge {name!r} failed: {error}", retryable=True) from error

    return ask


async def _facts(judge: Judge, case: Case) -> list[Verdict | None] | None:
    """None where the question has no key facts; a declined or failed answer states none of them."""
    facts = case.question.key_facts
    if not facts:
        return None
    if case.reply.declined or not case.reply.text:
        return ["no"] * len(facts)
    statements = [f"In answer to “{case.question.question}”: {' or '.join(fact)}" for fact in facts]
    return await judge.verdicts(case.reply.text, statements)


async def _support(judge: Judge, case: Case) -> list[Verdict | None] | None:
    """None where nothing was answered; a sentence without citation is supported by nothing."""
    if case.reply.declined or not case.reply.text:
        return None
    return [
        (await judge.verdicts(text, [sentence.text]))[0] if text else "no"
        for sentence in answer_sentences(case)
        for text in [_cited_text(case, sentence.numbers)]
    ]


def _cited_text(case: Case, numbers: Sequence[int]) -> str:
    shown = [passage for passage in case.reply.shown if passage.number in numbers]
    known = [case.paper(passage.paper) for passage in shown]
    return "\n\n".join(f"{paper.title}\n{paper.abstract}" for paper in known if paper)


def _measure(label: str, found: Sequence[list[Verdict | None] | None], clusters: Sequence[str]) -> JudgeMeasure:
    asked = [(verdicts, cluster) for verdicts, cluster in zip(found, clusters, strict=True) if verdicts]
    readable = [([POINTS[v] for v in verdicts if v], cluster) for verdicts, cluster in asked]
    means = [(sum(points) / len(points), cluster) for points, cluster in readable if points]
    every = [verdict for verdicts, _ in asked for verdict in verdicts]

    def bound(value: float) -> float:
        shares = [sum(POINTS[v] if v else value for v in verdicts) / len(verdicts) for verdicts, _ in asked]
        return sum(shares) / len(shares) if shares else 0.0

    return JudgeMeasure(
        label=label,
        estimate=estimate([m for m, _ in means], [cluster for _, cluster in means]) if means else None,
        unreadable=sum(verdict is None for verdict in every),
        verdicts=len(every),
        lowest=bound(0.0),
        highest=bound(1.0),
        contradicted=sum(verdict == "contradicted" for verdict in every),
    )


def _strength(verdict: Verdict) -> float:
    """As POINTS, but a contradiction weighs more against a statement than its absence."""
    return -0.5 if verdict == "contradicted" else POINTS[verdict]


def _overlap(pair: LabelledPair, idf: Mapping[str, float]) -> float:
    """Share of the statement's content words that the text has, weighed by rarity."""
    words, found = content_words(pair.statement), set(content_words(pair.text))
    return weigh([word for word in words if word in found], idf) / (weigh(words, idf) or 1.0)


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


@cache
def _template() -> Template:
    return Template(files("eval").joinpath("judge.md").read_text(encoding="utf-8"))
