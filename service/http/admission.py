"""ASGI middleware: which requests are answered now, which wait for their turn, and which are told to come back later.

Requests are of one of five lanes, each with places of its own, so that uploads never keep questions waiting, nor
questions what is quickly read. Limits of a caller come first. Whoever is refused is told at once, before any work.
"""

import asyncio
import random
import re
from time import perf_counter
from typing import Literal

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.config import Settings
from service.http import problems
from service.http.gate import Gate, ShedError
from service.http.metrics import Metrics
from service.http.middleware import MCP_PATH, UPLOAD_PATH
from service.limits import CallerLimits

Lane = Literal["questions", "searches", "uploads", "saves", "reads"]

_PREFIX = "/v1/"
_QUESTIONS = re.compile(r"/mcp|/v1/(ask|chat/completions|responses|conversations/[^/]+/messages)")
_SEARCHES = re.compile(r"/v1/(search|search/references|browse)")
_UPLOADS = re.compile(r"/v1/(papers|fetch|enrich|watches|libraries)(/.*)?")

_UPLOADS_AT_ONCE, _WAITING_UPLOADS = 8, 8
_OTHERS_AT_ONCE, _WAITING_OTHERS = 16, 64
_RETRY_SECONDS = (2, 5)
"""Clients are sent away for different times, so that they do not all come back at once."""

_DETAILS = {
    "queue_full": "too many requests are being answered and are waiting",
    "queue_timeout": "the request waited for its turn for as long as it may",
}


class AdmissionMiddleware:
    """Sheds load: 429 for a caller that has used up its limits, 503 when there is no room, both with `Retry-After`.

    The deadline of an answer counts from here on. A body that fits into memory is received before the request takes a
    place, so that a client that sends slowly takes none.
    """

    def __init__(self, app: ASGIApp, settings: Settings, limits: CallerLimits, metrics: Metrics) -> None:
        self._app, self._limits, self._metrics = app, limits, metrics
        self._answer_seconds = settings.answer_timeout_seconds
        seconds, several = settings.max_queue_seconds, len(settings.keys) > 1
        self._gates: dict[Lane, Gate] = {
            "questions": _gate(settings.questions_at_once, settings.max_queue, seconds, several),
            "searches": _gate(settings.questions_at_once, settings.max_queue, seconds, several),
            "uploads": _gate(_UPLOADS_AT_ONCE, _WAITING_UPLOADS, seconds, several),
            "saves": _gate(_OTHERS_AT_ONCE, _WAITING_OTHERS, seconds, several),
            "reads": _gate(_OTHERS_AT_ONCE, _WAITING_OTHERS, seconds, several),
        }
        for lane, gate in self._gates.items():
            metrics.watch_lane(lane, lambda gate=gate: gate.at_work, lambda gate=gate: gate.waiting)  # type: ignore[misc]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_bounded(scope["method"], scope["path"]):
            return await self._app(scope, receive, send)
        lane, caller = lane_of(scope["method"], scope["path"]), scope["state"]["caller"]
        excess = self._limits.too_many_requests(caller)
        if excess is None and lane == "questions" and scope["method"] == "POST":
            excess = await self._limits.too_many_tokens(caller)
        if excess:
            self._metrics.count_shed(excess.reason)
            return await problems.too_much(excess.detail, excess.seconds, scope)(scope, receive, send)
        scope["state"]["deadline"] = asyncio.get_running_loop().time() + self._answer_seconds
        gate, begun = self._gates[lane], perf_counter()
        try:
            gate.check(caller)
            if scope["path"] != UPLOAD_PATH:
                receive, begun = await _received(receive), perf_counter()
            async with gate.place(caller):
                self._metrics.observe_queue(lane, perf_counter() - begun)
                return await self._app(scope, receive, send)
        except ShedError as error:
            self._metrics.count_shed(error.reason)
            return await problems.overloaded(_DETAILS[error.reason], _seconds(), scope)(scope, receive, send)
        except HTTPException as error:  # of a body that is too large, or does not come
            return await problems.of_status(error.status_code, error.detail, scope)(scope, receive, send)


def _is_bounded(method: str, path: str) -> bool:
    """Health, documentation and preflights are not, nor is MCP's stream, which only waits."""
    return method != "OPTIONS" and (path.startswith(_PREFIX) or (path == MCP_PATH and method == "POST"))


def lane_of(method: str, path: str) -> Lane:
    """What kind of work a request is."""
    if _QUESTIONS.fullmatch(path):
        return "questions"
    if _SEARCHES.fullmatch(path):
        return "searches"
    if method in ("GET", "HEAD"):
        return "reads"
    return "uploads" if _UPLOADS.fullmatch(path) else "saves"


def _gate(places: int, queue: int, seconds: float, several: bool) -> Gate:
    """With several keys, one takes at most half of the places."""
    return Gate(places, queue, seconds, max(1, places // 2) if several else places)


def _seconds() -> int:
    return random.randint(*_RETRY_SECONDS)


async def _received(receive: Receive) -> Receive:
    """Receive the whole body; returns what gives it again, and then whatever comes next."""
    messages: list[Message] = []
    while not messages or (messages[-1]["type"] == "http.request" and messages[-1].get("more_body", False)):
        messages.append(await receive())
    messages.reverse()

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again
