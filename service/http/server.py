"""The HTTP application under uvicorn, in one process."""

import resource
import signal
import socket
import sys

import uvicorn
from fastapi import FastAPI

from rag.config import Settings
from service.http.app import create_app
from service.http.connections import IDLE_SECONDS, Connections
from service.http.listen import announce, log_to_stderr
from service.http.metrics import Metrics

_OTHER_FILES = 400
"""Files that are open besides connections: those of up to 16 libraries, the database, and what is being uploaded."""

_STOP_AFTER_SECONDS = 10
"""How long answers that are being written may take when the server is stopped."""


def run(settings: Settings, listener: socket.socket, url: str) -> None:
    """Answer in this process, until it is stopped by a signal. Raises ConfigError."""
    app = create_app(settings, url=url)
    log_to_stderr()
    announce(url)
    # uvicorn raises the signal again when it has shut down; by then nothing is left to stop.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: None)
    uvicorn.Server(server_config(app, settings)).run(sockets=[listener])


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How uvicorn runs the app: with guarded connections, and the headers of trusted proxies alone believed."""
    metrics: Metrics = app.state.metrics
    connections = Connections(_affordable(settings.max_connections), settings.proxies, metrics.count_shed)
    metrics.watch_connections(lambda: len(connections))
    return uvicorn.Config(
        app,
        http=connections.protocol(),
        ws="none",
        log_config=None,
        access_log=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=_STOP_AFTER_SECONDS,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
    )


def _affordable(connections: int) -> int:
    """So many connections, or as many as the process may have beside the files of its libraries."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = min(connections + _OTHER_FILES, sys.maxsize if most == resource.RLIM_INFINITY else most)
    if resource.RLIM_INFINITY != now < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    return max(2, min(connections, files - _OTHER_FILES))
