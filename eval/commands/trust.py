"""Trust: fit the threshold from which to answer, let a judge read a run, and check the judge."""

import asyncio
from dataclasses import asdict
from pathlib import Path

from eval import calibrate as calibrating
from eval import judging, terminal
from eval import score as scoring
from eval.commands import runs
from eval.judge import Judge, chat_model
from eval.records import RunFiles, pretty, write_atomically
from rag import config
from rag.answerability import CALIBRATION
from rag.errors import RequestError

_MEMORY = "judge_replies.jsonl"


def calibrate(run: Path, test: Path | None, alpha: float, out: Path | None, dry: bool) -> None:
    """Fit on one run (or half of it), say what held on the other, write the threshold where the engine reads it."""
    scores = scoring.read(run)
    if test is not None:
        fitted_on, held_out = list(scores.rows), list(scoring.read(test).rows)
    else:
        fitted_on, held_out = calibrating.split(scores.rows)
    found = calibrating.calibrate(fitted_on, alpha)
    terminal.calibration(found, calibrating.held(held_out, found.answer_from))
    if dry:
        return
    path = out or config.load().home / CALIBRATION
    write_atomically(path, pretty({**asdict(found), "questions_sha256": scores.questions_sha256}))
    terminal.say(f"wrote {path}; delete it to go back to the threshold that comes with the product")


def judge(run: Path, model: str, base_url: str, check: Path | None, headline: bool) -> None:
    """Let a model judge the answers of a run; reports show it among the exploratory figures unless it may lead."""
    believed = judging.may_be_headline(check, model)
    if headline and not believed:
        raise RequestError(
            f"{model} may not lead a report: no passed check of this model with this prompt; make one with "
            "`scholiast eval judge-check PAIRS --model ... --out FILE`, and give it as --check FILE"
        )
    scores, cases = runs.cases(run)
    asked = Judge(name=model, model=chat_model(model, base_url), memory=run / _MEMORY)
    measures = asyncio.run(judging.run(asked, cases, [row.cluster for row in scores.rows]))
    write_atomically(RunFiles(run).judged, pretty(judging.as_json(asked, measures, believed, headline)))
    terminal.judged(model, measures, believed)


def judge_check(labelled: Path, model: str, base_url: str, out: Path) -> int:
    """Set a judge against the lexical scorer on labelled pairs; returns the exit code."""
    asked = Judge(name=model, model=chat_model(model, base_url), memory=out.with_suffix(".replies.jsonl"))
    found = asyncio.run(judging.check(asked, judging.pairs(labelled)))
    write_atomically(out, pretty(asdict(found)))
    terminal.judge_check(found)
    return 0 if found.passed else 1
