"""`python -m tests.support.command`: the `scholiast` command with an embedder that needs no model."""

from rag import embedders
from rag.protocols import Embedder
from service.cli.main import main
from tests.support.stand_ins import WordsEmbedder


def words(name: str = "") -> Embedder:
    """The same embedder for every name; its dimension is high enough to tell unrelated texts apart."""
    return WordsEmbedder(512)


if __name__ in ("__main__", "__mp_main__"):  # the second: in a process that `multiprocessing` spawned
    embedders.embedder = words

if __name__ == "__main__":
    main()
