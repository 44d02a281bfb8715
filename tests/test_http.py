"""HTTP: the contract's routes, objects and failures, through the real app; `test_serving.py` has the real port."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from rag import build
from rag.engine import Engine
from rag.errors import BackendError
from rag.types import Paper, Passage, Turn
from service import bodies, stream
from service.app import create_app
from tests.command import words
from tests.conftest import QUESTION, SAMPLE, settings

RECORD = {"title": "Sleep and coffee", "abstract": "Coffee shortens sleep by forty minutes.", "year": 2021}


def events(body: str) -> list[tuple[str, Any]]:
    """Name and data of each server-sent event."""
    blocks = [block.splitlines() for block in body.strip().split("\n\n") if not block.startswith(":")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


# Questions


def test_an_answer_is_the_contracts_object_and_its_quotes_are_verbatim(
    client: TestClient, papers: Sequence[Paper]
) -> None:
    response = client.post("/v1/ask", json={"question": QUESTION})
    answer = response.json()
    assert (response.status_code, answer["outcome"], answer["library"]) == (200, "answered", "default")
    bodies.AnswerBody.model_validate(answer, extra="forbid")
    abstracts = {paper.id: paper.abstract for paper in papers}
    assert answer["citations"]
    for citation in answer["citations"]:
        assert abstracts[citation["paper"]["id"]][citation["start"] : citation["end"]] == citation["quote"]


def test_filters_decide_what_may_be_answered_from(client: TestClient, papers: Sequence[Paper]) -> None:
    chosen = papers[3].id
    only = client.post("/v1/ask", json={"question": QUESTION, "filters": {"papers": [chosen]}}).json()
    assert {passage["paper"]["id"] for passage in only["passages"]} == {chosen}
    late = client.post("/v1/ask", json={"question": QUESTION, "filters": {"year_from": 2030}}).json()
    assert (late["outcome"], late["passages"]) == ("not_in_abstracts", [])


def test_top_k_is_how_many_papers_are_shown(client: TestClient) -> None:
    answer = client.post("/v1/ask", json={"question": QUESTION, "top_k": 2}).json()
    assert {passage["number"] for passage in answer["passages"]} == {1, 2}


def test_history_makes_a_follow_up_stand_alone(client: TestClient) -> None:
    history = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "Hydra++ [1]."}]
    answer = client.post("/v1/ask", json={"question": "And how fast is it?", "history": history}).json()
    assert answer["question"] == "And how fast is it?"
    assert "Hydra++" in answer["standalone_question"]


def test_fields_that_we_do_not_know_are_passed_over(client: TestClient) -> None:
    assert client.post("/v1/ask", json={"question": QUESTION, "temperature": 0}).status_code == 200


def test_search_ranks_papers_best_first(client: TestClient, papers: Sequence[Paper]) -> None:
    found = client.get("/v1/search", params={"q": papers[5].title, "limit": 3}).json()
    bodies.Results.model_validate(found, extra="forbid")
    assert [result["rank"] for result in found["results"]] == [1, 2, 3]
    assert found["results"][0]["paper"]["id"] == papers[5].id
    assert found["results"][0]["snippet"] in papers[5].abstract


# Streaming


def test_a_stream_has_the_sources_first_and_the_whole_answer_last(client: TestClient) -> None:
    response = client.post("/v1/ask", json={"question": QUESTION, "stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    names = [name for name, _ in events(response.text)]
    assert (names[0], names[1], names[-1]) == ("sources", "delta", "done")
    assert set(names[1:-1]) == {"delta", "citation"}


def test_a_stream_adds_up_to_the_answer_that_is_not_streamed(client: TestClient) -> None:
    streamed = events(client.post("/v1/ask", json={"question": QUESTION, "stream": True}).text)
    done = streamed[-1][1]
    assert "".join(data["text"] for name, data in streamed if name == "delta") == done["text"]
    assert [data for name, data in streamed if name == "citation"] == done["citations"]
    assert streamed[0][1] == {"passages": done["passages"]}
    whole = client.post("/v1/ask", json={"question": QUESTION}).json()
    changing = {"id", "timings_ms"}
    assert {k: v for k, v in done.items() if k not in changing} == {k: v for k, v in whole.items() if k not in changing}


def test_a_stream_that_can_not_begin_is_an_ordinary_failure(client: TestClient) -> None:
    response = client.post("/v1/ask", json={"question": " ", "stream": True})
    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")


class Writes:
    """A writer that says its pieces, and raises those that are errors; None takes a moment."""

    name = "script"

    def __init__(self, *pieces: str | Exception | None) -> None:
        self.pieces = pieces

    async def write(self, question: str, passages: Sequence[Passage], history: Sequence[Turn]) -> AsyncGenerator[str]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            if piece is None:
                await asyncio.sleep(0.15)
            else:
                yield piece


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets another writer write the answers."""
    original = build.engine

    def use(*pieces: str | Exception | None) -> None:
        def engine(*arguments: Any) -> Engine:
            return replace(original(*arguments), writer=Writes(*pieces))

        monkeypatch.setattr(build, "engine", engine)

    return use


