"""Our own engine, asked in this process: the real pipeline over a few abstracts."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eval import score as scoring
from eval.questions import Question
from eval.records import RunFiles, read_papers, read_responses
from eval.run import ask_all
from eval.summary import Summary
from eval.targets import Options
from eval.targets.local import LocalTarget, corpus_hash, local, product_hash
from rag.config import Settings
from rag.errors import NotFoundError, RequestError
from rag.types import Paper, Turn
from rag.workspace import Workspace
from tests.support.stand_ins import WordsEmbedder

PAPERS = (
    Paper(id="naps", title="Naps and memory", abstract="Short naps improve memory in adults. Twelve adults took part."),
    Paper(id="tea", title="Tea and sleep", abstract="Green tea delays sleep by nine minutes. Nobody disliked it."),
)
QUESTIONS = (
    Question(id="1", question="Do short naps improve memory in adults?", type="yes_no", answerable=True,
             gold_ids=("naps",), answer="Yes.", key_facts=(("twelve",),)),
    Question(id="2", question="and by how many minutes does green tea delay it?", type="followup", answerable=True,
             history=(Turn(role="user", content="Does green tea delay sleep?"),), gold_titles=("Tea and sleep",),
             answer="Nine.", key_facts=(("nine",),)),
)  # fmt: skip


@pytest.fixture
async def workspace(tmp_path: Path) -> AsyncIterator[Workspace]:
    async with Workspace(Settings(home=tmp_path / "home"), WordsEmbedder()) as opened:
        library = await opened.library("sleep", create=True)
        await library.ingest(PAPERS)
        yield opened


async def target(workspace: Workspace, search_only: bool = False) -> LocalTarget:
    engine, library = await workspace.engine("sleep"), await workspace.library("sleep")
    return LocalTarget(engine, library, Options(search_only=search_only), {})


async def test_the_engine_is_asked_and_its_ranking_too(workspace: Workspace, tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    asked = await target(workspace)
    await ask_all(asked, QUESTIONS, files)
    found = read_responses(files)
    assert {r.status for r in found.values()} == {"ok"}
    assert found["1"].reply.ranked[0].id == "naps"
    assert found["2"].reply.ranked[0].id == "tea"  # searched for as a question that stands alone
    first, whole = found["1"].first_token_ms, found["1"].latency_ms
    assert first is not None
    assert whole is not None
    assert first <= whole
    assert {paper.abstract for paper in read_papers(files)} == {paper.abstract for paper in PAPERS}
    rows = scoring.score(QUESTIONS, found, read_papers(files), asked.offers, 60.0)
    scores = scoring.Scores(target="t", offers=(), questions_sha256="", corpus_sha256="", rows=rows)
    means = {line.metric.name: line.estimate.mean for line in Summary(scores).lines if line.estimate}
    assert means["gold_first"] == 1
    assert means["verbatim_quotes"] == 1


async def test_a_ranking_can_be_had_without_answers(workspace: Workspace) -> None:
    asked = await target(workspace, search_only=True)
    reply = await asked.ask(QUESTIONS[0])
    assert reply.answer is None
    assert reply.ranked[0]["id"] == "naps"
    assert reply.latency_ms > 0
    assert asked.offers == {"ranking"}


async def test_the_corpus_is_known_by_its_content(workspace: Workspace) -> None:
    described = await (await target(workspace)).describe()
    assert described.papers is not None
    assert {ref.id for ref in described.papers} == {"naps", "tea"}
    assert described.identity["corpus_sha256"] == corpus_hash(reversed(PAPERS))
    assert described.identity["model"] == "extractive"
    assert corpus_hash(PAPERS[:1]) != corpus_hash(PAPERS)


async def test_another_threshold_is_another_run(workspace: Workspace, tmp_path: Path) -> None:
    before = (await (await target(workspace)).describe()).identity["product_sha256"]
    assert product_hash(None) == product_hash(tmp_path / "none.json") == before
    (tmp_path / "calibration.json").write_text('{"answer_from": 0.4}')
    assert product_hash(tmp_path / "calibration.json") != before


async def test_settings_are_described_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOLIAST_HOME", str(tmp_path))
    monkeypatch.setenv("SCHOLIAST_API_KEYS", "sk-secret")
    monkeypatch.setenv("SCHOLIAST_DATABASE_URL", "")
    with pytest.raises(NotFoundError, match="nowhere"):
        async with local(Options(library="nowhere")):
            pass
    async with local(Options()) as opened:
        described = json.dumps((await opened.describe()).details)
    assert "extractive" in described
    assert "secret" not in described


async def test_the_papers_that_answer_can_be_left_out(workspace: Workspace) -> None:
    engine, library = await workspace.engine("sleep"), await workspace.library("sleep")
    without = {question.id: question for question in QUESTIONS}
    asked = LocalTarget(engine, library, Options(without=without), {})
    described = await asked.describe()
    assert described.identity["without_gold"] is True
    for question, gold in zip(QUESTIONS, ("naps", "tea"), strict=True):
        reply = await asked.ask(question)
        assert reply.answer is not None
        shown = {passage["paper"]["id"] for passage in reply.answer["passages"]}
        assert gold not in shown | {paper["id"] for paper in reply.ranked}


async def test_a_question_without_which_no_paper_is_left_fails_by_name(workspace: Workspace) -> None:
    engine, library = await workspace.engine("sleep"), await workspace.library("sleep")
    every = Question(
        id="all", question="What of sleep?", type="list", answerable=True, gold_ids=("naps", "tea"), answer="Much."
    )
    asked = LocalTarget(engine, library, Options(without={"all": every}), {})
    await asked.describe()
    with pytest.raises(RequestError, match="all: without its gold papers"):
        await asked.ask(every)
