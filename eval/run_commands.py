"""Runs: questions put to a target, as they are, without their papers or in other words, kept in a folder and scored."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from eval import compare as comparing
from eval import manifest as manifests
from eval import questions as question_files
from eval import removal, targets, terminal
from eval import robustness as robust
from eval import score as scoring
from eval.files import pretty, write_atomically
from eval.questions import Question
from eval.records import RunFiles, read_manifest, read_papers, read_responses
from eval.robustness import VariantMeasure
from eval.run import ask_all
from eval.score import Scores
from eval.summary import Summary
from eval.targets import Options, Target, TargetDescription
from rag.errors import RequestError


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which questions to ask of which target, how, and where to keep the answers."""

    questions: Path
    target: str
    out: Path
    name: str
    concurrency: int
    deadline_seconds: float
    retry_failed: bool
    fresh: bool
    without_gold: bool = False
    """Whether to ask the answerable questions again without their gold papers, in a folder inside `out`."""


def library_of(papers: Sequence[Path]) -> str:
    """The library into which these papers are loaded if none is named, by their contents; empty without papers."""
    contents = b"".join(sha256(_bytes_of(path)).digest() for path in papers)
    return f"eval-{sha256(contents).hexdigest()[:8]}" if papers else ""


def run(plan: Plan, options: Options, gate: Path | None) -> int:
    """Ask, score, print; returns the exit code."""
    if plan.without_gold and plan.target != "local":
        raise RequestError(f"--without-gold needs the target local, whose papers can be left out, not {plan.target}")
    baseline = scoring.read(gate) if gate else None
    second_baseline = scoring.read(gate / removal.FOLDER) if gate and plan.without_gold and gate.is_dir() else None
    questions = question_files.load(plan.questions)
    try:
        asyncio.run(_run(plan, options, questions))
        if plan.without_gold:
            asyncio.run(_run_without_gold(plan, options, questions))
    except KeyboardInterrupt:
        done = len(read_responses(RunFiles(plan.out)))
        terminal.note(f"stopped; {done} answers are kept in {plan.out}, and the same command goes on from there")
        return 130
    scores = scored(plan.out)
    terminal.summary(Summary(scores))
    pairs = [(baseline, scores)]
    if plan.without_gold:
        removed = scored(plan.out / removal.FOLDER)
        terminal.removal(removal.compare(scores, removed))
        pairs.append((second_baseline, removed))
    return max(_gate(before, now) for before, now in pairs)


def _gate(baseline: Scores | None, now: Scores) -> int:
    """Print the verdict; returns the exit code, 0 without a baseline."""
    if baseline is None:
        return 0
    result = comparing.gate(baseline, now)
    terminal.gate(result)
    return comparing.EXIT_CODES[result.verdict]


async def _run_without_gold(plan: Plan, options: Options, questions: Sequence[Question]) -> None:
    out = replace(plan, out=plan.out / removal.FOLDER, name=f"{plan.name}, gold papers removed")
    complete = {question.id: question for question in questions}
    await _run(out, replace(options, without=complete), removal.questions_without_gold(questions))


async def _run(plan: Plan, options: Options, questions: Sequence[Question]) -> None:
    with terminal.progress("Loading") as loading:
        async with targets.target(plan.target, replace(options, progress=loading)) as target:
            description = await target.describe()
            question_files.load(plan.questions, description.papers)
            count = await _ask(target, description, questions, plan)
    if not count:
        begun = read_manifest(RunFiles(plan.out)).get("begun", "before")
        terminal.note(f"nothing was asked: {plan.out} has all answers, of {begun}; --fresh asks again")


async def _ask(target: Target, description: TargetDescription, questions: Sequence[Question], plan: Plan) -> int:
    """Ask what the folder of the plan has no answer to; returns how many were asked."""
    files = RunFiles(plan.out)
    manifest = manifests.make(
        plan.name,
        plan.target,
        description,
        sorted(target.offers),
        questions,
        plan.concurrency,
        plan.deadline_seconds,
    )
    _open_folder(files, manifest, questions, plan.fresh)
    with terminal.progress("Asking") as bar:
        return await ask_all(
            target,
            questions,
            files,
            concurrency=plan.concurrency,
            deadline_seconds=plan.deadline_seconds,
            retry_failed=plan.retry_failed,
            progress=bar,
        )


def robustness(plan: Plan, options: Options) -> None:
    """Ask the questions as written and in every variant, and print and write the paired differences."""
    found = asyncio.run(_robustness(plan, options))
    terminal.robustness(found)
    write_atomically(plan.out / "robustness.json", pretty({"measures": robust.as_json(found)}))


async def _robustness(plan: Plan, options: Options) -> list[VariantMeasure]:
    questions = question_files.load(plan.questions)
    async with targets.target(plan.target, options) as target:
        description = await target.describe()
        question_files.load(plan.questions, description.papers)

        async def scores(name: str, asked: Sequence[Question]) -> Scores:
            terminal.note(f"{name}: {len(asked)} questions")
            await _ask(target, description, asked, replace(plan, out=plan.out / name, name=name))
            return await asyncio.to_thread(scored, plan.out / name)

        as_written = await scores(robust.AS_WRITTEN, questions)
        files = RunFiles(plan.out / robust.AS_WRITTEN)
        replies = {id: response.reply for id, response in read_responses(files).items() if response.status == "ok"}
        texts = {id: reply.text for id, reply in replies.items() if not reply.declined}
        variants = robust.variants(questions, texts, read_papers(files))
        rows = {name: (await scores(name, asked)).rows for name, asked in variants.items() if asked}
    return robust.compare(questions, as_written.rows, rows)


def _open_folder(files: RunFiles, manifest: dict[str, Any], questions: Sequence[Question], fresh: bool) -> None:
    """Make the folder of a run, or check that it holds this one; `fresh` deletes another run from it first."""
    holds_run = files.manifest.exists()
    if holds_run and not fresh:
        manifests.check_same(files.folder, read_manifest(files), manifest)
        return
    if holds_run:
        files.clear()  # what else was put beside the run stays
    elif files.folder.is_dir() and any(files.folder.iterdir()):
        raise RequestError(f"{files.folder} is not empty and holds no run; give --out a new folder")
    write_atomically(files.questions, question_files.dump(questions))
    write_atomically(files.manifest, pretty(manifest))


def scored(folder: Path) -> Scores:
    """Score a run from its files, and write the scores beside them."""
    files = RunFiles(folder)
    manifest = read_manifest(files)
    scores = scoring.make(manifest, question_files.load(files.questions), read_responses(files), read_papers(files))
    scoring.write(files, scores)
    return scores


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RequestError(f"{path} can't be read: {error}") from error
