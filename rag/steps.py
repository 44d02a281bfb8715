"""Times the steps of an answer for whoever records them, such as a trace; costs nothing where nobody does."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

T = TypeVar("T")


class Recording(Protocol):
    """Something that lasts and is recorded: a request, or a step within it."""

    def begin(self, name: str, library: str) -> "Recording":
        """A step that begins now, within this one; `library` is where it looks, empty where that is known."""
        ...

    def end(self, error: BaseException | None) -> None:
        """It ends now; `error` is what ended it, if anything did. No text of an error may be recorded."""
        ...


_current: ContextVar[Recording | None] = ContextVar("recording", default=None)


@contextmanager
def recorded_in(recording: Recording) -> Iterator[None]:
    """Record steps within `recording`. Tasks and threads that begin meanwhile do so too."""
    token = _current.set(recording)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def step(name: str, library: str = "") -> Iterator[None]:
    """A step of the work; nothing may be yielded within, for which there is `stepwise`."""
    around = _current.get()
    if around is None:
        yield
        return
    with _lasting(around.begin(name, library)) as own, recorded_in(own):
        yield


async def stepwise(name: str, items: AsyncGenerator[T], library: str = "") -> AsyncGenerator[T]:
    """The items of a generator that is a step of the work. What its reader does in between is no part of the step."""
    async with aclosing(items):
        around = _current.get()
        if around is None:
            async for item in items:
                yield item
            return
        with _lasting(around.begin(name, library)) as own:
            while True:
                with recorded_in(own):  # left before every yield: the reader may be in another task
                    try:
                        item = await anext(items)
                    except StopAsyncIteration:
                        return
                yield item


@contextmanager
def _lasting(recording: Recording) -> Iterator[Recording]:
    try:
        yield recording
    except BaseException as error:
        recording.end(error)
        raise
    recording.end(None)
