"""What `scholiast answers`, `history` and `feedback` do. They read the database alone, whoever owns the libraries."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import asdict

from rag import config, references, serialize
from rag.database import Database
from rag.history.answers import Answers
from rag.history.archive import Archive
from rag.history.conversations import LOCAL, Conversation, Conversations, Message
from rag.workspace import open_bibliography, open_database
from service.cli.output import print_file, print_json, to_json
from service.cli.references import check_output
from service.cli.terminal import Page

_CONVERSATION = "conv_"
_FIRST_LINE = 160


async def answers_list(words: str, library: str, limit: int, json: bool, pager: bool) -> bool:
    """List the answers of the user of this machine."""
    async with _database() as database:
        found, total = await Archive(database).answers(LOCAL, words, library, 0, limit)
    if json:
        print_json({"total": total, "offset": 0, "limit": limit, "answers": [asdict(one) for one in found]})
        return True
    with Page.paged(pager) as page:
        for one in found:
            page.entry(one.id, f"{one.created[:10]}  {one.question}", _opening(one.text))
        page.line(_counted(len(found), total, "answer"), "dim")
    return True


async def answers_show(id: str, output: str) -> bool:
    """Show a stored answer; `output` as for `ask`."""
    check_output(output)
    with closing(open_bibliography(config.load())) as bibliography:
        answer, papers = await bibliography.answer(id)
    if output == "json":
        print_json(serialize.answer(answer))
    elif output not in ("", "plain"):
        print_file(references.write_answer(answer, papers, output))
    else:
        page = Page(plain=output == "plain")
        page.line(f"> {answer.question}", "bold")
        page.line()
        page.answer(answer)
    return True


async def history(what: str, limit: int, json: bool, pager: bool) -> bool:
    """List conversations, or show the messages of one."""
    async with _database() as database:
        conversations = Conversations(database)
        if what.startswith(_CONVERSATION):
            one = await conversations.get(what)
            _show(one, await conversations.messages(what), json, pager)
            return True
        found, total = await conversations.page(LOCAL, 0, limit, what)
    if json:
        print_json({"total": total, "offset": 0, "limit": limit, "conversations": [asdict(one) for one in found]})
        return True
    with Page.paged(pager) as page:
        for one in found:
            page.entry(one.id, f"{one.updated[:10]}  {one.title or '(nothing asked yet)'}")
        page.line(_counted(len(found), total, "conversation"), "dim")
    return True


async def feedback_list(json: bool, pager: bool) -> bool:
    """List the feedback on answers; as JSON one object a line, which `scholiast eval` reads as questions."""
    with closing(Answers(open_database(config.load()))) as answers:
        feedback = await answers.feedback()
    if json:
        for entry in feedback:
            print(to_json(entry))
        return True
    with Page.paged(pager) as page:
        for entry in feedback:
            comment = f" ({entry['comment']})" if entry["comment"] else ""
            page.line(f"{entry['created'][:10]}  {entry['verdict']:<4}  {entry['question']}{comment}")
        if not feedback:
            page.line("There is no feedback yet.", "dim")
    return True


def _show(conversation: Conversation, messages: list[Message], json: bool, pager: bool) -> None:
    if json:
        print_json({**asdict(conversation), "messages": [asdict(message) for message in messages]})
        return
    with Page.paged(pager) as page:
        page.line(conversation.title, "bold")
        for message in messages:
            page.line()
            page.line(f"> {message.content}" if message.role == "user" else message.content)
            if message.error:
                page.line(f"not answered: {message.error}", "yellow")
            if message.answer:
                page.line(f"{message.answer['id']}", "dim")
        page.line()
        page.line(f"`scholiast chat --conversation {conversation.id}` goes on with this.", "dim")


def _opening(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= _FIRST_LINE else f"{line[:_FIRST_LINE].rsplit(' ', 1)[0]} …"


def _counted(shown: int, total: int, noun: str) -> str:
    if not total:
        return f"No {noun} yet."
    return f"{shown:,} of {total:,} {noun}s" if shown < total else f"{total:,} {noun}{'s' if total > 1 else ''}"


@asynccontextmanager
async def _database() -> AsyncIterator[Database]:
    database = open_database(config.load())
    try:
        yield database
    finally:
        await asyncio.to_thread(database.close)
