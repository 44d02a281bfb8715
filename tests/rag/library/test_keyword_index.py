"""The keyword index: what it finds, what it keeps, and its messages when it is damaged."""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.errors import LibraryError, LockedError
from rag.library.keyword_index import KeywordIndex
from rag.text.analysis import stems
from rag.types import Paper

pytestmark = pytest.mark.slow

PAPERS = (
    Paper(id="sep", title="Universal Source Separation", abstract="Models learn from weak labels."),
    Paper(
        id="rec", title="Implicit Surfaces", abstract="Automatically reconstructing scenes by neural reconstruction."
    ),
    Paper(id="phi", title="phi-CTNL", abstract="Pretraining on the test set is all you need, says GPT-4."),
    Paper(id="nerv", title="NeRV++", abstract="A video is stored in the weights of a network with K=20 blocks."),
    Paper(id="eagle", title="EAGLE-2", abstract="Draft trees for text2img and fine-tuning of retrieval."),
)


@pytest.fixture
def index(tmp_path: Path) -> KeywordIndex:
    index = KeywordIndex(tmp_path / "keywords", "main")
    index.apply(PAPERS, (), 1)
    return index


def found(index: KeywordIndex, question: str) -> list[str]:
    return [paper_id for paper_id, _ in index.search(question, 10)]


def test_a_new_index_is_empty(tmp_path: Path) -> None:
    index = KeywordIndex(tmp_path / "new" / "folder", "main")
    assert (len(index), index.revision, index.search("anything", 5)) == (0, 0, [])


@pytest.mark.parametrize(
    ("question", "paper_id"),
    [
        ("Which model is weakly labelled?", "sep"),  # other forms of the same words
        ("what about phi-CTNL", "phi"),
        ("ctnl", "phi"),
        ("phiCTNL", "phi"),
        ("gpt4", "phi"),
        ("NeRV++", "nerv"),
        ("nerv", "nerv"),
        ("k=20", "nerv"),
        ("eagle2", "eagle"),
        ("Eagle", "eagle"),
        ("text2img", "eagle"),
        ("finetuning", "eagle"),
        ("fine‑tuning", "eagle"),  # a non-breaking hyphen
    ],
)
def test_words_and_names_are_found_whole_and_by_parts(index: KeywordIndex, question: str, paper_id: str) -> None:
    assert found(index, question)[:1] == [paper_id]


@pytest.mark.parametrize(
    ("typo", "paper_id"),
    [("seperation", "sep"), ("reconstuction", "rec"), ("automaticaly", "rec"), ("retreival", "eagle")],
)
def test_a_word_no_paper_has_finds_the_word_one_letter_away(index: KeywordIndex, typo: str, paper_id: str) -> None:
    assert found(index, typo) == [paper_id]


def test_the_right_spelling_scores_above_the_guess(index: KeywordIndex) -> None:
    [(_, guessed)], [(_, right)] = index.search("retreival", 5), index.search("retrieval", 5)
    assert guessed < right


@pytest.mark.parametrize("question", ["sepration5", "gtp4", "3agle", "20k"])
def test_what_has_a_digit_or_is_short_is_not_guessed(index: KeywordIndex, question: str) -> None:
    assert index.search(question, 5) == []


@pytest.mark.parametrize("question", ["", " ", "?!", "what is it about", "AND OR NOT", "\0", "\ud800"])
def test_a_question_without_a_content_word_finds_nothing(index: KeywordIndex, question: str) -> None:
    assert index.search(question, 5) == []


@pytest.mark.parametrize(
    "around", ['"{}', "({}", "-{}", "+{}", "{}:*", "title:{}", "{}^9 AND", "{}~2 OR \ud800", "[{} TO"]
)
def test_nothing_in_a_question_is_query_syntax(index: KeywordIndex, around: str) -> None:
    assert found(index, around.format("separation"))[0] == "sep"


