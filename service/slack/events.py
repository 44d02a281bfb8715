"""Parses what Slack sends: a message with its place, its question as plain text, a deletion, or nothing for the bot."""

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from rag.text.analysis import replace_surrogates
from rag.types import Effort
from rag.wording import is_between_people, without_politeness

Kind = Literal["mention", "direct", "follow_up", "command", "references"]

_SUBTYPES = {None, "file_share", "thread_broadcast"}
_OTHER_BOTS = "bot_message"
_SLACKBOT = "USLACKBOT"
_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|([^>]*))?>")
_SPECIAL = re.compile(r"<!(?:subteam\^\w+|date\^[^|>]*|([a-z]+))(?:\|([^>]*))?>")
_CHANNEL = re.compile(r"<#[A-Z0-9]+(?:\|([^>]*))?>")
_LINK = re.compile(r"<((?:https?|mailto|tel):[^|>]*)(?:\|([^>]*))?>")
_EMOJI = re.compile(r"(?<!\S)(?::(?:\+1|-1|[a-z][a-z0-9_+'-]*|skin-tone-\d):)+(?!\S)")
_DEEP = re.compile(r"(?<!\S)effort:deep(?!\S)")
_LIBRARY = re.compile(r"(?<!\S)library:(?:\"([^\"]*)\"|(\S+))")
_QUESTION_START = re.compile(
    r"(?:(?:ok(?:ay)?|great|thanks|so|and|but|well)[,.!]? )*(?:and|or|also|what|which|whose|who|whom|when|where|why|how"
    r"|does|do|did|is|are|was|were|has|can|could|should|would|will|any|compare|list|show|tell|explain|give|describe"
    r"|define|summari[sz]e|more)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an answer is posted. `thread` is empty where none has begun yet, as for a slash command."""

    team: str
    channel: str
    thread: str
    user: str
    user_team: str

    @property
    def direct(self) -> bool:
        """Whether it is a conversation between one person and the bot."""
        return self.channel.startswith("D")


@dataclass(frozen=True, kw_only=True)
class IncomingMessage:
    """A message that may be for the bot. `ts` identifies it within its channel; `me` is the bot's user id, if known.

    The text of a request for references is the id of the answer. `response_url` lets a slash command, or a button
    under its answer, be answered where the bot is no member; `under_mine` says that the thread began
    with a message of the bot's.
    """

    kind: Kind
    place: Place
    ts: str
    text: str
    me: str = ""
    response_url: str = ""
    under_mine: bool = False

    @property
    def key(self) -> str:
        """The same for every delivery of the message."""
        return f"{_prefix(self.place)}:{self.ts}"

    @property
    def thread_key(self) -> str:
        """The same for every message of the thread, and the key of its first; identifies the conversation too."""
        return f"{_prefix(self.place)}:{self.place.thread or self.ts}"

    def payload(self) -> dict[str, Any]:
        """The fields as JSON, for the job that stores the message."""
        return asdict(self)


def from_payload(payload: Mapping[str, Any]) -> IncomingMessage:
    """The message that a job stores."""
    return IncomingMessage(**{**payload, "place": Place(**payload["place"])})


def with_bot_id(incoming: IncomingMessage, bot_id: str) -> IncomingMessage:
    """The same message, now that the bot's user id is known."""
    return replace(incoming, me=bot_id)


def in_thread(place: Place, thread: str) -> Place:
    """The thread under a message of the same channel."""
    return replace(place, thread=thread)


def conversation_key(place: Place) -> str:
    """The key of a thread's conversation."""
    return f"{_prefix(place)}:{place.thread}"


def parse_message(body: Mapping[str, Any], bot_id: str = "") -> IncomingMessage | None:
    """The message of an `app_mention` or `message` event; None when it is not for the bot. `bot_id` is used if the
    event does not name the bot."""
    event = body["event"]
    me = _authorized_bot(body) or bot_id
    user, text = _text(event.get("user")), _text(event.get("text"))
    if event.get("subtype") not in _SUBTYPES or event.get("bot_id") or user in ("", me, _SLACKBOT):
        return None
    ts, thread, channel = _text(event.get("ts")), _text(event.get("thread_ts")), _text(event.get("channel"))
    kind = _kind(event, text, me)
    if kind is None or not (ts and channel):
        return None
    team = _text(body.get("team_id")) or _text(event.get("team"))
    user_team = _text(event.get("user_team")) or _text(event.get("team")) or team
    place = Place(team=team, channel=channel, thread=thread or ts, user=user, user_team=user_team)
    mine = bool(me) and event.get("parent_user_id") == me
    return IncomingMessage(kind=kind, place=place, ts=ts, text=text, me=me, under_mine=mine)


def deleted_key(body: Mapping[str, Any]) -> str:
    """The key of the message that a `message_deleted` event names; empty for any other event."""
    event = body["event"]
    if event.get("subtype") != "message_deleted":
        return ""
    return f"slack:{_text(body.get('team_id'))}:{_text(event.get('channel'))}:{_text(event.get('deleted_ts'))}"


def parse_command(body: Mapping[str, Any]) -> IncomingMessage:
    """The message of a slash command."""
    team = _text(body.get("team_id"))
    place = Place(team=team, channel=_text(body["channel_id"]), thread="", user=_text(body["user_id"]), user_team=team)
    return IncomingMessage(
        kind="command",
        place=place,
        ts=f"command-{_text(body.get('trigger_id'))}",
        text=_text(body.get("text")),
        response_url=_text(body.get("response_url")),
    )


def parse_references(body: Mapping[str, Any]) -> IncomingMessage:
    """The request of somebody who pressed the button for references: one for each answer, whoever presses it."""
    answer = _text(body["actions"][0].get("value"))
    ephemeral = (body.get("container") or {}).get("is_ephemeral")
    message, user = {} if ephemeral else body.get("message") or {}, body["user"]
    team = _text((body.get("team") or {}).get("id")) or _text(user.get("team_id"))
    return IncomingMessage(
        kind="references",
        place=Place(
            team=team,
            channel=_text((body.get("channel") or {}).get("id")),
            thread=_text(message.get("thread_ts")) or _text(message.get("ts")),
            user=_text(user["id"]),
            user_team=team,
        ),
        ts=f"references-{answer}",
        text=answer,
        response_url=_text(body.get("response_url")),
    )


def is_for_others(incoming: IncomingMessage) -> bool:
    """Whether a follow-up without a mention is not for the bot: it mentions somebody else first, is small talk, or is
    meant for other people by its words."""
    addressed = _MENTION.match(incoming.text.strip())
    if addressed and addressed[1] != incoming.me:
        return True
    return is_between_people(question(incoming)[0])


def reads_as_question(incoming: IncomingMessage) -> bool:
    """Whether a follow-up has a question mark or begins as a question does."""
    text = without_politeness(question(incoming)[0])
    return "?" in text or _QUESTION_START.match(text) is not None


def question(incoming: IncomingMessage) -> tuple[str, str]:
    """The question as plain text, and the library that it names; either may be empty."""
    text = _without_markup(incoming.text, incoming.me)
    named = _LIBRARY.search(text)
    library = html.unescape(named[1] if named and named[1] is not None else named[2]) if named else ""
    return _plain(_DEEP.sub("", _LIBRARY.sub("", text))), library


def effort(incoming: IncomingMessage) -> Effort:
    """How the answer is to be looked for: `effort:deep` in the message asks for a deep one."""
    return "deep" if _DEEP.search(incoming.text) else "quick"


def earlier_texts(messages: Iterable[Mapping[str, Any]], incoming: IncomingMessage) -> list[str]:
    """What others said in the thread after the bot's last message and before this one, as plain text, oldest first.

    Nothing while the bot's user id is unknown: then its words can't be told from theirs.
    """
    texts: list[str] = []
    earlier = [message for message in messages if _text(message.get("ts")) < incoming.ts]
    for message in sorted(earlier, key=lambda message: _text(message.get("ts"))):
        text = _text(message.get("text"))
        if message.get("user") == incoming.me:
            texts.clear()
        elif message.get("subtype") in _SUBTYPES | {_OTHER_BOTS} and not _mentions(text, incoming.me):
            texts.append(_plain(_without_markup(text, incoming.me)))
    return [text for text in texts if text] if incoming.me else []


def _kind(event: Mapping[str, Any], text: str, me: str) -> Kind | None:
    if event.get("type") == "app_mention":
        return "mention"
    if event.get("channel_type") == "im" or _text(event.get("channel")).startswith("D"):
        return "direct"
    if me and _mentions(text, me):
        return "mention"
    thread = event.get("thread_ts")
    return "follow_up" if thread and thread != event.get("ts") else None


def _mentions(text: str, me: str) -> bool:
    return any(found[1] == me for found in _MENTION.finditer(text))


def _without_markup(text: str, me: str) -> str:
    """With plain names in place of people and channels, and the label or the address in place of links."""
    text = _MENTION.sub(lambda found: _person(found, me), text)
    text = _SPECIAL.sub(lambda found: found[2] or (f"@{found[1]}" if found[1] else ""), text)
    text = _CHANNEL.sub(lambda found: f"#{found[1]}" if found[1] else "", text)
    return _LINK.sub(lambda found: found[2] or found[1], text)


def _plain(text: str) -> str:
    return re.sub(r"[ \t]+", " ", html.unescape(_EMOJI.sub("", text))).strip()


def _person(found: re.Match[str], me: str) -> str:
    """A person's name, or id if Slack sends no name; nothing for the bot, or for a bare id while the bot is unknown."""
    if found[1] == me or (not me and not found[2]):
        return " "
    return f"@{found[2] or found[1]}"


def _authorized_bot(body: Mapping[str, Any]) -> str:
    bots = [entry.get("user_id") for entry in body.get("authorizations") or () if entry.get("is_bot")]
    return _text(bots[0]) if bots else ""


def _prefix(place: Place) -> str:
    return f"slack:{place.team}:{place.channel}"


def _text(value: object) -> str:
    """Text that every database takes."""
    return replace_surrogates(value.replace("\0", "")) if isinstance(value, str) else ""
