"""A reranker's server at the wire: both shapes of request and reply, failures, and what a reader is told of them."""

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import respx
from fastapi.testclient import TestClient

from rag import config, rerankers
from rag.errors import BackendError, ConfigError
from rag.library.checks import diagnose
from rag.rerankers import MAX_CHARACTERS
from rag.rerankers.http import MAX_REPLY_BYTES, HttpReranker
from rag.types import Paper, Passage
from service.http.app import create_app
from tests.conftest import QUESTION, settings
from tests.support.command import words

URL = "http://rerank.test/v1/rerank"
TEXTS = ("Whales sing.", "Tea is green.", "Coffee is black.")


@pytest.fixture
def wire() -> Iterator[respx.MockRouter]:
    with respx.mock(using="httpcore2") as router:
        yield router


def passage(text: str) -> Passage:
    return Passage(number=1, paper=Paper(id=text, title="On Drinks", abstract=text), text=text, score=0.5)


PASSAGES = [passage(text) for text in TEXTS]


def by_length(request: httpx.Request) -> httpx.Response:
    """A shorter document is more relevant; the best comes first, as from most servers."""
    texts = json.loads(request.content)["documents"]
    rows = [{"index": n, "relevance_score": 1 / len(text)} for n, text in enumerate(texts)]
    return httpx.Response(200, json={"results": sorted(rows, key=lambda row: -row["relevance_score"])})


def tei(request: httpx.Request) -> httpx.Response:
    """Text-embeddings-inference: `texts` or status 422, and a bare list."""
    body = json.loads(request.content)
    if "texts" not in body:
        return httpx.Response(
            422, text="Failed to deserialize the JSON body into the target type: missing field `texts`"
        )
    return httpx.Response(200, json=[{"index": n, "score": -len(text)} for n, text in enumerate(body["texts"])])


async def test_the_scores_come_in_the_order_of_the_passages(wire: respx.MockRouter) -> None:
    route = wire.post(URL).mock(side_effect=by_length)
    scores = await HttpReranker(URL, "best-reranker", "k3y").rerank("What sings?", PASSAGES)
    assert sorted(range(3), key=lambda n: -scores[n]) == [0, 1, 2]
    request = route.calls.last.request
    assert json.loads(request.content) == {
        "query": "What sings?",
        "documents": [f"On Drinks. {text}" for text in TEXTS],
        "model": "best-reranker",
    }
    assert request.headers["authorization"] == "Bearer k3y"


async def test_without_a_model_and_a_key_none_is_sent(wire: respx.MockRouter) -> None:
    route = wire.post(URL).mock(side_effect=by_length)
    await HttpReranker(URL).rerank("What sings?", PASSAGES)
    assert "model" not in json.loads(route.calls.last.request.content)
    assert "authorization" not in route.calls.last.request.headers


async def test_a_server_that_takes_texts_is_given_them_from_then_on(wire: respx.MockRouter) -> None:
    route = wire.post(URL).mock(side_effect=tei)
    reranker = HttpReranker(URL)
    assert await reranker.rerank("What sings?", PASSAGES) == [-23, -24, -27]
    assert await reranker.rerank("What sings?", PASSAGES) == [-23, -24, -27]
    assert ["texts" in json.loads(call.request.content) for call in route.calls] == [False, True, True]


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("http://rerank.test/v1", URL),
        ("http://rerank.test/v1/", URL),
        ("http://rerank.test", "http://rerank.test/rerank"),
        ("http://rerank.test/v1/rerank?truncate=END", f"{URL}?truncate=END"),
    ],
)
async def test_an_address_may_leave_the_end_to_us(wire: respx.MockRouter, given: str, asked: str) -> None:
    wire.post(asked).mock(side_effect=by_length)
    assert len(await HttpReranker(given).rerank("q", PASSAGES)) == 3


async def test_no_more_of_a_document_is_sent_than_rerankers_read(wire: respx.MockRouter) -> None:
    route = wire.post(URL).mock(side_effect=by_length)
    await HttpReranker(URL).rerank("q", [passage("long " * 2_000), passage("\ud83d")])
    long, broken = json.loads(route.calls.last.request.content)["documents"]
    assert len(long) == MAX_CHARACTERS
    assert broken == "On Drinks. ?"


# Failures


async def test_what_may_pass_is_asked_for_once_more(wire: respx.MockRouter) -> None:
    scores = [{"index": n, "relevance_score": n} for n in range(3)]
    good = httpx.Response(200, json={"results": scores})
    lost = httpx2.ConnectError("refused")
    route = wire.post(URL).mock(side_effect=[httpx.Response(503), lost, lost, good])
    with pytest.raises(BackendError, match="ConnectError: refused") as failed:
        await HttpReranker(URL).rerank("q", PASSAGES)
    assert (failed.value.retryable, failed.value.reason) == (True, "it can't be reached")
    assert await HttpReranker(URL).rerank("q", PASSAGES) == [0, 1, 2]
    assert len(route.calls) == 4


