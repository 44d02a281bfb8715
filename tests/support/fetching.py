"""`python -m tests.support.fetching URL ...`: the `scholiast` command, for which Europe PMC is at another address."""

import sys

from rag import embedders
from rag.connectors import europepmc
from service.cli.main import main
from tests.support.command import words
from tests.support.sources import PAGE

if __name__ == "__main__":
    europepmc._URL, europepmc.PAGE = sys.argv.pop(1), PAGE
    embedders.embedder = words
    main()
