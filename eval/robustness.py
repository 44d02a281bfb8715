"""The same questions in other words: what case, misspelling, politeness, another exchange and a swapped name change."""

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from string import ascii_lowercase, capwords

from eval.files import pretty, read_text, write_atomically
from eval.questions import Question, clusters
from eval.records import SeenPaper
from eval.score import QuestionScore
from eval.statistics import Difference, difference
from rag.errors import RequestError
from rag.text.entities import NAME
from rag.types import Turn

FOLDER = "robustness"
"""The folder inside a run's folder that holds a run for each variant."""
FILE = "robustness.json"
"""The file beside a run that compares them with it."""

SWAPPED = "restriction_swapped"
"""The variant that should be declined; all others should be answered as the question is as written."""

MEASURES = ("facts", "cites_gold", "answered", "declined")
"""Key facts and gold papers of answerable questions, the share of them answered, of unanswerable ones declined."""

_SEED = 11
_TYPING_ERRORS = 2
_WORD = re.compile(r"[^\W\d_]{4,}")
_RARE_WORD = re.compile(r"\b[a-z]{6,}\b")
_RARE_IN = 3
_WRAPPINGS = (
    "hey @bot, could you please tell me: {} thanks!",
    "Good morning everyone, I was wondering: {} Thank you so much in advance!",
    "Hi there! Sorry to bother you, a quick question: {} Cheers",
)


@dataclass(frozen=True, kw_only=True)
class VariantMeasure:
    """One measure of one variant against the questions as they are written, over those that both have."""

    variant: str
    measure: str
    as_written: float
    value: float
    difference: Difference

    @property
    def label(self) -> str:
        """Variant and measure in words."""
        return f"{self.variant}: {self.measure}".replace("_", " ")


def variants(
    questions: Sequence[Question], answers: Mapping[str, str], papers: Collection[SeenPaper]
) -> dict[str, list[Question]]:
    """The questions of each variant, by its name; a variant leaves out questions that it has nothing to change in.

    `answers` are the texts that the system gave to the questions as written, `papers` what it saw for them.
    """
    reworded: dict[str, Callable[[Question], str]] = {
        "upper_case": lambda question: question.question.upper(),
        "title_case": lambda question: capwords(question.question),
        "lower_case": lambda question: question.question.lower(),
        "two_typing_errors": lambda question: with_typing_errors(question.question, _random(question)),
        "wrapped": lambda question: _random(question).choice(_WRAPPINGS).format(question.question),
    }
    found = {name: [replace(q, question=of(q)) for q in questions] for name, of in reworded.items()}
    found["after_another_exchange"] = _after_another_exchange(questions, answers)
    found[SWAPPED] = _swapped(questions, papers)
    return found


def with_typing_errors(text: str, random: random.Random) -> str:
    """With one letter deleted, doubled, replaced, or swapped with the next in each of two words, names among them."""
    words = list(_WORD.finditer(text))
    for found in sorted(random.sample(words, min(_TYPING_ERRORS, len(words))), key=lambda word: -word.start()):
        text = text[: found.start()] + _misspelt(found[0], random) + text[found.end() :]
    return text


def compare(
    questions: Sequence[Question],
    as_written: Sequence[QuestionScore],
    of_variant: Mapping[str, Sequence[QuestionScore]],
) -> list[VariantMeasure]:
    """Every measure of every variant, paired by question; a measure that applies to no question is left out.

    A question with a swapped restriction should be declined, and is paired with itself as written, which should not.
    """
    cluster = clusters(questions)
    before = {row.id: row for row in as_written}
    found = []
    for variant, rows in of_variant.items():
        for measure in ("declined",) if variant == SWAPPED else MEASURES:
            pairs = [
                (_value(before[row.id], measure), _value(row, measure), cluster[row.id])
                for row in rows
                if variant == SWAPPED or before[row.id].answerable == (measure != "declined")
            ]
            known = [(a, b, c) for a, b, c in pairs if a is not None and b is not None]
            if known:
                a, b, groups = zip(*known, strict=True)
                found.append(
                    VariantMeasure(
                        variant=variant,
                        measure=measure,
                        as_written=fmean(a),
                        value=fmean(b),
                        difference=difference(a, b, groups),
                    )
                )
    return found


def write(folder: Path, found: Sequence[VariantMeasure]) -> None:
    """Write the comparison beside the run."""
    write_atomically(folder / FILE, pretty({"measures": [asdict(row) for row in found]}))


def read(folder: Path) -> list[VariantMeasure]:
    """The comparison beside a run; empty if its questions were not asked in other words. Raises RequestError."""
    path = folder / FILE
    if not path.exists():
        return []
    try:
        rows = json.loads(read_text(path))["measures"]
        return [VariantMeasure(**{**row, "difference": Difference(**row["difference"])}) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise RequestError(f"{path} is damaged: {error!r}; delete it, and run with --robustness again") from error


def _value(row: QuestionScore, measure: str) -> float | None:
    if measure == "answered":
        return float(not row.failed and not row.declined)
    return float(row.declined) if measure == "declined" else row.values.get(measure)


def _random(question: Question) -> random.Random:
    return random.Random(f"{_SEED} {question.id}")


def _misspelt(word: str, random: random.Random) -> str:
    at = random.randrange(len(word) - 1)
    letter = random.choice(ascii_lowercase)
    edits = (
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        word[:at] + letter + word[at + 1 :],
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    )
    return random.choice([edit for edit in edits if edit != word])


def _after_another_exchange(questions: Sequence[Question], answers: Mapping[str, str]) -> list[Question]:
    """Questions that begin a conversation, after one about other papers, as the system answered it."""
    first = [question for question in questions if not question.history]
    found = []
    for question in first:
        others = [other for other in first if answers.get(other.id) and other.id != question.id]
        others = [other for other in others if other.answerable and not question.gold.keys() & other.gold.keys()]
        if others:
            other = _random(question).choice(others)
            exchange = (Turn(role="user", content=other.question), Turn(role="assistant", content=answers[other.id]))
            found.append(replace(question, history=exchange))
    return found


def _swapped(questions: Sequence[Question], papers: Collection[SeenPaper]) -> list[Question]:
    """Answerable questions in which a name (or else a rare word) of their paper is that of another paper."""
    texts = {paper.id: f"{paper.title}. {paper.abstract}" for paper in papers}
    counts = Counter(word for text in texts.values() for word in set(_RARE_WORD.findall(text)))
    found = []
    for question in questions:
        gold = " ".join(texts[paper.id] for paper in papers if question.key(paper.ref) in question.gold)
        if not question.answerable or question.history or not gold:
            continue
        random = _random(question)
        for own in (_names, lambda text: [word for word in _RARE_WORD.findall(text) if counts[word] <= _RARE_IN]):
            here = [name for name in own(question.question) if name in gold]
            others = [name for text in texts.values() for name in own(text) if name.lower() not in gold.lower()]
            if here and others:
                text = re.sub(rf"\b{re.escape(random.choice(here))}\b", random.choice(others), question.question)
                found.append(_unanswerable(question, text))
                break
    return found


def _names(text: str) -> list[str]:
    return [name for name in NAME.findall(text) if len(name) > 2]


def _unanswerable(question: Question, text: str) -> Question:
    return Question(id=question.id, question=text, type="unanswerable", answerable=False)
