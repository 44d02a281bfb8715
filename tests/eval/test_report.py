"""The report is one page that shows what happened, and is the same bytes every time."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from eval import robustness, support_probe
from eval.files import pretty, write_atomically
from eval.records import Response, RunFiles
from tests.support.eval_cases import (
    MANIFEST,
    QUESTIONS,
    answer,
    answering,
    declining,
    evaluate,
    lost,
    oracle,
    response,
    supported,
    write_run,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One answer of each kind: right, a half with a script in it, declined, wrongly answered, failed."""
    a, b, c, d, e = QUESTIONS
    rows = [
        oracle(a),
        response(b, answer("<script>alert(1)</script> [7]", ["3"]), ["3"]),
        declining(c),
        answering(d),
        Response(question_id=e.id, status="error", latency_ms=5, error="it answered 503"),
    ]
    folder = write_run(tmp_path / "run", rows).folder
    robustness.write(folder, [lost("upper_case", 0.3)])
    support_probe.write(folder / support_probe.FILE, supported(0.1), [])
    return folder


def report(folder: Path) -> tuple[str, str]:
    assert evaluate("report", str(folder)) == 0
    return (folder / "report.html").read_text(), (folder / "report.md").read_text()


class Tags(HTMLParser):
    """Which tags are open, which ids occur, and what is loaded from elsewhere."""

    void = frozenset({"meta", "br", "hr", "img", "link", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.void:
            self.open.append(tag)
        found = dict(attrs)
        self.ids += [str(found["id"])] if "id" in found else []
        self.loaded += [str(v) for k, v in attrs if k in ("src", "href", "xlink:href") and not str(v).startswith("#")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.void:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere(folder: Path) -> None:
    html, _ = report(folder)
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert tags.loaded == []
    assert len(tags.ids) == len(set(tags.ids))
    assert "url(http" not in html
    assert html.count("<svg") == 3


@pytest.mark.slow
def test_what_systems_say_is_shown_and_never_run(folder: Path) -> None:
    html, _ = report(folder)
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "A &lt;b&gt;run&lt;/b&gt;" in html


@pytest.mark.slow
def test_the_worst_questions_come_first_with_their_faults(folder: Path) -> None:
    html, markdown = report(folder)
    order = re.findall(r'class="id">(\w)<', html)
    assert order == ["e", "b", "d", "c"]
    for words in ("it answered 503", "answered, though unanswerable", "declined, though answerable", "words not held"):
        assert words in html
    assert "| b | yes no | wrong or incomplete | Do beta nets use edges? | graphs, yes |" in markdown


@pytest.mark.slow
def test_counts_stand_beside_the_means(folder: Path) -> None:
    _, markdown = report(folder)
    assert "5 held-out questions, 1 without an answer" in markdown
    assert re.search(r"\| Unanswerable questions declined \| 0\.000 \| 0\.000 – 0\.\d+ \| 2 \|", markdown)
    assert "| gold paper shown | 1 | 0 |" in markdown
    assert "| gold paper not shown | 0 | 2 |" in markdown


@pytest.mark.slow
def test_no_template_is_left_half_filled(folder: Path) -> None:
    for text in report(folder):
        assert not re.search(r"\{\{|\{%|\bnan\b|\bNone\b", text)


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes_whatever_the_hash_seed(folder: Path) -> None:
    code = "import sys; from eval.cli import main; main(sys.argv[1:])"

    def written(seed: str) -> list[bytes]:
        subprocess.run(
            [sys.executable, "-c", code, "report", str(folder)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        )
        return [(folder / name).read_bytes() for name in ("scores.json", "report.html", "report.md")]

    assert written("1") == written("2")


@pytest.mark.slow
def test_a_ranking_alone_has_a_report_too(folder: Path) -> None:
    files = RunFiles(folder)
    write_atomically(files.manifest, pretty({**MANIFEST, "offers": ["ranking"]}))
    html, markdown = report(folder)
    assert "nDCG@10" in markdown
    assert "Worst questions" not in html
    assert "not offered" in html
