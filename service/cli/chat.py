"""`scholiast chat`: a conversation in the terminal, streamed and kept. Ctrl-C stops an answer, Ctrl-D leaves."""

import asyncio
import sys
from collections.abc import Mapping
from contextlib import aclosing, suppress
from io import TextIOWrapper
from itertools import groupby
from typing import Any

from rag import config, serialize
from rag.engine import Delta, Done
from rag.errors import RequestError, ScholiastError
from rag.history.answers import FeedbackVerdict
from rag.history.conversations import LOCAL, Conversation
from rag.workspace import Workspace
from service.cli.terminal import Page, complain
from service.cli.typewriter import StreamPrinter

_HELP = (
    "/sources   the words that the last answer rests on",
    "/new       another conversation; nothing that was said counts any longer",
    "/good, /bad [COMMENT]   what you think of the last answer",
    "/quit      leave, as Ctrl-D does; Ctrl-C stops an answer",
)
_NEAREST = 3


def chat(library: str, model: str, conversation: str) -> bool:
    """Ask what is typed, or piped in line by line, until it ends; whether all could be answered."""
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    with asyncio.Runner() as runner:
        talk = Chat(runner, library, model)
        try:
            talk.open(conversation)
            return talk.run()
        finally:
            talk.close()


class Chat:
    """One session. Each answer is a run of its own, so that Ctrl-C ends it and nothing else."""

    def __init__(self, runner: asyncio.Runner, library: str, model: str) -> None:
        """Raises ConfigError."""
        self._runner = runner
        self._workspace = Workspace(config.load())
        self._library, self._model = library, model
        self._page = Page()
        self._conversation: Conversation | None = None
        self._answer: Mapping[str, Any] = {}
        self._typed = sys.stdin.isatty()

    def open(self, conversation: str) -> None:
        """Get ready; with the id of a conversation, to go on with it. Raises NotFoundError, RequestError."""
        if conversation:
            self._resume(self._runner.run(self._workspace.conversations.get(conversation)))
        self._engine = self._runner.run(self._workspace.engine(self._library, self._model))
        if self._typed:
            self._page.line(f"Ask library {self._engine.library}; /help shows what else you can type.", "dim")

    def close(self) -> None:
        """Let other processes have the library."""
        self._runner.run(self._workspace.close())

    def run(self) -> bool:
        """Until the input ends."""
        went_well = True
        if self._typed:
            with suppress(ImportError):
                import readline  # noqa: F401  # gives input() its line editing
        while (line := self._next_line()) is not None and line.strip() not in ("/quit", "/exit"):
            try:
                self._obey(line.strip())
            except ScholiastError as error:
                complain(str(error))
                went_well = False
            except KeyboardInterrupt:
                if not self._typed:
                    raise
                self._page.line("(stopped)", "dim")
        if self._typed and self._conversation:
            self._page.line(f"`scholiast chat --conversation {self._conversation.id}` goes on with this.", "dim")
        return went_well or self._typed

    def _next_line(self) -> str | None:
        if not self._typed:
            line = sys.stdin.readline()
            if line.strip():
                self._page.line(f"> {line.strip()}", "bold")
            return line or None
        while True:
            try:
                return input("> ")
            except EOFError:
                print()
                return None
            except KeyboardInterrupt:
                print()
                self._page.line("Ctrl-D or /quit leaves.", "dim")

    def _obey(self, line: str) -> None:
        command, _, rest = line.partition(" ")
        match command:
            case "":
                pass
            case "/help":
                for text in _HELP:
                    self._page.line(text)
            case "/new":
                self._conversation, self._answer = None, {}
                self._page.line("A new conversation.", "dim")
            case "/sources":
                self._sources()
            case "/good" | "/bad":
                self._judge("good" if command == "/good" else "bad", rest)
            case _ if line.startswith("/"):
                raise RequestError(f"there is no {command}; /help shows what there is")
            case _:
                self._runner.run(self._ask(line))

    async def _ask(self, question: str) -> None:
        if self._conversation is None:
            self._conversation = await self._workspace.conversations.begin(LOCAL, self._engine.library)
        events = self._workspace.conversations.ask(
            self._engine, self._conversation.id, question, door="terminal", caller=LOCAL
        )
        typewriter = StreamPrinter()
        async with aclosing(events):
            try:
                async for event in events:
                    if isinstance(event, Delta):
                        typewriter.write(event.text)
                    elif isinstance(event, Done):
                        self._answer = serialize.answer(event.answer)
            finally:
                typewriter.end()
        self._foot()

    def _foot(self) -> None:
        """The papers below an answer: those it cites, else the nearest; /sources shows the quotes."""
        if self._answer["notice"]:
            self._page.line(self._answer["notice"], "yellow")
        shown = self._answer["citations"] or self._answer["passages"][:_NEAREST]
        for line in dict.fromkeys(_titled(entry) for entry in sorted(shown, key=_number)):
            self._page.line(line, "dim")
        self._page.line()

    def _sources(self) -> None:
        if not self._answer:
            raise RequestError("nothing has been answered yet")
        if not self._answer["citations"]:
            self._page.line("The last answer cites nothing.")
        for _, cited in groupby(sorted(self._answer["citations"], key=_number), key=_number):
            entries = list(cited)
            self._page.line(_titled(entries[0]), "bold")
            if entries[0]["paper"]["url"]:
                self._page.line(f"  {entries[0]['paper']['url']}")
            for quote in dict.fromkeys(entry["quote"] for entry in entries):
                self._page.line(f"  “{' '.join(quote.split())}”", "italic")

    def _judge(self, verdict: FeedbackVerdict, comment: str) -> None:
        if not self._answer:
            raise RequestError("nothing has been answered yet")
        self._runner.run(self._workspace.answers.judge(self._answer["id"], LOCAL, verdict, comment))
        self._page.line("Noted; `scholiast feedback list` shows it.", "dim")

    def _resume(self, conversation: Conversation) -> None:
        if self._library and self._library != conversation.library:
            raise RequestError(f"conversation {conversation.id} is about library {conversation.library!r}")
        self._conversation, self._library = conversation, conversation.library
        self._page.line(conversation.title, "bold")
        for message in self._runner.run(self._workspace.conversations.messages(conversation.id))[-2:]:
            self._page.line(f"> {message.content}" if message.role == "user" else message.content)
            self._answer = message.answer or self._answer
        self._page.line()


def _number(entry: Mapping[str, Any]) -> int:
    return int(entry["number"])


def _titled(entry: Mapping[str, Any]) -> str:
    paper = entry["paper"]
    return f"[{entry['number']}] {paper['title']}" + (f" ({paper['year']})" if paper["year"] else "")
