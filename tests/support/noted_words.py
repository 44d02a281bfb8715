"""An embedder for processes that a test starts: LangChain makes it by its name; a folder says what it did and shall do."""

import json
import os
import time
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings

from tests.support.stand_ins import WordsEmbedder

NAME = "langchain:tests.support.noted_words:NotedWords"
FOLDER, ROLL = "NOTED_WORDS_FOLDER", "NOTED_WORDS_ROLL"
"""Variables: the folder; by how many numbers vectors are rolled, as if the weights were others."""

_GATE, _STOPPED = "gate", "stopped"


class NotedWords(Embeddings):
    """Notes every text. The first process with one that has the words in the file `gate` stops until that is gone."""

    def __init__(self) -> None:
        self._folder = Path(os.environ[FOLDER])
        self._roll = int(os.environ.get(ROLL, "0"))
        self._words = WordsEmbedder()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        with (self._folder / f"{os.getpid()}.jsonl").open("a") as notes:
            notes.write(json.dumps(texts) + "\n")
        self._wait(texts)
        rows = [self._words.vector(text) for text in texts]
        return [np.roll(row, self._roll).tolist() for row in rows]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    def _wait(self, texts: list[str]) -> None:
        gate, stopped = self._folder / _GATE, self._folder / _STOPPED
        if not gate.exists() or not any(gate.read_text() in text for text in texts):
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

    def close_gate(self, words: str) -> None:
        """Have the first process stop that is to embed a text with these words."""
        (self.folder / _STOPPED).unlink(missing_ok=True)
        (self.folder / _GATE).write_text(words)

    def open_gate(self) -> None:
        (self.folder / _GATE).unlink()

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
