"""Sets of questions: check them, import them, grow them from feedback, prove that they do not leak."""

import asyncio
import json
from collections.abc import Sequence
from importlib.resources import files as packaged
from pathlib import Path

from eval import feedback as collecting
from eval import importers, leaks, terminal
from eval import questions as asking
from eval.questions import PaperRef, Question
from eval.records import write_atomically
from rag import config, corpus
from rag.errors import RequestError
from rag.history.answers import Answers
from rag.types import Paper
from rag.workspace import open_database

FORMS = ("beir", "scifact", "pubmedqa", "trec")
_PRODUCT = ("rag", "prompts", "service", "eval")


def lint(questions: Path, papers: Sequence[Path]) -> None:
    """Say that a file of questions is sound; what is wrong with it comes as RequestError."""
    known = [PaperRef(paper.id, paper.title) for paper in read_corpus(papers)] if papers else None
    found = asking.load(questions, known)
    unanswerable = sum(not question.answerable for question in found)
    groups = len(set(asking.clusters(found).values()))
    terminal.say(
        f"{questions}: {len(found)} questions, {unanswerable} unanswerable, {groups} independent groups: sound"
    )


def import_set(form: str, paths: Sequence[Path], split: str, out: Path, papers: Path | None) -> None:
    """Write a published set as questions, and its papers if it brings any."""
    found = _imported(form, paths, split)
    write_atomically(out, asking.dump(found.questions))
    asking.load(out)
    terminal.say(f"wrote {len(found.questions)} questions to {out}")
    if found.papers and papers is None:
        terminal.say(f"the set brings {len(found.papers)} papers; give --papers FILE to write them too")
    elif found.papers and papers:
        write_atomically(papers, "".join(json.dumps(paper, ensure_ascii=False) + "\n" for paper in found.papers))
        terminal.say(f"wrote {len(found.papers)} papers to {papers}")


def feedback(out: Path) -> None:
    """Add questions from what people said of answers; drafts go beside them."""
    said = asyncio.run(_feedback())
    harvest = collecting.harvest(said)
    before: Sequence[Question] = asking.load(out) if out.exists() else ()
    known = {question.id for question in before}
    new = [question for question in harvest.questions if question.id not in known]
    if before or new:
        write_atomically(out, asking.dump([*before, *new]))
    terminal.say(f"{len(said)} verdicts: {len(new)} new questions, {len(known)} there before, in {out}")
    if harvest.drafts:
        drafts = out.with_suffix(".drafts.jsonl")
        write_atomically(drafts, "".join(json.dumps(d, ensure_ascii=False) + "\n" for d in harvest.drafts))
        terminal.say(f"{len(harvest.drafts)} answers were called bad: finish their questions in {drafts}")


def leak_check(questions: Path, papers: Sequence[Path], code: Sequence[Path], against: Sequence[Path]) -> int:
    """Look for the questions wherever they must not be; returns the exit code."""
    held_out = asking.load(questions)
    folders = code or [Path(str(packaged(package))) for package in _PRODUCT]
    skipped = [questions, *papers, *against, *(folder / "data" for folder in folders if folder.name == "eval")]
    texts = leaks.texts_under(folders, skipped)
    corpus_papers = read_corpus(papers)
    others = [question for path in against for question in asking.load(path)]
    found = [
        *leaks.in_corpus(held_out, corpus_papers),
        *leaks.in_files(held_out, texts),
        *leaks.in_questions(held_out, others),
    ]
    terminal.leaks(found)
    looked = f"{len(corpus_papers)} papers, {len(texts)} files and {len(others)} other questions"
    terminal.say(f"looked for {len(held_out)} questions in {looked}: {len(found)} leaks")
    return 1 if found else 0


def read_corpus(paths: Sequence[Path]) -> list[Paper]:
    """Every paper of these files. Raises CorpusError."""
    return [record for path in paths for record in corpus.read(path) if isinstance(record, Paper)]


def _imported(form: str, paths: Sequence[Path], split: str) -> importers.Imported:
    match form, len(paths):
        case "beir", 1:
            return importers.beir(paths[0], split)
        case "scifact", 1:
            return importers.scifact(paths[0])
        case "pubmedqa", 1:
            return importers.pubmedqa(paths[0])
        case "trec", 2:
            return importers.trec(paths[0], paths[1])
    if form in FORMS:
        raise RequestError(
            f"{form} takes {'topics and qrels' if form == 'trec' else 'one path'}, not {len(paths)} paths"
        )
    raise RequestError(f"no form {form!r}; there is {', '.join(FORMS)}")


async def _feedback() -> list[dict[str, object]]:
    answers = Answers(open_database(config.load()))
    try:
        return await answers.feedback()
    finally:
        await asyncio.to_thread(answers.close)
