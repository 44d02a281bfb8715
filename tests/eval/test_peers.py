"""Other systems beside Scholiast: the protocol with a peer's process, what is measured, and what a mistake is told."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from eval.peers import SYSTEMS, client, datasets, figures, measure, reader, tables
from eval.peers.__main__ import main
from eval.peers.client import PeerProcess
from eval.peers.compare import Plan, compare
from eval.peers.datasets import Dataset
from eval.peers.install import REQUIREMENTS, install, interpreter
from eval.peers.serve import Hit
from eval.peers.stub_model import stub_model
from eval.questions import Question
from rag.errors import BackendError, ConfigError, RequestError
from rag.types import Paper

PEER = '''
"""A system that finds papers by how many words they share with the question, and says their first sentence."""
import sys
from eval.peers.serve import Hit, PeerAnswer, Setting, serve, shown, sources

class Overlap:
    packages = ("pydantic",)
    setting = Setting("least", 1, tried=(1, 2), tuned=2)
    thread_safe = True

    def build(self, task):
        print("libraries print what they like")
        if any("unreadable" in paper.title for paper in task.papers):
            raise ValueError("this paper has no words")
        self.papers, self.least = task.papers, task.setting
        (task.folder / "index").write_text("x" * 1000)

    def search(self, question, k):
        if question == "die":
            sys.exit("out of memory, perhaps")
        words = set(question.lower().strip("?").split())
        shared = {paper: len(words & set(paper.text.lower().split())) for paper in self.papers}
        best = sorted((p for p in self.papers if shared[p] >= self.least), key=lambda p: -shared[p])
        return [Hit(paper.id, paper.text) for paper in best][:k]

    def answer(self, question, without):
        hits = shown(self, question, without)
        return PeerAnswer(text=hits[0].text if hits else "I don't know.", cited=sources(hits[:1]), hits=hits)

serve(Overlap)
'''

PAPERS = (
    Paper(id="a", title="Sleep", abstract="Caffeine shortens sleep by 41 minutes. Tea has no such effect."),
    Paper(id="b", title="Memory", abstract="Naps of 20 minutes restore memory. Longer naps do not."),
    Paper(id="c", title="Bees", abstract="Bees remember the scent of clover for 12 days in the field."),
)
QUESTIONS = (
    Question(id="1", question="Caffeine shortens sleep by how much?", type="numeric", answerable=True,
             gold_ids=("a",), key_facts=(("41 minutes",),)),
    Question(id="2", question="Which naps restore memory?", type="factoid", answerable=True, gold_ids=("b",),
             key_facts=(("20 minutes",),)),
    Question(id="3", question="Who discovered penicillin?", type="unanswerable", answerable=False),
)  # fmt: skip
DATASET = Dataset(name="small", papers=PAPERS, questions=QUESTIONS)


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[PeerProcess]:
    with client.running("overlap", [sys.executable, str(script(tmp_path))], 60) as process:
        yield process


def script(folder: Path) -> Path:
    """The small system as a program; it runs in the project's root."""
    path = folder / "overlap.py"
    path.write_text(f"import sys; sys.path.insert(0, '.')\n{PEER}", encoding="utf-8")
    return path


def environment(folder: Path, name: str, python: str) -> None:
    """A peer's environment with something else in place of its interpreter."""
    program = folder / name / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(python, encoding="utf-8")
    program.chmod(0o755)
    (folder / name / "installed.txt").write_text((REQUIREMENTS / f"{name}.txt").read_text("utf-8"), encoding="utf-8")


def no_progress(_done: int, _all: int) -> None:
    pass


def test_a_peer_tells_what_it_is_builds_searches_and_answers(peer: PeerProcess) -> None:
    assert peer.about["setting"] == {"name": "least", "value": 1, "tried": [1, 2], "tuned": 2}
    assert peer.build(PAPERS)["disk_bytes"] == 1000
    hits, spent = peer.search("How does caffeine change sleep?", 2)
    assert hits[0] == Hit("a", "Sleep\n\n" + PAPERS[0].abstract)
    assert spent["ms"] > 0
    assert peer.answer("caffeine sleep", ["a"])["text"] == "I don't know."
    assert peer.usage()["peak_bytes"] > 1_000_000
    assert {row["clients"] for row in measure.throughput(peer, DATASET, 0.05)} == {1, 8, 32}


