"""One of several processes that answer on the same port, from start to stop."""

import signal
import socket
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from uuid import uuid4

import uvicorn

from rag.errors import ScholiastError
from rag.library.owned_index import OwnedStore
from service.http.app import create_app
from service.http.listen import BACKLOG, log_to_stderr
from service.http.server import server_config
from service.http.siblings import Siblings
from service.http.workers import Work
from service.memory import share_arenas


def main(work: Work, parent: Connection) -> None:
    """Send the parent an empty text when the app is made, or why it can't be; then answer until the parent is gone."""
    share_arenas()
    log_to_stderr()
    store = OwnedStore(work.owner, f"{work.number}-{uuid4().hex}") if work.owner else None
    try:
        app = create_app(work.settings, url=work.url, store=store, siblings=Siblings(work.number, work.ports))
        parent.send("")
    except ScholiastError as error:
        return parent.send(str(error))
    except OSError:  # the parent has gone meanwhile
        return None
    server = _Server(server_config(app, work.settings))
    threading.Thread(target=_stop_with, args=(parent, server), daemon=True).start()
    # uvicorn raises the signal again when it has shut down; by then nothing is left to stop.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: None)
    return server.run(sockets=[work.listener, work.own])


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take one connection at a time: all that wait would go to the worker that wakes first, and stay there."""
        self.config.backlog = 1
        await super().startup(sockets)
        for listener in sockets or []:
            listener.listen(BACKLOG)


def _stop_with(parent: Connection, server: uvicorn.Server) -> None:
    """Shut down when the parent closes its end, which the system does for one that was killed."""
    with suppress(EOFError, OSError):
        parent.recv()
    server.should_exit = True
