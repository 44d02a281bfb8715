"""A chat model that is none: a loopback server that says the same to everybody, to try the plumbing of a pipeline.

It counts calls and what it is sent, so that systems can be compared in what they would ask of a real one.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from rag.text import tokens

NAME = "stub"
REPLY = "The first abstract says so [1]."


@dataclass
class StubModel:
    """The address of the server, and what it has been asked so far."""

    base_url: str
    calls: int = 0
    prompt_tokens: int = 0

    def heard(self, body: dict[str, Any]) -> None:
        """Count a request."""
        said = " ".join(str(message.get("content") or "") for message in body.get("messages", ()))
        with _LOCK:
            self.calls += 1
            self.prompt_tokens += tokens.count(said)


_LOCK = Lock()


@contextmanager
def stub_model() -> Iterator[StubModel]:
    """Serve OpenAI's chat completions, streamed or whole, until the end of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    model = StubModel(f"http://127.0.0.1:{server.server_address[1]}/v1")
    server.model = model  # type: ignore[attr-defined]  # where each request's handler finds it
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Answer one request."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.model.heard(body)  # type: ignore[attr-defined]
        stream = bool(body.get("stream"))
        content = _streamed() if stream else json.dumps(_completion("message", "chat.completion"))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if stream else "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def _streamed() -> str:
    return f"data: {json.dumps(_completion('delta', 'chat.completion.chunk'))}\n\ndata: [DONE]\n\n"


def _completion(holder: str, kind: str) -> dict[str, Any]:
    return {
        "id": "stub",
        "object": kind,
        "created": 0,
        "model": NAME,
        "choices": [{"index": 0, holder: {"role": "assistant", "content": REPLY}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 8, "total_tokens": 9},
    }
