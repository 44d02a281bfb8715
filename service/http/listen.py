"""`scholiast serve`: binds the port and has one process, or several workers, answer there until it is stopped."""

import logging
import socket
import sys
from ipaddress import ip_address

from rag import config
from rag.errors import ConfigError
from service.memory import share_arenas

BACKLOG = 2048
"""How many connections may wait to be accepted."""


def serve(host: str, port: int, workers: int | None = None) -> None:
    """Answer over HTTP until SIGTERM or Ctrl-C, from so many processes, or as the settings say. Raises ConfigError."""
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
        count = workers or settings.workers
        # Each imports what it needs: a process that only looks after workers answers nothing itself.
        if count > 1:
            from service.http.workers import run_workers

            run_workers(settings, listener, url, count)
        else:
            from service.http.server import run

            run(settings, listener, url)


def announce(url: str) -> None:
    """Tell the user where the service answers."""
    for path in config.files_read():
        print(f"Settings were also read from {path}", file=sys.stderr)
    print(f"Scholiast answers at {url}  (try {url}/docs; Ctrl-C stops it)", file=sys.stderr, flush=True)


def log_to_stderr() -> None:
    """Log to standard error: our own messages from INFO on, those of other libraries from WARNING on."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("scholiast").setLevel(logging.INFO)


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"no address is known for --host {host!r}: {error}; 127.0.0.1 is this machine") from error
    return found[0], str(found[4][0])


def _listening(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    try:
        return socket.create_server((address, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigError(
            f"can't listen on {address} port {port}: {error.strerror}; choose others with --host and --port"
        ) from error


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
