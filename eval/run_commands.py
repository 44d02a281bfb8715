"""Runs: questions put to a target, as they are, without their papers or in other words, kept in a folder and scored."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from eval import compare as comparing
from eval import limits as limiting
from eval import manifest as manifests
from eval import papers, removal, targets, terminal
from eval import questions as question_files
from eval import report as reporting
from eval import robustness as robust
from eval import score as scoring
from eval import support_probe as support_probing
from eval.files import pretty, write_atomically
from eval.limits import Limit
from eval.questions import Question
from eval.records import RunFiles, read_manifest, read_papers, read_responses
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
    robustness: bool = False
    """Whether to ask every question again in other words, in folders inside `out`."""
    support_probe: bool = False
    """Whether to see what the grounding says of changed sentences of the papers."""

    def beside(self, folder: str, name: str) -> "Plan":
        """The plan of a run in a folder inside `out`."""
        return replace(
            self, out=self.out / folder, name=name, without_gold=False, robustness=False, support_probe=False
        )


def library_of(papers: Sequence[Path]) -> str:
    """The library into which these papers are loaded if none is named, by their contents; empty without papers."""
    contents = b"".join(sha256(_bytes_of(path)).digest() for path in papers)
    return f"eval-{sha256(contents).hexdigest()[:8]}" if papers else ""


def run(plan: Plan, options: Options, baseline: Path | None, limits: Path | None) -> int:
    """Ask, score, print, and hold against the baseline and the limits if either is given; returns the exit code."""
    _check_plan(plan, baseline)
    if missing := reporting.missing_parts():
        terminal.note(f"figures are printed at the end; {missing}")
    wanted = limiting.load(limits or limiting.DEFAULT)
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
    if plan.without_gold:
        terminal.removal(removal.compare(scores, scored(plan.out / removal.FOLDER)))
    if plan.robustness:
        terminal.robustness(robust.read(plan.out))
    if plan.support_probe:
        probe, trials = support_probing.probe_evenly(papers.of_library(options.library), support_probing.MOST_PAPERS)
        support_probing.write(plan.out / support_probing.FILE, probe, trials)
        terminal.support_probe(probe)
    return gate(plan.out, baseline, wanted) if baseline or limits else 0


def gate(folder: Path, baseline: Path | None, limits: Mapping[str, Limit]) -> int:
    """Hold a run against another and against limits, print the verdicts, and return the exit code.

    Raises RequestError if there is nothing to check.
    """
    checks = limiting.check(folder, limits)
    pairs = [(scoring.read(baseline), scoring.read(folder))] if baseline else []
    if baseline and baseline.is_dir() and RunFiles(folder / removal.FOLDER).scores.exists():
        pairs.append((scoring.read(baseline / removal.FOLDER), scoring.read(folder / removal.FOLDER)))
    if not pairs and not checks:
        raise RequestError(
            f"{folder} has nothing that has a limit; run with --without-gold, --robustness or --support-probe, "
            "or name another run with --baseline"
        )
    results = [comparing.gate(before, now) for before, now in pairs]
    if checks:
        terminal.limits(checks)
        results.append(limiting.verdict(checks))
    for result in results:
        terminal.gate(result)
    return max(comparing.EXIT_CODES[result.verdict] for result in results)


def _check_plan(plan: Plan, baseline: Path | None) -> None:
    """Refuse what can't work before anything is asked. Raises RequestError."""
    local_only = {
        "--without-gold": plan.without_gold, "--robustness": plan.robustness, "--support-probe": plan.support_probe,
    }  # fmt: skip
    for option, is_given in local_only.items():
        if is_given and plan.target != "local":
            raise RequestError(f"{option} needs the target local, whose papers are at hand, not {plan.target}")
    if baseline:
        scoring.read(baseline)
    if baseline and plan.without_gold and baseline.is_dir():
        scoring.read(baseline / removal.FOLDER)


async def _run_without_gold(plan: Plan, options: Options, questions: Sequence[Question]) -> None:
    out = plan.beside(removal.FOLDER, f"{plan.name}, gold papers removed")
    complete = {question.id: question for question in questions}
    await _run(out, replace(options, without=complete), removal.questions_without_gold(questions))


async def _run(plan: Plan, options: Options, questions: Sequence[Question]) -> None:
    with terminal.progress("Loading") as loading:
        async with targets.target(plan.target, replace(options, progress=loading)) as target:
            description = await target.describe()
            question_files.load(plan.questions, description.papers)
            count = await _ask(target, description, questions, plan)
            if plan.robustness:
                await _run_variants(target, description, plan, questions)
    if not count:
        begun = read_manifest(RunFiles(plan.out)).get("begun", "before")
        terminal.note(f"nothing was asked: {plan.out} has all answers, of {begun}; --fresh asks again")


async def _run_variants(
    target: Target, description: TargetDescription, plan: Plan, questions: Sequence[Question]
) -> None:
    """Ask every variant of the questions in a folder of its own, and write what it changes beside the run."""
    files = RunFiles(plan.out)
    replies = {id: response.reply for id, response in read_responses(files).items() if response.status == "ok"}
    texts = {id: reply.text for id, reply in replies.items() if not reply.declined}
    rows = {}
    for name, asked in robust.variants(questions, texts, read_papers(files)).items():
        if asked:
            terminal.note(f"{name}: {len(asked)} questions")
            variant = plan.beside(f"{robust.FOLDER}/{name}", f"{plan.name}, {name.replace('_', ' ')}")
            await _ask(target, description, asked, variant)
            rows[name] = (await asyncio.to_thread(scored, variant.out)).rows
    as_written = await asyncio.to_thread(scored, plan.out)
    robust.write(plan.out, robust.compare(questions, as_written.rows, rows))


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


def _open_folder(files: RunFiles, manifest: dict[str, Any], questions: Sequence[Question], fresh: bool) -> None:
    """Make the folder of a run, or check that it holds this one; `fresh` deletes another run from it first."""
    holds_run = files.manifest.exists()
    if holds_run and not fresh:
        manifests.check_same(files.folder, read_manifest(files), manifest)
        return
    if holds_run:
        _clear(files)
    elif files.folder.is_dir() and any(files.folder.iterdir()):
        raise RequestError(f"{files.folder} is not empty and holds no run; give --out a new folder")
    write_atomically(files.questions, question_files.dump(questions))
    write_atomically(files.manifest, pretty(manifest))


def _clear(files: RunFiles) -> None:
    """Delete a run with those that were made from it; what else was put beside it stays."""
    made_from_it = (files.folder / removal.FOLDER, *(files.folder / robust.FOLDER).glob("*"))
    for folder in made_from_it:
        RunFiles(folder).clear()
    files.clear()


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
