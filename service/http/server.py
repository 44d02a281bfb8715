"""`scholiast serve`: the HTTP service under uvicorn, until it is stopped."""

import logging
import resource
import signal
import socket
import sys
from ipaddress import ip_address

import uvicorn
from fastapi import FastAPI

from rag import config
from rag.config import Settings
from rag.errors import ConfigError
from service.http.app import create_app
from service.http.connections import IDLE_SECONDS, Connections
from service.http.metrics import Metrics
from service.memory import share_arenas

_OTHER_FILES = 400
"""Files that are open besides connections: those of up to 16 libraries, the database, and what is being uploaded."""

_STOP_AFTER_SECONDS = 10
"""How long answers that are being written may take when the server is stopped."""


def serve(host: str, port: int) -> None:
    """Answer over HTTP until SIGTERM or Ctrl-C. Raises ConfigError."""
    share_arenas()
    settings = config.load()
    family, address = _resolved(host, port)
    if not settings.keys and not ip_address(address).is_loopback:
        raise ConfigError(
            f"serving on {host} lets the network in: set SCHOLIAST_API_KEYS to one or more keys, comma-separated, "
            "which clients then send as `Authorization: Bearer KEY`; or keep to --host 127.0.0.1"
        )
    with _listening(family, address, port) as listener:
        url = _url(host, listener.getsockname()[1])
        app = create_app(settings, url=url)
        log_to_stderr()
        for path in config.files_read():
            print(f"Settings were also read from {path}", file=sys.stderr)
        print(f"Scholiast answers at {url}  (try {url}/docs; Ctrl-C stops it)", file=sys.stderr, flush=True)
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


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"no address is known for --host {host!r}: {error}; 127.0.0.1 is this machine") from error
    return found[0], str(found[4][0])


def _listening(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    try:
        return socket.create_server((address, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigError(
            f"can't listen on {address} port {port}: {error.strerror}; choose others with --host and --port"
        ) from error


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def log_to_stderr() -> None:
    """Log to standard error: our own messages from INFO on, those of other libraries from WARNING on."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("scholiast").setLevel(logging.INFO)