# A search changes nothing, so all examples may share one index.
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=st.text(max_size=200).map(lambda text: f"{text} separation"))
def test_any_text_can_be_asked(index: KeywordIndex, question: str) -> None:
    assert "sep" in found(index, question)


@pytest.mark.parametrize("word", ["separation ", "separation-", "separation"])
def test_a_very_long_question_is_answered_at_once(index: KeywordIndex, word: str) -> None:
    began = time.process_time()
    index.search((word * 10_000)[:100_000], 5)
    assert time.process_time() - began < 2


def test_a_paper_of_the_same_id_replaces_the_old_one(index: KeywordIndex) -> None:
    index.apply([Paper(id="sep", title="Butterflies", abstract="Wings.")], (), 2)
    assert (found(index, "source separation"), found(index, "butterfly"), len(index)) == ([], ["sep"], 5)


def test_the_last_of_two_papers_with_one_id_stays(index: KeywordIndex) -> None:
    index.apply([Paper(id="x", title=title, abstract="") for title in ("moth", "butterfly")], (), 2)
    assert (found(index, "moth"), found(index, "butterfly"), len(index)) == ([], ["x"], 6)


def test_a_removed_paper_is_not_found(index: KeywordIndex) -> None:
    index.apply((), ["sep", "no such id"], 2)
    assert (found(index, "separation"), len(index), index.revision) == ([], 4, 2)


def test_only_allowed_papers_are_found(index: KeywordIndex) -> None:
    question = "separation, retrieval, video"
    free = dict(index.search(question, 10))
    assert dict(index.search(question, 10, allowed={"sep", "eagle"})) == {id: free[id] for id in ("sep", "eagle")}
    assert index.search(question, 10, allowed=()) == []


def test_equal_scores_are_ordered_by_id_also_at_the_limit(index: KeywordIndex) -> None:
    index.apply([Paper(id=f"moth{n}", title="Moth", abstract="") for n in (7, 3, 9, 1)], (), 2)
    assert [paper_id for paper_id, _ in index.search("moth", 2)] == ["moth1", "moth3"]


def test_reopening_keeps_papers_and_revision(index: KeywordIndex, tmp_path: Path) -> None:
    before = index.search("neural video separation", 10)
    index.close()
    again = KeywordIndex(tmp_path / "keywords", "main")
    assert (again.search("neural video separation", 10), len(again), again.revision) == (before, 5, 1)


def test_a_closed_index_says_so(index: KeywordIndex) -> None:
    index.close()
    with pytest.raises(LibraryError, match="is closed"):
        index.search("separation", 5)


def test_papers_that_fail_half_way_change_nothing(index: KeywordIndex) -> None:
    def papers() -> Iterator[Paper]:
        yield Paper(id="new", title="Moth", abstract="")
        raise ValueError("the caller's own")

    with pytest.raises(ValueError, match="the caller's own"):
        index.apply(papers(), ["sep"], 2)
    assert (found(index, "moth"), found(index, "separation"), index.revision) == ([], ["sep"], 1)
    index.apply((), (), 3)
    assert (len(index), index.revision) == (5, 3)


def test_a_second_writer_is_told_to_wait(index: KeywordIndex, tmp_path: Path) -> None:
    other = KeywordIndex(tmp_path / "keywords", "main")

    def papers() -> Iterator[Paper]:
        with pytest.raises(LockedError, match="another process is writing"):
            other.apply((), (), 9)
        yield PAPERS[0]

    index.apply(papers(), (), 2)
    assert index.revision == 2


def test_searches_run_in_many_threads_during_a_write(index: KeywordIndex) -> None:
    with ThreadPoolExecutor(4) as threads:
        searches = [threads.submit(found, index, "seperation of sources") for _ in range(200)]
        for revision in range(2, 5):
            index.apply([Paper(id=f"moth{revision}", title="Moth", abstract="")], (), revision)
        assert {tuple(search.result()) for search in searches} == {("sep",)}


