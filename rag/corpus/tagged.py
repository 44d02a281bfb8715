"""What the formats with a tag at the beginning of each line have in common."""

from collections.abc import Mapping, Sequence

Tags = dict[str, list[str]]
"""The values of each tag in order, those that run over several lines joined."""

_MAX_VALUES = 10_000


def add(tags: Tags, tag: str, value: str) -> None:
    """Note a value."""
    values = tags.setdefault(tag, [])
    if len(values) < _MAX_VALUES:
        values.append(value.strip())


def go_on(tags: Tags, tag: str, value: str) -> None:
    """Add a line to the last value of a tag."""
    tags[tag][-1] = f"{tags[tag][-1]} {value.strip()}".strip()


def first(tags: Mapping[str, Sequence[str]], *names: str) -> str | None:
    """The first value of the first tag that has one."""
    return next((value for name in names for value in tags.get(name, ()) if value), None)


def values(tags: Mapping[str, Sequence[str]], *names: str) -> list[str]:
    """The values of the first tag that has any."""
    return next((found for name in names if (found := [value for value in tags.get(name, ()) if value])), [])


def unread(tags: Mapping[str, Sequence[str]], read: frozenset[str]) -> dict[str, object]:
    """The tags that a format does not read, so that the report can name them."""
    return {tag: found[0] for tag, found in tags.items() if tag not in read}
