"""An OpenAI-compatible server on loopback that says what it was told to, in the way it was told to: also badly.

Each `Script` is one way of answering; requests take theirs by the name of the model. The server counts who left.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Script:
    """How to answer. `hang` is "headers" or "body": where to stop and say nothing more; `drop` cuts the connection."""

    pieces: Sequence[str] = ()
    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds_before: float = 0.0
    seconds_between: float = 0.0
    hang: str = ""
    drop: bool = False
    finish: str | None = "stop"
    done: bool = True
    raw: Sequence[str] = ()
    """Lines of the event stream as they are, after the pieces."""


@dataclass
class ScriptedLLM:
    """What runs, and what it has seen."""

    scripts: dict[str, Script]
    base_url: str = ""
    requests: list[dict[str, object]] = field(default_factory=list)
    open: int = 0
    left: int = 0
    """How many clients went away before their answer was whole."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request on one connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            request = await _request(reader)
            self.requests.append(request)
            script = self.scripts[str(request["model"])]
            self.open += 1
            answering = asyncio.create_task(_answer(writer, script, streamed=bool(request.get("stream"))))
            gone = asyncio.create_task(reader.read())
            try:
                await asyncio.wait((answering, gone), return_when=asyncio.FIRST_COMPLETED)
                self.left += not answering.done()
            finally:
                self.open -= 1
                for task in (answering, gone):
                    task.cancel()
                await asyncio.gather(answering, gone, return_exceptions=True)
        writer.close()


@asynccontextmanager
async def scripted_llm(scripts: Mapping[str, Script], port: int = 0) -> AsyncIterator[ScriptedLLM]:
    """Serve until the end of the block."""
    llm = ScriptedLLM(dict(scripts))
    server = await asyncio.start_server(llm.serve, "127.0.0.1", port)
    llm.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield llm
    finally:
        server.close()


def chunk(text: str | None = None, finish: str | None = None, **more: object) -> str:
    """One line of a stream as OpenAI sends it."""
    delta = {"content": text} if text is not None else {}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return "data: " + json.dumps(
        {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}
    )


def usage(prompt: int = 900, completion: int = 30) -> str:
    """The line with the tokens, which has no choices."""
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return chunk().replace(json.dumps([{"index": 0, "delta": {}, "finish_reason": None}]), "[]")[:-1] + (
        f', "usage": {json.dumps(counts)}}}'
    )


async def _request(reader: asyncio.StreamReader) -> dict[str, object]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.partition("content-length:")[2].partition("\r\n")[0] or 0)
    found: dict[str, object] = json.loads(await reader.readexactly(length))
    return found


async def _answer(writer: asyncio.StreamWriter, script: Script, streamed: bool) -> None:
    await asyncio.sleep(3600 if script.hang == "headers" else script.seconds_before)
    if script.status != 200 or script.body:
        return await _send_whole(writer, script)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
    for piece in script.pieces:
        await _send(writer, chunk(piece))
        await asyncio.sleep(script.seconds_between)
    if script.hang == "body":
        await asyncio.sleep(3600)
    if script.drop:
        writer.transport.abort()
        return None
    end = [chunk(finish=script.finish)] if script.finish else []
    for line in (*script.raw, *end, usage(), *(["data: [DONE]"] if script.done else [])):
        await _send(writer, line)
    return None


async def _send(writer: asyncio.StreamWriter, line: str) -> None:
    writer.write(line.encode() + b"\n\n")
    await writer.drain()


async def _send_whole(writer: asyncio.StreamWriter, script: Script) -> None:
    body = script.body.encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**headers, **script.headers}.items())
    writer.write(f"HTTP/1.1 {script.status} Scripted\r\n{lines}\r\n".encode() + body)
    await writer.drain()


async def _main(pieces: int, milliseconds: float) -> None:
    """Serve one script until killed; print the address, then the time of each client's leaving."""
    words = [f" [{n % 3 + 1}]." if n % 12 == 11 else f" Word{n}" for n in range(pieces)]
    script = Script(pieces=words, seconds_between=milliseconds / 1000)
    async with scripted_llm({"bench": script}) as llm:
        print(llm.base_url, flush=True)
        told = 0
        while True:
            await asyncio.sleep(0.005)
            while told < llm.left:
                told += 1
                print(f"left {time.monotonic()}", flush=True)


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), float(sys.argv[2])))
