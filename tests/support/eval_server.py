"""A small real HTTP server with our API and OpenAI's, for tests of the remote targets."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.eval_cases import PAPERS, QUESTIONS, oracle

_BY_TEXT = {question.question: question for question in QUESTIONS}


class System(ThreadingHTTPServer):
    """Answers as `system` does. `slow` seconds pass before each answer; `broken` questions answer 500."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.slow = 0.0
        self.broken: set[str] = set()
        self.most_at_once = 0
        self.now = 0
        self.lock = threading.Lock()
        self.sources = True
        self.system = oracle

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving() -> Iterator[System]:
    """A running server."""
    system = System()
    thread = threading.Thread(target=system.serve_forever, daemon=True)
    thread.start()
    try:
        yield system
    finally:
        system.shutdown()
        system.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: System

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        papers = [{"id": p.id, "title": p.title, "abstract": p.abstract} for p in PAPERS]
        if path == "/healthz":
            self._json({"status": "ok"})
        elif path == "/v1/papers":
            self._json({"library": "default", "total": len(papers), "papers": papers})
        elif path == "/v1/search":
            ids = [entry["id"] for entry in oracle(_BY_TEXT[query["q"][0]]).ranked]
            found = [paper for paper in papers if paper["id"] in ids]
            self._json({"results": [{"rank": n, "score": 1, "paper": p} for n, p in enumerate(found, start=1)]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text = body["question"] if self.path == "/v1/ask" else body["messages"][-1]["content"]
        question = _BY_TEXT[text]
        with self.server.lock:
            self.server.asked[question.id] += 1
            self.server.bodies.append(body)
            self.server.now += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.now)
        time.sleep(self.server.slow)
        with self.server.lock:
            self.server.now -= 1
        if question.id in self.server.broken:
            self._json({"title": "broken"}, status=500)
        elif self.path == "/v1/ask":
            answer = {**(self.server.system(question).answer or {}), "standalone_question": text}
            self._events([("delta", {"text": answer["text"]}), ("done", answer)])
        else:
            self._chat(oracle(question).answer or {})

    def _chat(self, answer: Mapping[str, Any]) -> None:
        sources = [{"number": p["number"], "paper": p["paper"], "text": p["text"]} for p in answer["passages"]]
        words = answer["text"].split(" ")
        pieces = [{"choices": [{"delta": {"content": word + " " * (word is not words[-1])}}]} for word in words]
        last = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5}, "model": "m-1"}
        self._events(
            [("", piece) for piece in [*pieces, {**last, **({"sources": sources} if self.server.sources else {})}]]
        )

    def _json(self, value: object, status: int = 200) -> None:
        self._send(status, "application/json", json.dumps(value))

    def _events(self, events: list[tuple[str, object]]) -> None:
        lines = [(f"event: {name}\n" if name else "") + f"data: {json.dumps(data)}\n\n" for name, data in events]
        self._send(200, "text/event-stream", ": hello\n\n" + "".join(lines) + "data: [DONE]\n\n")

    def _send(self, status: int, kind: str, text: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())
