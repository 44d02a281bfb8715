"""Messages that carry the key of what they answer, so that one posted just before a crash is found again."""

from typing import Any

from service.slack.blocks import Block
from service.slack.client import SlackError, Web
from service.slack.events import Place
from service.slack.logging import log

_EVENT = "scholiast_answer"
_PAGE = 200


def metadata(key: str) -> dict[str, Any]:
    """What a message carries."""
    return {"event_type": _EVENT, "event_payload": {"job": key}}


async def post(web: Web, place: Place, text: str, shown: list[Block], key: str) -> str:
    """Post a message that carries a key; returns its timestamp. Raises SlackError."""
    said: dict[str, Any] = {"channel": place.channel, "text": text, "blocks": shown, "metadata": metadata(key)}
    if place.thread:
        said["thread_ts"] = place.thread
    posted = await web.call("chat.postMessage", again=False, **said, unfurl_links=False, unfurl_media=False)
    return str(posted["ts"])


async def posted(web: Web, place: Place, key: str, me: str) -> list[str]:
    """Our messages in a thread that answer this message, or may do so as they carry no key; oldest first.

    What is no message of a thread yet, as a slash command, is looked for in the channel by its key alone.
    """
    if not me:
        return []
    found: list[str] = []
    asked = _asked(place, key)
    method = "conversations.replies" if place.thread else "conversations.history"
    where = {"channel": place.channel, "oldest": asked, "limit": _PAGE, "include_all_metadata": "true"}
    where |= {"ts": place.thread} if place.thread else {}
    try:
        async for message in web.pages(method, **where):
            owner = (message.get("metadata") or {}).get("event_payload", {}).get("job", key if place.thread else "")
            if message.get("user") == me and owner == key and str(message["ts"]) > asked:
                found.append(str(message["ts"]))
    except SlackError as error:
        log.warning("what was posted for %s can't be looked for: %s", key, error)
    return sorted(found)


def _asked(place: Place, key: str) -> str:
    ts = key.rpartition(":")[2]
    return place.thread if ts.startswith("command-") else ts
