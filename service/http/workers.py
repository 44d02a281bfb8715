"""Several worker processes that answer on one port: started, started again when they die, and stopped together.

This process answers nothing itself. It has the libraries and their vector indexes open for the workers, unless those
are where several processes can open them.
"""

import logging
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection

from rag import vector_indexes
from rag.config import Settings
from rag.errors import ConfigError
from rag.library.index_owner import IndexOwner
from rag.library.owned_index import OwnerAddress
from service.http import listen

_LOCAL = "127.0.0.1"
_STOP_SECONDS = 25.0
"""A worker is killed if it takes longer to stop; answers that are being written have ten."""

_PAUSE_SECONDS = 1.0
"""Before a worker that has died is started again if it did not live for as long."""

_STOPPING = (signal.SIGINT, signal.SIGTERM)

log = logging.getLogger("scholiast")


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a worker is told as it starts.

    `listener` is shared by all workers, `own` is for the others to ask this one, at `ports` by number. `owner` has the
    vector indexes open, unless they are where several processes can.
    """

    number: int
    settings: Settings
    url: str
    listener: socket.socket
    own: socket.socket
    ports: Mapping[int, int]
    owner: OwnerAddress | None


def run_workers(settings: Settings, listener: socket.socket, url: str, count: int) -> None:
    """Answer from `count` processes until SIGTERM or Ctrl-C. Raises ConfigError, and KeyboardInterrupt for Ctrl-C."""
    listen.log_to_stderr()
    store = vector_indexes.store(settings.vector_index, settings.chroma_url)
    with ExitStack() as stack, _signals() as signals:
        owner = None
        if not store.is_shared:
            owner = stack.enter_context(IndexOwner(settings.home, settings.database_url, store, url)).address
        workers = Workers(settings, listener, url, count, owner)
        stack.callback(workers.stop)
        workers.start()
        listen.announce(url)
        workers.keep_running(signals)
        listener.close()
        received = signals.recv(1)[0]
    if received == signal.SIGINT:
        raise KeyboardInterrupt


class Workers:
    """The processes, by number from 1."""

    def __init__(
        self, settings: Settings, listener: socket.socket, url: str, count: int, owner: OwnerAddress | None
    ) -> None:
        self._settings, self._listener, self._url, self._owner = settings, listener, url, owner
        self._own = {number: socket.create_server((_LOCAL, 0)) for number in range(1, count + 1)}
        self._running: dict[int, _Worker] = {}

    def start(self) -> None:
        """Start all, and return when the first can answer. Raises ConfigError when one of them can't."""
        for number in self._own:
            self._running[number] = self._new(number)
        first = connection.wait([worker.told for worker in self._running.values()])
        for worker in self._running.values():
            if worker.told in first:
                worker.check_start()

    def keep_running(self, signals: socket.socket) -> None:
        """Start those that die again, until there is something to read from `signals`."""
        while True:
            deaths = [worker.process.sentinel for worker in self._running.values()]
            if signals in connection.wait([signals, *deaths]):
                return
            for number, worker in list(self._running.items()):
                if worker.process.exitcode is not None:
                    log.error("worker %s ended (%s) and is started again", number, worker.process.exitcode)
                    worker.told.close()
                    if time.monotonic() - worker.since < _PAUSE_SECONDS and connection.wait([signals], _PAUSE_SECONDS):
                        return
                    self._running[number] = self._new(number)

    def stop(self) -> None:
        """Have all finish what they answer, then end them."""
        for worker in self._running.values():
            worker.stop()
        until = time.monotonic() + _STOP_SECONDS
        for worker in self._running.values():
            worker.process.join(max(0.0, until - time.monotonic()))
            worker.process.kill()
            worker.process.join()
        for own in self._own.values():
            own.close()

    def _new(self, number: int) -> "_Worker":
        work = Work(
            number=number,
            settings=self._settings,
            url=self._url,
            listener=self._listener,
            own=self._own[number],
            ports={other: own.getsockname()[1] for other, own in self._own.items()},
            owner=self._owner,
        )
        return _Worker(work)


class _Worker:
    """A process; it ends when `told` is closed, and sends there when it has started, or why it can't."""

    def __init__(self, work: Work) -> None:
        spawning = get_context("spawn")  # a fork would take threads with it that hold locks
        self.told, theirs = spawning.Pipe()
        self.process = spawning.Process(target=_work, args=(work, theirs), name=f"worker {work.number}")
        self.since = time.monotonic()
        self._has_started = False
        self.process.start()
        theirs.close()

    def stop(self) -> None:
        """Have it finish what it answers and end; at once, if it answers nothing yet."""
        if not (self._has_started or self.told.poll()):
            self.process.kill()
        self.told.close()

    def check_start(self) -> None:
        """Raise ConfigError if it can't answer."""
        self._has_started = True
        try:
            fault = self.told.recv()
        except EOFError:
            fault = f"{self.process.name} ended as it started; what it printed says why"
        if fault:
            raise ConfigError(fault)


def _work(work: Work, parent: Connection) -> None:
    """In a worker, which alone imports what answers. Ctrl-C reaches it too, but it is the parent that stops it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from service.http.worker import main

    main(work, parent)


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """Where the numbers of signals that ask to stop can be read, a byte each."""
    read, write = socket.socketpair()
    write.setblocking(False)
    before = {number: signal.signal(number, lambda _signal, _frame: None) for number in _STOPPING}
    wakeup = signal.set_wakeup_fd(write.fileno())
    try:
        with read, write:
            yield read
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
