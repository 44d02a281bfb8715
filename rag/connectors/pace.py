"""How far apart the requests to a source are."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Clock(NamedTuple):
    """Seconds since 1970, and how to wait."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass
class Pace:
    """Keeps requests apart, also those of the last process: the time of the last one is that of a file."""

    file: Path
    seconds: float
    clock: Clock

    async def wait(self) -> None:
        """Return when the next request may be sent, and take its turn."""
        now = self.clock.now()
        passed = now - self.file.stat().st_mtime if self.file.exists() else self.seconds
        if 0 <= passed < self.seconds:
            await self.clock.sleep(self.seconds - passed)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.touch()
        now = self.clock.now()
        os.utime(self.file, (now, now))
