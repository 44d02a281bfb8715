"""What the bot says besides answers. No message shows a path, a trace or a token; those are for the log."""

from rag.errors import (
    BackendError,
    BusyError,
    ConfigError,
    LibraryError,
    LockedError,
    NotFoundError,
    RequestError,
    ScholiastError,
)
from service.slack.render import escape

WORKING = "is reading the abstracts…"
WAITING = "_Reading the abstracts…_"
TOO_LATE = (
    "I'm sorry: I was interrupted before I could answer this, and it has been a while. Please ask again if you still"
    " want to know."
)
NOTED = {"good": "Thank you, noted as helpful.", "bad": "Thank you, noted as not helpful. We'll look at it."}
NOT_TAKEN = "I'm sorry: I couldn't take your question in just now. Please ask again in a moment."
FORGOTTEN = "That answer is no longer kept, so I can't note what you think of it."
NOT_NOTED = "I'm sorry: I couldn't note that just now. Please press again in a moment."

_OURS = "I'm sorry: something broke on my side. It is in my log as `{reference}`; whoever runs me can look it up there."
_DOWN = "I'm sorry: what I need to answer isn't reachable just now. Please ask again in a minute."
_SETUP = (
    "I'm sorry: my setup has a fault, so I can't answer. Whoever runs me can find it with `scholiast doctor`"
    " (`{reference}` in my log)."
)


def failure(error: Exception, reference: str) -> str:
    """An honest sentence about a failure, and what to do. `reference` leads to the log."""
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
            return _DOWN
        case BackendError() | LibraryError() | ConfigError() | ScholiastError():
            return _SETUP.format(reference=reference)
        case _:
            return _OURS.format(reference=reference)


def no_library(name: str, there: list[str]) -> str:
    """For a library that does not exist."""
    known = ", ".join(f"`{escape(one)}`" for one in there) or "none yet"
    return f"There is no library `{escape(name)}` here. There is {known}."


def help_text(library: str, me: str) -> str:
    """How to ask."""
    call = f"<@{me}>" if me else "me"
    return (
        "I answer questions about scientific abstracts and show the words that each sentence rests on.\n"
        f"• Mention {call} with a question, or write to me directly.\n"
        "• Follow up in the same thread; there is no need to mention me again.\n"
        "• `/ask` followed by a question works in any channel.\n"
        f"• Here I ask the library `{escape(library)}`; `library:NAME` in a question asks another one.\n"
        "• Press a button below an answer to say whether it helped."
    )


def unpostable(channel: str, reason: str) -> str:
    """For the person who asked, when the answer can't be shown where the question stands."""
    return (
        f"I can't post my answer in <#{channel}>: Slack says `{escape(reason)}`. Invite me to the channel, or ask"
        " whoever runs me to check my permissions with `scholiast doctor`."
    )
