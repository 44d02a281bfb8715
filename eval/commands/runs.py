"""Run, score, compare, report."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.resources import files as packaged
from pathlib import Path
from typing import Any

from eval import compare as comparing
from eval import gate as gating
from eval import manifest as manifests
from eval import questions as asking
from eval import report as reporting
from eval import run as running
from eval import score as scoring
from eval import targets, terminal
from eval.metrics import latency
from eval.metrics.case import Case
from eval.questions import Question
from eval.records import RunFiles, pretty, read_manifest, read_papers, read_responses, write_atomically
from eval.score import Scores
from eval.summary import Summary
from eval.targets import Options
from rag.errors import RequestError

SAMPLE_QUESTIONS = Path(str(packaged("eval") / "data" / "sample_questions.jsonl"))
SAMPLE_PAPERS = Path(str(packaged("rag") / "data" / "sample_papers.jsonl"))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to ask, whom, how, and where to keep it."""

    questions: Path
    target: str
    out: Path
    name: str
    concurrency: int
    deadline_seconds: float
    retry_failed: bool
    fresh: bool


def library_of(papers: Sequence[Path]) -> str:
    """The library into which these papers are loaded if none is named: one for just these contents; empty for none."""
    contents = b"".join(sha256(_bytes_of(path)).digest() for path in papers)
    return f"eval-{sha256(contents).hexdigest()[:8]}" if papers else ""


def options(
    library: str,
    model: str,
    top_k: int,
    search_only: bool,
    papers: Sequence[Path],
    citations: str,
    system_prompt: str,
) -> Options:
    """How to reach the target, with a progress bar for loading papers."""
    return Options(
        library=library,
        model=model,
        top_k=top_k,
        search_only=search_only,
        papers=papers,
        pattern=citations,
        system_prompt=system_prompt,
    )


def run(plan: Plan, options: Options, gate: Path | None) -> int:
    """Ask, score, print; returns the exit code."""
    baseline = scoring.read(gate) if gate else None
    try:
        asyncio.run(_run(plan, options))
    except KeyboardInterrupt:
        done = len(read_responses(RunFiles(plan.out)))
        terminal.say(f"stopped; {done} answers are kept in {plan.out}, and the same command goes on from there")
        return 130
    scores = _score(plan.out)
    terminal.figures(Summary(scores))
    if baseline is None:
        return 0
    result = gating.gate(baseline, scores)
    terminal.gate(result)
    return gating.EXIT[result.verdict]


async def _run(plan: Plan, options: Options) -> None:
    questions = asking.load(plan.questions)
    files = RunFiles(plan.out)
    with terminal.progress("Loading") as loading:
        async with targets.target(plan.target, terminal.with_progress(options, loading)) as target:
            facts = await target.facts()
            asking.load(plan.questions, facts.papers)
            manifest = manifests.make(
                plan.name,
                plan.target,
                facts,
                sorted(target.offers),
                questions,
                plan.concurrency,
                plan.deadline_seconds,
            )
            _begin(files, manifest, questions, plan.fresh)
            with terminal.progress("Asking") as bar:
                asked = await running.run(
                    target,
                    questions,
                    files,
                    concurrency=plan.concurrency,
                    deadline_seconds=plan.deadline_seconds,
                    retry_failed=plan.retry_failed,
                    progress=bar,
                )
    if not asked:
        begun = read_manifest(files).get("begun", "before")
        terminal.say(f"nothing was asked: {plan.out} has all answers, of {begun}; --fresh asks again")


def _begin(files: RunFiles, manifest: dict[str, Any], questions: Sequence[Question], fresh: bool) -> None:
    """Make the folder of a run, or see that it holds this one; `fresh` takes another run out of it first."""
    if fresh and files.manifest.exists():
        files.clear()
    if files.manifest.exists():
        manifests.check_same(files.folder, read_manifest(files), manifest)
        return
    if files.folder.is_dir() and any(files.folder.iterdir()):
        raise RequestError(f"{files.folder} is not empty and holds no run; give --out a new folder")
    write_atomically(files.questions, asking.dump(questions))
    write_atomically(files.manifest, pretty(manifest))


def score(folder: Path, price: str, json: bool) -> None:
    """Score a run from its files."""
    charged = latency.price(price) if price else None
    scores = _score(folder)
    if json:
        sys.stdout.write(scoring.dumps(scores))
    else:
        terminal.figures(Summary(scores), charged)


def compare(a: Path, b: Path, declared: str, json: bool) -> None:
    """Compare two runs or files of scores."""
    names = [name.strip() for name in declared.split(",") if name.strip()] or comparing.DECLARED
    found = comparing.compare(scoring.read(a), scoring.read(b), names)
    if json:
        rows = [{**asdict(m.difference), "metric": m.metric.name, "a": m.a, "b": m.b, "p": m.p, "declared": m.declared,
                 "verdict": m.verdict} for m in found.measures]  # fmt: skip
        sys.stdout.write(pretty({"in_words": found.in_words, "measures": rows}))
    else:
        terminal.comparison(found)


def report(folder: Path, html: Path | None, markdown: Path | None, price: str) -> None:
    """Write both reports, scoring the run first."""
    _score(folder)
    files = RunFiles(folder)
    page = reporting.read(folder, latency.price(price) if price else None)
    for path, text in (
        (html or files.html, reporting.html(page)),
        (markdown or files.markdown, reporting.markdown(page)),
    ):
        write_atomically(path, text)
        terminal.say(f"wrote {path}")


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RequestError(f"{path} can't be read: {error}") from error


def text_of(path: Path) -> str:
    """A small text file. Raises RequestError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} can't be read: {error}") from error


def cases(folder: Path) -> tuple[Scores, list[Case]]:
    """The scores of a run, made again, and its questions with their replies in the same order."""
    files = RunFiles(folder)
    questions = asking.load(files.questions)
    return _score(folder), scoring.cases(questions, read_responses(files), read_papers(files))


def _score(folder: Path) -> Scores:
    files = RunFiles(folder)
    manifest = read_manifest(files)
    scores = scoring.make(manifest, asking.load(files.questions), read_responses(files), read_papers(files))
    scoring.write(files, scores)
    return scores
