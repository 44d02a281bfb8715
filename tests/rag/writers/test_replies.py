"""Some 230 replies of models: all of an answer and nothing else is shown, whatever it comes in, however it is cut."""

import json
import random
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import respx

from rag.types import Answer
from rag.writers import chat
from rag.writers.extractive import ExtractiveWriter
from tests.support.answers import CLAIM, QUESTION, engine
from tests.support.passages import Flat
from tests.support.wire import BASE_URL, URL, router, said

__all__ = ["router"]

REPLIES = tomllib.loads((Path(__file__).parent / "replies.toml").read_text("utf-8"))
TEA_CLAIM = "Green tea calms the guests of a ceremony within 20 minutes"
FINISH = {"cut_off": "length", "filtered": "content_filter"}
WINDOWS = {"numbers": 8_192, "keys": 64_000}


def cases(kind: str = "") -> Iterator[tuple[str, str, str | None]]:
    """How the prompt names abstracts, the reply, and the text that is shown of it; None where it declines."""
    for name, replies in REPLIES.items():
        for reply, *more in replies if kind in ("", name) else ():
            for naming in more[1:] or WINDOWS:
                yield naming, reply, more[0] if more else None


def names(request: httpx.Request) -> list[str]:
    """The keys or numbers of the abstracts in a prompt."""
    prompt: str = json.loads(request.content)["messages"][1]["content"]
    return re.findall(r'(?:key|number)="(\w+)">', prompt)


def filled(text: str, names: list[str]) -> str:
    one, two = (*names, "0", "0")[:2]
    text = text.replace("\\n", "\n")  # in the literal strings of TOML
    return text.replace("{1}", one).replace("{2}", two).replace("{C}", CLAIM).replace("{T}", TEA_CLAIM)


def pieces(text: str, longest: int) -> list[str]:
    """The text cut at random, the same places every time."""
    rest, cut, chance = text, [], random.Random(text)
    while rest:
        length = chance.randint(1, longest)
        cut.append(rest[:length])
        rest = rest[length:]
    return cut


async def answered(router: respx.MockRouter, naming: str, reply: str, longest: int = 7, finish: str = "stop") -> Answer:
    def respond(request: httpx.Request) -> httpx.Response:
        return said(*pieces(filled(reply, names(request)), longest), finish=finish)

    router.post(URL).mock(side_effect=respond)
    writer = chat.writer("openai:m", ExtractiveWriter(Flat()), BASE_URL, WINDOWS[naming], 5.0)
    return await engine(writer).ask(QUESTION)


def check(answer: Answer, shown: str | None) -> None:
    if shown is None:
        assert (answer.outcome, answer.citations) == ("not_in_abstracts", ())
        return
    assert answer.text == filled(shown, [])
    assert set(re.findall(r"\[(\d+)\]", answer.text)) <= {"1", "2"}
    assert answer.citations and all(c.paper.abstract[c.start : c.end] == c.quote for c in answer.citations)


def test_there_are_enough_of_them() -> None:
    assert sum(map(len, REPLIES.values())) >= 200


@pytest.mark.parametrize("longest", [100_000, 7], ids=["whole", "cut"])
@pytest.mark.parametrize("kind", REPLIES)
async def test_of_a_reply_the_answer_and_nothing_else_is_shown(
    kind: str, longest: int, router: respx.MockRouter
) -> None:
    for naming, reply, shown in cases(kind):
        found = await answered(router, naming, reply, longest, FINISH.get(kind, "stop"))
        try:
            check(found, shown)
            assert kind not in FINISH or found.outcome == "partial"
        except AssertionError as error:
            raise AssertionError(f"{naming}: {reply!r} became {found.text!r} ({found.outcome})") from error
