"""HTTP: adding, listing and removing papers, and the library that is used where none is named."""

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from rag.types import IngestReport, Paper
from service.http import schemas
from tests.conftest import SAMPLE
from tests.support.over_http import RECORD, problem_of, serve


def test_papers_are_added_as_a_list_and_removed_one_by_one(client: TestClient) -> None:
    report = client.post("/v1/papers", params={"library": "list"}, json=[RECORD, {"title": "No abstract"}]).json()
    TypeAdapter(IngestReport).validate_python(report, extra="forbid")
    assert (report["library"], report["added"], report["papers"]) == ("list", 1, 1)
    assert [(r["source"], r["line"]) for r in report["rejected"]] == [("request", 2)]
    again = client.post("/v1/papers", params={"library": "list"}, json=[RECORD]).json()
    assert (again["added"], again["unchanged"]) == (0, 1)
    page = client.get("/v1/papers", params={"library": "list"}).json()
    schemas.PaperPage.model_validate(page, extra="forbid")
    id = page["papers"][0]["id"]
    shown = client.get(f"/v1/papers/{id}", params={"library": "list"}).json()
    assert (shown["title"], shown["year"]) == ("Sleep and coffee", 2021)
    assert client.delete(f"/v1/papers/{id}", params={"library": "list"}).json() == {"library": "list", "removed": 1}
    problem_of(client.get(f"/v1/papers/{id}", params={"library": "list"}), 404)


TEA = {"title": "Tea", "abstract": "Tea does not shorten sleep."}


@pytest.mark.parametrize(
    "body",
    [
        {"results": [RECORD, TEA]},
        {"total": 2, "data": [RECORD, TEA]},
        {"status": "ok", "message": {"total-results": 2, "items": [RECORD, TEA]}},
        {"version": "6.9", "resultList": {"result": [RECORD, TEA]}},
        {"records": {"one": RECORD, "two": TEA}},
        {"one": RECORD, "two": TEA},
    ],
)
def test_an_object_that_holds_papers_is_unwrapped_as_in_a_file(client: TestClient, body: dict[str, object]) -> None:
    library = f"wrapped-{len(json.dumps(body))}"
    report = client.post("/v1/papers", params={"library": library}, json=body).json()
    assert (report["added"], report["rejected"]) == (2, [])
    page = client.get("/v1/papers", params={"library": library}).json()
    lines = sorted((source["path"], source["line"]) for paper in page["papers"] for source in paper["sources"])
    assert lines == [("request", 1), ("request", 2)]


def test_an_object_may_be_one_paper(client: TestClient) -> None:
    report = client.post("/v1/papers", params={"library": "one"}, json={"message": TEA}).json()
    assert report["added"] == 1
    assert client.post("/v1/papers", params={"library": "one"}, json=TEA).json()["unchanged"] == 1


def test_an_archive_is_unpacked_and_its_files_are_named(client: TestClient) -> None:
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr("mine/papers.bib", "@misc{a, title = {Otters}, abstract = {They swim in rivers.}}")
        archive.writestr("mine/notes.md", "Milk.")
    upload = {"file": ("mine.zip", packed.getvalue())}
    report = client.post("/v1/papers", params={"library": "packed"}, files=upload).json()
    assert (report["added"], [r["source"] for r in report["rejected"]]) == (1, ["mine.zip/mine/notes.md"])
    (paper,) = client.get("/v1/papers", params={"library": "packed"}).json()["papers"]
    assert paper["sources"] == [{"path": "mine.zip/mine/papers.bib", "line": 1}]


def test_a_merge_is_told_and_can_be_taken_back(client: TestClient) -> None:
    there = {"library": "merged"}
    preprint = {**RECORD, "arxiv_id": "2301.00001v2"}
    report = client.post("/v1/papers", params=there, json=[preprint, {**RECORD, "doi": "10.5555/Sleep/7"}]).json()
    assert report["merged"] == [
        {
            "into": "arxiv:2301.00001",
            "record": "doi:10.5555/sleep/7",
            "source": "request",
            "line": 2,
            "because": "same title",
        }
    ]
    split = client.post("/v1/papers/doi:10.5555/sleep/7/split", params=there).json()
    schemas.PaperSplit.model_validate(split, extra="forbid")
    assert [paper["id"] for paper in split["papers"]] == ["arxiv:2301.00001", "doi:10.5555/sleep/7"]
    problem_of(client.post("/v1/papers/doi:10.5555/sleep/7/split", params=there), 422)
    problem_of(client.post("/v1/papers/nobody/split", params=there), 404)


