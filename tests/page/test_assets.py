"""How the page is served: under which policy, for how long browsers keep it, its weight, and whose code it has."""

import json
import re
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.page import assets

VENDOR = files("service.page") / "vendor"
MANIFEST = json.loads((VENDOR / "manifest.json").read_text("utf-8"))
MOST_BYTES = 100_000


@pytest.mark.parametrize(
    "path", ["/", "/conversations/conv_1", "/answers/ans_1", "/search", "/papers/doi:10.1/2", "/map"]
)
def test_every_address_of_the_page_is_the_same_document_under_a_strict_policy(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert response.headers["cache-control"] == "no-cache"


def test_the_policy_is_the_pages_own_and_the_documentation_keeps_working(client: TestClient) -> None:
    assert "content-security-policy" not in client.get("/docs").headers
    assert "content-security-policy" not in client.get("/v1/libraries").headers


def test_the_document_names_only_files_that_are_served(client: TestClient) -> None:
    named = re.findall(r'(?:href|src)="([^"]+)"', client.get("/").text)
    assert len(named) > 10
    for path in named:
        response = client.get(path)
        assert response.status_code == 200, path
        assert "immutable" in response.headers["cache-control"]


def test_what_a_file_imports_is_served(client: TestClient) -> None:
    loaded = assets.load()
    for path, asset in loaded.files.items():
        if path.endswith(".js"):
            for other in re.findall(rb'(?:from|import) ?"(\.[^"]+)"', asset.content):
                base = f"http://127.0.0.1{loaded.base}/{path}"
                assert client.get(str(client.base_url.join(base).join(other.decode()))).status_code == 200, (
                    path,
                    other,
                )


def test_a_browser_that_has_the_document_is_told_that_it_is_the_same(client: TestClient) -> None:
    tag = client.get("/").headers["etag"]
    again = client.get("/", headers={"If-None-Match": f'W/{tag}, "other"'})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/", headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_file_of_another_version_is_not_found(client: TestClient) -> None:
    assert client.get("/page/0000000000000000/files/main.js").status_code == 404
    assert client.get(f"{assets.load().base}/vendor/manifest.json").status_code == 404
    assert client.get(f"{assets.load().base}/files/../routes.py").status_code == 404


def test_all_that_is_loaded_before_the_first_paint_is_less_than_100_kb_compressed(client: TestClient) -> None:
    loaded = assets.load()
    sent = [client.get("/", headers={"Accept-Encoding": "gzip"})]
    sent += [client.get(f"{loaded.base}/{path}", headers={"Accept-Encoding": "gzip"}) for path in loaded.files]
    assert {response.headers["content-encoding"] for response in sent} == {"gzip"}
    assert sum(int(response.headers["content-length"]) for response in sent) < MOST_BYTES


def test_a_client_that_takes_no_compression_gets_none(client: TestClient) -> None:
    response = client.get("/", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in response.headers
    assert response.text.startswith("<!doctype html>")


def test_nothing_runs_or_is_styled_in_line_and_nothing_comes_from_elsewhere() -> None:
    loaded = assets.load()
    for asset in (loaded.index, *loaded.files.values()):
        text = asset.content.decode("utf-8")
        if asset.media_type.startswith("text/html"):
            assert not re.search(r"<script>|<style|\son\w+=|style=", text)
        assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//|@import|url\(""", text)


@pytest.mark.parametrize("name", MANIFEST["files"])
def test_a_vendored_file_is_the_published_one(name: str) -> None:
    content = (VENDOR / MANIFEST["package"] / name).read_bytes()
    assert sha256(content).hexdigest() == MANIFEST["files"][name]


def test_every_vendored_file_is_in_the_manifest() -> None:
    folder = Path(str(VENDOR / MANIFEST["package"]))
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there == set(MANIFEST["files"])
