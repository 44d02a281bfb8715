"""`scholiast serve`: the HTTP service under uvicorn, until it is stopped."""

import logging
import signal
import socket
import sys
from ipaddress import ip_address

import uvicorn

from rag import config
from rag.errors import ConfigError
from service.http.app import create_app

_STOP_AFTER_SECONDS = 10
"""How long answers that are being written may take when the server is stopped."""


def serve(host: str, port: int) -> None:
    """Answer over HTTP until SIGTERM or Ctrl-C. Raises ConfigError."""
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
        server = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=_STOP_AFTER_SECONDS,
            proxy_headers=False,  # anybody can send them, and nothing here depends on them
        )
        uvicorn.Server(server).run(sockets=[listener])


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
