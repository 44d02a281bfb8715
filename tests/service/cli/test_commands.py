"""The command line: exit codes, one line for an error, and the objects of HTTP; in this process where that will do."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from rag.types import Paper
from tests.conftest import QUESTION, SAMPLE, CommandResult
from tests.support.running import Script, writes

Scholiast = Callable[..., CommandResult]

RECORD = {"title": "Sleep and coffee", "abstract": "Coffee shortens sleep by forty minutes.", "year": 2021}
HEAVY = {"chromadb", "langchain", "langchain_core", "openai", "onnxruntime", "sqlalchemy", "fastapi", "numpy", "rich"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two papers and a line that is not one."""
    path = tmp_path / "papers.jsonl"
    second = {**RECORD, "title": "Tea", "abstract": "Tea does not.", "url": "https://example.org/tea", "year": 1999}
    path.write_text("\n".join([json.dumps(RECORD), json.dumps(second), "nonsense"]))
    return path


def one_line(text: str) -> bool:
    """Whether this is what an error should look like."""
    return text.count("\n") == 1 and text.startswith("scholiast: ") and "Traceback" not in text


# Asking


def test_an_answer_shows_marks_sources_and_quotes(scholiast: Scholiast, home: Path, papers: Sequence[Paper]) -> None:
    ran = scholiast("ask", QUESTION)
    assert (ran.code, ran.err) == (0, "")
    text, sources = ran.out.split("\nSources\n")
    assert "[1]" in text
    assert sources.startswith(f"[1] {papers[0].title} (2024)\n")
    assert "“" not in sources.split("More from the abstracts")[0]  # the answer has said it
    more = re.findall(r"^- (.+) \[1\]$", sources.split("More from the abstracts\n")[1], re.MULTILINE)
    assert more
    assert all(statement in papers[0].abstract for statement in more)


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_a_question_can_be_piped_in(
    scholiast: Scholiast, home: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO(f"{QUESTION}\n"))
    answer = json.loads(scholiast("ask", *arguments, "--json").out)
    assert (answer["question"], answer["outcome"]) == (QUESTION, "answered")


