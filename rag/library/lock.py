"""One owner per library: a lock that the system releases when its process dies, and a file that names the owner."""

import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

import filelock

from rag.database import DatabaseLock
from rag.errors import LockedError, OwnerDoor
from rag.library.owned_index import OwnedStore
from rag.protocols import VectorStore


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The process that holds the lock; `url` is where it answers over HTTP, if it does, the others its OwnerDoor."""

    pid: int
    command: str
    since: str
    url: str = ""
    port: int = 0
    key: str = ""

    @property
    def door(self) -> OwnerDoor | None:
        """Where it works for other processes, if it does."""
        return OwnerDoor(self.port, self.key) if self.port else None

    def __str__(self) -> str:
        return f"process {self.pid} (`{self.command}`, since {self.since})"


class LibraryLock(Protocol):
    """The right to a library. Every method blocks, but none for longer than a moment."""

    def acquire(self, library: str) -> None:
        """Become its owner, or the one whose turn it is to write. Raises LockedError, and BusyError for a turn."""
        ...

    def acquire_here(self, library: str) -> None:
        """The same among the processes of this home folder alone."""
        ...

    def confirm(self, library: str) -> None:
        """Make sure that the owner still is it. Raises LockedError."""
        ...

    def announce(self, url: str, door: OwnerDoor | None = None) -> None:
        """Record where the owner, if we are, answers over HTTP, and where we work for other processes."""
        ...

    def release(self) -> None:
        """Give back what was acquired; does nothing when that is nothing."""
        ...

    def close(self) -> None:
        """The same, at the end of all use."""
        ...


class Lock:
    """The lock of a library, held from `acquire` to `release`: of its folder, and among machines of its database."""

    def __init__(self, folder: Path, among_machines: DatabaseLock) -> None:
        self._folder, self._among_machines = folder, among_machines
        # Not per thread: taken in a worker thread and released from another.
        self._lock = filelock.FileLock(folder / "lock", thread_local=False)

    def acquire(self, library: str) -> None:
        """Become the owner. Raises LockedError naming the owner and the ways out."""
        self.acquire_here(library)
        try:
            self.confirm(library)
        except BaseException:
            self.release()
            raise

    def confirm(self, library: str) -> None:
        """Hold the lock among machines, again if the database was restarted. Raises LockedError if another has it."""
        if not self._among_machines.acquire():
            raise LockedError(
                f"library {library!r} is being written by another machine that uses the same database: wait for it, or "
                "let all of them share a Chroma server (SCHOLIAST_CHROMA_URL)"
            )

    def acquire_here(self, library: str) -> None:
        """Become the owner among the processes of this home folder alone. Raises LockedError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._lock.is_locked:  # by us: filelock would only count it
            raise LockedError(_message(library, _this_process()))
        try:
            self._lock.acquire(blocking=False)
        except filelock.Timeout:
            who = owner(self._folder)
            raise LockedError(_message(library, who), who.door if who else None) from None
        self._write(_this_process())

    def announce(self, url: str, door: OwnerDoor | None = None) -> None:
        """See `LibraryLock`."""
        if not self._lock.is_locked:
            return
        port, key = door or (0, "")
        self._write(replace(_this_process(), url=url, port=port, key=key))

    def release(self) -> None:
        """Let others become the owner; does nothing when we are not."""
        self._among_machines.release()
        if not self._lock.is_locked:
            return
        _owner_file(self._folder).unlink(missing_ok=True)
        self._lock.release()

    def close(self) -> None:
        """See `LibraryLock`."""
        self.release()

    def _write(self, who: Owner) -> None:
        """In one step, so that nobody reads half a file, and for the user alone: it has a key."""
        draft = _owner_file(self._folder).with_suffix(".tmp")
        draft.unlink(missing_ok=True)
        draft.touch(0o600)
        draft.write_text(json.dumps(asdict(who)), "utf-8")
        draft.replace(_owner_file(self._folder))


def lock_of(library: str, folder: Path, among_machines: DatabaseLock, store: VectorStore) -> LibraryLock:
    """The lock of a library whose vectors are in `store`."""
    return store.lock(library) if isinstance(store, OwnedStore) else Lock(folder, among_machines)


def owner(folder: Path) -> Owner | None:
    """Who holds the lock of this folder; None if it is free or its owner is not recorded."""
    probe = filelock.FileLock(folder / "lock", thread_local=False)
    if not (folder / "lock").exists():
        return None
    with suppress(filelock.Timeout):
        probe.acquire(blocking=False)
        probe.release()
        return None
    with suppress(OSError, ValueError, TypeError):
        return Owner(**json.loads(_owner_file(folder).read_text("utf-8")))
    return None


def _this_process() -> Owner:
    """With the program and its sub-command, but not the arguments that follow: a question may be private."""
    command = " ".join([Path(sys.argv[0]).name or "python", *sys.argv[1:2]])
    return Owner(pid=os.getpid(), command=command, since=datetime.now().astimezone().isoformat(timespec="seconds"))


def _owner_file(folder: Path) -> Path:
    return folder / "owner.json"


def _message(library: str, who: Owner | None) -> str:
    ask = f"ask it over HTTP at {who.url}" if who and who.url else "ask it over HTTP if it is `scholiast serve`"
    return (
        f"library {library!r} is in use by {who or 'another process'}: {ask}, wait for it or stop it, "
        "or let processes share the library through a Chroma server (SCHOLIAST_CHROMA_URL)"
    )
