"""`python -m tests.support.commands A ... THEN B ...`: as `tests.support.command`, several one after the other.

Starting a process takes longer than most commands. The exit code is that of the last one.
"""

import itertools
import sys

from rag import embedders
from service.cli.main import main
from tests.support.command import words

THEN = "then"

if __name__ == "__main__":
    embedders.embedder = words
    code: object = 0
    for is_between, arguments in itertools.groupby(sys.argv[1:], lambda word: word == THEN):
        if not is_between:
            sys.argv = ["scholiast", *arguments]
            try:
                main()
            except SystemExit as ended:
                code = ended.code
            sys.stdout.flush()
    sys.exit(code if isinstance(code, int) else 0)
