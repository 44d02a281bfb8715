"""A Postgres server of one's own on a free port, and a Chroma server, which tests take away and give back."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.running import wait_until

_USER = "postgres"  # as root the server does not run, and this is the user that Debian's package makes
_DEBIAN = Path("/usr/lib/postgresql")


def free_port() -> int:
    """A port of the loopback address that nothing listens on."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def accepts(port: int) -> bool:
    """Whether something listens on a port."""
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


class Postgres:
    """A server with an empty database; `url` is for SCHOLIAST_DATABASE_URL."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self._data, self._programs = folder / "data", programs
        self.port = free_port()
        self.url = f"postgresql+psycopg://{_USER}@127.0.0.1:{self.port}/postgres"
        self._run("initdb", "--auth=trust", f"--username={_USER}", "--no-sync", "--encoding=UTF8", "--locale=C")

    def start(self) -> None:
        """Return when it takes connections."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -c unix_socket_directories={self._data}"
        self._run("pg_ctl", "--wait", f"--options={options}", f"--log={self._data}/log", "start")

    def stop(self) -> None:
        """Cut every connection off."""
        self._run("pg_ctl", "--wait", "--mode=immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        user = _USER if os.geteuid() == 0 else None
        command = [str(self._programs / program), f"--pgdata={self._data}", *arguments]
        subprocess.run(
            command, user=user, cwd="/", check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60
        )


class ChromaServer:
    """`chroma run` on a free port, with its data in a folder; `url` is for SCHOLIAST_CHROMA_URL."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when it takes connections."""
        program = Path(sys.executable).with_name("chroma")
        command = [str(program), "run", "--path", str(self._folder), "--host", "127.0.0.1", "--port", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert wait_until(lambda: accepts(self.port), 90)

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()


@contextmanager
def postgres_running() -> Iterator[Postgres]:
    """A running server; the test is skipped where Postgres is not installed."""
    found = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda program: int(program.parts[-3]))
    program = found[-1] if found else shutil.which("initdb")
    if program is None:
        pytest.skip("PostgreSQL's initdb is not installed (Debian: postgresql)")
    with tempfile.TemporaryDirectory(prefix="scholiast-pg-", ignore_cleanup_errors=True) as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, _USER)
        server = Postgres(Path(folder), Path(program).resolve().parent)
        server.start()
        try:
            yield server
        finally:
            if accepts(server.port):
                server.stop()


@contextmanager
def chroma_running(folder: Path) -> Iterator[ChromaServer]:
    """A running server."""
    server = ChromaServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
