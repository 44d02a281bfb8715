"""A peer's end of the protocol: one JSON object a line, a request on standard input, its reply on standard output.

Runs in the peer's environment, so it imports nothing but the standard library. The operations:

    hello                                      -> what the peer is, and what it can do
    build   papers, folder, setting, model     -> an index over the papers, in the folder
    search  question, k                        -> passages, best first, as [paper id, text]
    answer  question, without                  -> the answer from papers other than those `without`
    load    questions, clients, seconds        -> searches of several threads at once
    usage                                      -> CPU seconds and peak memory of the process so far

`search` and `answer` tell how long they took (`ms`) and the CPU time of all threads (`cpu_ms`). A reply with `error`
says why there is no other.
"""

import json
import os
import resource
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.metadata import version
from itertools import count
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Protocol

SHOWN = 8
"""Passages that a whole pipeline hands to its model, as the product does with papers."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """A paper as every system gets it."""

    id: str
    title: str
    abstract: str

    @property
    def text(self) -> str:
        """Title and abstract, as a loader of text files would give them."""
        return f"{self.title}\n\n{self.abstract}"


@dataclass(frozen=True)
class Setting:
    """The one setting of a peer that may be tuned: its default, and the best of the values `tried` on development
    questions (`tune`); None where none is better than the default, or that was not tried."""

    name: str
    value: Any
    tried: Sequence[Any]
    tuned: Any = None


@dataclass(frozen=True)
class Model:
    """A chat model behind an OpenAI-compatible URL that ends in `/v1`."""

    base_url: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Task:
    """What to build from: the papers, an empty folder for the index, the setting's value, and a model if any."""

    papers: Sequence[Document]
    folder: Path
    setting: Any
    model: Model | None


@dataclass(frozen=True)
class Hit:
    """A passage that was found, and the id of its paper."""

    paper: str
    text: str


@dataclass(frozen=True, kw_only=True)
class PeerAnswer:
    """What a system answers: the ids of the papers that it names as sources, and whether it says that it declines."""

    text: str
    cited: Sequence[str] = ()
    hits: Sequence[Hit] = ()
    declined: bool | None = None


class Peer(Protocol):
    """What an adapter is. One with a pipeline also has `answer(question, without) -> PeerAnswer`."""

    @property
    def packages(self) -> Sequence[str]:
        """The packages whose versions are told."""
        ...

    @property
    def setting(self) -> Setting:
        """What was chosen for it."""
        ...

    @property
    def thread_safe(self) -> bool:
        """Whether several threads may search at once."""
        ...

    def build(self, task: Task) -> None:
        """Index the papers."""
        ...

    def search(self, question: str, k: int) -> list[Hit]:
        """At most k passages, best first."""
        ...


@dataclass
class Server:
    """Answers the operations for one peer."""

    peer: Any
    folder: Path = field(default_factory=Path)

    def hello(self) -> dict[str, Any]:
        """What the peer is."""
        peer = self.peer
        return {
            "versions": {package: version(package) for package in peer.packages},
            "setting": asdict(peer.setting),
            "thread_safe": peer.thread_safe,
            "answers": hasattr(peer, "answer"),
        }

    def build(
        self, papers: Sequence[Mapping[str, str]], folder: str, setting: Any = None, model: Any = None
    ) -> dict[str, Any]:
        """Seconds, CPU seconds and bytes on disk of the index."""
        self.folder = Path(folder)
        task = Task(
            papers=[Document(**paper) for paper in papers],
            folder=self.folder,
            setting=self.peer.setting.value if setting is None else setting,
            model=Model(**model) if model else None,
        )
        spent = _timed(lambda: self.peer.build(task))[1]
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return {**spent, "disk_bytes": sum(path.stat().st_size for path in files)}

    def search(self, question: str, k: int) -> dict[str, Any]:
        """The passages."""
        hits, spent = _timed(lambda: self.peer.search(question, k))
        return {"hits": [[hit.paper, hit.text] for hit in hits], **spent}

    def answer(self, question: str, without: Collection[str] = ()) -> dict[str, Any]:
        """The answer."""
        found, spent = _timed(lambda: self.peer.answer(question, frozenset(without)))
        return {**asdict(found), "hits": [[hit.paper, hit.text] for hit in found.hits], **spent}

    def load(self, questions: Sequence[str], clients: int, seconds: float) -> dict[str, Any]:
        """Searches that so many threads complete, each at least one, with how long each took."""
        start, turn = perf_counter(), count()

        def ask_in_turn(_: int) -> list[float]:
            took: list[float] = []
            while not took or perf_counter() - start < seconds:
                question = questions[next(turn) % len(questions)]
                took.append(_timed(partial(self.peer.search, question, SHOWN))[1]["ms"])
            return took

        cpu = process_time()
        with ThreadPoolExecutor(clients) as pool:
            took = [ms for each in pool.map(ask_in_turn, range(clients)) for ms in each]
        return {"ms": took, "seconds": perf_counter() - start, "cpu_seconds": process_time() - cpu}

    def usage(self) -> dict[str, Any]:
        """CPU seconds since the start, and the most memory at once."""
        return {"cpu_seconds": process_time(), "peak_bytes": peak_bytes()}


def shown(peer: Peer, question: str, without: Collection[str]) -> list[Hit]:
    """The SHOWN best passages that are of other papers than those `without`."""
    hits = peer.search(question, SHOWN if not without else 3 * SHOWN)
    return [hit for hit in hits if hit.paper not in without][:SHOWN]


def sources(hits: Sequence[Hit]) -> list[str]:
    """The distinct papers of the passages: what a system without marks shows as the sources of its answer."""
    return list(dict.fromkeys(hit.paper for hit in hits))


def peak_bytes() -> int:
    """The most memory that this program held at once; on Linux without what its parent held when it started it."""
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def serve(make: Callable[[], Peer]) -> None:
    """Answer requests until there are no more. What libraries print goes to standard error."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    server = Server(make())
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = getattr(server, request.pop("op"))(**request)
        except Exception as error:  # whatever a library raises is told, and the next request may still succeed
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def _timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What the work gives, and its milliseconds and CPU milliseconds."""
    start, cpu = perf_counter(), process_time()
    found = work()
    return found, {"ms": (perf_counter() - start) * 1000, "cpu_ms": (process_time() - cpu) * 1000}
