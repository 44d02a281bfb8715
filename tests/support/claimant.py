"""A worker that answers in one conversation: `python -m tests.support.claimant HOME ID TIMES`."""

import sys
import time
from pathlib import Path
from uuid import uuid4

from rag.database import Database
from rag.errors import BusyError
from rag.history.answers import AskRequest
from rag.history.claims import Claims
from rag.types import Answer


def main(home: Path, conversation: str, times: int) -> None:
    """Print `ready`, wait for a line, print `refused` at the first refusal, and `done` in the end."""
    print("ready", flush=True)
    sys.stdin.readline()
    messages, refused = Claims(Database(home)), False
    for _ in range(times):
        while True:
            try:
                claim = messages.claim(conversation, "why?")
                break
            except BusyError:
                if not refused:
                    print("refused", flush=True)
                refused = True
                time.sleep(0.002)
        time.sleep(0.005)
        asked = AskRequest(question="why?", top_k=8, door="test", caller="local")
        messages.finish(claim, asked, _answer())
    print("done", flush=True)


def _answer() -> Answer:
    return Answer(
        id=f"ans_{uuid4().hex}",
        question="why?",
        standalone_question="why?",
        library="default",
        outcome="out_of_scope",
        text="Because.",
        sentences=(),
        citations=(),
        passages=(),
        confidence=0.0,
        model="test",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
