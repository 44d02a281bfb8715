"""HTTP: questions, streams and failures, through the real app; `test_server.py` has the real port."""

import json
from collections.abc import Sequence
from pathlib import Path
from threading import Timer

import pytest
from fastapi.testclient import TestClient

from rag import serialize
from rag.errors import BackendError
from rag.types import Paper
from service.http import schemas, sse
from tests.conftest import QUESTION
from tests.support.over_http import events, problem_of, serve
from tests.support.running import Script, writes

# Questions


def test_an_answer_is_the_contracts_object_and_its_quotes_are_verbatim(
    client: TestClient, papers: Sequence[Paper]
) -> None:
    response = client.post("/v1/ask", json={"question": QUESTION})
    answer = response.json()
    assert (response.status_code, answer["outcome"], answer["library"]) == (200, "answered", "default")
    assert serialize.answer(serialize.parse_answer(answer)) == answer
    abstracts = {paper.id: paper.abstract for paper in papers}
    assert answer["citations"]
    for citation in answer["citations"]:
        assert abstracts[citation["paper"]["id"]][citation["start"] : citation["end"]] == citation["quote"]


def test_filters_decide_which_papers_are_used(client: TestClient, papers: Sequence[Paper]) -> None:
    chosen = papers[3].id
    only = client.post("/v1/ask", json={"question": QUESTION, "filters": {"papers": [chosen]}}).json()
    assert {passage["paper"]["id"] for passage in only["passages"]} == {chosen}
    late = client.post("/v1/ask", json={"question": QUESTION, "filters": {"year_from": 2030}}).json()
    assert (late["outcome"], late["passages"]) == ("not_in_abstracts", [])
    for nobody in ({"authors": ["Nobody"]}, {"venues": ["Nowhere"]}):
        none = client.post("/v1/ask", json={"question": QUESTION, "filters": nobody}).json()
        assert (none["outcome"], none["passages"]) == ("not_in_abstracts", [])


def test_top_k_is_how_many_papers_are_shown(client: TestClient) -> None:
    answer = client.post("/v1/ask", json={"question": QUESTION, "top_k": 2}).json()
    assert {passage["number"] for passage in answer["passages"]} == {1, 2}


def test_history_makes_a_follow_up_stand_alone(client: TestClient) -> None:
    history = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "Hydra++ [1]."}]
    answer = client.post("/v1/ask", json={"question": "And how fast is it?", "history": history}).json()
    assert answer["question"] == "And how fast is it?"
    assert "Hydra++" in answer["standalone_question"]


def test_search_takes_the_filters_of_a_question(client: TestClient, papers: Sequence[Paper]) -> None:
    chosen = [papers[3].id, papers[4].id]
    for path in ("/v1/search", "/v1/search/references"):
        assert client.get(path, params={"q": "heads", "papers": chosen}).status_code == 200
    found = client.get("/v1/search", params={"q": "heads", "papers": chosen}).json()["results"]
    assert {result["paper"]["id"] for result in found} == set(chosen)
    assert client.get("/v1/search", params={"q": "heads", "year_from": 2030}).json()["results"] == []
    assert client.get("/v1/search", params={"q": "heads", "authors": ["Nobody"]}).json()["results"] == []
    problem_of(client.get("/v1/search", params={"q": "heads", "year_from": 2023, "year_to": 2022}), 422)


def test_search_ranks_papers_best_first(client: TestClient, papers: Sequence[Paper]) -> None:
    found = client.get("/v1/search", params={"q": papers[5].title, "limit": 3}).json()
    schemas.Results.model_validate(found, extra="forbid")
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


