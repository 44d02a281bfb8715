"""What the machine lacks is named with what to do about it, and no traceback is shown."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import QUESTION

pytestmark = pytest.mark.slow

ASK = [sys.executable, "-m", "tests.support.command", "ask", QUESTION]


def _asked(home: Path, *before: str) -> str:
    command = [*before, *ASK]
    environment = {**os.environ, "SCHOLIAST_HOME": str(home)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1, done.stdout
    return done.stderr


def test_too_few_files(home: Path) -> None:
    said = _asked(home, "sh", "-c", 'ulimit -n 20 && exec "$@"', "sh")
    assert "raise the limit on open files (`ulimit -n`)" in said
    assert "nothing is damaged" in said
    assert "Traceback" not in said


def test_a_disk_that_can_only_be_read(home: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        shutil.copytree(home, disk / "home")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        said = _asked(disk / "home")
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert "make the disk writable and try again; nothing is damaged" in said
    assert "Traceback" not in said
