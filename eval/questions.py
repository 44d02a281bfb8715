"""The questions of an evaluation: one record a line, validated on load so that a mistake never becomes a score."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import ConfigDict, TypeAdapter, ValidationError

from eval.words import says
from rag.corpus.identity import normalised_title
from rag.errors import RequestError
from rag.types import Turn

SAMPLE_QUESTIONS = Path(str(files("eval") / "data" / "sample_questions.jsonl"))
"""The bundled held-out questions, on SAMPLE_PAPERS."""
SAMPLE_PAPERS = Path(str(files("rag") / "data" / "sample_papers.jsonl"))

QuestionType = Literal[
    "factoid", "numeric", "method", "comparison", "multi_paper", "list", "definition", "yes_no", "unanswerable",
    "followup",
]  # fmt: skip
TYPES: tuple[str, ...] = get_args(QuestionType)
_REPORTED_PROBLEMS = 20
_MESSAGES = {"missing": "has no {}", "unexpected_keyword_argument": "{} is no field of a question"}


@dataclass(frozen=True)
class PaperRef:
    """A paper as a system names it."""

    id: str
    title: str


@dataclass(frozen=True, kw_only=True)
class GoldPassage:
    """Words of a gold paper's abstract that answer; `paper` is one of the question's gold ids or titles."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    paper: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question, and what a good answer to it says and cites.

    A key fact is a list of accepted spellings. `gold_ids` and `gold_titles` name the papers that answer; with
    `gold_mode` "any" each of them suffices. `gold_grades` (for nDCG) stand in that order; without them all are 1.
    Of the `gold_passages` of a paper any suffices.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    id: str
    question: str
    type: QuestionType
    answerable: bool
    history: tuple[Turn, ...] = ()
    gold_titles: tuple[str, ...] = ()
    gold_ids: tuple[str, ...] = ()
    gold_grades: tuple[float, ...] = ()
    gold_mode: Literal["any", "all"] = "any"
    answer: str = ""
    key_facts: tuple[tuple[str, ...], ...] = ()
    gold_passages: tuple[GoldPassage, ...] = ()

    @cached_property
    def gold(self) -> dict[str, float]:
        """The grade of every gold paper, by its key."""
        keys = [*self.gold_ids, *map(title_key, self.gold_titles)]
        return dict(zip(keys, self.gold_grades or [1.0] * len(keys), strict=True))

    @cached_property
    def passages_by_paper(self) -> dict[str, tuple[str, ...]]:
        """The texts of the gold passages, by the key of their paper."""
        found: dict[str, tuple[str, ...]] = {}
        for passage in self.gold_passages:
            key = passage.paper if passage.paper in self.gold else title_key(passage.paper)
            found[key] = (*found.get(key, ()), passage.text)
        return found

    def key(self, paper: PaperRef) -> str:
        """The key of a paper: its gold key if it is a gold paper, else its id (or title)."""
        if paper.id in self.gold:
            return paper.id
        title = title_key(paper.title)
        return title if title in self.gold or not paper.id else paper.id


_RECORD = TypeAdapter(Question)


