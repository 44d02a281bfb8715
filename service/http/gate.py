"""Lets a bounded number of requests work at once and a bounded number wait, so that nobody waits long for nothing."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal

_PATIENT_SECONDS = 0.5

ShedReason = Literal["queue_full", "queue_timeout"]


class ShedError(Exception):
    """There is no room for a request: the queue is full, or it waited for as long as it may."""

    def __init__(self, reason: ShedReason) -> None:
        super().__init__(reason)
        self.reason = reason


class Gate:
    """Admits requests of several callers in turn. Belongs to one event loop.

    A free place goes to the waiting caller that has the fewest requests at work, and of those to the one that waits
    longest. Where the queue is full, a caller that waits less than another takes the last place of that other.
    """

    def __init__(self, places: int, queue: int, seconds: float, places_a_caller: int = 0) -> None:
        """`places` requests work at once, and `queue` more wait for at most `seconds` each.

        One caller's work takes at most `places_a_caller` places; 0 is no limit but `places`.
        """
        self.places, self._queue, self._seconds = places, queue, seconds
        self._places_a_caller = places_a_caller or places
        self._at_work: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def at_work(self) -> int:
        """How many requests work now."""
        return self._at_work.total()

    @property
    def waiting(self) -> int:
        """How many requests wait now."""
        return sum(map(len, self._waiting.values()))

    def check(self, caller: str) -> None:
        """Raise ShedError if a request of the caller would be shed at once."""
        if not self._may_work(caller) and self.waiting >= self._queue and self._with_more_waiting(caller) is None:
            raise ShedError("queue_full")

    @asynccontextmanager
    async def place(self, caller: str) -> AsyncIterator[None]:
        """A place to work in, after a wait if need be. Raises ShedError."""
        if self._may_work(caller):
            self._at_work[caller] += 1
        else:
            await self._wait(caller)
        try:
            yield
        finally:
            self._leave(caller)

    @asynccontextmanager
    async def patient_place(self, caller: str) -> AsyncIterator[None]:
        """A place for work that is stored and waits for as long as it takes: where it would be shed it tries again."""
        async with AsyncExitStack() as stack:
            while True:
                try:
                    await stack.enter_async_context(self.place(caller))
                    break
                except ShedError:
                    await asyncio.sleep(_PATIENT_SECONDS)
            yield

    def _may_work(self, caller: str) -> bool:
        return self.at_work < self.places and self._at_work[caller] < self._places_a_caller

    def _with_more_waiting(self, caller: str) -> str | None:
        """The caller with the longest queue, if that stays longer than this caller's when one more joins it."""
        if not self._waiting:
            return None
        longest = max(self._waiting, key=lambda other: len(self._waiting[other]))
        mine = len(self._waiting.get(caller, ()))
        return longest if len(self._waiting[longest]) > mine + 1 else None

    async def _wait(self, caller: str) -> None:
        self.check(caller)
        if self.waiting >= self._queue and (longest := self._with_more_waiting(caller)) is not None:
            last = self._take(longest, self._waiting[longest][-1])
            if not last.done():
                last.set_exception(ShedError("queue_full"))
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(turn)
        try:
            async with asyncio.timeout(self._seconds):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn in self._waiting.get(caller, ()):
                self._take(caller, turn)
            elif not turn.cancelled() and turn.exception() is None:  # admitted at the very moment when it gave up
                self._leave(caller)
            if isinstance(error, TimeoutError):
                raise ShedError("queue_timeout") from None
            raise

    def _leave(self, caller: str) -> None:
        self._at_work[caller] -= 1
        if not self._at_work[caller]:
            del self._at_work[caller]
        while candidates := [other for other in self._waiting if self._may_work(other)]:
            # The callers stand in the order of their waits: the one that is admitted goes to the end.
            chosen = min(candidates, key=lambda other: self._at_work[other])
            turn = self._take(chosen, self._waiting[chosen][0])
            if chosen in self._waiting:
                self._waiting.move_to_end(chosen)
            if not turn.done():  # else it has given up, and is about to notice
                self._at_work[chosen] += 1
                turn.set_result(None)

    def _take(self, caller: str, turn: asyncio.Future[None]) -> asyncio.Future[None]:
        """Take a request out of the queue."""
        self._waiting[caller].remove(turn)
        if not self._waiting[caller]:
            del self._waiting[caller]
        return turn
