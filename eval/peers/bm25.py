"""Bare BM25: a paper is one document, title and abstract together; bm25s with its English stop words, no stemmer."""

from typing import Any

import bm25s

from eval.peers.serve import Hit, Setting, Task, serve


class BM25:
    """A keyword search and nothing else: it has no reader."""

    packages = ("bm25s",)
    setting = Setting("k1", 1.5, tried=(0.9, 1.2, 1.5, 2.0), tuned=2.0)
    thread_safe = True

    def build(self, task: Task) -> None:
        """Index the papers, and keep the index in the folder."""
        self._papers = task.papers
        self._index = bm25s.BM25(k1=task.setting)
        self._index.index(_words([paper.text for paper in task.papers]), show_progress=False)
        self._index.save(task.folder)

    def search(self, question: str, k: int) -> list[Hit]:
        """Papers that share a word with the question."""
        words, most = _words([question]), min(k, len(self._papers))
        rows, scores = self._index.retrieve(words, k=most, show_progress=False)
        found = [self._papers[row] for row, score in zip(rows[0], scores[0], strict=True) if score > 0]
        return [Hit(paper.id, paper.text) for paper in found]


def _words(texts: list[str]) -> Any:
    return bm25s.tokenize(texts, stopwords="en", show_progress=False)


if __name__ == "__main__":
    serve(BM25)
