"""A `scholiast serve` that a benchmark has started: where it answers, and how much of the processor it used."""

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any


def address(process: subprocess.Popen[Any], log: Path) -> str:
    """Where it answers over HTTP, as soon as it does."""
    while process.poll() is None:
        if found := re.search(r"answers at (http://\S+)", log.read_text()):
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(f"`scholiast serve` ended before it listened: {log.read_text()}")


def cpu_seconds(process: int) -> float:
    """Of all its threads, in user and kernel. Linux only; 0 elsewhere."""
    stat = Path(f"/proc/{process}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
