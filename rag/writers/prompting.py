"""What a model is asked: few abstracts and their nearest sentences, or for a model that reads widely all that fit."""

from collections.abc import Sequence
from dataclasses import dataclass

import prompts
from rag import question as questions
from rag.errors import ConfigError
from rag.grounding import marks
from rag.protocols import Writer
from rag.text import tokens
from rag.types import Passage, Turn
from rag.writers import models, prompt_context
from rag.writers.client import ChatClient, Messages
from rag.writers.keys import CitationKeys
from rag.writers.reply_reader import ReplyReader

MAX_PROMPT_TOKENS = 32_000
"""About a hundred abstracts. More costs more, and what stands in the middle is overlooked (Liu et al., 2024)."""

_OTHER_TOKENIZERS = 0.85
"""Other models' tokens are not those that we count."""


@dataclass(frozen=True)
class Prompt:
    """The messages, what reads the reply to them, and how many of the abstracts are in them.

    `plain` asks the same of a model that does not reply by a schema; `version` changes with the words of the prompts.
    """

    messages: Messages
    plain: Messages
    reader: ReplyReader
    shown: int
    version: str


async def narrow(
    client: ChatClient, nearest: Writer, question: str, passages: Sequence[Passage], history: Sequence[Turn]
) -> Prompt:
    """For a small model or window: the abstracts near the best one, and the sentences that `nearest` picks of them.

    A small model overlooks what answers and is led astray by what does not; abstracts have numbers, which it can copy.
    Raises ConfigError.
    """
    system = prompts.render("answer.system")
    near = prompt_context.worth_showing(question, passages)
    tag = prompt_context.new_tag()
    picked = [piece async for piece in nearest.write(question, near, history) if isinstance(piece, str)]
    blanks = {
        "conversation": _earlier(history),
        "question": question,
        "nearest": prompt_context.excerpt("".join(picked), tag),
    }
    picked_from = {number for _, _, number in marks.places(blanks["nearest"])}
    frame = prompts.render("answer.user", abstracts="", **blanks)
    packed = prompt_context.pack(near, room(client) - tokens.count(system + frame), tag)
    if not packed.numbers:
        raise _no_room(client)
    user = prompts.render("answer.user", abstracts=packed.text, **blanks)
    numbers = sorted(picked_from.union(packed.numbers))
    version = prompts.version("answer.system", "answer.user")
    messages = [("system", system), ("user", user)]
    reader = ReplyReader(numbers, titles=_titles(near), in_list=_asks_for_list(question))
    return Prompt(messages, messages, reader, len(packed.numbers), version)


def wide(client: ChatClient, question: str, passages: Sequence[Passage], history: Sequence[Turn]) -> Prompt:
    """All abstracts that fit, the best first, each under a key.

    What is the same for all questions comes first, so that a provider's cache of prompts helps. Raises ConfigError.
    """
    forms = ("answer.wide.json", "answer.wide.text")
    system, plain = (prompts.render("answer.wide.system", form=prompts.render(form)) for form in forms)
    blanks = {"conversation": _earlier(history), "question": question}
    frame = tokens.count(system + prompts.render("answer.wide.user", abstracts="", **blanks))
    keys = CitationKeys(passages)
    packed = prompt_context.pack(passages, room(client) - frame, prompt_context.STABLE_TAG, keys)
    if not packed.numbers:
        raise _no_room(client)
    user = prompts.render("answer.wide.user", abstracts=packed.text, **blanks)
    shown = CitationKeys([passage for passage in passages if passage.number in packed.numbers])
    return Prompt(
        [("system", system), ("user", user)],
        [("system", plain), ("user", user)],
        ReplyReader(packed.numbers, shown, _titles(passages), in_list=_asks_for_list(question)),
        len(packed.numbers),
        prompts.version("answer.wide.system", "answer.wide.user", *forms),
    )


def room(client: ChatClient) -> int:
    """The tokens of a prompt, as we count them."""
    return min(MAX_PROMPT_TOKENS, int((client.window - models.reserved_tokens(client.window)) * _OTHER_TOKENIZERS))


def _titles(passages: Sequence[Passage]) -> dict[int, str]:
    """As the prompt has them."""
    return {passage.number: prompt_context.quoted(passage.paper.title) for passage in passages}


def _asks_for_list(question: str) -> bool:
    return questions.analyse(question).shape == "list"


def _earlier(history: Sequence[Turn]) -> str:
    conversation = prompt_context.conversation(history)
    return f"\nThe conversation before the question:\n{conversation}\n" if conversation else ""


def _no_room(client: ChatClient) -> ConfigError:
    return ConfigError(
        f"no sentence of an abstract fits into the {client.window:,} tokens of {client.name} beside the prompt "
        "and the question; set SCHOLIAST_MODEL_CONTEXT_TOKENS to the window that the model really has"
    )
