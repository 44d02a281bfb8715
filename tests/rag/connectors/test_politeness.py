"""When a source fails, is busy, or answers nonsense: what is waited for, told, and kept for the next try."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpcore2
import httpx
import pytest
import respx

from rag.connectors import Connectors
from rag.connectors.client import MAX_ATTEMPTS
from rag.connectors.spool import KEPT_SECONDS
from rag.errors import BackendError, RequestError, ScholiastError
from rag.types import IngestReport
from rag.workspace import Workspace
from tests.conftest import settings
from tests.support.command import words
from tests.support.sources import MATCHES, SOURCES, FakeClock, parameters, small_pages, sources

__all__ = ["small_pages", "sources"]

every_source = pytest.mark.parametrize("source", SOURCES)


async def fetch(home: Path, clock: FakeClock, source: str = "openalex", **others: Any) -> IngestReport:
    async with Workspace(settings(home), words()) as workspace:
        workspace.connectors = Connectors(home, "", clock.clock())
        return await workspace.fetch(source, "sleep", **others)


async def stored(home: Path) -> int:
    async with Workspace(settings(home), words()) as workspace:
        return (await (await workspace.library()).counts()).papers


def sometimes(
    sources: respx.MockRouter, source: str, *failures: httpx.Response | Exception, after: int = 0
) -> respx.Route:
    """The source, whose requests after the first `after` ones fail in these ways; then it is well again."""
    replies: Iterator[httpx.Response | Exception] = iter(failures)
    route, well, number = sources.routes[source], SOURCES[source][1], 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal number
        number += 1
        failure = next(replies, None) if number > after else None
        if isinstance(failure, Exception):
            raise failure
        return failure or well(request)

    route.mock(side_effect=answer)
    return route


async def test_retry_after_is_waited_for_in_seconds(tmp_path: Path, sources: respx.MockRouter) -> None:
    sometimes(sources, "openalex", httpx.Response(429, headers={"retry-after": "17"}))
    clock = FakeClock()
    assert (await fetch(tmp_path, clock)).papers == MATCHES
    assert clock.waits[0] == 17


async def test_retry_after_is_waited_for_until_a_date(tmp_path: Path, sources: respx.MockRouter) -> None:
    date = "Tue, 14 Nov 2023 22:13:50 GMT"  # 30 seconds after the clock's first
    sometimes(sources, "openalex", httpx.Response(503, headers={"retry-after": date}))
    clock = FakeClock()
    assert (await fetch(tmp_path, clock)).papers == MATCHES
    assert clock.waits[0] == 30


async def test_a_source_that_asks_for_hours_is_not_waited_for(tmp_path: Path, sources: respx.MockRouter) -> None:
    route = sometimes(sources, "openalex", httpx.Response(429, headers={"retry-after": "7200"}))
    with pytest.raises(BackendError, match=r"7200 seconds.*OPENALEX_API_KEY") as failure:
        await fetch(tmp_path, FakeClock())
    assert failure.value.retryable
    assert route.call_count == 1


@every_source
@pytest.mark.parametrize(
    "replies",
    [
        ('{"results": [', "<feed><entry>", "<html>Be right back</html>"),
        ("[1]", "{}", "\x00"),
    ],
    ids=["broken", "strange"],
)
async def test_what_can_not_be_read_in_the_middle_of_a_search_is_asked_for_again(
    tmp_path: Path, sources: respx.MockRouter, source: str, replies: tuple[str, ...]
) -> None:
    sometimes(sources, source, *[httpx.Response(200, text=reply) for reply in replies], after=2)
    assert (await fetch(tmp_path, FakeClock(), source)).papers == MATCHES


@pytest.mark.parametrize(
    "failure",
    [
        httpx.Response(500),
        httpx.Response(429),
        httpcore2.ConnectError("no route"),
        httpcore2.ReadTimeout("slow"),
        httpx.Response(200, content=b"\xff\xfe\x00"),
    ],
    ids=repr,
)
async def test_what_may_pass_is_asked_for_again_after_a_growing_while(
    tmp_path: Path, sources: respx.MockRouter, failure: httpx.Response | Exception
) -> None:
    sometimes(sources, "openalex", failure, failure, after=1)
    clock = FakeClock()
    assert (await fetch(tmp_path, clock)).papers == MATCHES
    assert clock.waits == [1, 1, 2, 1]  # the pace, then two retries, then the pace again


@every_source
async def test_after_a_failure_nothing_is_stored_and_the_next_fetch_goes_on_behind_the_pages_that_are_there(
    tmp_path: Path, sources: respx.MockRouter, source: str
) -> None:
    first_page = 2 if source == "pubmed" else 1
    route = sometimes(sources, source, *[httpx.Response(500)] * MAX_ATTEMPTS, after=first_page)
    with pytest.raises(BackendError, match="status 500"):
        await fetch(tmp_path, FakeClock(), source)
    assert route.call_count == first_page + MAX_ATTEMPTS
    assert await stored(tmp_path) == 0
    before = len(route.calls)
    assert (await fetch(tmp_path, FakeClock(), source)).papers == MATCHES
    requests = [parameters(call.request) for call in route.calls]
    assert requests[0] not in requests[before:]
    assert [path.name for path in (tmp_path / "fetched").iterdir()] == [f"{source}.last"]


async def test_a_page_that_was_being_written_when_the_process_was_killed_is_fetched_again(
    tmp_path: Path, sources: respx.MockRouter
) -> None:
    sometimes(sources, "openalex", *[httpx.Response(500)] * MAX_ATTEMPTS, after=1)
    with pytest.raises(BackendError):
        await fetch(tmp_path, FakeClock())
    (folder,) = (path for path in (tmp_path / "fetched").iterdir() if path.is_dir())
    (folder / "page00001").write_text('{"results": [{"tit')
    assert (await fetch(tmp_path, FakeClock())).papers == MATCHES


def damage(folder: Path) -> None:
    (folder / "state.json").write_text("{")


def age(folder: Path) -> None:
    then = folder.stat().st_mtime - KEPT_SECONDS - 60
    os.utime(folder / "state.json", (then, then))


@pytest.mark.parametrize("change", [damage, age])
async def test_pages_that_are_old_or_damaged_are_fetched_again(
    tmp_path: Path, sources: respx.MockRouter, change: Callable[[Path], None]
) -> None:
    route = sometimes(sources, "openalex", *[httpx.Response(500)] * MAX_ATTEMPTS, after=1)
    with pytest.raises(BackendError):
        await fetch(tmp_path, FakeClock())
    (folder,) = (path for path in (tmp_path / "fetched").iterdir() if path.is_dir())
    change(folder)
    before = len(route.calls)
    assert (await fetch(tmp_path, FakeClock())).papers == MATCHES
    assert parameters(route.calls[before].request)["cursor"] == "*"


async def test_a_search_begins_again_where_the_source_has_forgotten_its_cursor(
    tmp_path: Path, sources: respx.MockRouter
) -> None:
    route = sometimes(sources, "openalex", *[httpx.Response(500)] * MAX_ATTEMPTS, httpx.Response(400), after=1)
    with pytest.raises(BackendError):
        await fetch(tmp_path, FakeClock())
    assert (await fetch(tmp_path, FakeClock())).papers == MATCHES
    assert [parameters(call.request)["cursor"] for call in route.calls].count("*") == 2


@every_source
async def test_a_query_that_the_source_does_not_take_is_the_users_error(
    tmp_path: Path, sources: respx.MockRouter, source: str
) -> None:
    route = sometimes(sources, source, httpx.Response(400, text="bad query"))
    with pytest.raises(RequestError, match="status 400"):
        await fetch(tmp_path, FakeClock(), source)
    assert route.call_count == 1


async def test_an_error_that_arxiv_tells_as_an_entry_is_told(tmp_path: Path, sources: respx.MockRouter) -> None:
    feed = (
        '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><totalResults>1</totalResults><entry>'
        "<id>http://arxiv.org/api/errors#incorrect_field</id><title>Error</title><summary>incorrect field xx</summary>"
        "</entry></feed>"
    )
    sometimes(sources, "arxiv", httpx.Response(200, text=feed))
    with pytest.raises(RequestError, match="incorrect field xx"):
        await fetch(tmp_path, FakeClock(), "arxiv")


async def test_an_empty_page_of_arxiv_in_the_middle_is_asked_for_again(
    tmp_path: Path, sources: respx.MockRouter
) -> None:
    empty = '<feed xmlns="http://www.w3.org/2005/Atom"><totalResults>5</totalResults></feed>'
    sometimes(sources, "arxiv", httpx.Response(200, text=empty), after=1)
    assert (await fetch(tmp_path, FakeClock(), "arxiv")).papers == MATCHES


EMPTY = {
    "arxiv": '<feed xmlns="http://www.w3.org/2005/Atom"><totalResults>0</totalResults></feed>',
    "pubmed": json.dumps({"esearchresult": {"count": "0", "idlist": []}}),
    "openalex": json.dumps({"meta": {"count": 0, "next_cursor": None}, "results": []}),
    "semanticscholar": json.dumps({"total": 0, "offset": 0}),
    "crossref": json.dumps({"message": {"total-results": 0, "items": []}}),
    "europepmc": json.dumps({"hitCount": 0, "resultList": {"result": []}}),
}


@every_source
async def test_a_search_that_finds_nothing_is_a_report_of_nothing(
    tmp_path: Path, sources: respx.MockRouter, source: str
) -> None:
    route = sometimes(sources, source, httpx.Response(200, text=EMPTY[source]))
    report = await fetch(tmp_path, FakeClock(), source)
    assert (report.added, report.papers, report.rejected, report.notes) == (0, 0, (), ())
    assert route.call_count == 1


async def test_a_refused_key_is_named(
    tmp_path: Path, sources: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S2_API_KEY", "wrong")
    sometimes(sources, "semanticscholar", httpx.Response(403))
    with pytest.raises(BackendError, match="check S2_API_KEY") as failure:
        await fetch(tmp_path, FakeClock(), "semanticscholar")
    assert not failure.value.retryable


async def test_a_redirect_within_the_host_is_followed(tmp_path: Path, sources: respx.MockRouter) -> None:
    moved = httpx.Response(301, headers={"location": "/v2/works?cursor=*&per-page=2"})
    route = sometimes(sources, "openalex", moved)
    assert (await fetch(tmp_path, FakeClock())).papers == MATCHES
    assert route.calls[1].request.url.path == "/v2/works"


@pytest.mark.parametrize(
    "target",
    ["http://169.254.169.254/latest/meta-data", "http://127.0.0.1:8000/", "http://api.openalex.org/", "file:///etc"],
)
async def test_a_redirect_elsewhere_is_not_followed(tmp_path: Path, sources: respx.MockRouter, target: str) -> None:
    route = sometimes(sources, "openalex", httpx.Response(302, headers={"location": target}))
    with pytest.raises(BackendError, match="not followed"):
        await fetch(tmp_path, FakeClock())
    assert route.call_count == 1


async def test_a_redirect_to_what_is_no_address_is_a_failure_of_the_source(
    tmp_path: Path, sources: respx.MockRouter
) -> None:
    sometimes(
        sources, "openalex", *[httpx.Response(302, headers={"location": "https://api.openalex.org:x/"})] * MAX_ATTEMPTS
    )
    with pytest.raises(BackendError, match="can't be asked now"):
        await fetch(tmp_path, FakeClock())


async def test_a_source_that_redirects_in_circles_is_left(tmp_path: Path, sources: respx.MockRouter) -> None:
    sometimes(sources, "openalex", *[httpx.Response(302, headers={"location": "/works"})] * 20)
    with pytest.raises(BackendError, match="redirects more than"):
        await fetch(tmp_path, FakeClock())


async def test_a_reply_that_does_not_end_is_cut(
    tmp_path: Path, sources: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.connectors.client.MAX_REPLY_BYTES", 1 << 20)
    sometimes(sources, "openalex", httpx.Response(200, content=b" " * (2 << 20)))
    with pytest.raises(BackendError, match="more than 1 MiB"):
        await fetch(tmp_path, FakeClock())
    assert max(file.stat().st_size for file in (tmp_path / "fetched").rglob("page*")) <= 1 << 20


async def test_an_xml_reply_with_entities_of_its_own_is_not_read(tmp_path: Path, sources: respx.MockRouter) -> None:
    bomb = '<!DOCTYPE feed [<!ENTITY a "aaaa">]><feed><totalResults>1</totalResults><entry>&a;</entry></feed>'
    sometimes(sources, "arxiv", *[httpx.Response(200, text=bomb)] * MAX_ATTEMPTS)
    with pytest.raises(BackendError, match="declares an entity"):
        await fetch(tmp_path, FakeClock(), "arxiv")


async def test_crossref_is_asked_as_slowly_as_its_headers_say(tmp_path: Path, sources: respx.MockRouter) -> None:
    slow = {"x-rate-limit-limit": "1", "x-rate-limit-interval": "5s"}
    well = SOURCES["crossref"][1]
    sources.routes["crossref"].mock(
        side_effect=lambda request: httpx.Response(200, content=well(request).content, headers=slow)
    )
    clock = FakeClock()
    await fetch(tmp_path, clock, "crossref")
    assert clock.waits == [5, 5]


async def test_the_same_search_twice_at_once_fetches_and_stores_the_same(
    tmp_path: Path, sources: respx.MockRouter
) -> None:
    async with Workspace(settings(tmp_path), words()) as workspace:
        workspace.connectors = Connectors(tmp_path, "", FakeClock().clock())
        reports = await asyncio.gather(*(workspace.fetch("openalex", "sleep") for _ in range(3)))
    assert sorted(report.added for report in reports) == [0, 0, MATCHES]


async def test_an_unknown_source_is_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ScholiastError, match="'scopus'; there is arxiv, pubmed"):
        await fetch(tmp_path, FakeClock(), "scopus")
