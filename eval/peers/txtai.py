"""txtai's embeddings database: a paper is one text; the vectors are the product's, all else is as it comes."""

import numpy as np
from numpy.typing import NDArray
from txtai import Embeddings

from eval.peers import embedding
from eval.peers.serve import Hit, Setting, Task, serve


class Txtai:
    """Dense, or dense and keywords together (`hybrid`). Its reader needs litellm or weights from a hub: left out."""

    packages = ("txtai", "faiss-cpu", "torch")
    setting = Setting("hybrid", True, tried=(False, True))
    thread_safe = False  # content is in one SQLite connection, which belongs to its thread

    def build(self, task: Task) -> None:
        """Index the papers, and keep the index in the folder."""
        self._database = Embeddings(method="external", transform=_vectors, content=True, hybrid=task.setting)
        self._database.index([(paper.id, paper.text, None) for paper in task.papers])
        self._database.save(str(task.folder / "index"))

    def search(self, question: str, k: int) -> list[Hit]:
        """The best papers."""
        return [Hit(row["id"], row["text"]) for row in self._database.search(question, k)]


def _vectors(texts: list[str]) -> NDArray[np.float32]:
    return np.asarray(embedding.embed(texts), np.float32)


if __name__ == "__main__":
    serve(Txtai)
