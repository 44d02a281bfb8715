"""Runs commands as on a new account, and notes where they connect to and what files they leave behind."""

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

ROOT = Path(__file__).parents[2]

_SITECUSTOMIZE = """
import os, sys

_log = os.open(os.environ["WATCH_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def _watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        if isinstance(address, tuple):
            os.write(_log, f"{address[0]!r}\\n".encode())
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        os.write(_log, f"{arguments[0]!r}\\n".encode())

sys.addaudithook(_watch)
"""
_ADDRESS = re.compile(r'sin_addr=inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')


@dataclass(frozen=True)
class Account:
    """A new home folder, and a folder for what is noted about the commands that run in it."""

    home: Path
    notes: Path

    @contextmanager
    def started(self, *command: str) -> Iterator[subprocess.Popen[str]]:
        """A Python command, running; it is killed in the end if it still runs."""
        (self.notes / "sitecustomize.py").write_text(_SITECUSTOMIZE, encoding="utf-8")
        for folder in (self.home, self.home / "tmp"):
            folder.mkdir(parents=True, exist_ok=True)
        environment = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join([str(self.notes), str(ROOT)]),
            "TMPDIR": str(self.home / "tmp"),
            "WATCH_LOG": str(self.notes / "python.log"),
        }
        watched = [*_strace(self.notes / "native.log"), sys.executable, *command]
        process = subprocess.Popen(
            watched,
            env=environment,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # so that strace and what it follows can be killed together
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def run(self, *command: str) -> str:
        """What a Python command prints; it must succeed."""
        with self.started(*command) as process:
            out, err = process.communicate(timeout=100)
            assert process.returncode == 0, out + err
        return out

    def hosts_named_in_python(self) -> set[str]:
        """Hosts that Python code connected to, sent to or looked up, without this machine's own."""
        log = self.notes / "python.log"
        named = {ast.literal_eval(line) for line in log.read_text("utf-8").splitlines()} if log.exists() else set()
        texts = {name.decode() if isinstance(name, bytes) else str(name or "localhost") for name in named}
        return {text for text in texts if text != "localhost" and not _is_loopback(text)}

    def hosts_called_by_native_code(self) -> set[str]:
        """Addresses of all connections and datagrams of all threads and processes, without this machine's own."""
        traced = (self.notes / "native.log").read_text("utf-8", "replace")
        addresses = {four or six for four, six in _ADDRESS.findall(traced)}
        return {address for address in addresses if not _is_loopback(address)}

    def files(self) -> Sequence[str]:
        """Every file and empty folder below the home folder, relative to it."""
        below = (path for path in self.home.rglob("*") if path.is_file() or not any(path.iterdir()))
        return sorted(path.relative_to(self.home).as_posix() for path in below)


def _strace(log: Path) -> Sequence[str]:
    if STRACE is None:
        return []
    calls = "trace=connect,sendto,sendmsg,sendmmsg"
    return [STRACE, "-f", "-qq", "--seccomp-bpf", "-A", "-o", str(log), "-e", calls]


def _strace_that_works() -> str | None:
    """Containers may have it and not let it look at a process."""
    strace = shutil.which("strace")
    if strace is None or subprocess.run([strace, "-f", "-qq", "-e", "trace=none", "true"], check=False).returncode:
        return None
    return strace


STRACE = _strace_that_works()
"""The command, or None where connections of native code can't be seen."""


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
