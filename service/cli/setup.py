"""`scholiast setup`: asks for the settings of a first run, tries them, and writes them when all are answered."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from getpass import getpass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from rag import config
from rag.errors import RequestError, ScholiastError
from service.cli import commands, env_file, trials
from service.cli.output import print_error
from service.cli.terminal import Page

_MODEL, _EMBEDDER, _BASE_URL = "SCHOLIAST_MODEL", "SCHOLIAST_EMBEDDER", "SCHOLIAST_MODEL_BASE_URL"
_BOT, _APP, _SIGNING = (f"SCHOLIAST_SLACK_{name}" for name in ("BOT_TOKEN", "APP_TOKEN", "SIGNING_SECRET"))
_OPENAI_KEY = "OPENAI_API_KEY"
_KEYS = {
    "anthropic": "ANTHROPIC_API_KEY",
    "google_genai": "GOOGLE_API_KEY",
    "groq": "GROQ_API_KEY",
    "mistralai": "MISTRAL_API_KEY",
    "openai": _OPENAI_KEY,
}
"""Where the packages of providers look for their keys; of any other it is its name with _API_KEY."""

_WRITERS = (
    "the sentences of the abstracts themselves: offline, no key",
    "a model of OpenAI",
    "a model of another provider: Anthropic, Google, Mistral, ...",
    "a server of your own that speaks OpenAI's protocol: Ollama, vLLM, llama.cpp, LM Studio, ...",
)
_EMBEDDERS = (
    "minilm: offline, no key",
    "OpenAI's text-embedding-3-small",
    "another: onnx:FOLDER, langchain:PROVIDER:MODEL, ...",
)


class Setup:
    """The questions, what is set already, and what was answered; nothing is written before the end."""

    def __init__(self) -> None:
        """Raises ConfigError for a file that can't be read."""
        self._path = config.home_file().absolute()
        self._before = env_file.read(self._path)
        self._environment = dict(os.environ)
        self._answers: dict[str, str] = {}
        self._page = Page()

    def run(self) -> bool:
        """Ask, write, and put in papers. Raises KeyboardInterrupt or EOFError where the user breaks off."""
        self._page.line(f"Settings are kept in {self._path}, which only you can read. Enter takes what is in brackets.")
        self._page.line("Nothing is written before the last answer; Ctrl-C leaves everything as it is.", "dim")
        self._model()
        self._embedder()
        self._slack()
        papers = self._papers()
        env_file.change(self._path, self._answers)
        os.environ.update({k: value for k, value in self._answers.items() if k not in self._environment})
        self._page.line()
        self._page.line(f"Written: {', '.join(self._answers)}." if self._answers else "Nothing has changed.", "bold")
        self._tell_what_overrules()
        done = asyncio.run(commands.ingest([papers], "default", "", json=False)) if papers else True
        self._page.line(
            "Next: `scholiast ask QUESTION`, `scholiast serve`; `scholiast doctor` checks everything.", "dim"
        )
        return done

    def _model(self) -> None:
        match self._choose("What writes the answers?", _WRITERS, self._before.get(_MODEL)):
            case 1:
                self._answers |= {_MODEL: "extractive"}
            case 2:
                self._hosted("openai:" + self._ask("Which model", "gpt-4o-mini").removeprefix("openai:"))
            case 3:
                self._hosted(self._ask("Which model, as provider:model, such as anthropic:claude-sonnet-4-5", "", ":"))
            case 4:
                url = self._ask("Its URL", self._before.get(_BASE_URL) or "http://127.0.0.1:11434/v1", "://")
                name = self._ask("Which model, as the server calls it", "")
                self._hosted(f"openai:{name.removeprefix('openai:')}", url, "if the server wants one")

    def _hosted(self, model: str, url: str = "", why: str = "") -> None:
        """A model behind an API, with its key, tried until it answers or is kept all the same."""
        provider = model.partition(":")[0]
        variable = _KEYS.get(provider, f"{provider.upper().replace('-', '_')}_API_KEY")
        while True:
            key = self._secret(variable, why)
            answers = {_MODEL: model} | ({_BASE_URL: url} if url or self._before.get(_BASE_URL) else {})
            answers |= {variable: key} if key else {}
            if self._tried(f"asking {model}", partial(trials.model, model, url), variable, key):
                break
        self._answers |= answers

    def _embedder(self) -> None:
        names = {1: "minilm", 2: "openai:text-embedding-3-small"}
        chosen = self._choose("What turns texts into vectors?", _EMBEDDERS, self._before.get(_EMBEDDER))
        if not chosen:
            return
        while True:
            name = names.get(chosen) or self._ask("Which embedder", "", ":")
            key = ""
            if name.startswith("openai:") and _OPENAI_KEY not in self._answers:
                key = self._secret(_OPENAI_KEY, "")
            if self._tried(f"embedding with {name}", partial(trials.embedder, name), _OPENAI_KEY, key):
                break
        self._answers |= {_EMBEDDER: name} | ({_OPENAI_KEY: key} if key else {})
        self._page.line("A library that another embedder made needs `scholiast rebuild --embed` once.", "dim")

    def _slack(self) -> None:
        """Its tokens; what Slack says of them is shown, and they are kept or left out."""
        if not self._confirm("Set up Slack?", default=False):
            return
        found = {
            _BOT: self._secret(_BOT, "xoxb-..., under OAuth & Permissions"),
            _APP: self._secret(_APP, "xapp-..., for `scholiast slack`; empty for none"),
            _SIGNING: self._secret(_SIGNING, "for Slack over `scholiast serve`; empty for none"),
        }
        given = {name: value for name, value in found.items() if value}
        fields = {name.removeprefix("SCHOLIAST_").lower(): SecretStr(value) for name, value in given.items()}
        settings = config.load().model_copy(update=fields)
        try:
            findings = asyncio.run(trials.slack(settings))
        except ScholiastError as error:
            print_error(str(error))
        else:
            self._page.findings(findings)
        if self._confirm("Keep these tokens?", default=True):
            self._answers |= given

    def _papers(self) -> Path | None:
        self._page.line()
        while True:
            self._page.line("Papers to put in: an export of Zotero or any other, or a folder of files.", "bold")
            text = self._input("Its path [none]: ")
            path = Path(text.strip("'\"")).expanduser()
            if not text or path.exists():
                return path if text else None
            print_error(f"{path} is not there")

    def _tried(self, what: str, work: Callable[[], Coroutine[Any, Any, str]], variable: str, key: str) -> bool:
        """Whether it works with the key, or the one that was given before, or is kept all the same."""
        self._page.line(f"... {what}", "dim")
        key = key or self._answers.get(variable) or self._before.get(variable, "")
        with trials.environment({variable: key}):
            try:
                self._page.line(f"✓ {asyncio.run(work())}", "green")
                return True
            except ScholiastError as error:
                message = trials.in_plain_words(error)
        print_error(message.replace(key, "…") if key else message)
        return not self._confirm("Try again?", default=True)

    def _tell_what_overrules(self) -> None:
        answers = self._answers.items()
        if overruled := [name for name, value in answers if self._environment.get(name, value) != value]:
            names = ", ".join(overruled)
            self._page.line(f"{names} is also set in the environment, which counts before the file.", "yellow")

    def _choose(self, question: str, choices: tuple[str, ...], now: str | None) -> int:
        """The number of a choice; 0 keeps what is set."""
        self._page.line()
        self._page.line(question, "bold")
        for number, choice in enumerate(choices, start=1):
            self._page.line(f"  {number}  {choice}")
        default = f"keep {now}" if now else "1"
        while True:
            text = self._input(f"Choose [{default}]: ")
            if not text:
                return 0 if now else 1
            if text.isdecimal() and 1 <= int(text) <= len(choices):
                return int(text)
            print_error(f"{text!r} is none of 1 to {len(choices)}")

    def _ask(self, question: str, default: str, needed: str = "") -> str:
        """A text that has the part that is needed."""
        while True:
            text = self._input(f"{question} [{default}]: " if default else f"{question}: ") or default
            if text and needed in text:
                return text
            print_error(f"{text!r} has no {needed!r}" if text else "there is no default; type one")

    def _secret(self, variable: str, why: str) -> str:
        """A secret, not shown while it is typed; empty keeps what is set."""
        known = self._before.get(variable) or os.environ.get(variable)
        kept = "Enter keeps the one that is set" if known else why
        note = f" ({kept}; hidden)" if kept else " (hidden)"
        return getpass(f"{variable}{note}: ").strip()

    def _confirm(self, question: str, *, default: bool) -> bool:
        text = self._input(f"{question} [{'Y/n' if default else 'y/N'}] ").lower()
        return text.startswith("y") if text else default

    def _input(self, prompt: str) -> str:
        return input(prompt).strip()


def setup() -> bool:
    """Ask everything; returns whether all went well. Raises RequestError where nobody can answer, ConfigError."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise RequestError(f"setup asks questions: run it in a terminal, or write {config.home_file()} yourself")
    try:
        return Setup().run()
    except (KeyboardInterrupt, EOFError):
        print()
        print_error("stopped; what was not written yet is forgotten")
        return False
