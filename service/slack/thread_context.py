"""What people said in a thread before the bot was asked in it: "and its compression factor?" leans on that."""

import asyncio

from rag import condense
from rag.types import Turn
from service.slack import events
from service.slack.client import SlackError, Web
from service.slack.events import Incoming
from service.slack.logging import log

_SECONDS = 3.0
_AT_ONCE = 999  # the most that Slack allows: nearly every thread is one call
_MESSAGES = 4
_CHARACTERS = 1_000


async def overheard(web: Web, incoming: Incoming, question: str) -> tuple[Turn, ...]:
    """Their last messages since the bot last spoke, oldest first, if the words of the question point back.

    Any other question is searched for better without what people happened to say. None, too, when Slack does not tell
    in time: an answer without them is better than no answer.
    """
    place = incoming.place
    if place.direct or place.thread in ("", incoming.ts) or not condense.is_anaphoric(question):
        return ()
    where = {"channel": place.channel, "ts": place.thread, "latest": incoming.ts, "limit": _AT_ONCE}
    try:
        async with asyncio.timeout(_SECONDS):
            said = [message async for message in web.pages("conversations.replies", **where)]
    except (SlackError, TimeoutError) as error:
        log.info("what was said before %s can't be read: %s", incoming.key, error or "it takes too long")
        return ()
    talk = events.talk(said, incoming)[-_MESSAGES:]
    return tuple(Turn(role="user", content=text[:_CHARACTERS]) for text in talk)
