"""Runs the `scholiast` command for a benchmark: a clean environment, a server and its address, memory and CPU time."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from eval.questions import SAMPLE_PAPERS

SCHOLIAST = Path(sys.executable).with_name("scholiast")


def environment(home: Path, **settings: str) -> dict[str, str]:
    """The environment without any SCHOLIAST_* of the user, and with these settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SCHOLIAST_")}
    return {**inherited, "SCHOLIAST_HOME": str(home), **settings}


@contextmanager
def serving(
    folder: Path, variables: Mapping[str, str], port: int = 0, workers: int = 1
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A running server and its URL; `folder` gets its log, because nothing would empty a pipe."""
    log = folder / "serve.log"
    with log.open("wb") as lines:
        command = [str(SCHOLIAST), "serve", "--port", str(port), "--workers", str(workers)]
        process = subprocess.Popen(command, cwd=folder, env=variables, stderr=lines)
    try:
        yield process, _address(process, log)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def serving_sample() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A running server over the bundled sample, in a folder of its own, and its URL."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        variables = environment(folder / "home")
        command = [str(SCHOLIAST), "ingest", str(SAMPLE_PAPERS)]
        subprocess.run(command, cwd=folder, env=variables, check=True, capture_output=True)
        with serving(folder, variables) as served:
            yield served


def cpu_seconds(process: int) -> float:
    """User and kernel time of all threads of a process. Linux only; 0 elsewhere."""
    stat = Path(f"/proc/{process}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def family(process: int) -> list[int]:
    """The process and those that it started. Linux only; itself elsewhere."""
    children = Path(f"/proc/{process}/task/{process}/children")
    return [process, *map(int, children.read_text().split() if children.exists() else ())]


def private_megabytes(process: int) -> float:
    """The memory that a process shares with none, now. Linux only; 0 elsewhere."""
    rollup = Path(f"/proc/{process}/smaps_rollup")
    lines = rollup.read_text().splitlines() if rollup.exists() else []
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1000


def peak_megabytes(process: int) -> str:
    """The peak memory of a process, rounded; `-` where it can't be read. Linux only."""
    status = Path(f"/proc/{process}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((f"{int(line.split()[1]) / 1000:.0f}" for line in lines if line.startswith("VmHWM")), "-")


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """The server's URL, as soon as it answers."""
    while process.poll() is None:
        if found := re.search(r"answers at (http://\S+)", log.read_text()):
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(f"`scholiast serve` ended before it listened: {log.read_text()}")
