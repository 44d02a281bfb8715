"""Begins watches and runs them: what is new since the last run is fetched, matched, and stored as findings."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from time import time
from uuid import uuid4

from rag import connectors
from rag.config import MAILBOX
from rag.errors import RequestError, ScholiastError
from rag.history.conversations import LOCAL
from rag.history.schema import timestamp
from rag.library.library import Library
from rag.text.analysis import content_stems
from rag.watches import findings, relevance, store
from rag.watches.findings import Finding, StandingAnswer
from rag.watches.store import EMAIL, LEASE_SECONDS, PERIOD_SECONDS, SLACK, Watch
from rag.workspace import DEFAULT_LIBRARY, Workspace

FEED = "feed"
MAX_TEXT = 500
FETCHED_AT_ONCE = 500
"""How many works a run fetches at most, the most relevant first."""

_OVERLAP = timedelta(days=7)
"""Sources list a work some days after the date that they give it; one that is fetched again costs nothing."""

_CHANNEL = re.compile(r"[CGD][A-Z0-9]{2,20}")
_WORD = re.compile(r"[\w-]+")


@dataclass(frozen=True, kw_only=True)
class Run:
    """What became of one run: the findings, or why it failed; a watch that failed stays due."""

    watch: str
    found: tuple[Finding, ...] = ()
    error: str = ""


async def begin(
    workspace: Workspace,
    text: str,
    *,
    library: str = "",
    source: str = "",
    destination: str = FEED,
    owner: str = LOCAL,
) -> Watch:
    """Watch a subject, or a question, from now on: what is there already is not told.

    A question is asked at once, so that a later answer can be compared. Raises RequestError, and as `Workspace.ask`.
    """
    text = " ".join(text.split())
    _check(workspace, text, source, destination)
    opened = await (
        workspace.library(library or DEFAULT_LIBRARY, create=True) if source else workspace.library(library)
    )
    created = timestamp()
    watch = Watch(
        id=store.new_id(),
        owner=owner,
        text=text,
        library=opened.name,
        source=source,
        destination=destination,
        created=created,
        revision=await opened.revision(),
        fetched=created[:10],
        due=time(),
    )
    if is_question(text):
        watch = replace(watch, standing=await _ask(workspace, watch))
    await asyncio.to_thread(workspace.watches.add, watch)
    return watch


def is_question(text: str) -> bool:
    """Whether the watch asks something, so that its answer is followed: a text that ends with a question mark."""
    return text.endswith("?")


async def run_due(workspace: Workspace, owner: str | None = None) -> list[Run]:
    """Run every watch that is due, of one owner or of all. A watch that fails does not stop the others."""
    runs = []
    for id in await asyncio.to_thread(workspace.watches.due, owner):
        try:
            run = await _run(workspace, id, only_due=True)
        except ScholiastError as error:
            run = Run(watch=id, error=str(error))
        runs += [run] if run else []
    return runs


async def run_one(workspace: Workspace, id: str, owner: str | None = None) -> Run:
    """Run a watch, due or not. Raises NotFoundError, BusyError while it runs elsewhere, and what a fetch or an answer
    raises.
    """
    await asyncio.to_thread(workspace.watches.get, id, owner)
    run = await _run(workspace, id, only_due=False)
    if run is None:
        raise store.busy(id)
    return run


async def _run(workspace: Workspace, id: str, *, only_due: bool) -> Run | None:
    """None where another run holds the watch, or has just run it."""
    runner, started = uuid4().hex, datetime.now(UTC).date()
    async with _claimed(workspace, id, runner, only_due) as watch:
        if watch is None:
            return None
        if watch.source:
            await _fetch(workspace, watch)
        library = await workspace.library(watch.library)
        revision = await library.revision()
        # A library that was removed and made again counts its changes from the start.
        after = watch.revision if watch.revision <= revision else 0
        found: list[Finding] = []
        if after < revision:
            found += await _new_papers(workspace, watch, await library.added(after=after, upto=revision), library)
            if is_question(watch.text):
                answer = await _ask(workspace, watch)
                found += _change(watch.standing, answer)
                watch = replace(watch, standing=answer)
        reached = replace(watch, revision=revision, fetched=started.isoformat(), due=time() + PERIOD_SECONDS)
        stored = await asyncio.to_thread(workspace.watches.finish, reached, runner, found)
        return Run(watch=id, found=tuple(stored))


@asynccontextmanager
async def _claimed(workspace: Workspace, id: str, runner: str, only_due: bool) -> AsyncIterator[Watch | None]:
    """The watch for as long as the run takes; one that fails is given back at once."""
    watch = await asyncio.to_thread(lambda: workspace.watches.claim(id, runner, only_due=only_due))
    renewing = asyncio.create_task(_renew(workspace, id, runner))
    try:
        yield watch
    except BaseException:
        await asyncio.to_thread(workspace.watches.release, id, runner)
        raise
    finally:
        renewing.cancel()


async def _renew(workspace: Workspace, id: str, runner: str) -> None:
    while True:
        await asyncio.sleep(LEASE_SECONDS / 3)
        with suppress(ScholiastError):  # the lease may end; then the run stores nothing
            await asyncio.to_thread(workspace.watches.renew, id, runner)


async def _fetch(workspace: Workspace, watch: Watch) -> None:
    query = watch.text
    if is_question(query):  # a source looks for every word that it is given
        query = " ".join(word for word in _WORD.findall(query) if content_stems(word))
    since = date.fromisoformat(watch.fetched) - _OVERLAP
    await workspace.fetch(watch.source, query, since=since.isoformat(), limit=FETCHED_AT_ONCE, library=watch.library)


async def _new_papers(workspace: Workspace, watch: Watch, ids: Sequence[str], library: Library) -> list[Finding]:
    told = await asyncio.to_thread(workspace.watches.told, watch.id, ids)
    matches = await relevance.matching(library, watch.text, [id for id in ids if id not in told])
    return [
        Finding(
            id=findings.new_id(),
            paper=findings.reference(match.paper),
            sentence=match.sentence,
            relevance=match.relevance,
        )
        for match in matches
    ]


async def _ask(workspace: Workspace, watch: Watch) -> StandingAnswer:
    return StandingAnswer.of(await workspace.ask(watch.text, library=watch.library, door="watch", caller=watch.owner))


def _change(before: StandingAnswer | None, after: StandingAnswer) -> list[Finding]:
    if before is None or before.says_the_same(after):
        return []
    return [Finding(id=findings.new_id(), before=before, after=after)]


def _check(workspace: Workspace, text: str, source: str, destination: str) -> None:
    if not 0 < len(text) <= MAX_TEXT or not text.isprintable():
        raise RequestError(f"the text has {len(text):,} characters; give 1 to {MAX_TEXT} printable ones")
    if not content_stems(text):
        raise RequestError(f"{text!r} has no word that could be watched; name a subject, or ask a question")
    if source and source not in connectors.sources():
        raise RequestError(f"no source {source!r}; there is {', '.join(connectors.sources())}")
    if destination.startswith(SLACK):
        if not _CHANNEL.fullmatch(destination.removeprefix(SLACK)):
            raise RequestError(f"{destination!r} names no channel; write slack: and its id, such as slack:C0123456789")
        if not workspace.settings.slack_bot_token.get_secret_value():
            raise RequestError(f"{destination!r} needs Slack; set SCHOLIAST_SLACK_BOT_TOKEN, or use {FEED!r}")
    elif destination.startswith(EMAIL):
        if not MAILBOX.fullmatch(destination.removeprefix(EMAIL)):
            raise RequestError(f"{destination!r} names no address; write email: and one, such as email:me@example.org")
        if not (workspace.settings.smtp_url.get_secret_value() and workspace.settings.smtp_from):
            raise RequestError(f"{destination!r} needs SCHOLIAST_SMTP_URL and SCHOLIAST_SMTP_FROM, or use {FEED!r}")
    elif destination != FEED:
        raise RequestError(f"can't tell {destination!r}; there is {FEED!r}, 'slack:CHANNEL' and 'email:ADDRESS'")