def test_what_a_library_raises_is_told_and_the_peer_goes_on(peer: PeerProcess) -> None:
    with pytest.raises(BackendError, match="overlap failed at 'build': ValueError: this paper has no words"):
        peer.build([Paper(id="x", title="unreadable", abstract="x")])
    assert peer.usage()


def test_a_peer_that_ends_is_told_with_its_last_words(peer: PeerProcess) -> None:
    peer.build(PAPERS)
    with pytest.raises(BackendError, match=r"overlap ended at 'search': [\s\S]*out of memory, perhaps"):
        peer.search("die", 1)


def test_a_peer_that_hangs_is_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(BackendError, match="killed after 1 s"), client.running("slow", command, 1):
        pass


def test_every_search_is_asked_for_and_scored_by_the_measures_of_the_evaluation(peer: PeerProcess) -> None:
    peer.build(PAPERS)
    searches = measure.search_all({"overlap": peer}, DATASET, no_progress)[0]["overlap"]
    values = figures.of_searches(DATASET, searches, measure.read_all("overlap", DATASET, searches))
    assert values["ndcg@10"] == {"1": 1.0, "2": 1.0}
    assert values[figures.BUDGET] == {"1": 1.0, "2": 1.0}
    assert len(values["ms"]) == 3


def test_the_reader_quotes_the_passage_and_declines_without_it(peer: PeerProcess) -> None:
    peer.build(PAPERS)
    searches = measure.search_all({"overlap": peer}, DATASET, no_progress)[0]["overlap"]
    present = measure.read_all("overlap", DATASET, searches)
    removed = measure.read_all("overlap", DATASET, searches, with_gold=False)
    values = figures.of_answers(present, removed)
    assert values["facts@40"] == {"1": 1.0, "2": 1.0}
    assert values["gold_precision"] == {"1": 1.0, "2": 1.0}
    assert values["declined"] == {"3": 1.0}
    assert values[figures.WITHOUT_GOLD] == {"1": 1.0, "2": 1.0}


def test_a_system_that_fails_at_a_question_is_left_out_and_the_others_go_on(peer: PeerProcess) -> None:
    peer.build(PAPERS)
    deadly = replace(DATASET, questions=(*QUESTIONS, replace(QUESTIONS[2], id="4", question="die")))
    found, failed = measure.search_all({"overlap": peer}, deadly, no_progress)
    assert found == {}
    assert "out of memory" in str(failed["overlap"])


def test_the_reader_reads_as_far_as_the_budget_goes_and_the_first_passage_in_any_case() -> None:
    long = Hit("a", "word " * 2_000)
    assert reader.within_budget([long, Hit("b", "short")]) == [long]
    assert len(reader.within_budget([Hit("b", "short"), Hit("c", "short"), long])) == 2


def test_an_answer_of_a_pipeline_is_judged_by_its_words_where_it_has_no_outcome(peer: PeerProcess) -> None:
    peer.build(PAPERS)
    systems = {"overlap": peer}
    present, cpu = measure.answer_all(systems, DATASET, no_progress)["overlap"]
    removed, _ = measure.answer_all(systems, DATASET, no_progress, with_gold=False)["overlap"]
    values = figures.of_answers(present, removed)
    assert values["cites_gold"] == {"1": 1.0, "2": 1.0}
    assert values[figures.WITHOUT_GOLD]["1"] == 1.0
    assert set(cpu) == {"1", "2", "3"}


def test_a_difference_says_who_is_better_and_a_ratio_of_times_is_better_below_one() -> None:
    ids = [str(n) for n in range(40)]
    clusters = {id: id for id in ids}
    own = {"ndcg@10": dict.fromkeys(ids, 0.5), "ms": dict.fromkeys(ids, 5.0)}
    other = {"ndcg@10": dict.fromkeys(ids, 0.9), "ms": dict.fromkeys(ids, 10.0)}
    found = figures.differences({"retrieval": {"scholiast": own, "other": other}}, clusters, {"retrieval": "scholiast"})
    assert [(each.measure, each.winner) for each in found] == [("ndcg@10", "other"), ("ms", "scholiast")]
    assert found[1].difference.mean == pytest.approx(0.5)


