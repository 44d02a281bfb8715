"""Asks every question once: a few at a time, each with a deadline, each answer on disk before the next step."""

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter

from eval.questions import Question
from eval.records import Journal, Response, RunFiles, Status, read_responses
from eval.targets import Target, TargetReply, milliseconds_since
from rag.errors import ScholiastError

Progress = Callable[[int, int], None]
"""Called with (questions done, all questions)."""


async def ask_all(
    target: Target,
    questions: Sequence[Question],
    files: RunFiles,
    *,
    concurrency: int = 4,
    deadline_seconds: float = 120.0,
    retry_failed: bool = False,
    progress: Progress | None = None,
) -> int:
    """Ask what has no response in the folder yet (and what failed, with `retry_failed`); returns how many were asked.

    May be stopped at any point and called again. A question that fails or takes too long becomes a row that says so.
    """
    journal = Journal(files)
    before = read_responses(files)
    finished = {id for id, response in before.items() if response.status == "ok" or not retry_failed}
    waiting = [question for question in questions if question.id not in finished]
    done = len(questions) - len(waiting)
    report = progress or _no_progress
    report(done, len(questions))
    writing = asyncio.Lock()
    queue = iter(waiting)

    async def work() -> None:
        nonlocal done
        for question in queue:
            response, reply = await _ask(target, question, deadline_seconds)
            async with writing:
                await asyncio.to_thread(journal.write, response, reply.papers if reply else ())
            done += 1
            report(done, len(questions))

    async with asyncio.TaskGroup() as workers:
        for _ in range(min(concurrency, len(waiting))):
            workers.create_task(work())
    return len(waiting)


async def _ask(target: Target, question: Question, deadline_seconds: float) -> tuple[Response, TargetReply | None]:
    start = perf_counter()
    try:
        async with asyncio.timeout(deadline_seconds):
            reply = await target.ask(question)
        response = Response(
            question_id=question.id,
            status="ok",
            latency_ms=reply.latency_ms,
            first_token_ms=reply.first_token_ms,
            answer=reply.answer,
            ranked=reply.ranked,
        )
        _ = response.reply  # an answer of another shape is a failure now, not when it is scored
    except TimeoutError:
        return _failed(question, "timeout", start, f"no answer within {deadline_seconds:g} seconds"), None
    except ScholiastError as error:
        return _failed(question, "error", start, str(error)), None
    except Exception as error:  # a fault of the system under test must not lose the other answers
        return _failed(question, "error", start, f"{type(error).__name__}: {error}"), None
    return response, reply


def _failed(question: Question, status: Status, start: float, error: str) -> Response:
    return Response(question_id=question.id, status=status, latency_ms=milliseconds_since(start), error=error)


def _no_progress(_done: int, _all: int) -> None:
    pass
