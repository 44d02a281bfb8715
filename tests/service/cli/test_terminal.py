"""On a terminal: widths from 60 to 200 columns, a pager for what is long, links that nothing can break out of."""

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from rag.types import Paper
from service.cli import links, paging
from service.cli.output import named
from service.cli.terminal import Page
from tests.conftest import QUESTION, CommandResult
from tests.support.commands import THEN
from tests.support.terminal import Terminal, on_terminal

Scholiast = Callable[..., CommandResult]

LINKED = {"FORCE_HYPERLINK": "1", "PAGER": "cat"}
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
LINK = re.compile(r"\x1b\]8;[^;]*;([^\x1b]*)\x1b\\")


def too_wide(text: str, columns: int) -> Sequence[str]:
    """The lines that do not fit; an address is never divided."""
    return [line for line in text.splitlines() if len(line) > columns and "://" not in line]


@pytest.mark.slow
@pytest.mark.parametrize(("columns", "widest"), [(60, 60), (120, 100), (200, 100)])
def test_everything_fits_into_the_width(home: Path, tmp_path: Path, columns: int, widest: int) -> None:
    record = {
        "id": "doi:10.1000/" + "long" * 20,
        "title": "Otters " * 30,
        "abstract": "Otters sleep. " * 9,
        "year": 2020,
    }
    (tmp_path / "one.json").write_text(json.dumps([record, {"title": "No abstract at all " * 9}]))
    commands: list[list[str | Path]] = [
        ["ingest", tmp_path / "one.json", THEN, "papers", "list", THEN, "ask", QUESTION],
        [THEN, "ask", "why?", "--library", "a-library-whose-name-is-long"],
    ]
    shown = on_terminal(*itertools.chain(*commands), columns=columns, environment={"PAGER": "cat"})
    assert shown.code == 1  # the last one's
    assert "1 added" in shown.text and "of 13 papers" in shown.text and "Sources" in shown.text
    assert too_wide(shown.text, widest) == []
    *_, error = shown.text.partition("scholiast: ")
    assert len(error.splitlines()) == (2 if columns == 60 else 1)  # it wraps at words


@pytest.mark.slow
def test_a_long_list_is_shown_in_the_pager_and_a_short_one_is_not(home: Path) -> None:
    environment = {"PAGER": "head -n 2; echo PAGED; cat > /dev/null"}
    short, told_not_to, long = ("--limit", "2"), ("--no-pager",), ()
    commands = (["papers", "list", *options, THEN] for options in (short, told_not_to, long))
    shown = on_terminal(*itertools.chain(*commands), lines=10, environment=environment)
    assert shown.code == 0 and shown.text.endswith("PAGED\n")
    assert re.findall("PAGED|1-2 of 12|1-12 of 12", shown.text) == ["1-2 of 12", "1-12 of 12", "PAGED"]


@pytest.mark.slow
def test_without_the_pager_that_is_named_a_list_is_printed(home: Path) -> None:
    shown = on_terminal("papers", "list", lines=8, environment={"PAGER": "no-such-pager-anywhere"})
    assert shown.code == 0 and "1-12 of 12 papers" in shown.text


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"PAGER": "most"}, "most"),
        ({"PAGER": ""}, ""),
        ({"PAGER": " cat "}, ""),
        ({"PAGER": "most", "TERM": "dumb"}, ""),
    ],
)
def test_which_pager(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert paging.command() == expected


@pytest.mark.slow
def test_no_color_leaves_no_colour_and_no_link_without_a_terminal_for_it(home: Path) -> None:
    plain = on_terminal("ask", QUESTION, environment={"NO_COLOR": "1"})
    assert not [code for code in COLOURS.findall(plain.raw) if re.search(r"\b(3[0-7]|4[0-7]|9[0-7])\b", code)]
    assert not LINK.search(plain.raw)


# Links


@contextmanager
def page(monkeypatch: pytest.MonkeyPatch, shown: list[str]) -> Iterator[Page]:
    """A page on a terminal with links."""
    monkeypatch.setenv("FORCE_HYPERLINK", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(paging, "show", shown.append)
    with Page.paged() as page:
        yield page


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/\x1b\\\x1b[2Jevil",
        "https://example.org/\x07evil",
        "https://example.org/\x9c\x9devil",
        "https://example.org/\n\x1b]8;;https://evil.example\x1b\\",
        "https://example.org/\u202egnp.exe",
        "https://example.org/ключ é",
    ],
)
def test_no_address_ends_the_escape_sequence(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    shown: list[str] = []
    title = "Otters\x1b]8;;https://evil.example\x1b\\ sleep\x07"
    with page(monkeypatch, shown) as printing:
        printing.paper(Paper(id="x", title=title, abstract="Otters sleep.", url=url))
        printing.papers([Paper(id="x", title="Otters", abstract="Otters sleep.", url=url)], 1, 0)
    targets = [target for target in LINK.findall(shown[0]) if target]
    assert len(targets) == 2
    assert all(re.fullmatch(r"https://example\.org/[!-~]*", target) for target in targets)
    left = COLOURS.sub("", LINK.sub("", shown[0]))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", left)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "", None, "x://y"])
def test_only_web_pages_are_linked(monkeypatch: pytest.MonkeyPatch, url: str | None) -> None:
    assert links.target(url) == ""
    shown: list[str] = []
    with page(monkeypatch, shown) as printing:
        printing.paper(Paper(id="x", title="Otters", abstract="Otters sleep.", url=url))
    assert not LINK.search(shown[0])


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, True),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7200"}, True),
        ({"TERM": "xterm-256color", "VTE_VERSION": "4800"}, False),
        ({"TERM": "xterm-256color", "WT_SESSION": "1"}, True),
        ({"TERM": "linux"}, False),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, False),
        ({"TERM": "linux", "FORCE_HYPERLINK": "1"}, True),
        ({"TERM": "xterm-kitty", "FORCE_HYPERLINK": "0"}, False),
        ({}, False),
    ],
)
def test_which_terminals_show_links(environment: dict[str, str], expected: bool) -> None:
    assert links.are_shown(environment) is expected


