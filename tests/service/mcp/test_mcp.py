"""MCP as its SDK's own client sees it: in memory, over standard input and output, and over HTTP with keys."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent, TextResourceContents

from rag.types import Paper
from rag.workspace import Workspace
from service.http.app import create_app
from service.mcp import extra
from service.mcp.server import make_server
from service.owner.client import Owner
from tests.conftest import QUESTION, settings
from tests.support.command import words
from tests.support.over_http import problem_of, serve
from tests.support.running import running

ALL_TOOLS = ["search_papers", "ask", "get_paper", "list_libraries", "add_papers"]
NEW = {"title": "Sleep and coffee", "abstract": "Coffee shortens sleep by forty minutes.", "year": 2021}


@asynccontextmanager
async def in_memory(home: Path, *, may_add: bool = False) -> AsyncIterator[Client]:
    async with (
        Workspace(settings(home), words()) as workspace,
        Client(make_server(Owner(workspace), may_add=may_add)) as client,
    ):
        yield client


def text_of(result: CallToolResult) -> str:
    [content] = result.content
    assert isinstance(content, TextContent)
    return content.text


async def refusal(client: Client, name: str, arguments: dict[str, Any]) -> str:
    result = await client.call_tool(name, arguments)
    assert result.is_error
    return text_of(result)


async def check_answer(client: Client, papers: list[Paper]) -> None:
    """The answer to QUESTION, with quotes that are where their offsets say."""
    result = await client.call_tool("ask", {"question": QUESTION})
    answer = result.structured_content
    assert answer["outcome"] == "answered"
    abstracts = {paper.id: paper.abstract for paper in papers}
    assert answer["citations"]
    for citation in answer["citations"]:
        assert abstracts[citation["paper"]["id"]][citation["start"] : citation["end"]] == citation["quote"]
        assert citation["quote"] in text_of(result)
        assert f"id of [{citation['number']}]: {citation['paper']['id']}" in text_of(result)


async def test_tools_answer_with_quotes_and_papers(home: Path, papers: list[Paper]) -> None:
    async with in_memory(home) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ALL_TOOLS[:-1]
        await check_answer(client, papers)
        found = await client.call_tool("search_papers", {"query": "Hydra heads", "limit": 2})
        [first, _] = found.structured_content["results"]
        assert first["paper"]["id"] == papers[0].id
        assert papers[0].id in text_of(found)
        paper = await client.call_tool("get_paper", {"id": papers[0].id})
        assert paper.structured_content["abstract"] == papers[0].abstract
        assert papers[0].abstract in text_of(paper)
        [library] = (await client.call_tool("list_libraries")).structured_content["libraries"]
        assert (library["name"], library["papers"]) == ("default", len(papers))


async def test_a_deep_answer_can_be_asked_for_and_without_a_chat_model_is_refused(home: Path) -> None:
    async with in_memory(home) as client:
        assert "set SCHOLIAST_MODEL" in await refusal(client, "ask", {"question": QUESTION, "effort": "deep"})
        answer = (await client.call_tool("ask", {"question": QUESTION, "effort": "quick"})).structured_content
        assert answer["effort"] == "quick"
        assert "effort" in await refusal(client, "ask", {"question": QUESTION, "effort": "extreme"})


async def test_a_question_may_be_restricted_to_years(home: Path) -> None:
    async with in_memory(home) as client:
        arguments = {"question": QUESTION, "filters": {"year_to": 1990}}
        answer = (await client.call_tool("ask", arguments)).structured_content
    assert answer["citations"] == []


async def test_papers_are_added_only_where_that_is_allowed(home: Path) -> None:
    async with in_memory(home) as client:
        with pytest.raises(MCPError, match="no tool 'add_papers'"):
            await client.session.call_tool("add_papers", {"papers": [NEW]})
    async with in_memory(home, may_add=True) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ALL_TOOLS
        report = await client.call_tool("add_papers", {"papers": [NEW, {"title": "No abstract"}], "library": "sleep"})
        assert report.structured_content["added"] == 1
        [rejected] = report.structured_content["rejected"]
        assert rejected["line"] == 2
        found = await client.call_tool("search_papers", {"query": "coffee", "library": "sleep"})
        assert found.structured_content["results"][0]["paper"]["title"] == NEW["title"]


async def test_what_a_model_gets_wrong_is_said_so_that_it_can_mend_it(home: Path) -> None:
    async with in_memory(home) as client:
        assert "no library 'nowhere'" in await refusal(client, "ask", {"question": QUESTION, "library": "nowhere"})
        assert "libary" in await refusal(client, "ask", {"question": QUESTION, "libary": "x"})
        assert "limit" in await refusal(client, "search_papers", {"query": "a", "limit": 0})
        assert "query" in await refusal(client, "search_papers", {"query": " "})
        assert "has no paper 'no-such'" in await refusal(client, "get_paper", {"id": "no-such"})


async def test_papers_are_resources(home: Path, papers: list[Paper]) -> None:
    async with in_memory(home) as client:
        listed = (await client.list_resources()).resources
        assert {resource.name for resource in listed} == {paper.id for paper in papers}
        [address] = [resource.uri for resource in listed if resource.name == papers[0].id]
        [content] = (await client.read_resource(address)).contents
        assert isinstance(content, TextResourceContents)
        assert papers[0].abstract in content.text
        for wrong in ("scholiast://papers/default", "file:///etc/passwd", "scholiast://papers/../secret"):
            with pytest.raises(MCPError):
                await client.read_resource(wrong)
        with pytest.raises(MCPError, match="cursor"):
            await client.list_resources(cursor="1e9")


async def test_a_long_library_is_listed_in_pages(tmp_path: Path) -> None:
    many = [Paper(id=f"own:{n}", title=f"Study {n}", abstract=f"Result {n}.") for n in range(101)]
    async with Workspace(settings(tmp_path), words()) as workspace:
        await workspace.ingest(*many)
        async with Client(make_server(Owner(workspace), may_add=False)) as client:
            first = await client.list_resources()
            second = await client.list_resources(cursor=first.next_cursor)
    assert (len(first.resources), len(second.resources), second.next_cursor) == (100, 1, None)


async def test_over_standard_input_and_output(home: Path, papers: list[Paper]) -> None:
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "tests.support.command", "mcp"],
        env={**os.environ, "SCHOLIAST_HOME": str(home)},
    )
    async with Client(parameters) as client:
        await check_answer(client, papers)


@pytest.mark.slow
async def test_over_http_with_a_key(home: Path, papers: list[Paper]) -> None:
    with running(create_app(settings(home, api_keys="one"), words())) as address:
        url = f"{address}/mcp"
        async with (
            httpx2.AsyncClient(headers={"Authorization": "Bearer one"}) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            await check_answer(client, papers)
        problem_of(httpx2.post(url, json={}), 401)


def test_without_keys_only_this_machine_reaches_it(home: Path) -> None:
    with serve(home) as client:
        problem_of(client.post("/mcp", json={}, headers={"Host": "scholiast.example"}), 403)


def test_without_the_sdk_it_says_what_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda name: None)
    with serve(home) as client:
        assert extra.MISSING in problem_of(client.post("/mcp", json={}), 404)["detail"]
