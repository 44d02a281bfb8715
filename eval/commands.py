"""The sub-commands of `scholiast eval`: runs and reports, trust in their figures, and sets of questions."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files as packaged
from pathlib import Path

from eval import calibrate as calibrating
from eval import changes as changing
from eval import compare as comparing
from eval import judge as judging
from eval import leaderboard as boarding
from eval import leaks, run_commands, template, terminal
from eval import papers as known_papers
from eval import power as planning
from eval import questions as question_files
from eval import report as reporting
from eval import score as scoring
from eval import support_probe as support_probing
from eval.feedback import questions_from_feedback
from eval.files import json_lines, pretty, write_atomically
from eval.importers import read_set
from eval.judge import Judge
from eval.metrics import latency
from eval.metrics.case import Case
from eval.questions import PaperRef, Question, title_key
from eval.records import RunFiles, read_papers, read_responses
from eval.score import Scores
from eval.summary import Summary
from rag import config
from rag.answerability import CALIBRATION
from rag.errors import RequestError
from rag.history.answers import Answers
from rag.workspace import open_database

_PACKAGES = ("rag", "prompts", "service", "eval")
_JUDGE_CACHE = "judge_replies.jsonl"


@dataclass(frozen=True)
class PowerRequest:
    """Which difference should be seen, with so many questions (0: as many as before), and how surely."""

    difference: float
    questions: int
    level: float
    power: float


def score(folder: Path, price: str, json: bool) -> None:
    """Score a run from its files."""
    token_price = latency.price(price) if price else None
    scores = run_commands.scored(folder)
    if json:
        sys.stdout.write(scoring.dumps(scores))
    else:
        terminal.summary(Summary(scores), token_price)


def compare(a: Path, b: Path, declared: str, json: bool) -> None:
    """Compare two runs or files of scores."""
    names = [name.strip() for name in declared.split(",") if name.strip()] or comparing.DECLARED
    found = comparing.compare(scoring.read(a), scoring.read(b), names)
    changed = changing.changes(found.a, found.b, _question_texts(a) or _question_texts(b))
    if json:
        rows = [{**asdict(m.difference), "metric": m.metric.name, "a": m.a, "b": m.b, "p": m.p, "declared": m.declared,
                 "verdict": m.verdict} for m in found.measures]  # fmt: skip
        baselines = {name: [asdict(row) for row in Summary(scores).baselines] for name, scores in
                     (("a", found.a), ("b", found.b))}  # fmt: skip
        sys.stdout.write(pretty({"in_words": found.in_words, "measures": rows, "baselines": baselines,
                                 "changes": [asdict(change) for change in changed]}))  # fmt: skip
    else:
        terminal.comparison(found)
        terminal.changes(changed)


def report(folder: Path, html: Path | None, markdown: Path | None, price: str) -> None:
    """Write both reports, scoring the run first."""
    reporting.check_parts()
    run_commands.scored(folder)
    files = RunFiles(folder)
    page = reporting.read(folder, latency.price(price) if price else None)
    for path, text in (
        (html or files.html, reporting.html(page)),
        (markdown or files.markdown, reporting.markdown(page)),
    ):
        write_atomically(path, text)
        terminal.note(f"wrote {path}")


def calibrate(run: Path, test: Path | None, alpha: float, out: Path | None, dry_run: bool) -> None:
    """Fit the threshold on one run (or half of it), check it on the other, and write it where the engine reads it."""
    scores = scoring.read(run)
    if test is not None:
        fitted_on, held_out = list(scores.rows), list(scoring.read(test).rows)
    else:
        fitted_on, held_out = calibrating.split(scores.rows)
    found = calibrating.calibrate(fitted_on, alpha)
    terminal.calibration(found, calibrating.holdout(held_out, found.answer_from))
    if dry_run:
        return
    path = out or config.load().home / CALIBRATION
    write_atomically(path, pretty({**asdict(found), "questions_sha256": scores.questions_sha256}))
    terminal.note(f"wrote {path}; delete it to go back to the threshold that comes with the product")


def judge(folder: Path, model: str, base_url: str, check: Path | None, headline: bool) -> None:
    """Let a model judge the answers of a run; the report shows it as exploratory, or in the headline if checked."""
    checked = judging.is_checked(check, model)
    if headline and not checked:
        raise RequestError(
            f"{model} may not lead a report: no passed check of this model with this prompt; make one with "
            "`scholiast eval judge-check PAIRS --model ... --out FILE`, and give it as --check FILE"
        )
    scores, cases = _cases(folder)
    chat_judge = Judge(name=model, model=judging.chat_model(model, base_url), cache_file=folder / _JUDGE_CACHE)
    measures = asyncio.run(judging.measure(chat_judge, cases, [row.cluster for row in scores.rows]))
    write_atomically(RunFiles(folder).judged, pretty(judging.as_json(chat_judge, measures, checked, headline)))
    terminal.judge_measures(model, measures, checked)


def judge_check(labelled: Path, model: str, base_url: str, out: Path) -> int:
    """Compare a judge with the lexical scorer on labelled pairs; returns the exit code."""
    cache_file = out.with_suffix(".replies.jsonl")
    chat_judge = Judge(name=model, model=judging.chat_model(model, base_url), cache_file=cache_file)
    found = asyncio.run(judging.check(chat_judge, judging.read_pairs(labelled)))
    write_atomically(out, pretty(asdict(found)))
    terminal.judge_check(found)
    return 0 if found.passed else 1


def lint(questions: Path, papers: Sequence[Path]) -> None:
    """Report that a file of questions is valid; its problems are raised as RequestError."""
    known = known_papers.of_files(papers)
    found = question_files.load(questions, [PaperRef(paper.id, paper.title) for paper in known] if papers else None)
    if papers:
        by_title = {title_key(paper.title): paper.abstract for paper in known}
        question_files.check_passages(questions, found, by_title | {paper.id: paper.abstract for paper in known})
    unanswerable = sum(not question.answerable for question in found)
    groups = len(set(question_files.clusters(found).values()))
    terminal.note(
        f"{questions}: {len(found)} questions, {unanswerable} unanswerable, {groups} independent groups: sound"
    )


def leak_check(questions: Path, papers: Sequence[Path], code: Sequence[Path], against: Sequence[Path]) -> int:
    """Look for the questions wherever they must not be; returns the exit code."""
    held_out = question_files.load(questions)
    folders = code or [Path(str(packaged(package))) for package in _PACKAGES]
    skipped = [questions, *papers, *against, *(folder / "data" for folder in folders if folder.name == "eval")]
    texts = leaks.texts_under(folders, skipped)
    corpus_papers = known_papers.of_files(papers)
    others = [question for path in against for question in question_files.load(path)]
    found = [
        *leaks.in_corpus(held_out, corpus_papers),
        *leaks.in_files(held_out, texts),
        *leaks.in_questions(held_out, others),
    ]
    terminal.leaks(found)
    searched = f"{len(corpus_papers)} papers, {len(texts)} files and {len(others)} other questions"
    terminal.note(f"looked for {len(held_out)} questions in {searched}: {len(found)} leaks")
    return 1 if found else 0


def support_probe(papers: Sequence[Path], library: str, limit: int, out: Path | None, json: bool) -> None:
    """Change sentences of papers, let the grounding judge them, and print its verdicts for each kind of change."""
    known = known_papers.of_library(library) if library else known_papers.of_files(papers)
    found, trials = support_probing.probe_evenly(known, limit)
    if out:
        support_probing.write(out, found, trials)
    if json:
        sys.stdout.write(pretty(asdict(found)))
    else:
        terminal.support_probe(found)


def power(
    runs: Sequence[Path], measures: Sequence[str], assumed: planning.Spread | None, plan: PowerRequest, json: bool
) -> None:
    """Say how many questions show a difference, from two runs or from an assumed spread. Raises RequestError."""
    if assumed:
        spreads = {"assumed": assumed}
    elif len(runs) == 2:
        a, b = map(scoring.read, runs)
        names = list(measures) or list(comparing.DECLARED)
        comparing.check_pair(a, b, names)
        spreads = {name: spread for name in names if (spread := planning.seen(a, b, name))}
    else:
        raise RequestError(f"give two earlier runs of the same questions, not {len(runs)}, or --sd with --correlation")
    if not spreads:
        raise RequestError(f"{runs[0]} and {runs[1]} differ in none of {', '.join(names)}; name others with --measures")
    found = planning.plans(spreads, plan.difference, plan.questions, plan.level, plan.power)
    if json:
        sys.stdout.write(pretty([asdict(row) for row in found]))
    else:
        terminal.power(found, plan.level, plan.power)


def leaderboard(results: Sequence[Path], out: Path) -> None:
    """Write the page of figures from folders of runs and files of comparisons."""
    boards = boarding.boards(results)
    write_atomically(out, boarding.page(boards))
    terminal.note(f"wrote {out}: {len(boards)} {'comparison' if len(boards) == 1 else 'comparisons'}")


def import_set(form: str, paths: Sequence[Path], split: str, out: Path, papers: Path | None) -> None:
    """Write a published set as questions, and its papers if it has any."""
    found = read_set(form, paths, split)
    write_atomically(out, question_files.dump(found.questions))
    question_files.load(out)
    terminal.note(f"wrote {len(found.questions)} questions to {out}")
    if found.papers and papers is None:
        terminal.note(f"the set has {len(found.papers)} papers; give --papers FILE to write them too")
    elif found.papers and papers:
        write_atomically(papers, json_lines(found.papers))
        terminal.note(f"wrote {len(found.papers)} papers to {papers}")


def feedback(out: Path) -> None:
    """Add questions made from the feedback on answers to a file; drafts go beside it."""
    entries = asyncio.run(_feedback())
    found = questions_from_feedback(entries)
    before: Sequence[Question] = question_files.load(out) if out.exists() else ()
    known = {question.id for question in before}
    new = [question for question in found.questions if question.id not in known]
    if before or new:
        write_atomically(out, question_files.dump([*before, *new]))
    terminal.note(f"{len(entries)} verdicts: {len(new)} new questions, {len(known)} there before, in {out}")
    if found.drafts:
        drafts = out.with_suffix(".drafts.jsonl")
        write_atomically(drafts, json_lines(found.drafts))
        terminal.note(f"{len(found.drafts)} answers were called bad: finish their questions in {drafts}")


def new(file: Path) -> None:
    """Write a file of questions to begin with. Raises RequestError if there is such a file."""
    if file.exists():
        raise RequestError(f"{file} exists; name a new file")
    write_atomically(file, template.text())
    terminal.note(f"wrote {file}: a question of each shape, one JSON object a line; put your own in their place")
    terminal.note(f"check it:  scholiast eval lint {file} --papers YOUR_PAPERS")
    terminal.note(f"ask it:    scholiast eval run --questions {file} --library YOURS --out results/mine")


def _question_texts(run: Path) -> dict[str, str]:
    """The questions of a run by id; none for a file of scores, which has no texts."""
    questions = RunFiles(run).questions
    return {question.id: question.question for question in question_files.load(questions)} if questions.exists() else {}


def _cases(folder: Path) -> tuple[Scores, list[Case]]:
    """The scores of a run, computed again, and its questions with their replies in the same order."""
    files = RunFiles(folder)
    questions = question_files.load(files.questions)
    return run_commands.scored(folder), scoring.cases(questions, read_responses(files), read_papers(files))


async def _feedback() -> list[dict[str, object]]:
    answers = Answers(open_database(config.load()))
    try:
        return await answers.feedback()
    finally:
        await asyncio.to_thread(answers.close)
