"""The driver's end of the protocol: a peer's process, asked one thing at a time."""

import json
import os
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import Any

from eval.peers.install import ENVIRONMENTS, ROOT, interpreter
from eval.peers.serve import Hit, Model
from rag.errors import BackendError
from rag.types import Paper

DEADLINE_SECONDS = 1_800.0
"""A peer that takes longer for one request is ended."""
_LAST_WORDS = 2_000
_QUIET = {
    "ANONYMIZED_TELEMETRY": "False",  # Chroma
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "HF_HUB_OFFLINE": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "TOKENIZERS_PARALLELISM": "false",
    "OPENAI_API_KEY": "none",
}
"""What keeps libraries from asking anybody else, and satisfies those that insist on a key."""


class PeerProcess:
    """A running adapter. Every call raises BackendError if it fails, and the process may have ended then."""

    def __init__(self, name: str, process: subprocess.Popen[str], folder: Path, deadline_seconds: float) -> None:
        self.name = name
        self._process = process
        self._folder = folder
        self._deadline_seconds = deadline_seconds
        self.about: Mapping[str, Any] = self._call("hello")

    def build(self, papers: Sequence[Paper], setting: Any = None, model: Model | None = None) -> Mapping[str, Any]:
        """Index the papers in a new folder; milliseconds, CPU milliseconds and bytes on disk."""
        index = self._folder / "index"
        index.mkdir()
        given = [{"id": paper.id, "title": paper.title, "abstract": paper.abstract} for paper in papers]
        described = {"base_url": model.base_url, "name": model.name} if model else None
        return self._call("build", papers=given, folder=str(index), setting=setting, model=described)

    def search(self, question: str, k: int) -> tuple[list[Hit], Mapping[str, Any]]:
        """The passages, best first, with milliseconds and CPU milliseconds."""
        reply = self._call("search", question=question, k=k)
        return [Hit(*hit) for hit in reply["hits"]], reply

    def answer(self, question: str, without: Collection[str] = ()) -> Mapping[str, Any]:
        """The fields of `serve.PeerAnswer`, with milliseconds and CPU milliseconds."""
        return self._call("answer", question=question, without=sorted(without))

    def load(self, questions: Sequence[str], clients: int, seconds: float) -> Mapping[str, Any]:
        """The milliseconds of every search of so many clients at once, the seconds and the CPU seconds of all."""
        return self._call("load", questions=questions, clients=clients, seconds=seconds)

    def usage(self) -> Mapping[str, Any]:
        """CPU seconds, and the most memory at once in bytes."""
        return self._call("usage")

    def _call(self, op: str, **fields: Any) -> Mapping[str, Any]:
        assert self._process.stdin and self._process.stdout
        timer = Timer(self._deadline_seconds, self._process.kill)
        timer.start()
        try:
            self._process.stdin.write(json.dumps({"op": op, **fields}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if not line:
            raise BackendError(f"{self.name} ended at {op!r}: {self._last_words()}", retryable=False)
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise BackendError(f"{self.name} failed at {op!r}: {reply['error']}", retryable=False)
        return reply

    def _last_words(self) -> str:
        """The end of what it wrote to standard error."""
        said = (self._folder / "stderr").read_text("utf-8", errors="replace")
        return said[-_LAST_WORDS:].strip() or f"it said nothing; was it killed after {self._deadline_seconds:g} s?"


@contextmanager
def peer(name: str, environments: Path = ENVIRONMENTS) -> Iterator[PeerProcess]:
    """Run a system's adapter in its environment until the end of the block.

    Raises RequestError or ConfigError where there is no such environment, BackendError where the adapter can't start.
    """
    with running(name, [str(interpreter(name, environments)), "-m", f"eval.peers.{name}"]) as process:
        yield process


@contextmanager
def running(name: str, command: Sequence[str], deadline_seconds: float = DEADLINE_SECONDS) -> Iterator[PeerProcess]:
    """Run any program that speaks the protocol. Raises BackendError."""
    with TemporaryDirectory(prefix=f"peer-{name}-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        with (folder / "stderr").open("w") as errors:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
            )
            try:
                yield PeerProcess(name, process, folder, deadline_seconds)
            finally:
                process.kill()
                process.communicate()


def _environment() -> dict[str, str]:
    """The driver's, without settings of the product, which is measured as it comes."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SCHOLIAST_")}
    return {**kept, **_QUIET}
