"""Answers that go on for a while when their client's connection drops, and what they have sent, for who comes back."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from uuid import uuid4

import anyio

from rag.errors import NotFoundError, RequestError

MAX_KEPT_BYTES = 64 << 20
"""Of all streams together; no further one becomes resumable beyond that."""


class LiveStream:
    """The events of one answer, kept as they were sent, with one reader at a time: a new one takes the other's place.

    Without a reader it is given up after `seconds`: the work is cancelled, and nobody finds it again.
    """

    def __init__(self, id: str, caller: str, seconds: float, forget: Callable[["LiveStream"], None]) -> None:
        self.id = id
        self.caller = caller
        self.ended = False
        self.bytes = 0
        self.work = anyio.CancelScope()
        self._seconds, self._forget = seconds, forget
        self._pieces: list[bytes] = []
        self._changed = asyncio.Event()
        self._reader: object | None = None
        self._expiry: asyncio.TimerHandle | None = None

    @property
    def sent(self) -> int:
        """How many events there are so far."""
        return len(self._pieces)

    def add(self, piece: bytes) -> None:
        """Keep an event, under the next number, and let the reader have it."""
        self._pieces.append(f"id: {self.id}:{self.sent + 1}\n".encode() + piece)
        self.bytes += len(self._pieces[-1])
        self._wake()

    def end(self) -> None:
        """Nothing more comes."""
        self.ended = True
        self._wake()
        self.wait_for_reader()

    def wait_for_reader(self) -> None:
        """Give up in a while, unless somebody reads or comes to read."""
        if self._reader is None and self._expiry is None:
            self._expiry = asyncio.get_running_loop().call_later(self._seconds, self.give_up)

    def give_up(self) -> None:
        """Cancel the work, unless it is done, and let nobody come back."""
        self._forget(self)
        if not self.ended:
            self.work.cancel()
            self.end()
        if self._expiry:
            self._expiry.cancel()

    async def read(self, after: int) -> AsyncGenerator[bytes]:
        """Yield the events after number `after`, those that are still to come included."""
        me = self._reader = object()
        self._wake()
        if self._expiry:
            self._expiry.cancel()
            self._expiry = None
        try:
            for position in range(after, 1 << 62):
                while position >= self.sent and not self.ended and self._reader is me:
                    await self._changed.wait()
                if position >= self.sent or self._reader is not me:
                    return
                yield self._pieces[position]
        finally:
            if self._reader is me:
                self._reader = None
                self.wait_for_reader()

    def number(self, last_event_id: str) -> int:
        """The number in a `Last-Event-ID`; 0 for an empty one. Raises RequestError for one of another stream."""
        number = last_event_id.removeprefix(f"{self.id}:") or "0"
        if not (number.isascii() and number.isdecimal() and len(number) < 10 and int(number) <= self.sent):
            raise RequestError(
                f"Last-Event-ID is {last_event_id[:100]!r}; send the id of the last event that you got of this stream"
            )
        return int(number)

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class LiveStreams:
    """The streams of a process that can be taken up again."""

    def __init__(self, most: int, seconds: float, suffix: str = "") -> None:
        """At most `most`, each given up after `seconds` without a reader; none at all if one of them is 0.

        The id of each ends with `suffix`.
        """
        self._suffix = suffix
        self._most = most if seconds else 0
        self._seconds = seconds
        self._streams: dict[str, LiveStream] = {}  # oldest first

    def begin(self, caller: str) -> LiveStream | None:
        """A new stream of a caller; None if there is no room for one, also not in the place of one that has ended."""
        if self._is_full and (done := next((s for s in self._streams.values() if s.ended), None)):
            self._forget(done)
        if self._is_full:
            return None
        stream = LiveStream(f"strm_{uuid4().hex}{self._suffix}", caller, self._seconds, self._forget)
        self._streams[stream.id] = stream
        return stream

    def get(self, id: str, caller: str) -> LiveStream:
        """A caller's stream. Raises NotFoundError, also for another's."""
        stream = self._streams.get(id)
        if stream is None or stream.caller != caller:
            raise NotFoundError(
                f"there is no stream {id[:80]!r}: it ended a while ago, or nobody read it for {self._seconds:g} "
                "seconds (SCHOLIAST_RESUME_SECONDS); if the answer was finished, GET /v1/answers has it"
            )
        return stream

    @property
    def _is_full(self) -> bool:
        return len(self._streams) >= self._most or sum(s.bytes for s in self._streams.values()) >= MAX_KEPT_BYTES

    def _forget(self, stream: LiveStream) -> None:
        self._streams.pop(stream.id, None)