@pytest.mark.parametrize("stream", [False, True])
def test_a_contradicted_sentence_says_so_with_the_reason(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    writes(monkeypatch, Script("Hydra heads do not remove this independence [1]."))
    response = client.post("/v1/ask", json={"question": QUESTION, "stream": stream})
    answer = events(response.text)[-1][1] if stream else response.json()
    [sentence] = answer["sentences"]
    assert (answer["outcome"], sentence["support"]) == ("partial", "contradicted")
    assert sentence["reason"] == "it negates 'remove', the abstract does not"


def test_a_failure_before_the_first_event_is_an_ordinary_response(client: TestClient) -> None:
    response = client.post("/v1/ask", json={"question": " ", "stream": True})
    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")


def test_a_failure_in_mid_stream_is_a_problem_in_band(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    writes(
        monkeypatch, Script("Hydra is ", BackendError("http://10.0.0.1 hung up", retryable=True, reason="it hung up"))
    )
    streamed = events(client.post("/v1/ask", json={"question": QUESTION, "stream": True}).text)
    assert [name for name, _ in streamed] == ["sources", "delta", "error"]
    problem = streamed[-1][1]
    assert (problem["status"], problem["retryable"]) == (503, True)
    assert problem["detail"] == "an embedder, a model or a source can't be used: it hung up"


def test_a_bug_in_mid_stream_reveals_nothing(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    writes(monkeypatch, Script("Hydra is ", ZeroDivisionError("secret")))
    name, problem = events(client.post("/v1/ask", json={"question": QUESTION, "stream": True}).text)[-1]
    assert (name, problem["status"]) == ("error", 500)
    assert "secret" not in json.dumps(problem)


def test_a_stream_that_has_nothing_to_send_sends_heartbeats(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_SECONDS", 0.05)
    script = writes(monkeypatch, Script(None, "Slow."))
    Timer(0.5, script.go.set).start()
    body = client.post("/v1/ask", json={"question": QUESTION, "stream": True}).text
    assert ": ping\n\n" in body
    assert events(body)[-1][0] == "done"


# Failures


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ("{not json", 400, "not JSON"),
        ("", 422, "the body: Field required"),
        ("[]", 422, "found []"),
        ("{}", 422, "question: Field required"),
        ('{"question": ""}', 422, "empty"),
        ('{"question": "  \\n "}', 422, "empty"),
        ('{"question": null}', 422, "question"),
        ('{"question": 7}', 422, "question: Input should be a valid string; found 7"),
        (json.dumps({"question": ["why " * 1000]}), 422, "wh…"),
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
        ('{"question": "why", "filters": {"year_from": 2023, "year_to": 2022}}', 422, "from 2023 to 2022"),
        ('{"question": "why", "filters": {"year": 2023}}', 422, "`year` is not known; did you mean `year_to`?"),
        ('{"question": "why", "filters": {"year_from": 54673115974410658906112}}', 422, "filters.year_from"),
        ('{"question": "why", "libary": "bio"}', 422, "`libary` is not known; did you mean `library`?"),
        ('{"question": "why", "zzz": 1}', 422, "`zzz` is not known; there is `question`, `library`"),
        (
            '{"question": "why", "history": [{"role": "user", "content": "a", "contents": "b"}]}',
            422,
            "`contents` is not known; did you mean `content`?",
        ),
        ("[" * 100_000, 400, "not JSON"),
    ],
)
def test_a_bad_question_is_a_problem_that_says_what_is_wrong(
    client: TestClient, body: str, status: int, says: str
) -> None:
    response = client.post("/v1/ask", content=body, headers={"Content-Type": "application/json"})
    assert says in problem_of(response, status)["detail"]


def test_a_form_instead_of_json_gets_a_message_that_names_the_header_to_send(client: TestClient) -> None:
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


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/v1/search?q=a&libary=bio", "`libary` is not known; did you mean `library`?"),
        ("/v1/search?q=a&Limit=3", "`Limit` is not known; did you mean `limit`?"),
        ("/v1/papers?yearfrom=2020", "`yearfrom` is not known; there is `library`, `offset`, `limit`"),
        ("/v1/libraries?x=1", "`x` is not known; there is none"),
        ("/v1/conversations?ofset=1", "`ofset` is not known; did you mean `offset`?"),
        ("/v1/search/references?q=a&fromat=ris", "`fromat` is not known; did you mean `format`?"),
    ],
)
def test_a_parameter_that_is_not_known_is_refused_with_the_nearest_one(
    client: TestClient, path: str, says: str
) -> None:
    problem = problem_of(client.get(path), 422)
    assert problem["detail"] == says
    assert problem["errors"][0]["field"] in path


def test_a_body_that_is_too_large_is_refused_with_or_without_a_content_length(client: TestClient) -> None:
    problem_of(client.post("/v1/ask", json={"question": "x" * 1_100_000}), 413)
    pieces = (b"x" * 100_000 for _ in range(11))
    problem_of(client.post("/v1/ask", content=pieces, headers={"Content-Type": "application/json"}), 413)


def test_a_bug_is_a_500_that_reveals_nothing(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.workspace.make_engine", lambda *_: 1 / 0)
    response = client.post("/v1/ask", json={"question": "why"})
    assert "division" not in json.dumps(problem_of(response, 500))


@pytest.mark.parametrize(("retryable", "status"), [(True, 503), (False, 502)])
def test_a_failing_backend_says_whether_to_try_again(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, retryable: bool, status: int
) -> None:
    writes(monkeypatch, Script(BackendError("the model is away", retryable=retryable)))
    response = client.post("/v1/ask", json={"question": QUESTION})
    assert problem_of(response, status)["retryable"] is retryable
    assert ("retry-after" in response.headers) is retryable


def test_a_request_keeps_the_id_that_its_client_gave_it(client: TestClient) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "trace-7"}).headers["x-request-id"] == "trace-7"
    assert client.get("/healthz", headers={"X-Request-ID": "a b\tc"}).headers["x-request-id"] != "a b\tc"


def test_an_emptied_library_can_be_asked_with_a_filter_on_papers(home: Path) -> None:
    with serve(home) as served:
        ids = [paper["id"] for paper in served.get("/v1/papers").json()["papers"]]
        for id in ids:
            served.delete(f"/v1/papers/{id}")
        body = {"question": QUESTION, "filters": {"papers": ids[:1]}}
        assert served.post("/v1/ask", json=body).json()["outcome"] == "empty_library"


@pytest.mark.parametrize("content", ['"Is \\ud800 it?"', '[{"type": "text", "text": "Is \\udc00 it?"}]'])
def test_half_a_character_in_a_message_is_no_bug(client: TestClient, content: str) -> None:
    body = f'{{"model": "extractive", "messages": [{{"role": "user", "content": {content}}}]}}'
    response = client.post("/v1/chat/completions", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 200
