"""HTTP: access, readiness, metrics, log and documentation."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from fastapi.testclient import TestClient

from service.http.app import create_app
from tests.conftest import QUESTION, settings
from tests.support.command import words
from tests.support.over_http import problem_of, serve
from tests.support.running import running

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


def test_keys_appear_neither_in_the_log_nor_in_the_settings(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    chosen = settings(home, api_keys="swordfish")
    assert "swordfish" not in repr(chosen)
    with serve(home, api_keys="swordfish") as guarded, caplog.at_level("INFO"):
        guarded.get("/v1/libraries", headers={"Authorization": "Bearer swordfish"})
    assert "swordfish" not in caplog.text
    assert "GET /v1/libraries 200" in caplog.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example@localhost"},
        {"Host": "localhost@evil.example"},
        {"Host": "localhost/x"},
        {"Origin": "https://evil.example"},
        {"Origin": "https://evil.example@localhost"},
        {"Origin": "null"},
        {"Host": ""},
    ],
)
@pytest.mark.parametrize("path", ["/v1/libraries", "/metrics", "/docs", "/openapi.json"])
def test_without_keys_pages_of_other_sites_are_refused(client: TestClient, path: str, headers: dict[str, str]) -> None:
    problem_of(client.get(path, headers=headers), 403)


def test_health_is_told_to_whoever_asks(client: TestClient) -> None:
    assert client.get("/healthz", headers={"Host": "evil.example"}).status_code == 200


def test_with_keys_the_metrics_need_one(home: Path) -> None:
    with serve(home, api_keys="first") as guarded:
        problem_of(guarded.get("/metrics"), 401)
        assert guarded.get("/metrics", headers={"Authorization": "Bearer first"}).status_code == 200


def test_without_keys_behind_slacks_proxy_nobody_may_ask(home: Path) -> None:
    with serve(home, slack_signing_secret="secret") as proxied:
        assert "SCHOLIAST_API_KEYS" in problem_of(proxied.get("/v1/libraries"), 403)["detail"]
        problem_of(proxied.post("/v1/papers", json=[]), 403)
        problem_of(proxied.get("/metrics"), 403)
        assert proxied.get("/healthz").status_code == 200
    with serve(home, slack_signing_secret="secret", api_keys="first") as keyed:
        assert keyed.get("/v1/libraries", headers={"Authorization": "Bearer first"}).status_code == 200


def test_a_key_may_be_sent_as_x_api_key(home: Path) -> None:
    with serve(home, api_keys="first,second") as guarded:
        assert guarded.get("/v1/libraries", headers={"X-API-Key": "second"}).status_code == 200
        assert guarded.get("/v1/libraries", headers={"X-API-Key": "third"}).status_code == 401
        begun = guarded.post("/v1/conversations", headers={"X-API-Key": "first"}).json()["id"]
        same = guarded.get("/v1/conversations", headers={"Authorization": "Bearer first"}).json()
        assert [conversation["id"] for conversation in same["conversations"]] == [begun]


# Proxies and pages of others


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_without_keys_a_request_through_a_proxy_is_refused(client: TestClient, header: str) -> None:
    refused = client.get("/v1/libraries", headers={header: "203.0.113.7"})
    assert "SCHOLIAST_API_KEYS" in problem_of(refused, 403)["detail"]


def test_without_keys_nothing_is_open_where_a_proxy_is_expected(home: Path) -> None:
    with serve(home, trusted_proxies="10.0.0.0/8") as proxied:
        problem_of(proxied.get("/v1/libraries"), 403)


@pytest.mark.parametrize(("trusted", "scheme"), [("127.0.0.0/8, ::1", "https"), ("10.0.0.0/8", "http")])
def test_forwarded_headers_count_only_from_trusted_proxies(home: Path, trusted: str, scheme: str) -> None:
    app = create_app(settings(home, trusted_proxies=trusted, api_keys="a"), words())
    headers = {"X-API-Key": "a", "X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    with running(app) as url:
        watch = httpx2.post(f"{url}/v1/watches", json={"text": "sparse autoencoders"}, headers=headers).json()
        feed = httpx2.get(url + watch["feed"], headers=headers).text
    assert f'href="{scheme}://127.0.0.1' in feed


@pytest.mark.parametrize(
    "wrong",
    [{"trusted_proxies": "proxy.example.org"}, {"cors_origins": "example.org"}, {"cors_origins": "https://a/b"}],
)
def test_a_setting_that_names_no_network_or_origin_is_refused(home: Path, wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="such as"):
        settings(home, **wrong)


@pytest.mark.parametrize("keys", ["", "first"])
def test_pages_of_the_named_origins_may_ask(home: Path, keys: str) -> None:
    page, other = {"Origin": "https://lab.example"}, {"Origin": "https://evil.example"}
    preflight = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    with serve(home, cors_origins="https://lab.example", api_keys=keys) as client:
        allowed = client.options("/v1/ask", headers={**page, **preflight})
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, "https://lab.example")
        assert "access-control-allow-origin" not in client.options("/v1/ask", headers={**other, **preflight}).headers
        response = client.get("/v1/libraries", headers={**page, "X-API-Key": "first"})
        assert (response.status_code, response.headers["access-control-allow-origin"]) == (200, "https://lab.example")
        refused = client.get("/v1/libraries", headers=other)
        assert refused.status_code == (401 if keys else 403)
        assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize(
    "headers", [{"Host": "localhost:8000"}, {"Host": "[::1]:8000"}, {"Origin": "http://localhost"}]
)
def test_without_keys_this_machine_may_ask(client: TestClient, headers: dict[str, str]) -> None:
    assert client.get("/v1/libraries", headers=headers).status_code == 200


@pytest.mark.slow
def test_a_body_that_stops_coming_is_not_waited_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.http.middleware.BODY_IDLE_SECONDS", 0.2)
    with running(create_app(settings(home), words())) as url, _connected(url) as client:
        client.sendall(b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
        client.sendall(b"Content-Length: 100\r\n\r\n{")
        client.settimeout(20)
        assert client.recv(100).startswith(b"HTTP/1.1 408 ")


def _connected(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(url).port or 0))


# Operations


def test_not_ready_until_the_library_can_be_opened(home: Path) -> None:
    with serve(home) as owner:
        assert owner.get("/v1/papers").status_code == 200
        with serve(home) as second:
            assert second.get("/healthz").json() == {"status": "ok"}
            response = second.post("/v1/ask", json={"question": "why"})
            assert "in use by" in problem_of(response, 503)["detail"]
            assert "in use by" in problem_of(second.get("/readyz"), 503)["reasons"][0]


def test_ready_when_library_and_embedder_are_there(client: TestClient) -> None:
    client.get("/v1/papers")
    assert client.get("/readyz").json() == {"status": "ready"}


def test_not_ready_any_more_when_the_indexes_are_gone(home: Path) -> None:
    with serve(home) as served:
        while served.get("/readyz").status_code != 200:
            served.get("/v1/papers")
        (home / "scholiast.sqlite3").write_bytes(b"no database any more" * 1_000)
        assert "can't be used as it is" in problem_of(served.get("/readyz"), 503)["reasons"][0]


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
    assert {"QuestionRequest", "Answer", "IngestReport", "Problem"} <= set(schema["components"]["schemas"])
    assert schema["paths"]["/v1/ask"]["post"]["responses"]["200"]["content"]["text/event-stream"]
    page = client.get("/docs").text
    assert "https://" not in page.replace("https://fastapi.tiangolo.com", "")
    script = page.split('<script src="')[1].split('"')[0]
    assert client.get(script).status_code == 200


def test_every_operation_says_what_it_does_and_how_it_may_fail(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            assert len(operation["summary"].split()) > 2, (path, method)
            if path.startswith("/v1/"):
                assert {"403", "429", "503"} <= operation["responses"].keys()
                assert "Retry-After" in operation["responses"]["429"]["headers"]
                assert "401" not in operation["responses"]
            if "requestBody" in operation:
                assert {"400", "408", "413", "415"} <= operation["responses"].keys()


def test_a_link_leads_from_an_answer_to_its_feedback(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    ids = {operation["operationId"]: path for path in paths for operation in paths[path].values()}
    link = paths["/v1/ask"]["post"]["responses"]["200"]["links"]["feedback"]
    assert ids[link["operationId"]] == "/v1/answers/{id}/feedback"
    assert link["parameters"] == {"id": "$response.body#/id"}


def test_the_description_has_the_rules_of_what_may_be_sent(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    question = document["components"]["schemas"]["QuestionRequest"]["properties"]
    assert (question["question"]["maxLength"], question["top_k"]["maximum"]) == (4_000, 50)
    search = {entry["name"]: entry for entry in document["paths"]["/v1/search"]["get"]["parameters"]}
    assert search["limit"]["schema"]["maximum"] == 100
    assert search["q"]["example"] == "sparse autoencoders"


def test_the_description_asks_for_a_key_only_where_there_are_any(client: TestClient, home: Path) -> None:
    assert "HTTPBearer" not in client.get("/openapi.json").text
    with serve(home, api_keys="first") as guarded:
        assert guarded.get("/openapi.json").json()["paths"]["/v1/ask"]["post"]["security"] == [
            {"HTTPBearer": []},
            {"APIKeyHeader": []},
        ]