def test_on_a_terminal_a_missing_question_is_asked_for(scholiast: Scholiast, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    ran = scholiast("ask")
    assert ran.code == 2
    assert one_line(ran.err)
    assert "give a question" in ran.err


def test_a_contradicted_sentence_is_flagged_with_the_reason(
    scholiast: Scholiast, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes(monkeypatch, Script("Hydra heads do not remove this independence [1]."))
    shown = scholiast("ask", QUESTION).out
    assert "\nContradicted by the abstracts\n    Hydra heads do not remove this independence." in shown
    assert "it negates 'remove', the abstract does not" in shown
    assert "Answered in part" in shown


def test_what_can_not_be_answered_is_no_failure_and_shows_the_nearest_papers(scholiast: Scholiast, home: Path) -> None:
    ran = scholiast("ask", "How long must banana bread bake?")
    assert ran.code == 0
    assert "Nearest papers" in ran.out
    assert "“" not in ran.out.split("Nearest papers")[1]


def test_a_deep_answer_needs_a_chat_model_and_says_which_setting_names_one(scholiast: Scholiast, home: Path) -> None:
    ran = scholiast("ask", QUESTION, "--effort", "deep")
    assert ran.code == 2 and "set SCHOLIAST_MODEL" in ran.err
    assert scholiast("ask", QUESTION, "--effort", "endless").code == 2


def test_a_fresh_library_is_empty_and_that_is_no_failure(scholiast: Scholiast) -> None:
    ran = scholiast("ask", "why?", "--json")
    assert (ran.code, json.loads(ran.out)["outcome"]) == (0, "empty_library")


def without(value: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: part for name, part in value.items() if name not in names}


def test_json_is_the_object_of_http(scholiast: Scholiast, home: Path, client: TestClient) -> None:
    answer = json.loads(scholiast("ask", QUESTION, "--json").out)
    over_http = client.post("/v1/ask", json={"question": QUESTION}).json()
    assert without(answer, "id", "timings_ms") == without(over_http, "id", "timings_ms")
    results = json.loads(scholiast("search", "sparse", "--limit", "3", "--json").out)
    assert results == client.get("/v1/search", params={"q": "sparse", "limit": 3}).json()
    page = json.loads(scholiast("papers", "list", "--json", "--limit", "2").out)
    assert page == client.get("/v1/papers", params={"limit": 2}).json()
    id = page["papers"][0]["id"]
    assert json.loads(scholiast("papers", "show", id, "--json").out) == client.get(f"/v1/papers/{id}").json()
    (library,) = json.loads(scholiast("libraries", "list", "--json").out)["libraries"]
    assert library in client.get("/v1/libraries").json()["libraries"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("years", "shown"),
    [("2021", {2021}), ("2021-", {2021}), ("-2020", {1999}), ("1990-2021", {1999, 2021}), ("2022-", set())],
)
def test_years_limit_which_papers_are_used(scholiast: Scholiast, file: Path, years: str, shown: set[int]) -> None:
    scholiast("ingest", file)
    answer = json.loads(scholiast("ask", "coffee or tea?", "--year", years, "--json").out)
    assert {passage["paper"]["year"] for passage in answer["passages"]} == shown


def test_a_choice_of_papers_limits_which_are_used(scholiast: Scholiast, home: Path, papers: Sequence[Paper]) -> None:
    chosen = [papers[3].id, papers[4].id]
    ran = scholiast("ask", QUESTION, "--paper", chosen[0], "--paper", chosen[1], "--json")
    assert {passage["paper"]["id"] for passage in json.loads(ran.out)["passages"]} == set(chosen)


@pytest.mark.slow
def test_venues_and_authors_limit_which_papers_are_used(scholiast: Scholiast, tmp_path: Path) -> None:
    file = tmp_path / "by.jsonl"
    written = [("Ann Moe", "Journal of Tea"), ("Bo Lind", "Journal of Tea"), ("Bo Lind", "Coffee Letters")]
    papers = [
        {"title": f"Cups of {n}", "abstract": f"People drink {n} cups a day.", "authors": [author], "venue": venue}
        for n, (author, venue) in enumerate(written, start=2)
    ]
    file.write_text("".join(json.dumps(paper) + "\n" for paper in papers))
    scholiast("ingest", file)

    def found(*options: str) -> set[str]:
        ran = json.loads(scholiast("search", "cups", *options, "--json").out)
        return {result["paper"]["title"] for result in ran["results"]}

    assert found("--author", "lind") == {"Cups of 3", "Cups of 4"}
    assert found("--author", "B. Lind", "--venue", "tea") == {"Cups of 3"}
    assert found("--year", "2020-") == set()
    answer = json.loads(scholiast("ask", "How many cups do people drink?", "--venue", "coffee letters", "--json").out)
    assert {passage["paper"]["title"] for passage in answer["passages"]} == {"Cups of 4"}


@pytest.mark.parametrize(
    "wrong",
    [
        ("ask", "  "),
        ("ask", "why " * 25_000),
        ("ask", "why", "--top-k", "0"),
        ("ask", "why", "--model", "gpt-9"),
        ("ask", "why", "--year", "20"),
        ("ask", "why", "--year", "2020-2010"),
        ("ask", "why", "--library", "No Such"),
        ("search", ""),
        ("search", "why", "--limit", "0"),
        ("search", "why", "--year", "20"),
        ("ingest", str(SAMPLE), "--format", "bib"),
    ],
)
def test_wrong_usage_is_one_line_and_exits_2(scholiast: Scholiast, wrong: tuple[str, ...]) -> None:
    ran = scholiast(*wrong)
    assert (ran.code, ran.out, one_line(ran.err)) == (2, "", True)


@pytest.mark.parametrize(
    "wrong", [(), ("bogus",), ("papers", "show"), ("ask", "why", "--nope"), ("ask", "why", "--top-k", "x"), ("ingest",)]
)
def test_what_can_not_be_parsed_exits_2(scholiast: Scholiast, wrong: tuple[str, ...]) -> None:
    assert scholiast(*wrong).code == 2


@pytest.mark.parametrize(
    "failing",
    [
        ("ask", "why", "--library", "no-such"),
        ("papers", "show", "no-such"),
        ("papers", "remove", "no-such"),
        ("libraries", "remove", "no-such", "--yes"),
        ("rebuild", "--library", "no-such"),
        ("serve", "--host", "0.0.0.0"),
        ("serve", "--host", "no.such.host.invalid"),
    ],
)
def test_a_failure_is_one_line_and_exits_1(scholiast: Scholiast, failing: tuple[str, ...]) -> None:
    ran = scholiast(*failing)
    assert (ran.code, one_line(ran.err)) == (1, True)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SCHOLIAST_HOME", "/dev/null", "SCHOLIAST_HOME"),
        ("SCHOLIAST_DATABASE_URL", "nonsense", "SCHOLIAST_DATABASE_URL"),
        ("SCHOLIAST_MODEL", "gpt-9", "SCHOLIAST_MODEL"),
    ],
)
def test_a_wrong_setting_is_named(
    scholiast: Scholiast, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    ran = scholiast("ask", "why")
    assert (ran.code, one_line(ran.err), says in ran.err) == (1, True, True)


def test_a_setting_set_to_nothing_is_not_set(scholiast: Scholiast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOLIAST_MODEL", "")
    assert scholiast("ask", "why").code == 0


# The corpus


def test_ingest_reports_what_it_did(scholiast: Scholiast, file: Path) -> None:
    report = json.loads(scholiast("ingest", file, "--json").out)
    assert without(report, "rejected") == {
        "library": "default", "added": 2, "updated": 0, "unchanged": 0, "papers": 2, "chunks": 2
    }  # fmt: skip
    (rejected,) = report["rejected"]
    assert (rejected["source"], rejected["line"]) == (str(file), 3)
    again = scholiast("ingest", file)
    assert again.code == 0
    assert "0 added, 0 updated, 2 unchanged, 1 rejected" in again.out
    assert f"{file}:3: not JSON" in again.out


def test_what_is_left_out_of_a_record_is_told(scholiast: Scholiast, tmp_path: Path) -> None:
    path = tmp_path / "papers.csv"
    path.write_text("title,abstract,year,Shelf\nOtters return,They swim in clean rivers.,soon,7\n")
    notes = json.loads(scholiast("ingest", path, "--json").out)["notes"]
    assert [(note["source"], note["line"], note["text"][:27]) for note in notes] == [
        (str(path), 2, "year 'soon' is no year betw"),
        (str(path), 1, "nothing is read from: Shelf"),
    ]
    assert "nothing is read from: Shelf" in scholiast("ingest", path).out


def test_of_a_folder_what_can_be_read_goes_in(scholiast: Scholiast, file: Path, tmp_path: Path) -> None:
    inside = tmp_path / "pile" / "deep"
    inside.mkdir(parents=True)
    file.rename(inside / "papers.jsonl")
    (inside / "photo.png").write_bytes(b"\x89PNG")
    (inside / ".hidden.jsonl").write_text("nonsense")
    ran = scholiast("ingest", tmp_path / "pile", "--json")
    report = json.loads(ran.out)
    assert (ran.code, report["added"]) == (0, 2)
    assert [r["reason"] for r in report["rejected"] if r["source"] == str(inside / "photo.png")] == [
        "is not UTF-8: invalid start byte at byte 0; save it as UTF-8"
    ]


def test_a_file_that_can_not_be_read_does_not_stop_the_others(scholiast: Scholiast, file: Path, tmp_path: Path) -> None:
    binary, empty = tmp_path / "binary.jsonl", tmp_path / "empty"
    binary.write_bytes(b"\x00\x01\xff")
    empty.mkdir()
    ran = scholiast("ingest", binary, tmp_path / "missing.csv", empty, file, "--json")
    assert (ran.code, json.loads(ran.out)["added"]) == (1, 2)
    assert [line.split()[1] for line in sorted(ran.err.splitlines())] == sorted(
        map(str, (binary, empty, tmp_path / "missing.csv"))
    )


def test_no_library_is_created_when_no_file_can_be_read(scholiast: Scholiast, tmp_path: Path) -> None:
    ran = scholiast("ingest", tmp_path / "missing.csv", "--library", "new")
    assert (ran.code, ran.out) == (1, "")
    assert "new" not in scholiast("libraries", "list").out


def test_papers_are_listed_shown_and_removed(scholiast: Scholiast, file: Path) -> None:
    scholiast("ingest", file)
    ids = [paper["id"] for paper in json.loads(scholiast("papers", "list", "--json").out)["papers"]]
    assert "Sleep and coffee" in scholiast("papers", "list").out
    assert "read from" in scholiast("papers", "show", ids[0]).out
    some = scholiast("papers", "remove", ids[0], "no-such", "--json")
    assert (some.code, json.loads(some.out)["removed"], "no-such" in some.err) == (1, 1, True)
    assert json.loads(scholiast("papers", "list", "--json").out)["total"] == 1


def test_a_library_is_removed(scholiast: Scholiast, file: Path) -> None:
    scholiast("ingest", file, "--library", "gone")
    ran = scholiast("libraries", "remove", "gone")
    assert (ran.code, one_line(ran.err), "--yes" in ran.err) == (2, True, True)
    assert scholiast("search", "coffee", "--library", "gone").code == 0
    assert scholiast("libraries", "remove", "gone", "--yes").code == 0
    assert scholiast("ask", "coffee", "--library", "gone").code == 1


def test_a_rebuild_changes_no_results(scholiast: Scholiast, home: Path) -> None:
    before = scholiast("search", "sparse", "--json").out
    assert scholiast("rebuild").code == 0
    assert scholiast("search", "sparse", "--json").out == before


@pytest.mark.slow
def test_the_doctor_finds_nothing_wrong_with_a_good_library(scholiast: Scholiast, home: Path) -> None:
    ran = scholiast("doctor", "--json")
    assert {finding["verdict"] for finding in json.loads(ran.out)["findings"]} <= {"ok", "warning"}, ran.out
    assert ran.code == 0


@pytest.mark.slow
def test_the_doctor_fails_when_an_index_is_gone(scholiast: Scholiast, home: Path) -> None:
    for index in home.glob("libraries/default/chroma/*/chroma.sqlite3"):
        index.unlink()
    ran = scholiast("doctor")
    assert ran.code == 1
    assert "→" in ran.out and "rebuild" in ran.out
    assert scholiast("rebuild").code == 0
    assert scholiast("doctor").code == 0


@pytest.mark.slow
def test_the_demo_shows_a_cited_answer_and_may_be_repeated(scholiast: Scholiast) -> None:
    first, second = scholiast("demo"), scholiast("demo")
    assert (first.code, second.code) == (0, 0)
    assert "88 sample papers" in second.out and "Try next" in second.out
    assert json.loads(scholiast("ask", "heads", "--json").out)["library"] == "demo"


# The terminal


def test_through_a_pipe_there_is_neither_colour_nor_wrapping(scholiast: Scholiast, home: Path) -> None:
    ran = scholiast("ask", QUESTION)
    assert "\x1b" not in ran.out
    assert max(map(len, ran.out.splitlines())) > 120


def test_control_characters_are_removed(scholiast: Scholiast, tmp_path: Path) -> None:
    record = {"title": "Red \u202eevil\u202c", "abstract": "[bold]Coffee[/bold] \u001b[31mshortens\u001b[0m sleep."}
    (tmp_path / "a.jsonl").write_text(json.dumps(record))
    scholiast("ingest", tmp_path / "a.jsonl")
    shown = scholiast("papers", "show", json.loads(scholiast("papers", "list", "--json").out)["papers"][0]["id"]).out
    assert not {"\x1b", "\u202e", "\u202c"} & set(shown)
    assert "[bold]Coffee[/bold]" in shown


# As a process


def test_help_loads_nothing_heavy() -> None:
    code = "import sys; from service.cli.main import main\ntry: main()\nfinally: print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in ran.stdout.splitlines()[-1].split()}
    assert "typer" in loaded
    assert not loaded & HEAVY


@pytest.mark.slow
def test_a_closed_pipe_is_no_failure(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("scholiast")
    piped = ["bash", "-o", "pipefail", "-c", f"{command} libraries list | true"]
    ran = subprocess.run(piped, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_merge_is_told_and_can_be_taken_back(scholiast: Scholiast, tmp_path: Path) -> None:
    path = tmp_path / "papers.csv"
    path.write_text(
        "doi,pmid,title,abstract\n10.5555/7,,Coffee and sleep,Coffee shortens sleep.\n"
        ",7,Coffee and sleep,Coffee shortens sleep by an hour.\n"
    )
    ran = scholiast("ingest", str(path))
    assert "pmid:7 is merged into doi:10.5555/7: same title" in " ".join(ran.out.split())
    assert json.loads(scholiast("papers", "show", "pmid:7", "--json").out)["id"] == "doi:10.5555/7"
    split = json.loads(scholiast("papers", "split", "pmid:7", "--json").out)
    assert [paper["id"] for paper in split["papers"]] == ["doi:10.5555/7", "pmid:7"]
    assert scholiast("papers", "split", "pmid:7").code == 2
