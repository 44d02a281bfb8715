"""The HTTP reference as Markdown, from the OpenAPI document of the app itself."""

import tempfile
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from rag.config import Settings
from service.http.app import create_app

Schema = Mapping[str, Any]

_OPENING = """# HTTP reference

Every operation and every object of the HTTP API, as the service describes itself: `/openapi.json` has the same for
programs, `/docs` to try out. How to use it is told under [Over HTTP](http.md). With `SCHOLIAST_API_KEYS` set, every
operation under `/v1` takes `Authorization: Bearer KEY` or `X-API-Key: KEY`.
"""
_TITLES = {"openai": "OpenAI"}
_METHODS = ("get", "post", "patch", "put", "delete")


def document() -> dict[str, Any]:
    """The OpenAPI document of a service that has keys."""
    with tempfile.TemporaryDirectory(prefix="scholiast-") as home:
        return create_app(Settings(home=Path(home), api_keys=SecretStr("key"))).openapi()


def page() -> str:
    """The operations by what they are about, then the objects by name."""
    api = document()
    schemas: Mapping[str, Schema] = api["components"]["schemas"]
    operations = sorted(_operations(api["paths"]), key=lambda operation: operation[0])
    parts = [_OPENING]
    for topic, group in groupby(operations, key=lambda operation: operation[0]):
        parts.append(f"## {_TITLES.get(topic, topic.capitalize())}")
        parts += [_operation(method, path, described) for _, method, path, described in group]
    parts.append("## Objects")
    parts += [_object(name, schema) for name, schema in sorted(schemas.items())]
    return "\n\n".join(parts) + "\n"


def _operations(paths: Mapping[str, Schema]) -> Iterator[tuple[str, str, str, Schema]]:
    for path, methods in paths.items():
        for method in _METHODS:
            if method in methods:
                yield methods[method].get("tags", ["others"])[0], method, path, methods[method]


def _operation(method: str, path: str, described: Schema) -> str:
    summary, description = described["summary"], described.get("description", "")
    parts = [f"### `{method.upper()} {path}`", f"{summary}."]
    parts += [description] if description and description.rstrip(".") != summary else []
    if parameters := described.get("parameters"):
        rows = [
            f"| `{p['name']}` | {p['in']} | {_type(p['schema'])} | {_cell(p.get('description', ''))} |"
            for p in parameters
        ]
        parts.append("\n".join(["| parameter | in | type | |", "|---|---|---|---|", *rows]))
    if body := described.get("requestBody"):
        kinds = (f"{_type(content['schema'])} (`{media}`)" for media, content in body["content"].items())
        parts.append(f"Body: {', or '.join(kinds)}.")
    rows = [
        f"| {status} | {_cell(told['description'])} | {_content(told)} |"
        for status, told in described["responses"].items()
    ]
    return "\n\n".join([*parts, "\n".join(["| status | when | body |", "|---|---|---|", *rows])])


def _content(response: Schema) -> str:
    kinds = dict.fromkeys(
        _type(content["schema"]) if content.get("schema", {}).get("$ref") else f"`{media}`"
        for media, content in response.get("content", {}).items()
    )
    return ", ".join(kinds)


def _object(name: str, schema: Schema) -> str:
    parts = [f"### {_shown(name)} {{#{_anchor(name)}}}"]
    parts += [_paragraph(schema["description"])] if schema.get("description") else []
    needed = schema.get("required", ())
    rows = [
        f"| `{field}` | {_type(told)} | {'yes' if field in needed else ''} | {_cell(told.get('description', ''))} |"
        for field, told in schema.get("properties", {}).items()
    ]
    if rows:
        parts.append("\n".join(["| field | type | always | |", "|---|---|---|---|", *rows]))
    return "\n\n".join(parts)


def _type(schema: Schema) -> str:
    """In words, with a link to an object's description."""
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        return f"[{_shown(name)}](#{_anchor(name)})"
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(_type(choice) for choice in choices))
    if values := schema.get("enum"):
        return ", ".join(f"`{value}`" for value in values if value != "")
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(schema.get("type", "any value"))


def _shown(name: str) -> str:
    """Two objects of one name have the names of their modules before it, of which the last is enough."""
    return " ".join(name.rsplit("__", 2)[-2:]) if "__" in name else name


def _anchor(name: str) -> str:
    return f"object-{name.lower().replace('__', '-').replace('_', '-')}"


def _paragraph(text: str) -> str:
    return " ".join(text.split()).replace("<", r"\<")


def _cell(text: str) -> str:
    return _paragraph(text).replace("|", r"\|")
