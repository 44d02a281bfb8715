"""The words we send to models: one Markdown file each, with $blanks that `render` fills."""

from functools import cache
from hashlib import sha256
from importlib.resources import files
from string import Template

_VERSION_DIGITS = 12


def render(name: str, **blanks: str) -> str:
    """The text of `name`.md with its blanks filled. Raises ValueError on a blank that is missing, or one too many."""
    template = _template(name)
    wanted, given = set(template.get_identifiers()), set(blanks)
    if wanted != given:
        missing, extra = ", ".join(sorted(wanted - given)), ", ".join(sorted(given - wanted))
        raise ValueError(
            f"prompts/{name}.md: missing blanks: {missing or 'none'}; blanks it does not have: {extra or 'none'}"
        )
    return template.substitute(blanks)


def version(*names: str) -> str:
    """A short hash that changes with the words of any of these prompts."""
    return sha256("\0".join(_template(name).template for name in names).encode()).hexdigest()[:_VERSION_DIGITS]


@cache
def _template(name: str) -> Template:
    try:
        text = files("prompts").joinpath(f"{name}.md").read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ValueError(f"there is no prompts/{name}.md") from error
    template = Template(text.strip())
    if not template.is_valid():
        raise ValueError(f"prompts/{name}.md has a $ that begins no blank; write $$ for a dollar sign")
    return template
