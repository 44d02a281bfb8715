"""What was run, so that it can be reproduced: code, settings, prompts, model, corpus and questions."""

import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

from eval.questions import Question, fingerprint
from eval.targets import TargetDescription
from rag.errors import RequestError

SCHEMA = "run/1"
_LIBRARIES = ("chromadb", "langchain", "langchain-core", "numpy", "onnxruntime", "openai", "tantivy", "tokenizers")


def make(
    name: str,
    target: str,
    description: TargetDescription,
    offers: Sequence[str],
    questions: Sequence[Question],
    concurrency: int,
    deadline_seconds: float,
) -> dict[str, Any]:
    """The manifest of a run that begins now. `identity` in it must not change when the run is continued."""
    identity = {"target": target, "questions_sha256": fingerprint(questions), **description.identity}
    return {
        "schema": SCHEMA,
        "name": name,
        "identity": identity,
        "corpus_sha256": description.identity.get("corpus_sha256", ""),
        "offers": sorted(offers),
        "questions": len(questions),
        "deadline_seconds": deadline_seconds,
        "concurrency": concurrency,
        "details": dict(description.details),
        "prompts_sha256": _prompts(),
        "code": code(),
        "libraries": {library: found for library in _LIBRARIES if (found := _version(library))},
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "command": _command(sys.argv),
        "begun": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def check_same(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to continue a run as another one. Raises RequestError naming what differs."""
    changed = [
        f"{key} was {before['identity'].get(key)!r} and is now {now['identity'].get(key)!r}"
        for key in sorted({*before["identity"], *now["identity"]})
        if before["identity"].get(key) != now["identity"].get(key)
    ]
    if changed:
        raise RequestError(
            f"{folder} holds another run ({'; '.join(changed)}); give this one its own --out, or --fresh to replace it"
        )


def _command(words: Sequence[str]) -> str:
    """The command that was given, as it may be published: of an absolute path only the last part."""
    return shlex.join(Path(word).name if Path(word).is_absolute() else word for word in words)


def _prompts() -> dict[str, str]:
    """SHA-256 of every prompt."""
    try:
        folder = files("prompts")
    except ModuleNotFoundError:
        return {}
    found = sorted((entry.name, entry.read_bytes()) for entry in folder.iterdir() if entry.name.endswith(".md"))
    return {name: sha256(content).hexdigest() for name, content in found}


def code() -> dict[str, Any]:
    """The version of the package and, in a checkout, the commit and whether files differ from it."""
    found: dict[str, Any] = {"version": _version("scholiast") or "unknown"}
    commit = _git("rev-parse", "HEAD")
    if commit:
        found |= {"commit": commit, "changed": bool(_git("status", "--porcelain", "--untracked-files=no"))}
    return found


def _git(*words: str) -> str:
    here = Path(__file__).parent
    try:
        done = subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