@pytest.mark.slow
def test_scholiast_is_compared_with_a_peer_in_every_layer_and_the_file_says_how(tmp_path: Path) -> None:
    environment(tmp_path, "bm25", f"#!/bin/sh\nexec {sys.executable} {script(tmp_path)}\n")
    environment(tmp_path, "haystack", "#!/bin/sh\necho the library is broken >&2\n")
    systems = ("bm25", "haystack", "txtai")
    plan = Plan(dataset=DATASET, systems=systems, pipeline=2, tuned=True, environments=tmp_path)
    content = json.loads(json.dumps(compare(plan, no_progress).as_json()))
    assert list(content["layers"]) == ["retrieval", "reader", "product", "pipeline"]
    assert content["layers"]["retrieval"]["scholiast"]["ndcg@10"]["mean"] == 1.0
    assert content["systems"]["scholiast"]["model_use"]["calls"] >= 1
    assert content["systems"]["bm25"]["setting"]["value"] == 2
    assert content["missing"]["haystack"] == "haystack ended at 'hello': the library is broken"
    assert "python -m eval.peers install txtai" in content["missing"]["txtai"]
    assert {each["peer"] for each in content["differences"]} == {"bm25"}
    assert "behind in" in tables.all_layers(content)


async def test_the_stub_says_the_same_streamed_and_whole_and_counts_what_it_is_asked() -> None:
    request = {"model": "stub", "messages": [{"role": "user", "content": "three short words"}]}
    with stub_model() as stub:
        async with httpx2.AsyncClient() as web:
            whole = (await web.post(f"{stub.base_url}/chat/completions", json=request)).json()
            streamed = await web.post(f"{stub.base_url}/chat/completions", json={**request, "stream": True})
    assert whole["choices"][0]["message"]["content"] in streamed.text
    assert (stub.calls, stub.prompt_tokens) == (2, 6)


def test_an_environment_that_is_missing_or_of_other_versions_is_told_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"bm25 has no environment .* `python -m eval.peers install bm25`"):
        interpreter("bm25", tmp_path)
    (tmp_path / "bm25").mkdir()
    (tmp_path / "bm25" / "installed.txt").write_text("bm25s==0.1\n")
    with pytest.raises(ConfigError, match=r"has other versions than bm25\.txt asks for"):
        interpreter("bm25", tmp_path)
    with pytest.raises(RequestError, match="there is no peer 'lucene'; there is scholiast, "):
        install("lucene", tmp_path)


def test_every_adapter_is_short_and_every_version_of_its_environment_is_fixed() -> None:
    for name in SYSTEMS:
        module = REQUIREMENTS.parent / f"{name}.py"
        assert len(module.read_text("utf-8").splitlines()) <= 80
        if name != "scholiast":
            pins = (REQUIREMENTS / f"{name}.txt").read_text("utf-8").splitlines()
            assert [pin for pin in pins if not pin.startswith("#") and ("==" not in pin or "/" in pin)] == []


def test_a_sample_of_the_questions_is_taken_at_equal_distances() -> None:
    assert [question.id for question in DATASET.sampled(2).questions] == ["1", "2"]
    assert DATASET.sampled(0) is DATASET


def test_published_sets_bring_their_papers_or_say_that_they_have_none(tmp_path: Path) -> None:
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "caffeine and sleep"}\n')
    (tmp_path / "qrels.test.tsv").write_text("query-id\tcorpus-id\tscore\nq\t7\t1\n")
    with pytest.raises(RequestError, match=r"beir has no papers in .*; name their files with --papers"):
        datasets.published("mine", "beir", [tmp_path], [], "test")
    (tmp_path / "corpus.jsonl").write_text('{"_id": "7", "title": "Sleep", "text": "Caffeine shortens sleep."}\n')
    found = datasets.published("mine", "beir", [tmp_path], [], "test")
    assert datasets.gold_ids(found.questions[0], found.papers) == [found.papers[0].id]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "--questions", "my.jsonl"], "--questions needs the papers"),
        (["tune", "bm25"], "tune needs development questions"),
        (["install", "lucene"], "there is no peer 'lucene'"),
        (["compare", "--import", "marco", "folder"], "no form 'marco'"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert message in capsys.readouterr().err