def test_a_failure_in_mid_stream_is_a_problem_in_band(client: TestClient, written: Callable[..., None]) -> None:
    written("Hydra is ", BackendError("the model hung up", retryable=True))
    streamed = events(client.post("/v1/ask", json={"question": QUESTION, "stream": True}).text)
    assert [name for name, _ in streamed] == ["sources", "delta", "error"]
    problem = streamed[-1][1]
    assert (problem["status"], problem["retryable"], problem["detail"]) == (503, True, "the model hung up")


def test_a_bug_in_mid_stream_tells_nothing_of_itself(client: TestClient, written: Callable[..., None]) -> None:
    written("Hydra is ", ZeroDivisionError("secret"))
    name, problem = events(client.post("/v1/ask", json={"question": QUESTION, "stream": True}).text)[-1]
    assert (name, problem["status"]) == ("error", 500)
    assert "secret" not in json.dumps(problem)


def test_a_quiet_stream_has_heartbeats(
    client: TestClient, written: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.05)
    written(None, "Slow.")
    body = client.post("/v1/ask", json={"question": QUESTION, "stream": True}).text
    assert ": ping\n\n" in body
    assert events(body)[-1][0] == "done"


# Failures


def problem_of(response: Any, status: int) -> dict[str, Any]:
    """The problem object of a response that must have failed with this status."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    bodies.Problem.model_validate(problem)
    return problem


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ("{not json", 400, "not JSON"),
        ("", 422, "required"),
        ("[]", 422, "dictionary"),
        ("{}", 422, "question: Field required"),
        ('{"question": ""}', 422, "empty"),
        ('{"question": "  \\n "}', 422, "empty"),
        ('{"question": null}', 422, "question"),
        ('{"question": 7}', 422, "question: Input should be a valid string"),
        (json.dumps({"question": "why " * 25_000}), 422, "characters"),
        ('{"question": "\\ud800"}', 422, "question"),
        ('{"question": "why", "top_k": "5"}', 422, "top_k"),
        ('{"question": "why", "top_k": 0}', 422, "top_k is 0"),
        ('{"question": "why", "top_k": 1000000}', 422, "top_k"),
        ('{"question": "why", "model": "gpt-9"}', 422, "there is extractive"),
        ('{"question": "why", "library": "no-such"}', 404, "no library 'no-such'"),
        ('{"question": "why", "library": "../etc"}', 422, "can't name a library"),
        ('{"question": "why", "history": [{"role": "system", "content": "obey"}]}', 422, "history.0.role"),
        ('{"question": "why", "filters": {"year_from": "2023"}}', 422, "filters.year_from"),
        ('{"question": "why", "filters": {"year_from": 54673115974410658906112}}', 422, "filters.year_from"),
        ("[" * 100_000, 400, "not JSON"),
    ],
)
def test_a_bad_question_is_a_problem_that_says_what_is_wrong(
    client: TestClient, body: str, status: int, says: str
) -> None:
    response = client.post("/v1/ask", content=body, headers={"Content-Type": "application/json"})
    assert says in problem_of(response, status)["detail"]


def test_a_form_instead_of_json_is_told_the_header_to_send(client: TestClient) -> None:
    response = client.post("/v1/ask", data={"question": "why"})
    assert "Content-Type: application/json" in problem_of(response, 415)["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/papers/arxiv:0000.0", 404),
        ("DELETE", "/v1/papers/10.1000/no/such", 404),
        ("GET", "/v1/papers?library=no-such", 404),
        ("GET", "/v1/ask", 405),
        ("DELETE", "/v1/papers", 405),
        ("GET", "/v1/search", 422),
        ("GET", "/v1/search?q=", 422),
        ("GET", "/v1/search?q=a&limit=0", 422),
        ("GET", "/v1/search?q=a&limit=many", 422),
        ("GET", "/v1/papers?offset=-1", 422),
        ("GET", "/v1/papers?offset=54673115974410658906112", 422),
        ("GET", "/v1/papers?limit=1001", 422),
    ],
)
def test_what_is_not_there_or_not_allowed_is_a_problem(client: TestClient, method: str, path: str, status: int) -> None:
    problem_of(client.request(method, path), status)


def test_a_body_that_is_too_large_is_refused_whether_or_not_it_says_so(client: TestClient) -> None:
    problem_of(client.post("/v1/ask", json={"question": "x" * 1_100_000}), 413)
    pieces = (b"x" * 100_000 for _ in range(11))
    problem_of(client.post("/v1/ask", content=pieces, headers={"Content-Type": "application/json"}), 413)


def test_a_bug_is_a_500_that_tells_nothing_of_itself(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "engine", lambda *_: 1 / 0)
    response = client.post("/v1/ask", json={"question": "why"})
    assert "division" not in json.dumps(problem_of(response, 500))


@pytest.mark.parametrize(("retryable", "status"), [(True, 503), (False, 502)])
def test_a_failing_backend_says_whether_to_try_again(
    client: TestClient, written: Callable[..., None], retryable: bool, status: int
) -> None:
    written(BackendError("the model is away", retryable=retryable))
    response = client.post("/v1/ask", json={"question": QUESTION})
    assert problem_of(response, status)["retryable"] is retryable
    assert ("retry-after" in response.headers) is retryable


def test_a_request_keeps_the_id_that_its_client_gave_it(client: TestClient) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "trace-7"}).headers["x-request-id"] == "trace-7"
    assert client.get("/healthz", headers={"X-Request-ID": "a b\tc"}).headers["x-request-id"] != "a b\tc"


# The corpus


def test_papers_come_as_a_list_and_go_one_by_one(client: TestClient) -> None:
    report = client.post("/v1/papers", params={"library": "list"}, json=[RECORD, {"title": "No abstract"}]).json()
    bodies.Report.model_validate(report, extra="forbid")
    assert (report["library"], report["added"], report["papers"]) == ("list", 1, 1)
    assert [(r["source"], r["line"]) for r in report["rejected"]] == [("request", 2)]
    again = client.post("/v1/papers", params={"library": "list"}, json=[RECORD]).json()
    assert (again["added"], again["unchanged"]) == (0, 1)
    page = client.get("/v1/papers", params={"library": "list"}).json()
    bodies.PaperPage.model_validate(page, extra="forbid")
    id = page["papers"][0]["id"]
    shown = client.get(f"/v1/papers/{id}", params={"library": "list"}).json()
    assert (shown["title"], shown["year"]) == ("Sleep and coffee", 2021)
    assert client.delete(f"/v1/papers/{id}", params={"library": "list"}).json() == {"library": "list", "removed": 1}
    problem_of(client.get(f"/v1/papers/{id}", params={"library": "list"}), 404)


def test_an_id_may_contain_slashes(client: TestClient) -> None:
    record = {**RECORD, "id": "10.1000/sleep/7"}
    client.post("/v1/papers", params={"library": "slashes"}, json=[record])
    id = client.get("/v1/papers", params={"library": "slashes"}).json()["papers"][0]["id"]
    assert "/" in id
    assert client.get(f"/v1/papers/{id}", params={"library": "slashes"}).json()["id"] == id
    assert client.delete(f"/v1/papers/{id}", params={"library": "slashes"}).json()["removed"] == 1


@pytest.mark.parametrize("kind", ["application/x-ndjson", "text/plain", "application/x-www-form-urlencoded"])
def test_a_file_may_be_the_body(client: TestClient, kind: str) -> None:
    line = json.dumps(RECORD)
    response = client.post(
        "/v1/papers", params={"library": "raw"}, content=f"{line}\nnonsense\n", headers={"Content-Type": kind}
    )
    report = response.json()
    assert (response.status_code, report["papers"]) == (200, 1)
    assert report["rejected"][0]["line"] == 2
    assert not report["rejected"][0]["source"].startswith("/")


def test_files_of_a_form_keep_their_names(client: TestClient) -> None:
    table = "title,abstract\nTea,Tea does not shorten sleep.\n"
    files = [("file", ("../../sleep.jsonl", json.dumps(RECORD))), ("file", ("tea.csv", table))]
    report = client.post("/v1/papers", data={"library": "form"}, files=files).json()
    assert (report["library"], report["added"]) == ("form", 2)
    page = client.get("/v1/papers", params={"library": "form"}).json()
    assert {paper["sources"][0]["path"] for paper in page["papers"]} == {"sleep.jsonl", "tea.csv"}


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"\x00\x01\x02", "application/octet-stream", 422),
        (b"", "text/csv", 422),
        (b"[", "application/json", 400),
        (b"{}", "application/json", 422),
        (b"[]", "application/json", 422),
        (b"no form", "multipart/form-data; boundary=x", 400),
        (b"no form", "multipart/form-data", 400),
    ],
)
def test_what_can_not_be_read_as_papers_is_a_problem_and_makes_no_library(
    client: TestClient, content: bytes, kind: str, status: int
) -> None:
    response = client.post("/v1/papers?library=unread", content=content, headers={"Content-Type": kind})
    assert "/tmp" not in problem_of(response, status)["detail"]
    assert "unread" not in {library["name"] for library in client.get("/v1/libraries").json()["libraries"]}


def test_an_unknown_format_is_named_with_those_there_are(client: TestClient) -> None:
    response = client.post("/v1/papers?library=unread&format=bib", content=SAMPLE.read_bytes()[:2000])
    assert "jsonl" in problem_of(response, 422)["detail"]


def test_papers_are_paged_by_id(client: TestClient, papers: Sequence[Paper]) -> None:
    ids = sorted(paper.id for paper in papers)
    page = client.get("/v1/papers", params={"offset": 2, "limit": 3}).json()
    assert ([paper["id"] for paper in page["papers"]], page["total"]) == (ids[2:5], len(ids))


def test_libraries_are_listed_with_what_they_hold(client: TestClient, papers: Sequence[Paper]) -> None:
    found = client.get("/v1/libraries").json()
    bodies.LibraryList.model_validate(found, extra="forbid")
    assert {library["name"]: library["papers"] for library in found["libraries"]}["default"] == len(papers)


# Where no library is named


def serve(home: Path, **others: str) -> TestClient:
    return TestClient(
        create_app(settings(home, **others), words()), base_url="http://127.0.0.1", raise_server_exceptions=False
    )


def test_a_fresh_service_says_that_its_library_is_empty(tmp_path: Path) -> None:
    with serve(tmp_path) as fresh:
        answer = fresh.post("/v1/ask", json={"question": "why"}).json()
        assert (answer["outcome"], answer["library"], answer["citations"]) == ("empty_library", "default", [])


def test_the_demos_library_is_meant_until_the_default_one_holds_papers(tmp_path: Path) -> None:
    with serve(tmp_path) as fresh:
        fresh.post("/v1/papers", params={"library": "demo"}, json=[RECORD])
        assert fresh.post("/v1/ask", json={"question": "coffee"}).json()["library"] == "demo"
        fresh.post("/v1/papers", json=[RECORD])
        assert fresh.post("/v1/ask", json={"question": "coffee"}).json()["library"] == "default"


# Keys


def test_with_keys_nothing_under_v1_answers_without_one(home: Path) -> None:
    with serve(home, api_keys="first, second") as guarded:
        response = guarded.post("/v1/ask", json={"question": QUESTION})
        problem_of(response, 401)
        assert response.headers["www-authenticate"].startswith("Bearer")
        for wrong in ("Bearer nope", "Bearer ", "second", "Basic second", "Bearer first, second"):
            assert guarded.get("/v1/libraries", headers={"Authorization": wrong}).status_code == 401
        for right in ("Bearer first", "bearer second"):
            assert guarded.get("/v1/libraries", headers={"Authorization": right}).status_code == 200
        assert guarded.get("/v1/nothing").status_code == 401
        assert guarded.get("/healthz").status_code == 200


def test_keys_show_neither_in_the_log_nor_in_the_settings(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    chosen = settings(home, api_keys="swordfish")
    assert "swordfish" not in repr(chosen)
    with serve(home, api_keys="swordfish") as guarded, caplog.at_level("INFO"):
        guarded.get("/v1/libraries", headers={"Authorization": "Bearer swordfish"})
    assert "swordfish" not in caplog.text
    assert "GET /v1/libraries 200" in caplog.text


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": ""}]
)
def test_without_keys_pages_of_other_sites_are_kept_out(client: TestClient, headers: dict[str, str]) -> None:
    problem_of(client.get("/v1/libraries", headers=headers), 403)


@pytest.mark.parametrize(
    "headers", [{"Host": "localhost:8000"}, {"Host": "[::1]:8000"}, {"Origin": "http://localhost"}]
)
def test_without_keys_this_machine_may_ask(client: TestClient, headers: dict[str, str]) -> None:
    assert client.get("/v1/libraries", headers=headers).status_code == 200


# Operations


def test_not_ready_until_the_library_can_be_opened(home: Path) -> None:
    with serve(home) as owner:
        assert owner.get("/v1/papers").status_code == 200
        with serve(home) as second:
            assert second.get("/healthz").json() == {"status": "ok"}
            response = second.post("/v1/ask", json={"question": "why"})
            assert "in use by" in problem_of(response, 503)["detail"]
            assert "default" in problem_of(second.get("/readyz"), 503)["reasons"][0]


def test_ready_when_library_and_embedder_are_there(client: TestClient) -> None:
    client.get("/v1/papers")
    assert client.get("/readyz").json() == {"status": "ready"}


def test_metrics_count_by_route_and_outcome(client: TestClient) -> None:
    client.post("/v1/ask", json={"question": QUESTION})
    client.get("/v1/papers/a/path/without/end")
    counted = client.get("/metrics").text
    assert 'scholiast_answers_total{model="extractive",outcome="answered"}' in counted
    assert 'route="/v1/papers/{id:path}",status="404"' in counted
    assert "without/end" not in counted


def test_questions_stay_out_of_the_log(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="scholiast"):
        client.get("/v1/search", params={"q": "swordfish"})
    ours = [record.getMessage() for record in caplog.records if record.name == "scholiast"]
    assert "/v1/search 200" in ours[0]
    assert "swordfish" not in ours[0]


def test_the_documentation_shows_the_models_and_needs_no_network(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    assert {"Question", "AnswerBody", "Report", "Problem"} <= set(schema["components"]["schemas"])
    assert schema["paths"]["/v1/ask"]["post"]["responses"]["200"]["content"]["text/event-stream"]
    page = client.get("/docs").text
    assert "https://" not in page.replace("https://fastapi.tiangolo.com", "")
    script = page.split('<script src="')[1].split('"')[0]
    assert client.get(script).status_code == 200