@pytest.mark.parametrize(
    ("status", "retryable", "calls"), [(401, False, 1), (302, False, 1), (422, False, 1), (429, True, 2)]
)
async def test_a_status_says_whether_to_ask_again(
    wire: respx.MockRouter, status: int, retryable: bool, calls: int
) -> None:
    headers = {"location": "http://elsewhere.test/"}
    route = wire.post(URL).respond(status, headers=headers, text="no \x1b[31m luck")
    with pytest.raises(
        BackendError, match=rf"http:rerank\.test: HTTP {status}: 'no \\x1b.*SCHOLIAST_RERANKER_KEY"
    ) as failed:
        await HttpReranker(URL, key="s3cret").rerank("q", PASSAGES)
    assert (failed.value.retryable, failed.value.reason) == (retryable, f"status {status}")
    assert "s3cret" not in str(failed.value)
    assert len(route.calls) == calls


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "no JSON",
        "[" * 100_000,
        "3",
        "null",
        "{}",
        '{"results": null}',
        '{"results": [1, 2, 3]}',
        '{"results": []}',
        '[{"index": 0, "score": 1}, {"index": 1, "score": 2}]',
        '[{"index": 0, "score": 1}, {"index": 1, "score": 2}, {"index": 3, "score": 2}]',
        '[{"index": 0, "score": 1}, {"index": 1, "score": 2}, {"index": 1, "score": 2}]',
        '[{"index": 0, "score": 1}, {"index": 1, "score": 2}, {"index": 2, "score": NaN}]',
        '[{"index": 0, "score": 1}, {"index": 1, "score": 2}, {"index": 2}]',
        '[{"index": 0, "score": 1}, {"index": 1, "score": 2}, {"index": [], "score": 1}]',
        '[{"index": 0, "score": 1}, {"index": 1, "score": 2}, {"index": 2, "score": 1}, {"index": 3, "score": 1}]',
        " " * (MAX_REPLY_BYTES + 1),
    ],
)
async def test_a_reply_without_one_score_for_each_passage_is_an_error(wire: respx.MockRouter, reply: str) -> None:
    wire.post(URL).respond(200, text=reply)
    with pytest.raises(BackendError, match=r"reply of http:rerank\.test can't be read as scores") as failed:
        await HttpReranker(URL).rerank("q", PASSAGES)
    assert failed.value.reason == "its reply can't be read"
    assert len(str(failed.value)) < 600


async def test_a_server_that_does_not_answer_is_left_after_the_time_for_it() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(BackendError, match=r"SCHOLIAST_RERANKER_TIMEOUT_SECONDS") as failed:
        await HttpReranker(f"http://127.0.0.1:{port}", seconds=0.2).rerank("q", PASSAGES)
    assert failed.value.reason == "it did not answer in time"
    server.close()


# Settings


def test_no_reranker_is_the_default() -> None:
    assert rerankers.reranker(settings(Path())) is None


@pytest.mark.parametrize(
    "value",
    ["http", "http:", "http:nowhere", "http:ftp://host", "http:http://", "http:http://me:s3cret@host", "cohere", "x:y"],
)
def test_a_value_that_names_no_reranker_says_what_to_set(value: str) -> None:
    with pytest.raises(ConfigError, match=r"SCHOLIAST_RERANKER.*; set it to") as refused:
        rerankers.reranker(settings(Path(), reranker=value))
    assert "s3cret" not in str(refused.value)


def test_a_key_that_fits_into_no_header_is_refused_unseen() -> None:
    with pytest.raises(ConfigError, match="SCHOLIAST_RERANKER_KEY has characters") as refused:
        rerankers.reranker(settings(Path(), reranker=f"http:{URL}", reranker_key="s3cret\n"))
    assert "s3cret" not in str(refused.value)


def test_the_key_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOLIAST_RERANKER_KEY", "s3cret")
    assert "s3cret" not in f"{config.load()!r}"


# Behind the doors


def ask(home: Path, **others: str) -> dict[str, Any]:
    app = create_app(settings(home, **others), words())
    with TestClient(app, base_url="http://127.0.0.1") as client:
        reply: dict[str, Any] = client.post("/v1/ask", json={"question": QUESTION}).json()
    return reply


def test_an_answer_rests_on_what_the_reranker_puts_first(wire: respx.MockRouter, home: Path) -> None:
    before = ask(home)
    last = before["passages"][-1]

    def last_first(request: httpx.Request) -> httpx.Response:
        texts = json.loads(request.content)["documents"]
        rows = [
            {"index": n, "relevance_score": text.startswith(last["paper"]["title"])} for n, text in enumerate(texts)
        ]
        return httpx.Response(200, json={"results": rows})

    wire.post(URL).mock(side_effect=last_first)
    after = ask(home, reranker=f"http:{URL}")
    assert after["passages"][0]["paper"] == last["paper"]
    assert after["passages"][0]["score"] == before["passages"][0]["score"]
    assert after["notice"] == before["notice"] == ""


def test_a_question_is_answered_without_a_reranker_that_fails_and_says_so(
    wire: respx.MockRouter, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wire.post(URL).respond(401, text="who are you?")
    with caplog.at_level(logging.WARNING, "scholiast"):
        after = ask(home, reranker=f"http:{URL}", reranker_key="s3cret")
    before = ask(home)
    assert (after["text"], after["passages"]) == (before["text"], before["passages"])
    assert after["notice"] == "The reranker failed (status 401); the passages are in the order of the search."
    assert "http:rerank.test failed" in caplog.text and "who are you?" in caplog.text
    assert "s3cret" not in caplog.text and "Hydra" not in caplog.text


@pytest.mark.parametrize(
    ("reply", "verdict", "said"),
    [
        (by_length, "fault", "check that its model is a reranker"),
        (tei, "fault", "check that its model is a reranker"),
        (lambda request: httpx.Response(401), "fault", "check SCHOLIAST_RERANKER"),
        (lambda request: httpx.Response(200, json=[{"index": n, "score": n} for n in range(2)]), "ok", ""),
    ],
)
async def test_the_doctor_asks_it_to_rerank_two_sentences(
    wire: respx.MockRouter, tmp_path: Path, reply: Any, verdict: str, said: str
) -> None:
    wire.post(URL).mock(side_effect=reply)
    found = await diagnose(settings(tmp_path, reranker=f"http:{URL}"), make_embedder=words)
    (finding,) = [finding for finding in found if finding.part == "reranker"]
    assert finding.verdict == verdict
    assert said in finding.remedy
