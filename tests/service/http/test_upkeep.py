"""Keeping libraries in order over HTTP: the doctor's list, and indexes that are built again."""

from pathlib import Path

from tests.conftest import FEW, QUESTION
from tests.support.over_http import problem_of, serve


def test_the_doctor_tells_what_it_checked_and_warns_of_what_this_service_has_open(home: Path) -> None:
    with serve(home) as client:
        client.get("/v1/papers")
        found = {finding["part"]: finding for finding in client.get("/v1/doctor").json()["findings"]}
    assert found["catalog"]["verdict"] == "ok"
    assert f"{FEW} papers" in found["library default"]["message"]
    assert found["indexes of default"]["verdict"] == "warning"


def test_a_library_answers_after_its_indexes_are_built_again(home: Path) -> None:
    with serve(home) as client:
        assert client.post("/v1/libraries/default/rebuild").json()["papers"] == FEW
        assert client.post("/v1/ask", json={"question": QUESTION}).json()["outcome"] == "answered"
        problem_of(client.post("/v1/libraries/none/rebuild"), 404)
