"""Looks for held-out questions and answers in the corpus, the prompts, the code and other questions.

A leak is eight words in a row (GPT-3's contamination study used eight to thirteen; Brown et al., 2020, appendix C), or
the whole of a shorter text of at least five words. An abstract is meant to hold the answer to its question: answers are
looked for in the corpus only outside the gold papers, and only whole.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.questions import PaperRef, Question
from rag.types import Paper

RUN_WORDS = 8
SHORTEST_WORDS = 5
SAME_QUESTION = 0.5
"""Two questions whose letter trigrams overlap by more than this (Jaccard) count as the same question."""

_WORD = re.compile(r"\w+")
_SUFFIXES = frozenset({".py", ".md", ".txt", ".json", ".jsonl", ".toml", ".yaml", ".yml", ".html", ".csv"})
_SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules"})


@dataclass(frozen=True, kw_only=True)
class Leak:
    """Words of a held-out question or answer found in another text."""

    question_id: str
    part: str
    where: str
    words: str


@dataclass(frozen=True)
class Text:
    """A text to search, prepared once: its runs of eight words, and all its words."""

    runs: frozenset[str]
    joined: str

    @classmethod
    def of(cls, text: str) -> "Text":
        """Case and punctuation do not count."""
        words = _words(text)
        return cls(frozenset(_runs(words)), f" {' '.join(words)} ")

    def holds(self, text: str) -> str:
        """The first run of `text` that stands here, or all of a shorter one; empty if there is none."""
        words = _words(text)
        if SHORTEST_WORDS <= len(words) < RUN_WORDS:
            return " ".join(words) if self.holds_whole(text) else ""
        return next((run for run in _runs(words) if run in self.runs), "")

    def holds_whole(self, text: str) -> bool:
        """Whether the whole of a text stands here."""
        words = _words(text)
        return len(words) >= SHORTEST_WORDS and f" {' '.join(words)} " in self.joined


def in_corpus(questions: Sequence[Question], papers: Collection[Paper]) -> Iterator[Leak]:
    """Questions in any paper, whole answers in papers other than the gold ones."""
    for paper in papers:
        text = Text.of(f"{paper.title}\n{paper.abstract}")
        ref = PaperRef(paper.id, paper.title)
        for question in questions:
            if found := text.holds(question.question):
                yield Leak(question_id=question.id, part="question", where=f"paper {paper.id}", words=found)
            is_gold = question.key(ref) in question.gold
            if question.answer and not is_gold and text.holds_whole(question.answer):
                yield Leak(question_id=question.id, part="answer", where=f"paper {paper.id}", words=question.answer)


def in_files(questions: Sequence[Question], files: Mapping[str, str]) -> Iterator[Leak]:
    """Questions, answers and earlier turns in any of these texts, which are given by name."""
    for name, content in files.items():
        text = Text.of(content)
        for question in questions:
            parts = [("question", question.question), ("answer", question.answer)]
            parts += [("history", turn.content) for turn in question.history]
            for part, words in parts:
                if found := text.holds(words):
                    yield Leak(question_id=question.id, part=part, where=name, words=found)


def in_questions(questions: Sequence[Question], others: Sequence[Question]) -> Iterator[Leak]:
    """Questions that another set, such as the development questions, asks in nearly the same words."""
    asked = [(other, _trigrams(other.question)) for other in others]
    for question in questions:
        trigrams = _trigrams(question.question)
        for other, theirs in asked:
            if len(trigrams & theirs) > SAME_QUESTION * len(trigrams | theirs):
                yield Leak(question_id=question.id, part="question", where=f"question {other.id}", words=other.question)


def texts_under(folders: Sequence[Path], skipped: Collection[Path]) -> dict[str, str]:
    """Every text file under these folders but the skipped ones (files, or folders with all they hold)."""
    left_out = [path.resolve() for path in skipped]
    found: dict[str, str] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*") if folder.is_dir() else [folder]):
            hidden = any(part.startswith(".") or part in _SKIPPED_FOLDERS for part in path.relative_to(folder).parts)
            if path.suffix not in _SUFFIXES or hidden or not path.is_file() or _is_under(path.resolve(), left_out):
                continue
            found[str(path)] = path.read_text(encoding="utf-8", errors="replace")
    return found


def _is_under(path: Path, others: Collection[Path]) -> bool:
    return any(path == other or other in path.parents for other in others)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _runs(words: Sequence[str]) -> list[str]:
    return [" ".join(words[start : start + RUN_WORDS]) for start in range(len(words) - RUN_WORDS + 1)]


def _trigrams(text: str) -> set[str]:
    joined = f" {' '.join(_words(text))} "
    return {joined[i : i + 3] for i in range(len(joined) - 2)}
