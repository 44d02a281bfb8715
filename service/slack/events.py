"""What Slack sends, read: a question with its place, a deletion, or nothing that concerns us. Nothing here waits."""

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from rag.text.analysis import replace_surrogates

Kind = Literal["mention", "direct", "follow_up", "command"]

_SPOKEN = {None, "file_share", "thread_broadcast"}
_SPOKEN_BY_OTHER_BOTS = "bot_message"
_SLACKBOT = "USLACKBOT"
_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|([^>]*))?>")
_CALL = re.compile(r"<!(?:subteam\^\w+|date\^[^|>]*|([a-z]+))(?:\|([^>]*))?>")
_CHANNEL = re.compile(r"<#[A-Z0-9]+(?:\|([^>]*))?>")
_LINK = re.compile(r"<((?:https?|mailto|tel):[^|>]*)(?:\|([^>]*))?>")
_EMOJI = re.compile(r"(?<!\S)(?::(?:\+1|-1|[a-z][a-z0-9_+'-]*|skin-tone-\d):)+(?!\S)")
_LIBRARY = re.compile(r"(?<!\S)library:(?:\"([^\"]*)\"|(\S+))")
_SMALL_TALK = re.compile(
    r"(?:(?:many |ok,? )?thanks?(?: you)?(?: a lot| so much| all)?|thx|ty|ok(?:ay)?|great|cool|nice|perfect|got it|lol"
    r"|cheers|\+1|[\W_])*",
    re.IGNORECASE,
)
_CONTINUES = re.compile(
    r"(?:and|but|what|which|who|when|where|why|how|does|do|did|is|are|was|can|could|any|compare|list|show|tell|explain)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an answer belongs. An empty `thread` is one that has still to be begun, as for a slash command."""

    team: str
    channel: str
    thread: str
    user: str
    user_team: str

    @property
    def direct(self) -> bool:
        """A conversation between one person and the bot."""
        return self.channel.startswith("D")


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A message that may be for the bot. `ts` names it within its channel, `me` is the bot, if known.

    `response_url` lets a slash command be answered where the bot is no member; `under_mine` says that the thread began
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
        """The same for every message of the thread, and the key of its first; conversations are filed under it."""
        return f"{_prefix(self.place)}:{self.place.thread or self.ts}"

    def payload(self) -> dict[str, Any]:
        """As it is kept until it is answered."""
        return asdict(self)


def from_payload(payload: Mapping[str, Any]) -> Incoming:
    """What was kept."""
    return Incoming(**{**payload, "place": Place(**payload["place"])})


def known(incoming: Incoming, me: str) -> Incoming:
    """The same message, now that we know who the bot is."""
    return replace(incoming, me=me)


def under(place: Place, thread: str) -> Place:
    """The thread below a message of the same channel."""
    return replace(place, thread=thread)


def conversation_key(place: Place) -> str:
    """What a thread's conversation is filed under."""
    return f"{_prefix(place)}:{place.thread}"


def message(body: Mapping[str, Any], me: str = "") -> Incoming | None:
    """What an `app_mention` or `message` event asks of us; None when that is nothing. `me` is the bot, if known."""
    event = body["event"]
    me = _bot(body) or me
    user, text = _text(event.get("user")), _text(event.get("text"))
    if event.get("subtype") not in _SPOKEN or event.get("bot_id") or user in ("", me, _SLACKBOT):
        return None
    ts, thread, channel = _text(event.get("ts")), _text(event.get("thread_ts")), _text(event.get("channel"))
    kind = _kind(event, text, me)
    if kind is None or not (ts and channel):
        return None
    team = _text(body.get("team_id")) or _text(event.get("team"))
    user_team = _text(event.get("user_team")) or _text(event.get("team")) or team
    place = Place(team=team, channel=channel, thread=thread or ts, user=user, user_team=user_team)
    mine = bool(me) and event.get("parent_user_id") == me
    return Incoming(kind=kind, place=place, ts=ts, text=text, me=me, under_mine=mine)


def deleted(body: Mapping[str, Any]) -> str:
    """The key of the message that a `message_deleted` event takes away; empty for any other event."""
    event = body["event"]
    if event.get("subtype") != "message_deleted":
        return ""
    return f"slack:{_text(body.get('team_id'))}:{_text(event.get('channel'))}:{_text(event.get('deleted_ts'))}"


def command(body: Mapping[str, Any]) -> Incoming:
    """What a slash command asks."""
    team = _text(body.get("team_id"))
    place = Place(team=team, channel=_text(body["channel_id"]), thread="", user=_text(body["user_id"]), user_team=team)
    return Incoming(
        kind="command",
        place=place,
        ts=f"command-{_text(body.get('trigger_id'))}",
        text=_text(body.get("text")),
        response_url=_text(body.get("response_url")),
    )


def for_others(incoming: Incoming) -> bool:
    """Whether a follow-up without a mention is plainly not for the bot: it calls somebody else, or only says thanks."""
    addressed = _MENTION.match(incoming.text.strip())
    if addressed and addressed[1] != incoming.me:
        return True
    return _SMALL_TALK.fullmatch(question(incoming)[0]) is not None


def continues(incoming: Incoming) -> bool:
    """Whether a follow-up reads as a question although it has no question mark."""
    return _CONTINUES.match(question(incoming)[0]) is not None


def question(incoming: Incoming) -> tuple[str, str]:
    """The question as plain text, and the library that it names; either may be empty."""
    text = _without_links(incoming.text, incoming.me)
    named = _LIBRARY.search(text)
    library = html.unescape(named[1] if named and named[1] is not None else named[2]) if named else ""
    return _plain(_LIBRARY.sub("", text)), library


def talk(messages: Iterable[Mapping[str, Any]], incoming: Incoming) -> list[str]:
    """What others said in the thread since the bot last spoke and before it was asked, as plain text, oldest first.

    Nothing while it is not known who the bot is: then its words can't be told from theirs.
    """
    said: list[str] = []
    earlier = [message for message in messages if _text(message.get("ts")) < incoming.ts]
    for message in sorted(earlier, key=lambda message: _text(message.get("ts"))):
        text = _text(message.get("text"))
        if message.get("user") == incoming.me:
            said.clear()
        elif message.get("subtype") in _SPOKEN | {_SPOKEN_BY_OTHER_BOTS} and not _calls(text, incoming.me):
            said.append(_plain(_without_links(text, incoming.me)))
    return [text for text in said if text] if incoming.me else []


def _kind(event: Mapping[str, Any], text: str, me: str) -> Kind | None:
    if event.get("type") == "app_mention":
        return "mention"
    if event.get("channel_type") == "im" or _text(event.get("channel")).startswith("D"):
        return "direct"
    if me and _calls(text, me):
        return "mention"
    thread = event.get("thread_ts")
    return "follow_up" if thread and thread != event.get("ts") else None


def _calls(text: str, me: str) -> bool:
    return any(found[1] == me for found in _MENTION.finditer(text))


def _without_links(text: str, me: str) -> str:
    """With the names of people and channels, and the words or addresses of links, in their place."""
    text = _MENTION.sub(lambda found: _named(found, me), text)
    text = _CALL.sub(lambda found: found[2] or (f"@{found[1]}" if found[1] else ""), text)
    text = _CHANNEL.sub(lambda found: f"#{found[1]}" if found[1] else "", text)
    return _LINK.sub(lambda found: found[2] or found[1], text)


def _plain(text: str) -> str:
    return re.sub(r"[ \t]+", " ", html.unescape(_EMOJI.sub("", text))).strip()


def _named(found: re.Match[str], me: str) -> str:
    """Other people stay in the text, by name if Slack tells it; the bot does not, unless nobody knows who it is."""
    if found[1] == me or (not me and not found[2]):
        return " "
    return f"@{found[2] or found[1]}"


def _bot(body: Mapping[str, Any]) -> str:
    bots = [entry.get("user_id") for entry in body.get("authorizations") or () if entry.get("is_bot")]
    return _text(bots[0]) if bots else ""


def _prefix(place: Place) -> str:
    return f"slack:{place.team}:{place.channel}"


def _text(value: object) -> str:
    """Text that every database takes."""
    return replace_surrogates(value.replace("\0", "")) if isinstance(value, str) else ""
