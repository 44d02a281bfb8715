"""Tries whether a Chroma index still finds what is in it; in a process of its own, which a damaged one can crash."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from rag.errors import LibraryError
from rag.library import advice
from rag.library.stored import Vectors
from rag.library.vector_index import Chroma, damaged

CANARIES = 40
_NEIGHBOURS = 3
_SAME_COSINE = 0.999
_FOUND_SHARE = 0.9  # an approximate index may miss a few; one written by two processes was seen to miss a quarter
_TIMEOUT_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """How many chunks there are, and how many of the papers tried were found by a vector of theirs."""

    chunks: int
    tried: int
    found: int


def try_index(chroma: Chroma, canaries: Sequence[tuple[str, Vectors]]) -> ProbeResult:
    """Look for papers by a vector of theirs. Raises LibraryError when the index is damaged."""
    found = sum(
        any(hit == id and cosine > _SAME_COSINE for hit, cosine in chroma.nearest(vector, _NEIGHBOURS))
        for id, vector in canaries
    )
    if found < _FOUND_SHARE * len(canaries):
        reason = f"{found} of {len(canaries)} papers are found by their own vector"
        raise damaged(chroma.library, chroma.place, reason)
    return ProbeResult(chunks=chroma.count(), tried=len(canaries), found=found)


def try_folder(folder: Path, library: str, canaries: Sequence[tuple[str, Vectors]]) -> ProbeResult:
    """The same for an embedded index, in another process: takes seconds, and survives what that process does not."""
    command = [sys.executable, "-m", __name__, str(folder), library]
    question = json.dumps([[id, vector.tolist()] for id, vector in canaries])
    try:
        done = subprocess.run(
            command, input=question, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise LibraryError(f"the Chroma index {folder} gives no answer; {advice.rebuild(library)}") from None
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise damaged(library, str(folder), f"reading it ends in {name}")
    if done.returncode > 0:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise LibraryError(reason[0])
    return ProbeResult(**json.loads(done.stdout))


def _main() -> None:
    canaries = [(id, np.asarray(vector, np.float32)) for id, vector in json.load(sys.stdin)]
    try:
        chroma = Chroma.embedded(Path(sys.argv[1]), sys.argv[2], create=False)
        print(json.dumps(asdict(try_index(chroma, canaries))))
        chroma.close()
    except LibraryError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    _main()
