"""HTTP in this process: an app over a home folder, and its responses parsed."""

import json
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from service.http import schemas
from service.http.app import create_app
from tests.conftest import settings
from tests.support.command import words

RECORD = {"title": "Sleep and coffee", "abstract": "Coffee shortens sleep by forty minutes.", "year": 2021}


def serve(home: Path, **others: str) -> TestClient:
    """A client of an app over this home folder; a bug is a response with status 500, as it is on a port."""
    return TestClient(
        create_app(settings(home, **others), words()), base_url="http://127.0.0.1", raise_server_exceptions=False
    )


def events(body: str) -> list[tuple[str, Any]]:
    """Name and data of each server-sent event."""
    blocks = [block.splitlines() for block in body.strip().split("\n\n") if not block.startswith(":")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


def problem_of(response: Any, status: int) -> dict[str, Any]:
    """The problem object of a response that must have this status."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    schemas.Problem.model_validate(problem)
    return problem
