"""The table of settings, from the class that reads them."""

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from rag.config import Settings


def table() -> str:
    """One row for each setting, in the order of the class."""
    rows = [
        f"| `SCHOLIAST_{name.upper()}` | {_default(name, field)} | {_cell(field.description or '')} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | |", "|---|---|---|", *rows])


def _default(name: str, field: FieldInfo) -> str:
    if name == "home":  # another one for each user
        return "the user's data folder"
    value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`" if value != "" else ""


def _cell(text: str) -> str:
    """Markdown in which nothing ends the cell, and a name in capitals stays as it is."""
    return text.replace("|", r"\|").replace("*", r"\*")
