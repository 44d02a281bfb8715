"""Small real implementations of the interfaces, for tests in which a model would be slow."""

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from rag.errors import BackendError
from rag.types import Paper, Source

_WORD = re.compile(r"[^\W_]+")


class WordsEmbedder:
    """Puts texts that share words close together: every word has a direction, a text is the sum of its words'."""

    def __init__(self, dimension: int = 32, name: str = "words", salt: str = "") -> None:
        """Another `salt` gives every word another direction."""
        self.name = name
        self.texts = 0
        """How many texts it was asked for."""
        self._dimension = dimension
        self._salt = salt

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += len(texts)
        return np.array([self.vector(text) for text in texts], np.float32).reshape(len(texts), self._dimension)

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = (await self.embed([text]))[0]
        return vector

    def vector(self, text: str) -> NDArray[np.float64]:
        words = _WORD.findall(text.casefold()) or [""]
        total = np.sum([_direction(self._salt + word, self._dimension) for word in words], axis=0)
        return np.asarray(total / np.linalg.norm(total), np.float64)


class FailingEmbedder(WordsEmbedder):
    """Answers a number of calls, then fails as a provider does."""

    def __init__(self, calls: int, name: str = "words") -> None:
        super().__init__(name=name)
        self._calls_left = calls

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self._calls_left == 0:
            raise BackendError("the provider answered 503", retryable=True)
        self._calls_left -= 1
        return await super().embed(texts)


@lru_cache(10_000)
def _direction(word: str, dimension: int) -> NDArray[np.float64]:
    seed = int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
    return np.random.default_rng(seed).standard_normal(dimension)


_SUBJECTS = ("tokenizer", "retriever", "optimizer", "sampler", "encoder", "planner", "verifier", "quantizer", "router")
_EFFECTS = ("halves the memory", "doubles the speed", "keeps the accuracy", "removes the bias", "loses some recall")


def papers(count: int, first: int = 0, note: str = "") -> list[Paper]:
    """Papers that differ in their words; `note` ends every abstract, so another note makes other contents."""
    return [_paper(number, note) for number in range(first, first + count)]


def _paper(number: int, note: str) -> Paper:
    subject, effect = _SUBJECTS[number % len(_SUBJECTS)], _EFFECTS[number % len(_EFFECTS)]
    sentences = (
        f"We study the {subject} of system {number} on data set {number * 7}.",
        f"Our {subject} {effect} of baseline {number + 1000} when it runs with setting {number % 13}.",
        f"An ablation shows that part {number % 5} of the {subject} matters most, and code is released.",
    )
    return Paper(
        id=f"paper-{number}",
        title=f"A {subject} that {effect}, number {number}",
        abstract=" ".join([*sentences, note]).strip(),
        year=2015 + number % 10,
        authors=(f"Author {number}", "Zoë Ångström"),
        sources=(Source(path="papers.jsonl", line=number + 1),),
    )
