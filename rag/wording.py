"""The wording around a question: politeness is taken off, small talk and requests of chat interfaces are recognised."""

from typing import Literal

from rag.text.vocabulary import pattern

SmallTalk = Literal["chat_task", "about_me", "thanks", "farewell", "greeting", "acknowledgement"]

_REPLIES: dict[SmallTalk, str] = {
    "chat_task": "I only answer questions about the papers of this library; I write no titles, tags or suggestions.",
    "about_me": "I answer questions about the papers of this library from their abstracts, and show the words that "
    "support each sentence. Ask me one.",
    "thanks": "You're welcome.",
    "farewell": "Goodbye.",
    "greeting": "Hello! Ask me something about the papers of this library.",
    "acknowledgement": "All right. Ask me more about the papers of this library whenever you like.",
}


def small_talk(text: str) -> SmallTalk | None:
    """What kind of small talk a message is if it is nothing else; None for a question."""
    if pattern("small_talk.chat_task").search(text):
        return "chat_task"
    if not any(c.isalnum() or c == "?" for c in text):
        return "acknowledgement"  # emoji
    if not pattern("small_talk.only").search(text):
        return None
    kinds: tuple[SmallTalk, ...] = ("about_me", "thanks", "farewell", "greeting", "acknowledgement")
    return next((kind for kind in kinds if pattern(f"small_talk.{kind}").search(text)), None)


def reply(kind: SmallTalk) -> str:
    """A plain sentence in kind, without a paper."""
    return _REPLIES[kind]


def without_politeness(question: str) -> str:
    """The question without greetings before it, "could you please tell me", and thanks after it.

    As it is where nothing would be left.
    """
    bare = pattern("wording.ending").sub("", question)
    bare = pattern("wording.opening").sub("", bare).strip()
    return bare if any(c.isalnum() for c in bare) else question


def is_between_people(text: str) -> bool:
    """Whether a message that does not name the bot is plainly meant for other people."""
    return small_talk(text) is not None or pattern("small_talk.between_people").search(text) is not None
