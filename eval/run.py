"""Asks every question once: a few at a time, each with a deadline, each answer on disk before the next step."""

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter

from eval.questions import Question
from eval.records import Journal, Response, RunFiles, Status, read_responses
from eval.targets import Asked, Target
from rag.errors import ScholiastError

Progress = Callable[[int, int], None]
"""Is told (questions done, all questions)."""


async def run(
    target: Target,
    questions: Sequence[Question],
    files: RunFiles,
    *,
    concurrency: int = 4,
    deadline_seconds: float = 120.0,
    retry_failed: bool = False,
    progress: Progress | None = None,
) -> int:
    """Ask what has no response in the folder yet (or a failed one, if asked to retry); returns how many were asked.

    May be stopped at any point and called again. A question that fails or takes too long becomes a row that says so.
    """
    journal = Journal(files)
    before = read_responses(files)
    settled = {id for id, response in before.items() if response.status == "ok" or not retry_failed}
    waiting = [question for question in questions if question.id not in settled]
    done = len(questions) - len(waiting)
    report = progress or _silent
    report(done, len(questions))
    writing = asyncio.Lock()
    queue = iter(waiting)

    async def work() -> None:
        nonlocal done
        for question in queue:
            response, asked = await _ask(target, question, deadline_seconds)
            async with writing:
                await asyncio.to_thread(journal.write, response, asked.papers if asked else ())
            done += 1
            report(done, len(questions))

    async with asyncio.TaskGroup() as workers:
        for _ in range(min(concurrency, len(waiting))):
            workers.create_task(work())
    return len(waiting)


async def _ask(target: Target, question: Question, deadline_seconds: float) -> tuple[Response, Asked | None]:
    start = perf_counter()
    try:
        async with asyncio.timeout(deadline_seconds):
            asked = await target.ask(question)
        response = Response(
            question_id=question.id,
            status="ok",
            latency_ms=asked.latency_ms,
            first_token_ms=asked.first_token_ms,
            answer=asked.answer,
            ranked=asked.ranked,
        )
        _ = response.reply  # an answer of another shape is a failure now, not a surprise when it is scored
    except TimeoutError:
        return _failed(question, "timeout", start, f"no answer within {deadline_seconds:g} seconds"), None
    except ScholiastError as error:
        return _failed(question, "error", start, str(error)), None
    except Exception as error:  # a fault of the system under test must not lose the other answers
        return _failed(question, "error", start, f"{type(error).__name__}: {error}"), None
    return response, asked


def _failed(question: Question, status: Status, start: float, error: str) -> Response:
    elapsed = round((perf_counter() - start) * 1000, 2)
    return Response(question_id=question.id, status=status, latency_ms=elapsed, error=error)


def _silent(_done: int, _all: int) -> None:
    pass
