"""The papers and questions of a comparison: the bundled ones, anybody's files, or a published set in its folder."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from eval import questions
from eval.importers import read_set
from eval.questions import SAMPLE_PAPERS, SAMPLE_QUESTIONS, PaperRef, Question
from rag import condense, corpus
from rag.errors import RequestError
from rag.library import ingest
from rag.types import Paper


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Questions on papers; every system gets the same of both."""

    name: str
    papers: tuple[Paper, ...]
    questions: tuple[Question, ...]

    @property
    def titles(self) -> dict[str, str]:
        """The title of each paper, by its id."""
        return {paper.id: paper.title for paper in self.papers}

    @property
    def clusters(self) -> dict[str, str]:
        """The cluster of each question, by its id."""
        return questions.clusters(self.questions)

    def sampled(self, count: int) -> "Dataset":
        """With at most so many questions, at equal distances, so that all kinds of them stay; the same each time."""
        every = self.questions
        if not 0 < count < len(every):
            return self
        return replace(self, questions=tuple(every[at * len(every) // count] for at in range(count)))


def asked(question: Question) -> str:
    """What every system is asked: a follow-up together with the exchange that it follows."""
    return condense.with_exchange(question.question, question.history)


def gold_ids(question: Question, papers: Sequence[Paper]) -> list[str]:
    """The ids of the question's gold papers."""
    return [paper.id for paper in papers if question.key(PaperRef(paper.id, paper.title)) in question.gold]


def sample() -> Dataset:
    """The bundled held-out questions."""
    return of_files("sample", [SAMPLE_QUESTIONS], [SAMPLE_PAPERS])


def of_files(name: str, files: Sequence[Path], papers: Sequence[Path]) -> Dataset:
    """Question files of our own form, and papers in any format that the product reads. Raises ScholiastError."""
    found = _papers(papers)
    known = [PaperRef(paper.id, paper.title) for paper in found]
    records = chain.from_iterable(questions.load(path, known) for path in files)
    return Dataset(name=name, papers=found, questions=tuple(records))


def published(name: str, format: str, paths: Sequence[Path], papers: Sequence[Path], split: str) -> Dataset:
    """A set in a form of `eval.importers`; its papers are its own, or `corpus.jsonl` of its folder, unless given.

    Raises ScholiastError.
    """
    read = read_set(format, paths, split)
    if read.papers and not papers:
        own = (Paper(id=str(p["id"]), title=str(p["title"]), abstract=str(p["abstract"])) for p in read.papers)
        return Dataset(name=name, papers=tuple(own), questions=read.questions)
    corpus_file = paths[0] / "corpus.jsonl"
    if not papers and not corpus_file.is_file():
        raise RequestError(f"{format} has no papers in {paths[0]}; name their files with --papers")
    return Dataset(name=name, papers=_papers(papers or [corpus_file]), questions=read.questions)


def _papers(paths: Sequence[Path]) -> tuple[Paper, ...]:
    """Those that a library would store, one for each id."""
    found = ingest.gather(chain.from_iterable(corpus.read(path) for path in paths)).papers
    return tuple({paper.id: paper for paper in found if paper.abstract}.values())
