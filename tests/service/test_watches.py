"""Watches: what is new is told once, with its sentence, over HTTP, in a feed and in the terminal."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import respx
from fastapi.testclient import TestClient

from rag.connectors import Connectors
from rag.database import Database
from rag.errors import BusyError
from rag.types import Paper
from rag.watches import runs, store
from rag.watches.store import Watches
from rag.workspace import Workspace
from service.http.app import create_app
from tests.conftest import QUESTION, CommandResult, settings
from tests.support.command import words
from tests.support.sources import MATCHES, FakeClock, small_pages, sources

__all__ = ["small_pages", "sources"]

ATOM = "{http://www.w3.org/2005/Atom}"
SUBJECT = "caffeine and sleep"
OLD = {"id": "old", "title": "Caffeine before sleep", "abstract": "Caffeine disturbs sleep. Forty adults took part."}
NEW = {
    "id": "new",
    "title": "Sleep <b>after caffeine</b> & tea",
    "abstract": "We asked sixty adults. Caffeine did shorten sleep by 41 minutes. Tea did not.",
    "url": "https://example.org/new?a=1&b=2",
    "year": 2024,
}
OTHER = {"id": "other", "title": "Roots of barley", "abstract": "Barley roots grow deeper in dry soil."}


@pytest.fixture
def web(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(settings(tmp_path / "home"), words()), base_url="http://127.0.0.1") as client:
        yield client


def put(client: TestClient, *papers: dict[str, Any], library: str = "") -> None:
    assert client.post("/v1/papers", json=papers, params={"library": library}).status_code == 200


def begin(client: TestClient, text: str = SUBJECT, **others: str) -> str:
    response = client.post("/v1/watches", json={"text": text, **others})
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def run(client: TestClient, id: str) -> list[dict[str, Any]]:
    response = client.post(f"/v1/watches/{id}/run")
    assert response.status_code == 200, response.text
    return list(response.json()["found"])


def test_a_new_paper_on_the_subject_is_told_once_with_the_sentence_that_matches(web: TestClient) -> None:
    put(web, OLD)
    id = begin(web)
    put(web, NEW, OTHER)
    (found,) = run(web, id)
    assert (found["kind"], found["paper"]["id"], found["paper"]["year"]) == ("paper", "new", 2024)
    assert found["sentence"] == "Caffeine did shorten sleep by 41 minutes."
    assert run(web, id) == []


def test_a_paper_on_one_half_of_a_short_subject_is_not_told(web: TestClient) -> None:
    id = begin(web)
    put(web, {**OTHER, "title": "Sleep of barley", "abstract": "Barley seeds sleep in dry soil all winter."})
    assert run(web, id) == []


def test_a_paper_that_only_changes_is_not_new(web: TestClient) -> None:
    put(web, OLD)
    id = begin(web)
    put(web, {**OLD, "abstract": "Caffeine disturbs sleep. Fifty adults took part."})
    assert run(web, id) == []


def test_a_paper_that_was_removed_and_came_again_is_not_told_again(web: TestClient) -> None:
    put(web, OLD)
    id = begin(web)
    put(web, NEW)
    assert len(run(web, id)) == 1
    assert web.delete("/v1/papers/new").status_code == 200
    put(web, NEW)
    assert run(web, id) == []


def test_embedding_every_paper_again_makes_none_of_them_new(tmp_path: Path) -> None:
    async def check() -> list[runs.Run]:
        async with Workspace(settings(tmp_path), words()) as workspace:
            await workspace.ingest(Path(written(tmp_path, OLD)))
            await runs.begin(workspace, SUBJECT)
            await (await workspace.library()).rebuild(embed=True)
            return await runs.run_due(workspace)

    (done,) = asyncio.run(check())
    assert (done.found, done.error) == ((), "")


def test_a_question_tells_when_its_answer_changes_with_the_sentence_before_and_after(
    web: TestClient, papers: list[Paper]
) -> None:
    put(web, OLD)
    watch = web.post("/v1/watches", json={"text": QUESTION}).json()
    put(web, *[{"id": paper.id, "title": paper.title, "abstract": paper.abstract} for paper in papers])
    change = next(found for found in run(web, watch["id"]) if found["kind"] == "answer")
    assert change["before"] == watch["standing"]
    assert change["before"]["outcome"] == "out_of_scope"
    assert change["after"]["outcome"] == "answered"
    assert "Hydra++" in change["after"]["sentence"]
    assert [paper["id"] for paper in change["after"]["papers"]] == [papers[0].id]
    assert web.get(f"/v1/answers/{change['after']['answer']}").json()["question"] == QUESTION
    put(web, OTHER)
    assert run(web, watch["id"]) == []


def test_the_feed_is_atom_with_what_was_found_escaped(web: TestClient) -> None:
    id = begin(web)
    put(
        web,
        {**NEW, "authors": ["Ada <Sand>"]},
        {**OTHER, "title": "Sleep, caffeine\x0b", "abstract": "Caffeine, sleep."},
    )
    run(web, id)
    response = web.get(f"/v1/watches/{id}/feed")
    assert response.headers["content-type"].startswith("application/atom+xml")
    root = ElementTree.fromstring(response.content)
    assert root.tag == f"{ATOM}feed"
    assert all(root.findtext(f"{ATOM}{name}") for name in ("id", "title", "updated"))
    entries = {entry.findtext(f"{ATOM}title"): entry for entry in root.iter(f"{ATOM}entry")}
    entry = next(entry for title, entry in entries.items() if title and "after caffeine" in title)
    assert entry.findtext(f"{ATOM}content") == "Caffeine did shorten sleep by 41 minutes."
    assert entry.find(f"{ATOM}link").get("href") == NEW["url"]  # type: ignore[union-attr]  # else the test fails
    assert entry.findtext(f"{ATOM}author/{ATOM}name") == "Ada <Sand>"
    assert len({entry.findtext(f"{ATOM}id") for entry in entries.values()}) == 2


def test_a_paper_whose_address_is_no_web_address_is_not_linked(web: TestClient) -> None:
    id = begin(web)
    put(web, {**NEW, "url": "javascript:alert(1)"})
    run(web, id)
    assert "javascript" not in web.get(f"/v1/watches/{id}/feed").text


def test_a_reader_that_has_the_feed_is_told_so_until_something_is_found(web: TestClient) -> None:
    id = begin(web)
    feed = f"/v1/watches/{id}/feed"
    first = web.get(feed)
    tag = {"If-None-Match": first.headers["etag"]}
    assert (web.get(feed, headers=tag).status_code, web.get(feed).content) == (304, first.content)
    put(web, NEW)
    run(web, id)
    assert web.get(feed, headers=tag).status_code == 200


def test_a_watch_belongs_to_its_key(tmp_path: Path) -> None:
    app = create_app(settings(tmp_path / "home", api_keys="one,two"), words())
    with TestClient(app, base_url="http://127.0.0.1") as web:
        ours, theirs = ({"Authorization": f"Bearer {key}"} for key in ("one", "two"))
        id = web.post("/v1/watches", json={"text": SUBJECT}, headers=ours).json()["id"]
        assert [w["id"] for w in web.get("/v1/watches", headers=ours).json()["watches"]] == [id]
        assert web.get("/v1/watches", headers=theirs).json() == {"watches": []}
        path = f"/v1/watches/{id}"
        assert web.get(f"{path}/feed").status_code == 401
        for method, at in (("GET", path), ("GET", f"{path}/feed"), ("POST", f"{path}/run"), ("DELETE", path)):
            assert web.request(method, at, headers=theirs).status_code == 404
        assert web.delete(path, headers=ours).json() == {"id": id, "removed": True}
        assert web.get(f"{path}/feed", headers=ours).status_code == 404


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"text": " "}, "0 characters"),
        ({"text": "x" * 501}, "501 characters"),
        ({"text": "what is the"}, "no word that could be watched"),
        ({"text": SUBJECT, "source": "scholar"}, "there is arxiv, pubmed"),
        ({"text": SUBJECT, "to": "email:ada@example.org"}, "SCHOLIAST_SMTP_URL"),
        ({"text": SUBJECT, "to": "pager:7"}, "'email:ADDRESS'"),
        ({"text": SUBJECT, "to": "slack:general"}, "slack:C0123456789"),
        ({"text": SUBJECT, "to": "slack:C0123456789"}, "SCHOLIAST_SLACK_BOT_TOKEN"),
    ],
)
def test_a_watch_that_can_not_work_is_refused_with_the_way_out(
    web: TestClient, body: dict[str, str], says: str
) -> None:
    response = web.post("/v1/watches", json=body)
    assert (response.status_code, says in response.json()["detail"]) == (422, True), response.text
    assert web.get("/v1/watches").json() == {"watches": []}


def test_a_watch_of_an_unknown_library_is_refused(web: TestClient) -> None:
    assert web.post("/v1/watches", json={"text": SUBJECT, "library": "none"}).status_code == 404


def written(folder: Path, *papers: dict[str, Any]) -> str:
    file = folder / f"{len(list(folder.iterdir()))}.json"
    file.write_text(json.dumps(papers), encoding="utf-8")
    return str(file)


def test_the_terminal_adds_runs_lists_and_removes(scholiast: Callable[..., CommandResult], tmp_path: Path) -> None:
    scholiast("ingest", written(tmp_path, OLD))
    watch = json.loads(scholiast("watch", "add", SUBJECT, "--json").out)
    scholiast("ingest", written(tmp_path, NEW))
    ran = scholiast("watch", "run")
    assert ran.code == 0, ran.err
    assert "“Caffeine did shorten sleep by 41 minutes.”" in ran.out
    assert scholiast("watch", "run").out == ""  # not due before tomorrow
    assert watch["id"] in scholiast("watch", "list").out
    assert scholiast("watch", "remove", watch["id"]).code == 0
    gone = scholiast("watch", "remove", watch["id"])
    assert (gone.code, "scholiast watch list" in gone.err) == (1, True)


def test_a_watch_that_fails_stops_no_other_and_is_due_again(
    scholiast: Callable[..., CommandResult], tmp_path: Path
) -> None:
    scholiast("ingest", written(tmp_path, OLD), "--library", "gone")
    scholiast("watch", "add", SUBJECT, "--library", "gone")
    scholiast("watch", "add", SUBJECT)
    scholiast("libraries", "remove", "gone", "--yes")
    scholiast("ingest", written(tmp_path, NEW))
    ran = scholiast("watch", "run", "--json")
    first, second = json.loads(ran.out)["runs"]
    assert (ran.code, "gone" in first["error"], len(second["found"])) == (1, True, 1)
    assert [run["watch"] for run in json.loads(scholiast("watch", "run", "--json").out)["runs"]] == [first["watch"]]


def test_two_runs_at_once_tell_a_paper_once(tmp_path: Path) -> None:
    async def check() -> list[runs.Run]:
        async with Workspace(settings(tmp_path), words()) as workspace:
            await runs.begin(workspace, SUBJECT)
            await workspace.ingest(written(tmp_path, NEW))
            return [
                run
                for done in await asyncio.gather(*[runs.run_due(workspace)] * 1, runs.run_due(workspace))
                for run in done
            ]

    assert sum(len(run.found) for run in asyncio.run(check())) == 1


def test_a_run_that_lost_its_lease_tells_nothing_and_the_next_one_tells_it_all(
    web: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = begin(web)
    put(web, NEW)
    watches = Watches(Database(tmp_path / "home"))
    monkeypatch.setattr(store, "LEASE_SECONDS", -1.0)
    dead = watches.claim(id, "dead")
    assert dead
    monkeypatch.undo()
    assert len(run(web, id)) == 1
    with pytest.raises(BusyError, match="taken it over"):
        watches.finish(dead, "dead", [])
    assert len(watches.findings(id, 10)) == 1
    watches.close()


def test_a_watch_that_runs_elsewhere_is_busy(web: TestClient, tmp_path: Path) -> None:
    id = begin(web)
    watches = Watches(Database(tmp_path / "home"))
    assert watches.claim(id, "another")
    assert web.post(f"/v1/watches/{id}/run").status_code == 409
    watches.release(id, "another")
    watches.close()
    assert run(web, id) == []


def test_a_source_is_searched_since_the_last_run_and_what_it_has_is_told(
    tmp_path: Path, sources: respx.MockRouter
) -> None:
    async def check() -> tuple[runs.Run, runs.Run]:
        async with Workspace(settings(tmp_path), words()) as workspace:
            workspace.connectors = Connectors(tmp_path, "", FakeClock().clock())
            watch = await runs.begin(workspace, "coffee shortens sleep", source="openalex")
            return await runs.run_one(workspace, watch.id), await runs.run_one(workspace, watch.id)

    first, second = asyncio.run(check())
    assert (len(first.found), len(second.found)) == (MATCHES, 0)
    asked = sources.routes["openalex"].calls[0].request.url
    assert "from_publication_date" in str(asked)
