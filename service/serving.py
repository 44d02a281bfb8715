"""`scholiast serve`: the HTTP service under uvicorn, on a port of its own, until it is told to stop."""

import logging
import signal
import socket
import sys
from ipaddress import ip_address

import uvicorn

from rag import config
from rag.errors import ConfigError
from service.app import create_app

_STOP_AFTER_SECONDS = 10
"""How long answers that are being written may go on when the server is told to stop."""


def serve(host: str, port: int) -> None:
    """Answer over HTTP until SIGTERM or Ctrl-C. Raises ConfigError."""
    settings = config.load()
    if not settings.keys and not _is_loopback(host):
        raise ConfigError(
            f"serving on {host} lets the network in: set SCHOLIAST_API_KEYS to one or more keys, comma-separated, "
            "which clients then send as `Authorization: Bearer KEY`; or keep to --host 127.0.0.1"
        )
    with _listening(host, port) as listener:
        url = _url(host, listener.getsockname()[1])
        app = create_app(settings, url=url)
        _log_to_stderr()
        print(f"Scholiast answers at {url}  (try {url}/docs; Ctrl-C stops it)", file=sys.stderr, flush=True)
        # uvicorn raises the signal again when it has shut down; by then there is nothing left to stop.
        signal.signal(signal.SIGTERM, lambda _signal, _frame: None)
        server = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=_STOP_AFTER_SECONDS)
        uvicorn.Server(server).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigError(
            f"can't listen on {host} port {port}: {error.strerror}; choose others with --host and --port"
        ) from error


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _log_to_stderr() -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("scholiast").setLevel(logging.INFO)