@pytest.mark.slow
def test_marks_titles_and_addresses_of_an_answer_are_links(scholiast: Scholiast, tmp_path: Path) -> None:
    record = {"title": "Tea", "abstract": "Tea does not shorten sleep.", "url": "https://example.org/tea"}
    (tmp_path / "one.json").write_text(json.dumps([record]))
    scholiast("ingest", tmp_path / "one.json")
    raw = on_terminal("ask", "Does tea shorten sleep?", environment=LINKED).raw
    assert LINK.findall(raw).count("https://example.org/tea") == 3
    assert re.search(r"\x1b\]8;[^\x1b]*\x1b\\\x1b\[[0-9;]*m\[1\]", raw)


# Forms of output


@pytest.mark.slow
def test_plain_on_a_terminal_is_what_a_pipe_gets(scholiast: Scholiast, home: Path) -> None:
    def timeless(text: str) -> str:
        return re.sub(r"\d+ ms", "? ms", text)

    piped = scholiast("ask", QUESTION).out
    assert timeless(scholiast("ask", QUESTION, "--format", "plain").out) == timeless(piped)
    shown = on_terminal("ask", QUESTION, "--format", "plain", columns=60, environment=LINKED)
    assert timeless(shown.raw.replace("\r\n", "\n")) == timeless(piped)


def test_json_and_markdown_are_formats_too(scholiast: Scholiast, home: Path) -> None:
    assert json.loads(scholiast("ask", QUESTION, "--format", "json").out)["outcome"] == "answered"
    assert "[^1]" in scholiast("ask", QUESTION, "--format", "markdown").out
    assert scholiast("search", "sparse", "--format", "plain").out == scholiast("search", "sparse").out
    assert scholiast("ask", QUESTION, "--json", "--format", "plain").code == 2


# Completion


def completed(line: str, home: Path) -> list[str]:
    """What bash completes a line to."""
    script = (
        'eval "$(_SCHOLIAST_COMPLETE=source_bash scholiast)"; read -ra COMP_WORDS <<< "$1"; '
        '[[ "$1" == *" " ]] && COMP_WORDS+=(""); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); '
        '_scholiast_completion scholiast; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "SCHOLIAST_HOME": str(home)}
    done = subprocess.run(
        ["bash", "-c", script, "bash", line], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.slow
def test_bash_completes_commands_options_libraries_and_formats(home: Path) -> None:
    assert completed("scholiast pap", home) == ["papers"]
    assert completed("scholiast ask --library ", home) == ["default"]
    assert {"markdown", "json", "plain", "bibtex"} <= set(completed("scholiast ask --format ", home))
    assert completed("scholiast eval comp", home) == ["compare"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str) -> None:
    command = [str(Path(sys.executable).parent / "scholiast")]
    environment = {**os.environ, "_SCHOLIAST_COMPLETE": f"source_{shell}"}
    script = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert f"complete_{shell}" in script and "scholiast" in script


# An ingest


@pytest.mark.slow
def test_ctrl_c_in_an_ingest_says_how_many_are_in_and_the_next_run_goes_on(
    scholiast: Scholiast, home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "many.jsonl"
    lines = (
        json.dumps({"title": f"Otters {n}", "abstract": f"Otter {n} sleeps {n} hours. " * 40}) for n in range(4_000)
    )
    file.write_text("\n".join(lines))
    terminal = Terminal("ingest", file, "--library", "otters", columns=100)
    terminal.read_until(r"Embedding.* [1-9]\d*/4000")
    terminal.type("\x03")
    shown = terminal.end()
    assert shown.code == 130
    stopped = re.search(r"stopped: ([\d,]+) of 4,000 papers are in; the same command goes on from there", shown.text)
    assert stopped, shown.text
    there = json.loads(scholiast("papers", "list", "--library", "otters", "--limit", "1", "--json").out)["total"]
    assert 0 < int(stopped[1].replace(",", "")) <= there < 4_000


def test_what_holds_of_many_files_is_said_once(scholiast: Scholiast, tmp_path: Path) -> None:
    for number in range(10):
        text = f"title,abstract,shoe size\nTea {number},Tea {number} does not shorten sleep.,42\n,Nothing,7\n"
        (tmp_path / f"{number}.csv").write_text(text)
        (tmp_path / f"{number}.bad").write_bytes(b"\0")
    ran = scholiast("ingest", *sorted(tmp_path.glob("*.csv")), *sorted(tmp_path.glob("*.bad")))
    assert ran.out.count("no title") == 1 and ran.out.count("shoe size") == 1
    assert f"{tmp_path}/0.csv:3, {tmp_path}/1.csv:3, {tmp_path}/2.csv:3 and 7 more: no title" in ran.out
    assert ran.err.count("is not text") == 1
    assert ran.err.endswith(f"; the same of {tmp_path}/1.bad, {tmp_path}/2.bad, {tmp_path}/3.bad and 6 more\n")


def test_a_few_places_are_all_named() -> None:
    assert [named(["a"]), named(["a", "b", "c"]), named(["a", "b", "c", "d"])] == ["a", "a, b, c", "a, b, c and 1 more"]