def load(path: Path, papers: Collection[PaperRef] | None = None) -> tuple[Question, ...]:
    """The questions of a JSON Lines file, in order; with `papers`, gold papers must be among them.

    Raises RequestError that lists every problem with its line.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} can't be read as questions: {error}") from error
    found: list[Question] = []
    problems: list[str] = []
    first_line: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            question = _RECORD.validate_json(line)
        except ValidationError as error:
            problems += [f"line {number}: {problem}" for problem in _messages(error)]
            continue
        if question.id in first_line:
            problems.append(f"line {number}: id {question.id!r} stands already on line {first_line[question.id]}")
        first_line.setdefault(question.id, number)
        problems += [f"line {number} ({question.id}): {problem}" for problem in lint(question, papers)]
        found.append(question)
    if problems:
        raise RequestError(_report(path, problems))
    if not found:
        raise RequestError(f"{path} has no questions; give it one JSON object a line")
    return tuple(found)


def lint(question: Question, papers: Collection[PaperRef] | None = None) -> Iterator[str]:
    """The problems of one question, in words. `papers`, if given, is the whole corpus."""
    if not question.id.strip() or not question.question.strip():
        yield "its id and its question must not be empty"
    if question.answerable == (question.type == "unanswerable"):
        yield f'type {question.type!r} and "answerable": {str(question.answerable).lower()} contradict each other'
    if question.type == "followup" and not question.history:
        yield "a follow-up needs the history that it follows"
    yield from _lint_gold(question, papers)
    for fact in question.key_facts:
        if not fact or not all(spelling.strip() for spelling in fact):
            yield f"key fact {list(fact)} has an empty spelling; remove it"
            continue
        for spelling in fact:
            if says(question.question, spelling):
                yield f"key fact {spelling!r} stands in the question itself, so repeating the question would score"


def _lint_gold(question: Question, papers: Collection[PaperRef] | None) -> Iterator[str]:
    golds = (*question.gold_ids, *question.gold_titles)
    if not question.answerable and (golds or question.key_facts):
        yield "an unanswerable question has no gold papers and no key facts"
    if question.answerable and not golds and not question.key_facts and not question.answer:
        yield "an answerable question needs gold papers, key facts or an answer to be scored by"
    if question.gold_grades and len(question.gold_grades) != len(golds):
        yield f"{len(question.gold_grades)} gold_grades for {len(golds)} gold papers; give each its own"
    if any(grade <= 0 for grade in question.gold_grades):
        yield "a grade of a gold paper must be above 0; leave the paper out instead"
    for passage in question.gold_passages:
        if passage.paper not in question.gold and title_key(passage.paper) not in question.gold:
            yield f"gold passage of {passage.paper!r}, which is none of the gold papers; add it to them"
        if not passage.text.strip():
            yield f"a gold passage of {passage.paper!r} has no text; remove it"
    if papers is not None:
        known = {paper.id for paper in papers} | {title_key(paper.title) for paper in papers}
        for gold in (*question.gold_ids, *question.gold_titles):
            if gold not in known and title_key(gold) not in known:
                yield f"gold paper {gold!r} is not in the corpus"


def check_passages(path: Path, questions: Sequence[Question], abstracts: Mapping[str, str]) -> None:
    """Raise RequestError for gold passages that do not stand in their paper's abstract, by its id or `title_key`."""
    problems = [
        f"{question.id}: gold passage {passage.text[:60]!r} does not stand in the abstract of {passage.paper!r}"
        for question in questions
        for passage in question.gold_passages
        if _folded(passage.text) not in _folded(_abstract_of(passage.paper, abstracts))
    ]
    if problems:
        raise RequestError(_report(path, problems))


def clusters(questions: Sequence[Question]) -> dict[str, str]:
    """The cluster of each question, by id: questions that share a gold paper, directly or through others, share one.

    Their scores are not independent, so the statistics draw whole clusters. A question without gold is its own.
    """
    parent = {question.id: question.id for question in questions}

    def root(id: str) -> str:
        while parent[id] != id:
            id = parent[id]
        return id

    first_with: dict[str, str] = {}
    for question in questions:
        for gold in question.gold:
            other = first_with.setdefault(gold, question.id)
            parent[root(question.id)] = root(other)
    return {question.id: root(question.id) for question in questions}


def dump(questions: Sequence[Question]) -> str:
    """The file that `load` reads."""
    return "".join(_RECORD.dump_json(q, exclude_defaults=True).decode() + "\n" for q in questions)


def as_json(question: Question) -> dict[str, Any]:
    """The record of a question as JSON has it."""
    found: dict[str, Any] = _RECORD.dump_python(question, mode="json", exclude_defaults=True)
    return found


def of_json(value: object) -> Question:
    """The question of such a record. Raises ValueError."""
    return _RECORD.validate_python(value)


def fingerprint(questions: Sequence[Question]) -> str:
    """SHA-256 of the questions, whatever the order of fields in their file."""
    return sha256(dump(questions).encode()).hexdigest()


def title_key(title: str) -> str:
    """The key of a gold paper that is named by its title."""
    return f"title:{normalised_title(title)}"


def _abstract_of(paper: str, abstracts: Mapping[str, str]) -> str:
    return abstracts.get(paper) or abstracts.get(title_key(paper), "")


def _folded(text: str) -> str:
    return " ".join(text.split())


def _messages(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        where = ".".join(str(part) for part in problem["loc"])
        message = _MESSAGES.get(problem["type"], f"{{}}: {problem['msg']}")
        yield message.format(where or "the line")


def _report(path: Path, problems: Sequence[str]) -> str:
    more = [f"... and {len(problems) - _REPORTED_PROBLEMS} more"] if len(problems) > _REPORTED_PROBLEMS else []
    listed = "\n  ".join([*problems[:_REPORTED_PROBLEMS], *more])
    noun = "problem" if len(problems) == 1 else "problems"
    return f"{path} has {len(problems)} {noun}; fix the file and try again\n  {listed}"
