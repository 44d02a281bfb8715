"""Nothing leaves the machine, and nothing is written outside of our folders, unless a setting asks for it."""

import json
import re
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from eval.questions import SAMPLE_QUESTIONS
from tests.conftest import QUESTION
from tests.support.outside_watch import STRACE, Account

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SCHOLIAST = str(Path(sys.executable).with_name("scholiast"))
ELSEWHERE = "192.0.2.1"
"""An address for documentation. A datagram socket that is connected to it sends nothing."""


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Account:
    """A new account after a demo, a question, a question over HTTP and an evaluation, with the real embedder."""
    account = Account(tmp_path_factory.mktemp("account"), tmp_path_factory.mktemp("notes"))
    questions = account.notes / "questions.jsonl"
    questions.write_text(SAMPLE_QUESTIONS.read_text("utf-8").splitlines()[0], encoding="utf-8")
    account.run(SCHOLIAST, "demo")
    assert "[1]" in account.run(SCHOLIAST, "ask", QUESTION)
    ask_over_http(account)
    run = ("run", "--questions", str(questions), "--library", "demo", "--out", str(account.notes / "run"))
    account.run(SCHOLIAST, "eval", *run)
    return account


def ask_over_http(account: Account) -> None:
    with account.started(SCHOLIAST, "serve", "--port", "0") as server:
        assert server.stderr is not None
        address = re.search(r"http://127\.0\.0\.1:\d+", first := server.stderr.readline())
        assert address, first + server.stderr.read()
        body = json.dumps({"question": QUESTION}).encode()
        request = Request(f"{address[0]}/v1/ask", body, {"content-type": "application/json"})
        with urlopen(request, timeout=60) as response:
            assert json.load(response)["outcome"] == "answered"


def test_files_appear_only_in_our_data_folder_and_in_our_cache_folder(account: Account) -> None:
    assert [file for file in account.files() if "scholiast" not in Path(file).parts] == ["tmp"]


def test_python_code_names_no_other_host(account: Account) -> None:
    assert account.hosts_named_in_python() == set()


@pytest.mark.skipif(
    STRACE is None, reason="strace, which sees connections of native code, is not installed or not allowed"
)
def test_native_code_calls_no_other_host(account: Account) -> None:
    assert account.hosts_called_by_native_code() == set()


def test_a_connection_elsewhere_would_be_seen(tmp_path: Path) -> None:
    account = Account(tmp_path / "home", tmp_path)
    code = f"import socket; socket.socket(type=socket.SOCK_DGRAM).connect(({ELSEWHERE!r}, 9))"
    account.run("-c", code)
    assert account.hosts_named_in_python() == {ELSEWHERE}
    assert STRACE is None or account.hosts_called_by_native_code() == {ELSEWHERE}
