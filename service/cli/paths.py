"""What to read of the files and folders that a user names."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

from rag import corpus


def found(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The files, each once, and a complaint for each folder without any. Files of a folder come in order of their name.

    A file that is named itself is always taken; from a folder, those whose suffix a format claims, hidden ones aside.
    """
    files: dict[Path, None] = {}
    complaints: list[str] = []
    for path in paths:
        there = _inside(path) if path.is_dir() else [path]
        if not there:
            complaints.append(f"{path} holds no file that ends in {', '.join(sorted(_suffixes()))}; name the files")
        files |= dict.fromkeys(there)
    return list(files), complaints


def _inside(folder: Path) -> list[Path]:
    return sorted(path for path in _visible(folder) if path.suffix.lower() in _suffixes() and path.is_file())


def _visible(folder: Path) -> Iterator[Path]:
    return (
        path for path in folder.rglob("*") if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _suffixes() -> set[str]:
    return {suffix for name in corpus.formats() for suffix in import_module(f"rag.corpus.{name}").SUFFIXES}
