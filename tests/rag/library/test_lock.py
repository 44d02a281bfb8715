"""One process owns a library; the next one learns which it is and what to do."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rag.database import Database
from rag.errors import LockedError
from rag.library.lock import Lock, owner

HOLDER = """
import pathlib, sys, time
from rag.database import Database
from rag.library.lock import Lock
folder = pathlib.Path(sys.argv[1])
lock = Lock(folder, Database(folder).lock("main"))
lock.acquire("main")
lock.announce("http://127.0.0.1:8000")
print("held", flush=True)
time.sleep(60)
"""


def lock_of(folder: Path) -> Lock:
    """Of a library whose catalog is a file, which no other machine uses."""
    return Lock(folder, Database(folder).lock("main"))


def test_the_owner_keeps_others_out_until_it_releases_the_lock(tmp_path: Path) -> None:
    first, second = lock_of(tmp_path), lock_of(tmp_path)
    first.acquire("main")
    with pytest.raises(LockedError, match=f"library 'main' is in use by process {os.getpid()}"):
        second.acquire("main")
    first.release()
    second.acquire("main")
    second.release()


def test_taking_a_lock_twice_is_refused_too(tmp_path: Path) -> None:
    lock = lock_of(tmp_path)
    lock.acquire("main")
    with pytest.raises(LockedError):
        lock.acquire("main")
    lock.release()
    assert owner(tmp_path) is None


def test_another_process_is_named_with_its_address_and_forgotten_when_it_dies(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout and process.stdout.readline()
    with pytest.raises(LockedError) as caught:
        lock_of(tmp_path).acquire("main")
    for part in (f"process {process.pid}", "http://127.0.0.1:8000", "SCHOLIAST_CHROMA_URL"):
        assert part in str(caught.value)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert owner(tmp_path) is None
    lock_of(tmp_path).acquire("main")


def test_words_after_the_command_stay_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/scholiast", "ask", "is my idea new?"])
    lock = lock_of(tmp_path)
    lock.acquire("main")
    found = owner(tmp_path)
    assert found is not None
    assert found.command == "scholiast ask"
    lock.release()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": 1}', b"\xff"])
def test_a_damaged_owner_file_still_gives_a_message(tmp_path: Path, content: bytes) -> None:
    lock = lock_of(tmp_path)
    lock.acquire("main")
    (tmp_path / "owner.json").write_bytes(content)
    with pytest.raises(LockedError, match="in use by another process"):
        lock_of(tmp_path).acquire("main")
    lock.release()
