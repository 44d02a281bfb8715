"""The papers behind stored answers, conversations and libraries, whole as their libraries have them."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from rag import serialize, threads
from rag.database import Database
from rag.history.answers import Answers
from rag.history.conversations import Conversations
from rag.library.catalog import Catalog
from rag.library.registry import no_library
from rag.references.cited import cited_papers
from rag.types import Answer, Paper

_PAPERS_AT_ONCE = 500


class Bibliography:
    """Reads the database alone and locks no library, so that it works beside the process that owns one."""

    def __init__(self, home: Path, database_url: str = "") -> None:
        self._home, self._database_url = home, database_url
        self._database = Database(home, database_url)
        self._answers, self._conversations = Answers(self._database), Conversations(self._database)

    def close(self) -> None:
        """Close every connection."""
        self._database.close()
        if "_catalog" in vars(self):
            self._catalog.close()

    async def answer(self, id: str) -> tuple[Answer, dict[str, Paper]]:
        """A stored answer, and by id those of its cited papers that its library still has. Raises NotFoundError."""
        answer = serialize.parse_answer(await self._answers.get(id))
        return answer, await threads.read(self._papers_of, answer)

    async def conversation(self, id: str) -> list[Paper]:
        """The papers that the answers of a conversation cite, in the order in which they came. Raises NotFoundError."""
        await self._conversations.get(id)
        stored = [message.answer for message in await self._conversations.messages(id) if message.answer]
        return await threads.read(self._cited_by, [serialize.parse_answer(answer) for answer in stored])

    async def library(self, *names: str) -> Iterator[Paper]:
        """The papers of the first of these libraries that has any, by id. Reading them blocks.

        Raises NotFoundError if there is none of the first name and none of the others has papers.
        """
        name = await threads.read(self._first_with_papers, names)
        return self._papers(name)

    @cached_property
    def _catalog(self) -> Catalog:
        return Catalog(self._home, self._database_url)

    def _cited_by(self, answers: Sequence[Answer]) -> list[Paper]:
        found: dict[str, Paper] = {}
        for answer in answers:
            for cited in cited_papers(answer, self._papers_of(answer)):
                found.setdefault(cited.paper.id, cited.paper)
        return list(found.values())

    def _papers_of(self, answer: Answer) -> dict[str, Paper]:
        return self._catalog.by_id(answer.library, [cited.paper.id for cited in cited_papers(answer, {})])

    def _first_with_papers(self, names: Sequence[str]) -> str:
        for name in names:
            if self._catalog.counts(name).papers:
                return name
        if self._catalog.library(names[0]) is None:
            raise no_library(names[0], self._catalog)
        return names[0]

    def _papers(self, name: str) -> Iterator[Paper]:
        """Those that are there now; one that is removed while they are read is left out."""
        ids = self._catalog.ids(name)
        for start in range(0, len(ids), _PAPERS_AT_ONCE):
            found = self._catalog.by_id(name, ids[start : start + _PAPERS_AT_ONCE])
            yield from (found[id] for id in ids[start : start + _PAPERS_AT_ONCE] if id in found)
