"""Streams that are taken up again after the connection dropped, over a real port."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from service.http.app import create_app
from tests.conftest import QUESTION, settings
from tests.support.command import words
from tests.support.over_http import serve
from tests.support.running import Script, running, wait_until, writes

FIRST, SECOND = "Hydra++ is the best recipe [1]. ", "It is faster than Medusa [1]."
ASKED = {"question": QUESTION, "stream": True, "resumable": True}


@contextmanager
def service(home: Path, **others: str) -> Iterator[httpx2.Client]:
    with (
        running(create_app(settings(home, **others), words())) as url,
        httpx2.Client(base_url=url, timeout=20) as client,
    ):
        yield client


def parsed(block: str) -> dict[str, str]:
    return dict(line.partition(": ")[::2] for line in block.splitlines())


def begin_and_drop(client: httpx2.Client, path: str = "/v1/ask", body: Any = ASKED, events: int = 2) -> str:
    """Ask, read so many events, and close the connection; the id of the last of them."""
    with client.stream("POST", path, json=body) as response:
        text = ""
        for piece in response.iter_text():
            text += piece
            if text.count("\n\n") >= events:
                break
    return parsed(text.split("\n\n")[events - 1])["id"]


def read(client: httpx2.Client, last: str, **headers: str) -> list[dict[str, str]]:
    found = client.get(f"/v1/streams/{last.partition(':')[0]}", headers={"last-event-id": last, **headers})
    assert found.status_code == 200 and found.headers["content-type"].startswith("text/event-stream"), found.text
    return [parsed(block) for block in found.text.strip().split("\n\n") if not block.startswith(":")]


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Script:
    return writes(monkeypatch, Script(FIRST, None, SECOND))


def test_who_comes_back_gets_what_is_missing_and_then_the_live_rest(home: Path, writer: Script) -> None:
    with service(home) as client:
        last = begin_and_drop(client)
        id, _, number = last.partition(":")
        assert number == "2" and writer.stopped == 0
        writer.go.set()
        rest = read(client, last)
        assert [event["id"] for event in rest] == [f"{id}:{n}" for n in range(3, 3 + len(rest))]
        assert rest[-1]["event"] == "done"
        whole = read(client, f"{id}:0")
        assert whole[2:] == rest and whole[0]["event"] == "sources"
        text = "".join(json.loads(event["data"])["text"] for event in whole if event["event"] == "delta")
        answer = json.loads(rest[-1]["data"])
        assert text == answer["text"] and "faster" in text
        assert client.get(f"/v1/answers/{answer['id']}").json()["text"] == text


def test_it_begins_again_without_a_last_event_id(home: Path, writer: Script) -> None:
    writer.go.set()
    with service(home) as client:
        id = begin_and_drop(client).partition(":")[0]
        found = client.get(f"/v1/streams/{id}").text
        assert found.startswith(f"id: {id}:1\n") and "event: done" in found


def test_without_a_reader_it_is_cancelled_after_a_while(home: Path, writer: Script) -> None:
    with service(home, resume_seconds="0.3") as client:
        last = begin_and_drop(client)
        assert wait_until(lambda: writer.stopped == 1)
        found = client.get(f"/v1/streams/{last.partition(':')[0]}")
        assert found.status_code == 404 and "SCHOLIAST_RESUME_SECONDS" in found.json()["detail"]


def test_a_stream_that_is_not_resumable_is_cancelled_at_once(home: Path, writer: Script) -> None:
    with service(home) as client:
        with client.stream("POST", "/v1/ask", json={**ASKED, "resumable": False}) as response:
            text = next(response.iter_text())
        assert "id: " not in text.partition("data:")[0]
        assert wait_until(lambda: writer.stopped == 1)


def test_a_client_can_give_it_up(home: Path, writer: Script) -> None:
    with service(home) as client:
        id = begin_and_drop(client).partition(":")[0]
        assert client.delete(f"/v1/streams/{id}").json() == {"id": id, "cancelled": True}
        assert wait_until(lambda: writer.stopped == 1)
        assert client.delete(f"/v1/streams/{id}").status_code == 404


def test_giving_it_up_ends_the_response_of_who_reads_it(home: Path, writer: Script) -> None:
    with service(home) as client, client.stream("POST", "/v1/ask", json=ASKED) as response:
        pieces = response.iter_text()
        id = parsed(next(pieces))["id"].partition(":")[0]
        client.delete(f"/v1/streams/{id}")
        assert "event: done" not in "".join(pieces)  # and no error: the body has its end


def test_another_key_does_not_find_it(home: Path, writer: Script) -> None:
    with service(home, api_keys="a,b") as client:
        client.headers["authorization"] = "Bearer a"
        last = begin_and_drop(client)
        path = f"/v1/streams/{last.partition(':')[0]}"
        for method in ("GET", "DELETE"):
            assert client.request(method, path, headers={"authorization": "Bearer b"}).status_code == 404
        writer.go.set()
        assert read(client, last)[-1]["event"] == "done"


def test_a_new_reader_takes_the_place_of_the_other(home: Path, writer: Script) -> None:
    with service(home) as client:
        last = begin_and_drop(client)
        path = f"/v1/streams/{last.partition(':')[0]}"
        with client.stream("GET", path) as first:
            pieces = first.iter_text()
            next(pieces)
            with client.stream("GET", path) as second:
                later = second.iter_text()
                next(later)
                assert "done" not in "".join(pieces)
                writer.go.set()
                assert "event: done" in "".join(later)


@pytest.mark.parametrize("last", ["strm_0:1", ":", "-1", "9", "2x"])
def test_an_id_of_another_stream_is_refused(home: Path, writer: Script, last: str) -> None:
    writer.go.set()
    with service(home) as client:
        id = begin_and_drop(client).partition(":")[0]
        assert read(client, f"{id}:0")
        number = "99" if last == "9" else last
        found = client.get(f"/v1/streams/{id}", headers={"last-event-id": number})
        assert found.status_code == 422 and "Last-Event-ID is" in found.json()["detail"]


@pytest.mark.parametrize("limit", [{"resume_streams": "1"}, {"resume_seconds": "0"}])
def test_where_there_is_no_room_a_stream_is_an_ordinary_one(home: Path, writer: Script, limit: dict[str, str]) -> None:
    with service(home, **limit) as client:
        if "resume_streams" in limit:
            begin_and_drop(client)
        with client.stream("POST", "/v1/ask", json=ASKED) as response:
            assert next(response.iter_text()).startswith("event: sources")
        assert wait_until(lambda: writer.stopped == 1)


def test_one_that_has_ended_makes_room(home: Path, writer: Script) -> None:
    writer.go.set()
    with service(home, resume_streams="1") as client:
        first = begin_and_drop(client)
        assert read(client, first)[-1]["event"] == "done"
        assert begin_and_drop(client) != first
        assert client.get(f"/v1/streams/{first.partition(':')[0]}").status_code == 404


def test_a_dropped_message_of_a_conversation_is_answered_and_stored(home: Path, writer: Script) -> None:
    with service(home) as client:
        id = client.post("/v1/conversations", json={}).json()["id"]
        body = {"content": QUESTION, "stream": True, "resumable": True}
        last = begin_and_drop(client, f"/v1/conversations/{id}/messages", body)
        writer.go.set()
        done = json.loads(read(client, last)[-1]["data"])
        assert client.get(f"/v1/conversations/{id}").json()["messages"][1]["answer"]["id"] == done["id"]


def test_a_dropped_answer_keeps_its_place_until_it_ends(home: Path, writer: Script) -> None:
    with service(home, max_in_flight="1", max_queue="0") as client:
        last = begin_and_drop(client)
        assert client.post("/v1/ask", json={"question": QUESTION}).status_code == 503
        writer.go.set()
        read(client, last)
        assert wait_until(lambda: client.post("/v1/ask", json={"question": QUESTION}).status_code == 200)


def test_a_failure_before_the_first_event_is_an_ordinary_response(home: Path) -> None:
    with serve(home) as client:
        found = client.post("/v1/ask", json={**ASKED, "question": " "})
        assert found.status_code == 422 and found.headers["content-type"] == "application/problem+json"
        found = client.post("/v1/ask", json={"question": QUESTION, "resumable": True})
        assert found.status_code == 422 and "stream is not set" in found.json()["detail"]
