"""What a client is told of a failure names nothing of the machine; the log does."""

import logging
from pathlib import Path

import pytest

from rag.errors import (
    BackendError,
    BusyError,
    ConfigError,
    LibraryError,
    LockedError,
    NotFoundError,
    RequestError,
    ScholiastError,
    UnavailableError,
)
from tests.conftest import QUESTION
from tests.support.over_http import problem_of, serve
from tests.support.running import Script, writes

PLACE = "/srv/private/x.sqlite3 of 10.1.2.3:5432, process 4711081547110815"


@pytest.mark.parametrize(
    "error",
    [
        ConfigError(PLACE),
        LibraryError(PLACE),
        LockedError(PLACE),
        UnavailableError(PLACE),
        BackendError(PLACE, retryable=True),
        ScholiastError(PLACE),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("stream", [False, True])
def test_places_stay_in_the_log(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: ScholiastError, stream: bool
) -> None:
    writes(monkeypatch, Script("Hydra++ [1]. ", error))
    with serve(home) as client, caplog.at_level(logging.ERROR):
        begun = client.post("/v1/conversations", json={}).json()["id"]
        told = [
            client.post("/v1/ask", json={"question": QUESTION, "stream": stream}).text,
            client.post(f"/v1/conversations/{begun}/messages", json={"content": QUESTION, "stream": stream}).text,
            client.get(f"/v1/conversations/{begun}").text,
            client.post(
                "/v1/chat/completions",
                json={"model": "scholiast", "messages": [{"role": "user", "content": QUESTION}], "stream": stream},
            ).text,
        ]
    assert not [text for text in told if "4711081547110815" in text or "10.1.2.3" in text or "/srv" in text]
    assert all(error.public in text for text in told)
    assert PLACE in caplog.text


@pytest.mark.parametrize("kind", [RequestError, NotFoundError, BusyError])
def test_what_is_wrong_with_a_request_is_told_as_it_is(kind: type[ScholiastError]) -> None:
    assert kind("no paper '7'").public == "no paper '7'"


def test_a_damaged_index_is_told_without_its_folder(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    for folder in (home / "libraries" / "default" / "keywords").iterdir():
        for file in folder.glob("meta.json"):
            file.write_text("{")
    with serve(home) as client, caplog.at_level(logging.ERROR):
        problem = problem_of(client.post("/v1/ask", json={"question": QUESTION}), 500)
        listed = client.get("/v1/doctor").json()["findings"]
    assert str(home) not in str(problem) and str(home) in caplog.text
    assert str(home) not in str(listed)
    assert any(found["verdict"] == "fault" and "scholiast rebuild" in found["remedy"] for found in listed), listed
