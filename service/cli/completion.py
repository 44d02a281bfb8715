"""What the shell completes beside commands and options. It is asked at every Tab, so it opens no library."""

from collections.abc import Iterable


def libraries(incomplete: str) -> list[str]:
    """The libraries of the home folder, by their folders."""
    from rag import config

    try:
        found = [path.name for path in (config.load().home / "libraries").iterdir() if path.is_dir()]
    except (
        Exception
    ):  # a wrong setting, no such folder: whatever is wrong, the line being typed is not the place for it
        return []
    return _beginning(incomplete, sorted(found))


def reference_formats(incomplete: str) -> list[str]:
    """The formats of references."""
    from rag import references

    return _beginning(incomplete, references.formats())


def answer_formats(incomplete: str) -> list[str]:
    """The forms in which an answer is printed."""
    return [*_beginning(incomplete, ("json", "plain")), *reference_formats(incomplete)]


def _beginning(incomplete: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
