"""Writes with one writer, and with another from where the first one fails; the answer says so."""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from rag.errors import BackendError
from rag.interfaces import Writer
from rag.types import Colophon, Passage, Turn

log = logging.getLogger("scholiast")


class Fallback:
    """Named as its first writer."""

    def __init__(self, first: Writer, second: Writer) -> None:
        self.name = first.name
        self._first = first
        self._second = second

    async def write(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn] = ()
    ) -> AsyncGenerator[str | Colophon]:
        """What the first writer has said before it failed stays, as a paragraph of its own."""
        begun = False
        try:
            async with aclosing(self._first.write(question, passages, history)) as written:
                async for piece in written:
                    begun = begun or bool(piece)
                    yield piece
            return
        except BackendError as error:
            log.warning("%s failed, %s answers instead: %s", self.name, self._second.name, error)
            reason = error.reason
        if begun:
            yield "…\n\n"
        async with aclosing(self._second.write(question, passages, history)) as written:
            async for piece in written:
                yield piece
        yield self._colophon(begun, reason)

    def _colophon(self, begun: bool, reason: str) -> Colophon:
        name = f"{self.name}+{self._second.name}" if begun else self._second.name
        broke = "broke off" if begun else "failed"
        what = "the rest is" if begun else "this is"
        return Colophon(model=name, notice=f"{self.name} {broke} ({reason}); {what} in the abstracts' own sentences.")
