"""A restore that is killed leaves the home folder as it was or as it will be, and run again it ends.

Run as a program it restores, and kills itself at the nth time that it is about to touch a file of the home folder.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rag.backup.restore import restore
from rag.backup.save import save
from rag.types import Paper
from rag.workspace import Workspace
from tests.conftest import QUESTION, settings
from tests.support.command import words

pytestmark = pytest.mark.slow

State = tuple[str, list[str]]


async def state(home: Path) -> State:
    """The answer, and the ranking of all papers."""
    async with Workspace(settings(home), words()) as workspace:
        answer = await workspace.ask(QUESTION)
        found = await workspace.search("sparse autoencoders draft heads", limit=50)
    return answer.text, [passage.paper.id for passage in found]


def restored(home: Path, file: Path, kill_at: int) -> tuple[int, int]:
    """The exit code of a restore in a process of its own, and how often it touched the home folder."""
    command = [sys.executable, "-m", __name__, str(home), str(file), str(kill_at)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode, int(done.stdout or 0)


def leftovers(home: Path) -> list[Path]:
    """What a restore works with."""
    return list(home.glob(".restoring-*"))


@pytest.mark.timeout(300)
async def test_killed_at_any_moment_the_home_is_the_old_or_the_new(
    home: Path, tmp_path: Path, papers: list[Paper]
) -> None:
    file, before = tmp_path / "backup", tmp_path / "before"
    save(settings(home), file)
    async with Workspace(settings(before), words()) as workspace:
        await workspace.ingest(*papers[6:])
    old, new = await state(before), await state(home)
    assert old != new
    trial = Path(shutil.copytree(before, tmp_path / "trial"))
    code, touches = restored(trial, file, kill_at=0)
    assert code == 0 and await state(trial) == new

    seen: list[State] = []
    for moment in (touches // 3, 2 * touches // 3, touches - 1):
        victim = Path(shutil.copytree(before, tmp_path / f"victim{moment}"))
        code, _ = restored(victim, file, kill_at=moment)
        assert code == -signal.SIGKILL
        seen.append(await state(victim))
        assert seen[-1] in (old, new)
    assert old in seen and new in seen

    assert restored(victim, file, kill_at=0)[0] == 0
    assert await state(victim) == new
    assert leftovers(victim) == []


def _main() -> None:
    home, file, kill_at = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    touches = 0

    def count(_event: str, arguments: tuple[object, ...]) -> None:
        nonlocal touches
        if any(home in str(argument) for argument in arguments):
            touches += 1
            if touches == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    restore(settings(Path(home)), file, overwrite=True, progress=lambda done, total: None)
    print(touches)


if __name__ == "__main__":
    _main()
