"""An embedder for processes that a test starts: LangChain makes it by its name; in a folder it notes what it did."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from langchain_core.embeddings import Embeddings

from tests.support.stand_ins import WordsEmbedder

NAME = "langchain:tests.support.noted_words:NotedWords"
FOLDER = "NOTED_WORDS_FOLDER"
"""The variable that names the folder."""

REFUSED = "nothing can embed this"
"""A text with these words is refused."""

_GATE, _STOPPED = "gate", "stopped"


class NotedWords(Embeddings):
    """Notes every text. The first process with one that has the words in the file `gate` stops until that is gone."""

    def __init__(self) -> None:
        self._folder = Path(os.environ[FOLDER])
        self._words = WordsEmbedder()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        with (self._folder / f"{os.getpid()}.jsonl").open("a") as notes:
            notes.write(json.dumps(texts) + "\n")
        self._wait(texts)
        if refused := [text for text in texts if REFUSED in text]:
            raise ValueError(refused[0])
        return [self._words.vector(text).tolist() for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    def _wait(self, texts: list[str]) -> None:
        gate, stopped = self._folder / _GATE, self._folder / _STOPPED
        words = gate.read_text() if gate.exists() else ""
        if not words or not any(words in text for text in texts):
            return
        try:
            with stopped.open("x") as file:
                file.write(str(os.getpid()))
        except FileExistsError:
            return
        while gate.exists():
            time.sleep(0.02)


class Notes:
    """What the processes with this folder noted, as the test sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def gate(self, words: str) -> Iterator[None]:
        """Meanwhile the first process stops that is to embed a text with these words."""
        (self.folder / _GATE).write_text(words)
        try:
            yield
        finally:
            (self.folder / _GATE).unlink()
            (self.folder / _STOPPED).unlink(missing_ok=True)

    def stopped(self) -> int:
        """The process that has stopped; 0 as long as none has."""
        stopped = self.folder / _STOPPED
        return int(stopped.read_text() or 0) if stopped.exists() else 0

    def texts(self) -> list[list[str]]:
        """The texts of each call, whichever process made it."""
        lines = [line for file in sorted(self.folder.glob("*.jsonl")) for line in file.read_text().splitlines()]
        return [json.loads(line) for line in lines]

    def processes(self) -> int:
        """How many processes have embedded."""
        return len(list(self.folder.glob("*.jsonl")))
