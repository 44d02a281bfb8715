"""A Slack on a loopback port: its Web API with the limits that matter, and Socket Mode."""

import asyncio
import html
import itertools
import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.support.running import wait_until

TOKEN = "xoxb-1-the-bots-own-token"
APP_TOKEN = "xapp-1-the-apps-own-token"
SECRET = "shared-with-slack"
TEAM, ME, BOT, PERSON = "T01", "U0BOT", "B0BOT", "U0ANN"
SCOPES = "app_mentions:read,assistant:write,channels:history,chat:write,commands,groups:history,im:history"


_FOREVER_SECONDS = 3600.0


@dataclass
class Message:
    """A message as people see it. `said` is its text without escapes."""

    channel: str
    ts: str
    thread: str
    text: str
    blocks: list[dict[str, Any]]
    metadata: Mapping[str, Any]
    streaming: bool = False
    began: float = field(default_factory=time.monotonic)

    @property
    def said(self) -> str:
        return html.unescape(self.text.replace("]\\(", "]("))


@dataclass(frozen=True)
class Call:
    method: str
    arguments: Mapping[str, Any]


class FakeSlack:
    """Records every call, and keeps the messages as people would see them."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.messages: dict[tuple[str, str], Message] = {}
        self.ephemeral: list[Mapping[str, Any]] = []
        self.responses: list[Mapping[str, Any]] = []
        self.thread_messages: list[Mapping[str, Any]] = []
        self.acks: list[Mapping[str, Any]] = []
        self.streams = True
        self.stream_seconds = 300.0
        self.scopes = SCOPES
        self.url = ""
        self._fail: dict[str, list[tuple[int, Mapping[str, Any], Mapping[str, str]]]] = defaultdict(list)
        self._drop: dict[str, int] = defaultdict(int)
        self._hold: set[str] = set()
        self._numbers = itertools.count(1)
        self._loop = asyncio.new_event_loop()
        self._sockets: list[web.WebSocketResponse] = []

    def fail(self, method: str, error: str = "", *, status: int = 200, times: int = 1, **headers: str) -> None:
        """Make the next calls of a method fail."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._fail[method] += [(status, {"ok": False, "error": error}, named)] * times

    def drop_reply(self, method: str, times: int = 1) -> None:
        """Carry out the next calls of a method, but answer 500."""
        self._drop[method] += times

    def hold_reply(self, method: str) -> None:
        """Carry out the calls of a method, but never answer them, until `release`."""
        self._hold.add(method)

    def release(self) -> None:
        """Answer the calls from now on."""
        self._hold.clear()

    def methods(self) -> list[str]:
        return [call.method for call in self.calls]

    def shown(self, thread: str = "") -> list[Message]:
        """The bot's messages, oldest first."""
        return [m for m in sorted(self.messages.values(), key=lambda m: m.ts) if not thread or m.thread == thread]

    def answer(self, thread: str = "", seconds: float = 10) -> Message:
        """The only message of a thread, when it is whole."""
        assert wait_until(lambda: any(self.whole(m) for m in self.shown(thread)), seconds), self.shown(thread)
        (message,) = self.shown(thread)
        return message

    def whole(self, message: Message) -> bool:
        """Whether a message is finished: an answer with its buttons, or a text that is no answer."""
        types = {block["type"] for block in message.blocks}
        return not message.streaming and bool(types & {"context_actions", "actions"} or message.text.startswith("I"))

    def send(self, envelope: Mapping[str, Any]) -> None:
        """Send an envelope over Socket Mode."""
        for socket in self._sockets:
            asyncio.run_coroutine_threadsafe(socket.send_json(envelope), self._loop).result(5)

    @property
    def connected(self) -> bool:
        return bool(self._sockets)

    @contextmanager
    def running(self) -> Iterator["FakeSlack"]:
        """Serve on a free port, in a thread of its own."""
        started = threading.Event()

        async def serve() -> None:
            app = web.Application()
            app.router.add_route("*", "/api/{method}", self._api)
            app.router.add_post("/respond", self._respond)
            app.router.add_get("/link", self._socket)
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            assert site._server is not None
            self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/api/"  # type: ignore[attr-defined]
            started.set()
            await self._stopped.wait()
            await runner.cleanup()

        self._stopped = asyncio.Event()
        thread = threading.Thread(target=self._loop.run_until_complete, args=(serve(),))
        thread.start()
        started.wait(5)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._stopped.set)
            thread.join()
            self._loop.close()

    async def _api(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        arguments = dict(request.query)
        if request.content_type == "application/json":
            arguments |= await request.json()
        else:
            arguments |= {key: str(value) for key, value in (await request.post()).items()}
        self.calls.append(Call(method, arguments))
        if self._fail[method]:
            status, body, headers = self._fail[method].pop(0)
            return web.json_response(body, status=status, headers=headers)
        wanted = APP_TOKEN if method == "apps.connections.open" else TOKEN
        if request.headers.get("Authorization") != f"Bearer {wanted}":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        act = getattr(self, "_" + method.replace(".", "_").lower(), None)
        answer = act(**arguments) if act else {"error": "unknown_method"}
        if method in self._hold:
            await asyncio.sleep(_FOREVER_SECONDS)
        if self._drop[method]:
            self._drop[method] -= 1
            return web.Response(status=500, text="<html>")
        return web.json_response({"ok": "error" not in answer, **answer}, headers={"x-oauth-scopes": self.scopes})

    async def _respond(self, request: web.Request) -> web.Response:
        self.responses.append(await request.json())
        return web.Response(text="ok")

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        self._sockets.append(socket)
        await socket.send_json({"type": "hello", "num_connections": 1})
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.acks.append(json.loads(message.data))
        self._sockets.remove(socket)
        return socket

    def _apps_connections_open(self) -> dict[str, Any]:
        return {"url": self.url.replace("http", "ws").replace("/api/", "/link?ticket=secret-ticket")}

    def _auth_test(self) -> dict[str, Any]:
        return {"user_id": ME, "bot_id": BOT, "team_id": TEAM, "user": "scholiast", "team": "The Lab"}

    def _assistant_threads_setstatus(self, channel_id: str, thread_ts: str, status: str) -> dict[str, Any]:
        return {} if self.streams else {"error": "method_not_supported_for_channel_type"}

    def _assistant_threads_settitle(self, **_: Any) -> dict[str, Any]:
        return {}

    def _assistant_threads_setsuggestedprompts(self, prompts: list[Any], **_: Any) -> dict[str, Any]:
        return {} if 1 <= len(prompts) <= 4 else {"error": "invalid_prompts"}

    def _chat_postmessage(
        self,
        channel: str,
        text: str = "",
        blocks: Any = (),
        thread_ts: str = "",
        metadata: Any = None,
        **_: Any,
    ) -> dict[str, Any]:
        return _content_error(text, blocks, 40_000) or self._new(channel, thread_ts, text, blocks, metadata)

    def _chat_update(self, channel: str, ts: str, text: str, blocks: Any = ()) -> dict[str, Any]:
        message = self.messages.get((channel, ts))
        if message is None:
            return {"error": "message_not_found"}
        if message.streaming and not self._expired(message):
            return {"error": "streaming_state_conflict"}
        if error := _content_error(text, blocks, 4_000):
            return error
        message.text, message.blocks, message.streaming = text, list(blocks), False
        return {"ts": ts}

    def _chat_delete(self, channel: str, ts: str) -> dict[str, Any]:
        return {} if self.messages.pop((channel, ts), None) else {"error": "message_not_found"}

    def _chat_postephemeral(self, **arguments: Any) -> dict[str, Any]:
        self.ephemeral.append(arguments)
        return {"message_ts": "1.0"}

    def _chat_startstream(
        self, channel: str, thread_ts: str, recipient_user_id: str, recipient_team_id: str, markdown_text: str = ""
    ) -> dict[str, Any]:
        if not self.streams:
            return {"error": "unknown_method"}
        if recipient_user_id == ME or not recipient_team_id or len(markdown_text) > 12_000:
            return {"error": "invalid_arguments"}
        return self._new(channel, thread_ts, markdown_text, [], None, streaming=True)

    def _chat_appendstream(self, channel: str, ts: str, markdown_text: str) -> dict[str, Any]:
        message = self.messages.get((channel, ts))
        if message is None or not message.streaming or self._expired(message):
            return {"error": "message_not_in_streaming_state"}
        message.text += markdown_text
        return {"ts": ts} if len(message.text) <= 12_000 else {"error": "msg_too_long"}

    def _chat_stopstream(
        self, channel: str, ts: str, markdown_text: str = "", blocks: Any = (), metadata: Any = None
    ) -> dict[str, Any]:
        message = self.messages.get((channel, ts))
        if message is None or not message.streaming or self._expired(message):
            return {"error": "message_not_in_streaming_state"}
        if error := _content_error("", blocks, 1):
            return error
        message.text, message.blocks, message.streaming = message.text + markdown_text, list(blocks), False
        message.metadata = metadata or {}
        return {"ts": ts}

    def _conversations_replies(
        self, channel: str, ts: str, oldest: str = "", latest: str = "9", cursor: str = "0", **_: Any
    ) -> dict[str, Any]:
        """The earliest first, in pages of two; the bot's messages, and those that a test adds."""
        ours = [{"user": ME, "ts": m.ts, "text": m.text, "metadata": m.metadata} for m in self.shown(ts)]
        theirs = [message for message in self.thread_messages if message["thread_ts"] == ts]
        thread = sorted([*ours, *theirs], key=lambda message: message["ts"])
        found = [message for message in thread if oldest < message["ts"] < latest]
        first = int(cursor)
        more = str(first + 2) if first + 2 < len(found) else ""
        return {"messages": found[first : first + 2], "response_metadata": {"next_cursor": more}}

    def _conversations_history(self, channel: str, **_: Any) -> dict[str, Any]:
        found = [m for m in self.shown() if m.channel == channel and not m.thread]
        return {"messages": [{"user": ME, "ts": m.ts, "metadata": m.metadata} for m in found]}

    def _new(
        self, channel: str, thread: str, text: str, blocks: Any, metadata: Any, streaming: bool = False
    ) -> dict[str, Any]:
        ts = f"1900000000.{next(self._numbers):06}"
        self.messages[channel, ts] = Message(channel, ts, thread, text, list(blocks), metadata or {}, streaming)
        return {"ts": ts, "channel": channel}

    def _expired(self, message: Message) -> bool:
        return time.monotonic() - message.began > self.stream_seconds


def _content_error(text: str, blocks: Any, limit: int) -> dict[str, Any]:
    if len(text) > limit:
        return {"error": "msg_too_long"}
    words = [block["text"]["text"] for block in blocks if block["type"] == "section"]
    words += [element["text"] for block in blocks if block["type"] == "context" for element in block["elements"]]
    bad = len(blocks) > 50 or any(not 1 <= len(word) <= 3_000 for word in words)
    return {"error": "invalid_blocks"} if bad else {}
