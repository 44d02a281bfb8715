"""An optional LLM judge of key facts and support: cached, at temperature 0, and never trusted before it is checked.

It sees no system's name. An unreadable verdict is asked for once more and then counted apart, never as a zero.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, Literal

from rag.errors import BackendError, ConfigError

Verdict = Literal["yes", "partly", "no", "contradicted"]
POINTS: Mapping[Verdict, float] = {"yes": 1.0, "partly": 0.5, "no": 0.0, "contradicted": 0.0}

Model = Callable[[str], Awaitable[str]]
"""A prompt to a reply. Raises BackendError."""

_AGAIN = "\n\nYour last reply could not be read. Reply with the JSON object alone."
_PAIR = re.compile(r'"?(\d+)"?\s*[:.)=-]+\s*"?(yes|partly|no|contradicted)\b', re.IGNORECASE)


@dataclass
class Judge:
    """Asks a model whether texts state things; what it said once it is not asked again, across processes."""

    name: str
    model: Model
    memory: Path
    concurrency: int = 4
    _known: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._turns = asyncio.Semaphore(self.concurrency)
        if self.memory.exists():
            for line in self.memory.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                self._known[entry["key"]] = entry["reply"]

    async def verdicts(self, text: str, statements: Sequence[str]) -> list[Verdict | None]:
        """One verdict for each statement, in order; None where the reply could not be read. Raises BackendError."""
        if not statements:
            return []
        prompt = render(text, statements)
        found = read(await self._reply(prompt), len(statements))
        if any(verdict is None for verdict in found):
            again = read(await self._reply(prompt + _AGAIN), len(statements))
            found = [first or second for first, second in zip(found, again, strict=True)]
        return found

    async def _reply(self, prompt: str) -> str:
        key = sha256(f"{self.name}\0{prompt}".encode()).hexdigest()
        if key not in self._known:
            async with self._turns:
                reply = await self.model(prompt)
            self._known[key] = reply
            with self.memory.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "reply": reply}, ensure_ascii=False) + "\n")
        return self._known[key]


def render(text: str, statements: Sequence[str]) -> str:
    """The prompt for one text."""
    listed = "\n".join(f"{n}. {' '.join(statement.split())}" for n, statement in enumerate(statements, start=1))
    return _template().substitute(text=text.replace("</text>", "< /text>"), statements=listed)


def read(reply: str, count: int) -> list[Verdict | None]:
    """The verdicts of statements 1 to `count`, whatever stands around them; None for one that can't be read."""
    found: dict[int, Verdict] = {}
    for number, verdict in _PAIR.findall(reply):
        found.setdefault(int(number), _verdict(verdict))
    return [found.get(number) for number in range(1, count + 1)]


def prompt_version() -> str:
    """SHA-256 of the prompt: a check holds for one model with one prompt."""
    return sha256(_template().template.encode()).hexdigest()


def chat_model(name: str, base_url: str = "") -> Model:
    """A LangChain chat model named `provider:model`, at temperature 0. Raises ConfigError."""
    from langchain.chat_models import init_chat_model

    try:
        options: dict[str, Any] = {"base_url": base_url} if base_url else {}
        model = init_chat_model(name, temperature=0, **options)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"the judge {name!r} can't be made: {error}; name it provider:model") from error

    async def ask(prompt: str) -> str:
        try:
            return str((await model.ainvoke(prompt)).text)
        except Exception as error:  # each provider has its own
            raise BackendError(f"the judge {name!r} failed: {error}", retryable=True) from error

    return ask


def _verdict(word: str) -> Verdict:
    match word.lower():
        case "yes":
            return "yes"
        case "partly":
            return "partly"
        case "no":
            return "no"
        case _:
            return "contradicted"


@cache
def _template() -> Template:
    return Template(files("eval").joinpath("judge.md").read_text(encoding="utf-8"))
