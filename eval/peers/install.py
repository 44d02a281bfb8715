"""Makes a peer's environment with the versions of `requirements/NAME.txt`: `python -m eval.peers install NAME`."""

import subprocess
import sys
import venv
from pathlib import Path

from eval.peers import SYSTEMS
from rag.errors import ConfigError, RequestError

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / "build" / "peers"
REQUIREMENTS = Path(__file__).with_name("requirements")
_INSTALLED = "installed.txt"
"""A copy of the requirements that the environment was made from, once it is complete."""
OWN = "scholiast"
"""The one system that runs in the environment of whoever measures."""


def install(name: str, environments: Path = ENVIRONMENTS) -> Path:
    """Make the environment, unless it is there with these versions; its interpreter. Raises RequestError, ConfigError.

    Asks the package index that pip is set up for.
    """
    try:
        return interpreter(name, environments)
    except ConfigError:
        folder = environments / name
        venv.create(folder, clear=True, with_pip=True)
        pins = REQUIREMENTS / f"{name}.txt"
        command = [
            str(_python(folder)),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            str(pins),
        ]
        done = subprocess.run(command, check=False)
        if done.returncode != 0:
            raise ConfigError(f"pip could not install {pins} into {folder} (it says why above)") from None
        (folder / _INSTALLED).write_text(pins.read_text("utf-8"), encoding="utf-8")
        return _python(folder)


def interpreter(name: str, environments: Path = ENVIRONMENTS) -> Path:
    """The interpreter that runs the adapter. Raises RequestError for an unknown name, ConfigError if it is not made."""
    if name not in SYSTEMS:
        raise RequestError(f"there is no peer {name!r}; there is {', '.join(SYSTEMS)}")
    if name == OWN:
        return Path(sys.executable)
    folder = environments / name
    remedy = f"make it with `python -m eval.peers install {name}`"
    if not (folder / _INSTALLED).is_file():
        raise ConfigError(f"{name} has no environment yet; {remedy}")
    if (folder / _INSTALLED).read_text("utf-8") != (REQUIREMENTS / f"{name}.txt").read_text("utf-8"):
        raise ConfigError(f"the environment of {name} has other versions than {name}.txt asks for; {remedy}")
    return _python(folder)


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"
