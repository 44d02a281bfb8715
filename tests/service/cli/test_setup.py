"""`scholiast setup` in a terminal: it asks, tries what it was told, and writes once, for the user's eyes alone."""

import json
import os
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from dotenv import dotenv_values

from rag import config
from rag.errors import RequestError
from service.cli import env_file
from tests.support.fake_slack import TOKEN, FakeSlack
from tests.support.terminal import Terminal

GOOD, BAD = "sk-good-1234567890", "sk-bad-0987654321"
CHOOSE = r"Choose \[.*\]: $"
REPLY = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "small",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


@pytest.fixture
def server() -> Iterator[str]:
    """A server that speaks OpenAI's protocol with whoever has the good key, and repeats any other."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            given = self.headers.get("Authorization", "").removeprefix("Bearer ")
            body = REPLY if given == GOOD else {"error": {"message": f"Incorrect API key provided: {given}"}}
            data = json.dumps(body).encode()
            self.send_response(200 if given == GOOD else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *arguments: object) -> None:
            """Not to standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_address[1]}/v1"
        serving.shutdown()
        thread.join()


@pytest.fixture
def env(tmp_path: Path) -> Path:
    """Where the settings go."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home" / ".env"


def answer(terminal: Terminal, *steps: tuple[str, str]) -> None:
    """Type each text when its prompt is there."""
    for prompt, text in steps:
        terminal.read_until(prompt)
        terminal.type(f"{text}\n")


@pytest.mark.slow
def test_a_first_run_tries_the_key_and_writes_what_works(env: Path, server: str, tmp_path: Path) -> None:
    papers = tmp_path / "papers.bib"
    papers.write_text("@article{a, title={Tea and sleep}, abstract={Tea does not shorten sleep.}, year={2020}}")
    env.write_text("# mine\nSCHOLIAST_CONTACT=me@example.org\n")
    env.chmod(0o644)
    terminal = Terminal("setup")
    answer(
        terminal,
        (CHOOSE, "9"),
        (CHOOSE, "4"),
        ("Its URL", server),
        ("calls it: $", "small"),
        (r"hidden\): $", BAD),
        (r"Try again\? \[Y/n\] $", ""),
        (r"hidden\): $", GOOD),
        (CHOOSE, "1"),
        (r"Slack\? \[y/N\] $", ""),
        (r"Its path \[none\]: $", f"{papers}.not"),
        (r"Its path \[none\]: $", str(papers)),
    )
    shown = terminal.end()
    assert shown.code == 0, shown.text
    assert "'9' is none of 1 to 4" in shown.text
    assert "the key is refused" in shown.text and "✓ openai:small answers" in shown.text
    assert "1 added" in shown.text and "papers.bib.not is not there" in " ".join(shown.text.split())
    assert GOOD not in shown.raw and BAD not in shown.raw
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert dotenv_values(env) == {
        "SCHOLIAST_CONTACT": "me@example.org",
        "SCHOLIAST_MODEL": "openai:small",
        "SCHOLIAST_MODEL_BASE_URL": server,
        "OPENAI_API_KEY": GOOD,
        "SCHOLIAST_EMBEDDER": "minilm",
    }
    assert env.read_text().startswith("# mine\n")
    assert sorted(path.name for path in env.parent.glob(".env*")) == [".env"]


@pytest.mark.slow
def test_tokens_of_slack_are_tried_and_never_shown(env: Path, slack: FakeSlack) -> None:
    terminal = Terminal("setup", environment={"SCHOLIAST_SLACK_API_URL": slack.url})
    answer(terminal, (CHOOSE, "1"), (CHOOSE, "1"), ("Slack", "y"))
    answer(terminal, (r"BOT_TOKEN.*: $", TOKEN), (r"APP_TOKEN.*: $", "xapp-wrong"), (r"SIGNING_SECRET.*: $", ""))
    answer(terminal, (r"Keep these tokens\?", "y"), ("Its path", ""))
    shown = terminal.end()
    assert "the bot token is good" in shown.text and "SCHOLIAST_SLACK_APP_TOKEN is refused" in shown.text
    assert TOKEN not in shown.raw and "xapp-wrong" not in shown.raw
    assert dotenv_values(env)["SCHOLIAST_SLACK_BOT_TOKEN"] == TOKEN


@pytest.mark.slow
def test_enter_keeps_what_is_set(env: Path) -> None:
    env.write_text("SCHOLIAST_MODEL=openai:mine\nOPENAI_API_KEY=secret\nSCHOLIAST_EMBEDDER=minilm\n")
    before = env.read_text()
    terminal = Terminal("setup")
    answer(
        terminal,
        (r"Choose \[keep openai:mine\]: $", ""),
        (r"Choose \[keep minilm\]: $", ""),
        (r"Slack", ""),
        (r"Its path", ""),
    )
    shown = terminal.end()
    assert shown.code == 0 and "Nothing has changed" in shown.text and "secret" not in shown.raw
    assert env.read_text() == before
    assert stat.S_IMODE(env.stat().st_mode) == 0o600


@pytest.mark.slow
def test_ctrl_c_changes_nothing(env: Path) -> None:
    terminal = Terminal("setup")
    answer(terminal, (CHOOSE, "1"), (CHOOSE, "1"))
    terminal.read_until("Slack")
    shown = terminal.interrupt()
    assert shown.code == 1 and "stopped" in shown.text and "Traceback" not in shown.text
    assert list(env.parent.iterdir()) == []


@pytest.mark.slow
def test_what_the_environment_overrules_is_told(env: Path) -> None:
    terminal = Terminal("setup", environment={"SCHOLIAST_MODEL": "openai:other", "OPENAI_API_KEY": "x"})
    answer(terminal, (CHOOSE, "1"), (CHOOSE, "1"), ("Slack", ""), ("Its path", ""))
    assert "SCHOLIAST_MODEL is also set in the environment" in terminal.end().text


# The file


@pytest.mark.parametrize("value", ["it's", 'a "b" c', "a#b c", "back\\slash", " spaces ", "ключ", "a=b", ""])
def test_values_come_back_as_they_were(env: Path, value: str) -> None:
    env_file.change(env, {"SOME_API_KEY": value, "OTHER": "1"})
    assert dotenv_values(env) == {"SOME_API_KEY": value, "OTHER": "1"}


def test_a_value_that_would_not_come_back_changes_nothing(env: Path) -> None:
    env.write_text("A=1\n")
    with pytest.raises(RequestError, match="the value of B has characters that no"):
        env_file.change(env, {"A": "2", "B": "${HOME}"})
    assert env.read_text() == "A=1\n"
    assert [path.name for path in env.parent.iterdir()] == [".env"]


def test_a_link_to_the_file_stays_a_link(env: Path, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("A=1\n")
    env.symlink_to(tmp_path / "real")
    env_file.change(env, {"A": "2"})
    assert env.is_symlink() and dotenv_values(tmp_path / "real") == {"A": "2"}


def test_keys_of_providers_are_read_from_the_home_folder_alone(
    env: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("GROQ_API_KEY", "NCBI_API_KEY", "PATH_LIKE")
    for name in names:
        monkeypatch.setenv(name, "before")
        monkeypatch.delenv(name)
    monkeypatch.setenv("S2_API_KEY", "of the environment")
    env.write_text("GROQ_API_KEY=home\nS2_API_KEY=home\nPATH_LIKE=home\n")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / ".env").write_text("NCBI_API_KEY=foreign\n")
    monkeypatch.chdir(tmp_path / "elsewhere")
    config.load()
    assert [os.environ.get(name) for name in (*names, "S2_API_KEY")] == ["home", None, None, "of the environment"]
