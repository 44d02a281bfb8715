"""What the bot says besides answers. No message shows a path, a traceback or a token; those are for the log."""

from rag.errors import (
    BackendError,
    BusyError,
    LockedError,
    NotFoundError,
    RequestError,
    ScholiastError,
)
from service.slack.render import escape

STATUS = "is reading the abstracts…"
PLACEHOLDER = "_Reading the abstracts…_"
TOO_LATE = (
    "I'm sorry: I was interrupted before I could answer this, and it has been a while. Please ask again if you still"
    " want to know."
)
FEEDBACK_STORED = {"good": "Thank you, noted as helpful.", "bad": "Thank you, noted as not helpful. We'll look at it."}
FEEDBACK_FAILED = "I'm sorry: I couldn't note that just now. Please press again in a moment."
ANSWER_DELETED = "That answer is no longer kept, so I can't note what you think of it."
REFERENCES_NOT_STORED = "I'm sorry: I couldn't look them up just now. Please press again in a moment."
NO_REFERENCES = "That answer cites no papers."
NOT_STORED = "I'm sorry: I couldn't take your question in just now. Please ask again in a moment."

_INTERNAL = (
    "I'm sorry: something broke on my side. It is in my log as `{reference}`; my administrator can look it up there."
)
_UNREACHABLE = "I'm sorry: what I need to answer isn't reachable just now. Please ask again in a minute."
_MISCONFIGURED = (
    "I'm sorry: my setup has a fault, so I can't answer. My administrator can find it with `scholiast doctor`"
    " (`{reference}` in my log)."
)


def failure(error: Exception, reference: str) -> str:
    """What failed, and what to do. `reference` finds the error in the log."""
    match error:
        case RequestError():
            return f"I can't use that question: {escape(str(error))}."
        case NotFoundError():
            return f"I can't find that: {escape(str(error))}."
        case BusyError():
            return "I'm still busy with the last question of this thread. Please ask again in a moment."
        case LockedError():
            return "I'm sorry: the library is in use by another process just now. Please ask again in a minute."
        case BackendError(retryable=True):
            return _UNREACHABLE
        case ScholiastError():
            return _MISCONFIGURED.format(reference=reference)
        case _:
            return _INTERNAL.format(reference=reference)


def too_much(seconds: int) -> str:
    """For somebody who has reached a limit, which holds for so many seconds more."""
    wait = f"{seconds} seconds" if seconds < 120 else f"{seconds // 60} minutes" if seconds < 7200 else "some hours"
    return f"You have asked more than I may answer for one person just now. Please ask again in {wait}."


def no_library(name: str, existing: list[str]) -> str:
    """For a library that does not exist."""
    listed = ", ".join(f"`{escape(library)}`" for library in existing) or "none yet"
    return f"There is no library `{escape(name)}` here. There is {listed}."


def help_text(library: str, bot_id: str) -> str:
    """How to ask; `library` is the one that the channel asks, `bot_id` may be empty."""
    bot = f"<@{bot_id}>" if bot_id else "me"
    return (
        "I answer questions about scientific abstracts and show the words that support each sentence.\n"
        f"• Mention {bot} with a question, or write to me directly.\n"
        "• Follow up in the same thread; there is no need to mention me again.\n"
        "• `/ask` followed by a question works in any channel.\n"
        f"• Here I ask the library `{escape(library)}`; `library:NAME` in a question asks another one.\n"
        "• With `effort:deep` in a question I search in several ways and read more, if I have a chat model.\n"
        "• Press a button below an answer to say whether it helped."
    )


def cannot_post(channel: str, reason: str) -> str:
    """For the person who asked, when the answer can't be posted in the channel of the question."""
    return (
        f"I can't post my answer in <#{channel}>: Slack says `{escape(reason)}`. Invite me to the channel, or ask"
        " my administrator to check my permissions with `scholiast doctor`."
    )
