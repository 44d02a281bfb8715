"""A configured model verifies a whole answer in one call; where it fails, the lexical verdicts stay, and say so."""

from dataclasses import replace

import httpx
import pytest
import respx

from rag import model_verifier
from rag.engine import Engine
from rag.engines import make_engine
from rag.types import Answer
from rag.workspace import open_library
from tests.conftest import settings
from tests.support.answers import CLAIM, QUESTION, Says, engine
from tests.support.command import words
from tests.support.wire import BASE_URL, URL, failed, router

__all__ = ["router"]

TEXT = f"{CLAIM} [1]. Green tea calms the guests of a ceremony [2]."


def verified(text: str = TEXT) -> Engine:
    reviewer = model_verifier.verifier("openai:checker", BASE_URL, 5.0)
    return replace(engine(Says(text)), reviewer=reviewer)


def reply(content: str) -> httpx.Response:
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 90, "completion_tokens": 12, "total_tokens": 102}
    return httpx.Response(200, json={"id": "1", "object": "chat.completion", "created": 1, "model": "checker",
                                     "choices": [choice], "usage": usage})  # fmt: skip


async def test_one_call_gives_the_verdicts_and_they_are_marked_as_the_models(router: respx.MockRouter) -> None:
    router.post(URL).mock(return_value=reply('{"1": "contradicted", "2": "supported"}'))
    answer = await verified().ask(QUESTION)
    assert [(s.support, s.reason) for s in answer.sentences] == [
        ("contradicted", "by openai:checker"), ("supported", "by openai:checker")]  # fmt: skip
    assert (router.calls.call_count, answer.usage.prompt_tokens, answer.outcome) == (1, 90, "partial")
    prompt = router.calls[0].request.content.decode()
    assert "34%" in prompt and "by 34% in a trial" in prompt


async def test_an_answer_of_which_nothing_holds_is_partial_at_best(router: respx.MockRouter) -> None:
    router.post(URL).mock(return_value=reply('{"1": "contradicted", "2": "unsupported"}'))
    assert (await verified().ask(QUESTION)).outcome == "partial"


def check_lexical(answer: Answer) -> None:
    assert [sentence.support for sentence in answer.sentences] == ["supported", "supported"]
    assert "openai:checker could not verify the answer" in answer.notice


@pytest.mark.parametrize("broken", [failed(401, "no"), failed(400, "bad"), reply("I think they are fine.")])
async def test_where_the_model_fails_the_lexical_verdicts_stay(
    router: respx.MockRouter, broken: httpx.Response
) -> None:
    router.post(URL).mock(return_value=broken)
    check_lexical(await verified().ask(QUESTION))


async def test_a_sentence_without_a_verdict_keeps_its_own(router: respx.MockRouter) -> None:
    router.post(URL).mock(return_value=reply('{"2": "partial"}'))
    answer = await verified().ask(QUESTION)
    assert [sentence.support for sentence in answer.sentences] == ["supported", "partial"]


async def test_an_answer_that_cites_nothing_costs_no_call(router: respx.MockRouter) -> None:
    await verified("The abstracts do not say.").ask(QUESTION)
    assert router.calls.call_count == 0


@pytest.mark.parametrize(
    ("verifier", "model", "name"),
    [("lexical", "extractive", ""), ("model", "extractive", ""), ("openai:checker", "extractive", "openai:checker")],
)
async def test_the_setting_chooses_what_verifies(home: object, verifier: str, model: str, name: str) -> None:
    chosen = settings(home, verifier=verifier, model=model, model_base_url=BASE_URL)  # type: ignore[arg-type]
    library = await open_library(chosen, "default", words())
    try:
        reviewer = make_engine(chosen, library).reviewer
        assert (reviewer.name if reviewer else "") == name
    finally:
        library.close()