KILLED = """
import os, sys
from pathlib import Path
from rag.library.keyword_index import KeywordIndex
from rag.types import Paper

index = KeywordIndex(Path(sys.argv[1]), "main")
revision = index.revision
while True:
    revision += 1
    papers = [Paper(id=f"p{n}", title=f"revision{revision}", abstract="moth " * n) for n in range(200)]
    index.apply(papers, (), revision)
    print(revision, flush=True)
"""


@pytest.mark.parametrize("delay_seconds", [0.0, 0.03, 0.1])
def test_a_killed_write_leaves_the_old_or_the_new_state(tmp_path: Path, delay_seconds: float) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "keywords")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as writing:
        assert writing.stdout is not None
        acknowledged = int(writing.stdout.readline())
        time.sleep(delay_seconds)
        writing.kill()
        acknowledged = max([acknowledged, *map(int, writing.stdout.read().split())])
    index = KeywordIndex(tmp_path / "keywords", "main")
    assert index.revision in (acknowledged, acknowledged + 1)
    assert len(index.search(f"revision{index.revision}", 300)) == len(index) == 200
    index.apply((), ["p0"], 99)
    assert (len(index), index.revision) == (199, 99)


@pytest.mark.parametrize("pattern", ["meta.json", "*.term", "*.idx", "*.store", "*.fieldnorm"])
@pytest.mark.parametrize("damage", ["missing", "cut", "zeros"])
def test_a_damaged_folder_gives_one_message(index: KeywordIndex, tmp_path: Path, pattern: str, damage: str) -> None:
    index.close()
    for file in (tmp_path / "keywords").glob(pattern):
        content = file.read_bytes()
        file.unlink()
        if damage != "missing":
            file.write_bytes(content[: len(content) // 2] if damage == "cut" else bytes(len(content)))
    with pytest.raises(LibraryError, match=r"keywords can't be opened \(.*scholiast rebuild"):
        KeywordIndex(tmp_path / "keywords", "main")


def test_a_file_in_place_of_the_folder_gives_the_same_message(tmp_path: Path) -> None:
    (tmp_path / "keywords").write_text("not a folder")
    with pytest.raises(LibraryError, match="can't be opened"):
        KeywordIndex(tmp_path / "keywords", "main")


def test_an_index_of_another_analyser_is_refused(
    index: KeywordIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.close()
    monkeypatch.setattr("rag.library.keyword_index.ANALYSER_NAME", "english_0")
    with pytest.raises(LibraryError, match=r"schema does not match.*scholiast rebuild"):
        KeywordIndex(tmp_path / "keywords", "main")


def test_a_folder_deleted_under_the_index_is_reported_by_the_next_write(tmp_path: Path) -> None:
    index = KeywordIndex(tmp_path / "keywords", "main")
    for file in (tmp_path / "keywords").iterdir():
        file.unlink()
    (tmp_path / "keywords").rmdir()
    with pytest.raises(LibraryError, match="can't be written"):
        index.apply(PAPERS, (), 1)


def test_rare_stems_weigh_more(index: KeywordIndex) -> None:
    weights = index.idf([*stems("network weights learn weak"), "unheard"])
    assert set(weights) == {"network", "weight", "learn", "weak", "unheard"}
    assert weights["unheard"] > weights["network"] > 0


def test_every_paper_with_all_the_stems_is_found_without_a_limit(index: KeywordIndex) -> None:
    assert index.having_all(stems("neural reconstruction")) == ["rec"]
    assert index.having_all(stems("weights")) == ["nerv"] and index.having_all(stems("weights separation")) == []
    many = [Paper(id=f"p{number}", title="Bees", abstract="They learn from labels.") for number in range(300)]
    index.apply(many, (), 2)
    assert len(index.having_all(stems("learning labels"))) == 301
    assert index.having_all(stems("bees"), {"p7", "sep"}) == ["p7"]
    assert index.having_all([]) == []