def test_a_value_that_is_left_out_is_told(client: TestClient) -> None:
    work = {"display_name": "Weirs", "publication_year": "soon", "abstract_inverted_index": {"Eels": [0], "wait.": [1]}}
    report = client.post("/v1/papers", params={"library": "told"}, json=[work]).json()
    assert [(note["source"], note["line"], note["text"][:11]) for note in report["notes"]] == [
        ("request", 1, "year 'soon'")
    ]


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


def test_of_several_files_the_readable_ones_go_in(client: TestClient) -> None:
    files = [("file", ("sleep.jsonl", json.dumps(RECORD).encode())), ("file", ("noise.bin", b"\x00\x01\x02"))]
    report = client.post("/v1/papers", params={"library": "partly"}, files=files).json()
    assert (report["added"], [rejected["source"] for rejected in report["rejected"]]) == (1, ["noise.bin"])
    assert "/tmp" not in report["rejected"][0]["reason"]
    problem_of(client.post("/v1/papers", params={"library": "nothing"}, files=files[1:] * 2), 422)


def test_a_field_of_a_form_that_is_not_known_is_refused(client: TestClient) -> None:
    files = {"file": ("sleep.jsonl", json.dumps(RECORD))}
    response = client.post("/v1/papers", data={"libary": "form"}, files=files)
    assert problem_of(response, 422)["detail"] == "`libary` is not known; did you mean `library`?"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"\x00\x01\x02", "application/octet-stream", 422),
        (b"", "text/csv", 422),
        (b"[", "application/json", 400),
        (b"{}", "application/json", 422),
        (b"[]", "application/json", 422),
        (b"7", "application/json", 422),
        (b'{"results": []}', "application/json", 422),
        (b'{"results": [{"title": "cut off"', "application/json", 400),
        (b'{"results": [{}], }', "application/json", 400),
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
    schemas.LibraryList.model_validate(found, extra="forbid")
    assert {library["name"]: library["papers"] for library in found["libraries"]}["default"] == len(papers)


# Where no library is named


def test_a_fresh_service_says_that_its_library_is_empty(tmp_path: Path) -> None:
    with serve(tmp_path) as fresh:
        answer = fresh.post("/v1/ask", json={"question": "why"}).json()
        assert (answer["outcome"], answer["library"], answer["citations"]) == ("empty_library", "default", [])


def test_the_demo_library_is_used_until_the_default_one_holds_papers(tmp_path: Path) -> None:
    with serve(tmp_path) as fresh:
        fresh.post("/v1/papers", params={"library": "demo"}, json=[RECORD])
        assert fresh.post("/v1/ask", json={"question": "coffee"}).json()["library"] == "demo"
        fresh.post("/v1/papers", json=[RECORD])
        assert fresh.post("/v1/ask", json={"question": "coffee"}).json()["library"] == "default"


@pytest.mark.parametrize(
    ("kind", "piece"), [("application/json", "{},"), ("application/x-ndjson", "{}\n"), ("text/csv", "title,abstract\n")]
)
def test_of_many_bad_records_the_first_are_listed_and_the_rest_counted(
    client: TestClient, kind: str, piece: str
) -> None:
    body = f"[{piece * 4_999}{{}}]" if kind == "application/json" else piece * 5_000
    response = client.post("/v1/papers", params={"library": "many"}, content=body, headers={"Content-Type": kind})
    report = response.json()
    rows = 4_999 if kind == "text/csv" else 5_000
    assert len(report["rejected"]) + report.get("more_rejected", 0) + report["added"] + report["unchanged"] == rows
    assert len(report["rejected"]) <= 1_000
    assert len(response.content) < 200_000


def test_more_records_than_one_request_may_hold_are_refused_before_any_is_stored(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.http.uploads._MAX_RECORDS", 2)
    records = [{"title": f"Paper {n}", "abstract": "It is short."} for n in range(3)]
    problem = problem_of(client.post("/v1/papers", params={"library": "toomany"}, json=records), 422)
    assert "more than 2 records" in problem["detail"]
    problem_of(client.get("/v1/papers", params={"library": "toomany"}), 404)
