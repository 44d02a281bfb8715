"""Guards uvicorn's connections: how many there are, and how long one may take for its headers or to read a response.

uvicorn closes connections that are idle after a request, and limits nothing else: a client that never ends its headers,
or never reads what it asked for, would stay for good.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from typing import Any, Literal

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from service.http.middleware import DRAINING

HEADER_SECONDS = 10.0
"""From the first byte of a request, or from the connection on, until its headers are complete."""

STALLED_SECONDS = 30.0
"""How long a client may leave unread what does not fit into the buffers."""

IDLE_SECONDS = 65
"""Between two requests: longer than proxies keep a connection (nginx: 60), so that they are the ones to close it."""

MAX_HEADER_BYTES = 64 << 10

_SWEEP_SECONDS = 1.0
_REFUSAL_SECONDS = 1.0
_UNKNOWN = "unknown"

CloseReason = Literal["connections", "header_timeout", "header_size", "slow_reader"]


class Connections:
    """All connections of a server. At the limit a new one takes the place of one on which no request is answered."""

    def __init__(self, most: int, trusted: Sequence[str], on_close: Callable[[CloseReason], None]) -> None:
        """At most `most` connections, half of them from one address unless that is `trusted` (addresses, networks).

        `on_close` is called with the reason for each connection that is closed or refused.
        """
        self._most, self._most_of_address = most, most // 2
        self._trusted = [ip_network(network) for network in trusted]
        self._on_close = on_close
        self._open: dict[Connection, None] = {}  # oldest first
        self._of_address: Counter[str] = Counter()
        self._sweeping: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def protocol(self) -> type[asyncio.Protocol]:
        """What uvicorn makes for each connection of this server."""

        class GuardedConnection(Connection):
            connections = self

        return GuardedConnection

    def add(self, connection: "Connection") -> bool:
        """Take a connection in, another one's place if need be; False if there is no room."""
        address = connection.address
        of_address = self._of_address[address] >= self._most_of_address and not self._is_trusted(address)
        if (of_address or len(self._open) >= self._most) and not self._make_room(address if of_address else ""):
            self._on_close("connections")
            return False
        self._open[connection] = None
        self._of_address[address] += 1
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._sweep)
        return True

    def remove(self, connection: "Connection") -> None:
        """Forget a connection that is closed; one that was refused is not known."""
        if connection in self._open:
            del self._open[connection]
            self._of_address[connection.address] -= 1
            if not self._of_address[connection.address]:
                del self._of_address[connection.address]

    def close(self, connection: "Connection", reason: CloseReason) -> None:
        """Close a connection at once: what is still to be written is dropped."""
        self._on_close(reason)
        self.remove(connection)
        connection.abort()

    def _make_room(self, address: str) -> bool:
        """Close the oldest waiting connection of an address, or of the one that has most if it is empty."""
        waiting = [c for c in self._open if not c.is_busy and address in ("", c.address)]
        if not waiting:
            return False
        self.close(max(waiting, key=lambda connection: self._of_address[connection.address]), "connections")
        return True

    def _sweep(self) -> None:
        now = asyncio.get_running_loop().time()
        for connection in list(self._open):
            if reason := connection.overdue(now):
                self.close(connection, reason)
        again = asyncio.get_running_loop().call_later
        self._sweeping = again(_SWEEP_SECONDS, self._sweep) if self._open else None

    def _is_trusted(self, address: str) -> bool:
        return address != _UNKNOWN and any(ip_address(address) in network for network in self._trusted)


class Connection(asyncio.Protocol):
    """A connection, which passes everything on to uvicorn's own protocol and notes since when it waits for what."""

    connections: Connections

    def __init__(self, **uvicorn: Any) -> None:
        self._inner: Any = AutoHTTPProtocol(**uvicorn)  # typed as a bare asyncio.Protocol
        self._transport: asyncio.Transport
        self._refused = False
        self._headers_since: float | None = None
        self._header_bytes = 0
        self._stalled_since: float | None = None
        self.address = _UNKNOWN

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered, or a body received that was not refused."""
        return self._is_answering and DRAINING not in self._inner.cycle.scope.get("state", {})

    @property
    def _is_answering(self) -> bool:
        cycle = self._inner.cycle
        return cycle is not None and not cycle.response_complete

    def overdue(self, now: float) -> CloseReason | None:
        """Why the connection is to be closed, if it is."""
        if self._stalled_since is not None and now - self._stalled_since > STALLED_SECONDS:
            return "slow_reader"
        if self._headers_since is not None and now - self._headers_since > HEADER_SECONDS:
            return "header_timeout"
        return None

    def abort(self) -> None:
        """Close it without waiting for anything to be written."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvloop's is no subclass
        """Take the connection in, or let it wait for the refusal of its request."""
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]).partition("%")[0] if peer else _UNKNOWN
        self._headers_since = self._now()
        self._inner.connection_made(transport)
        self._refused = not self.connections.add(self)
        if self._refused:
            asyncio.get_running_loop().call_later(_REFUSAL_SECONDS, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Bytes of headers or of a body."""
        if self._refused:
            return self._respond(503, "Service Unavailable", "too many connections are open; try again later")
        self._inner.data_received(data)
        if self._is_answering:
            self._headers_since, self._header_bytes = None, 0
            return None
        self._headers_since = self._headers_since or self._now()
        self._header_bytes += len(data)
        if self._header_bytes > MAX_HEADER_BYTES:
            self.connections.remove(self)
            return self._respond(431, "Request Header Fields Too Large", f"{MAX_HEADER_BYTES:,} bytes is the most")
        return None

    def pause_writing(self) -> None:
        """The client does not read as fast as we write."""
        self._stalled_since = self._now()
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """It has read on."""
        self._stalled_since = None
        self._inner.resume_writing()

    def eof_received(self) -> None:
        """The client sends nothing more."""
        self._inner.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is closed."""
        self.connections.remove(self)
        self._inner.connection_lost(error)

    def _respond(self, status: int, title: str, detail: str) -> None:
        """A refusal without the application; closes the connection."""
        problem = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        body = json.dumps(problem).encode()
        head = f"HTTP/1.1 {status} {title}\r\nContent-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n"
        self._transport.write(f"{head}Retry-After: 2\r\nConnection: close\r\n\r\n".encode() + body)
        self._transport.close()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
