"""`scholiast chat`: a conversation in the terminal, streamed and stored. Ctrl-C stops an answer, Ctrl-D leaves."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import Any

from rag import serialize
from rag.errors import RequestError, ScholiastError
from rag.history.answers import FeedbackVerdict
from rag.history.conversations import LOCAL, Conversation
from rag.types import PaperReference
from service.cli.output import print_error
from service.cli.running import BackgroundLoop
from service.cli.streaming import StreamPrinter
from service.cli.terminal import MORE, NEAREST, NEAREST_STATEMENTS, Page
from service.owner.client import Owner
from service.owner.operations import Operations

_HELP = (
    "/sources   the quotes that support the last answer",
    "/new       another conversation, without the history of this one",
    "/good, /bad [COMMENT]   what you think of the last answer",
    "/quit      leave, as Ctrl-D does; Ctrl-C stops an answer",
)


def chat(library: str, model: str, conversation: str) -> bool:
    """Answer questions, typed or piped in one a line, until the input ends; True if none failed, or they were typed."""
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    with BackgroundLoop() as loop:
        session = Chat(loop, library, model)
        try:
            session.open(conversation)
            return session.run()
        finally:
            session.close()


class Chat:
    """One session. Ctrl-C stops an answer and nothing else; while a line is awaited, other processes are served."""

    def __init__(self, loop: BackgroundLoop, library: str, model: str) -> None:
        """Raises ConfigError."""
        self._loop = loop
        self._owner = Owner()
        self._conversations, self._answers = self._owner.workspace.conversations, self._owner.workspace.answers
        self._library, self._model = library, model
        self._page = Page()
        self._conversation: Conversation | None = None
        self._answer: Mapping[str, Any] = {}
        self._interactive = sys.stdin.isatty()

    def open(self, conversation: str) -> None:
        """Open the library; with the id of a conversation, resume it. Raises NotFoundError, RequestError."""
        self._loop.run(self._owner.__aenter__())
        if conversation:
            self._resume(self._loop.run(self._conversations.get(conversation)))
        self._library = self._loop.run(self._owner.run(Operations.library, name=self._library, model=self._model))
        if self._interactive:
            self._page.line(f"Ask library {self._library}; /help shows what else you can type.", "dim")

    def close(self) -> None:
        """Release the library for other processes."""
        self._loop.run(self._owner.__aexit__(None, None, None))

    def run(self) -> bool:
        """Answer until the input ends; True if no line failed, or they were typed."""
        succeeded = True
        if self._interactive:
            with suppress(ImportError):
                import readline  # noqa: F401  # gives input() its line editing
        while (line := self._next_line()) is not None and line.strip() not in ("/quit", "/exit"):
            try:
                self._execute(line.strip())
            except ScholiastError as error:
                print_error(str(error))
                succeeded = False
            except KeyboardInterrupt:
                if not self._interactive:
                    raise
                self._page.line("(stopped)", "dim")
        if self._interactive and self._conversation:
            self._page.line(f"`scholiast chat --conversation {self._conversation.id}` goes on with this.", "dim")
        return succeeded or self._interactive

    def _next_line(self) -> str | None:
        if not self._interactive:
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

    def _execute(self, line: str) -> None:
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
                self._print_sources()
            case "/good" | "/bad":
                self._give_feedback("good" if command == "/good" else "bad", rest)
            case _ if line.startswith("/"):
                raise RequestError(f"there is no {command}; /help shows what there is")
            case _:
                self._loop.run(self._ask(line))

    async def _ask(self, question: str) -> None:
        if self._conversation is None:
            self._conversation = await self._conversations.begin(LOCAL, self._library)
        printer = StreamPrinter()
        try:
            answer = await self._owner.run(
                Operations.converse,
                conversation=self._conversation.id,
                question=question,
                library=self._library,
                model=self._model,
                on_text=printer.write,
            )
        finally:
            printer.end()
        self._answer = serialize.answer(answer)
        self._print_papers()

    def _print_papers(self) -> None:
        """Print the notice, what is contradicted, and the papers: those that the answer cites, else the nearest."""
        if self._answer["notice"]:
            self._page.line(self._answer["notice"], "yellow")
        sentences = self._answer["sentences"]
        self._page.contradicted((s["text"], s["reason"]) for s in sentences if s["support"] == "contradicted")
        entries = self._cited() or self._answer["passages"][:NEAREST]
        lines = {_title_line(entry): entry["paper"]["url"] for entry in sorted(entries, key=_number)}
        for line, url in lines.items():
            self._page.line(line, "dim", url)
        if self._more and not self._answer["citations"]:
            self._page.line(NEAREST_STATEMENTS, "dim")
            self._print_more()
        self._page.line()

    @property
    def _more(self) -> Sequence[Mapping[str, Any]]:
        """An answer that an earlier version stored has none."""
        more: Sequence[Mapping[str, Any]] = self._answer.get("more", ())
        return more

    def _cited(self) -> list[dict[str, Any]]:
        """The passages that the sentences cite."""
        numbers = {number for sentence in self._answer["sentences"] for number in sentence["citations"]}
        return [passage for passage in self._answer["passages"] if passage["number"] in numbers]

    def _print_more(self) -> None:
        for statement in self._more:
            marks = "".join(f"[{number}]" for number in statement["citations"])
            self._page.line(f"- {statement['text']} {marks}", "dim")

    def _print_sources(self) -> None:
        if not self._answer:
            raise RequestError("nothing has been answered yet")
        if not self._cited():
            self._page.line("The last answer cites nothing.")
        for passage in sorted(self._cited(), key=_number):
            self._page.line(_title_line(passage), "bold", passage["paper"]["url"])
            self._page.url(passage["paper"]["url"], indent=2)
            cited = [entry for entry in self._answer["citations"] if _number(entry) == _number(passage)]
            for quote in dict.fromkeys(entry["quote"] for entry in cited):
                self._page.line(f"  “{' '.join(quote.split())}”", "italic")
        if self._more:
            self._page.line(MORE if self._answer["citations"] else NEAREST_STATEMENTS, "bold")
            self._print_more()

    def _give_feedback(self, verdict: FeedbackVerdict, comment: str) -> None:
        if not self._answer:
            raise RequestError("nothing has been answered yet")
        self._loop.run(self._answers.judge(self._answer["id"], LOCAL, verdict, comment))
        self._page.line("Noted; `scholiast feedback list` shows it.", "dim")

    def _resume(self, conversation: Conversation) -> None:
        if self._library and self._library != conversation.library:
            raise RequestError(f"conversation {conversation.id} is about library {conversation.library!r}")
        self._conversation, self._library = conversation, conversation.library
        self._page.line(conversation.title, "bold")
        for message in self._loop.run(self._conversations.messages(conversation.id))[-2:]:
            self._page.line(f"> {message.content}" if message.role == "user" else message.content)
            self._answer = message.answer or self._answer
        self._page.line()


def _number(entry: Mapping[str, Any]) -> int:
    return int(entry["number"])


def _title_line(entry: Mapping[str, Any]) -> str:
    paper = PaperReference(**entry["paper"])
    return f"[{entry['number']}] {paper.title}{paper.suffix}"
