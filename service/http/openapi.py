"""The OpenAPI document: what FastAPI describes of the routes, and what it can't know: middleware, keys, links."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from service.http.openai_schemas import CHAT_PATH, RESPONSES_PATH, is_openai_path

Operation = dict[str, Any]

_ANY_REQUEST = {
    429: "The key has used up its requests of the minute or its tokens of the day.",
    503: "There is too much to do, or something that is needed is away; the same request may succeed later.",
}
_BODY = {
    400: "The body is not what its Content-Type says.",
    408: "The body did not come in time.",
    413: "The body is too large.",
    415: "The body has the wrong Content-Type.",
}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}

_EXAMPLES = {
    "/v1/answers": "ans_0d6f3c1b5e9a4c57a1f0c2d4e6b8a901",
    "/v1/conversations": "conv_5b1e7c9d3f2a4b608c4d6e8fa0b1c2d3",
    "/v1/libraries": "demo",
    "/v1/models": "scholiast/demo",
    "/v1/papers": "arxiv:2402.05109",
    "/v1/uploads": "upl_9c2e4a6b8d0f41359b7d5f3e1c0a2b4d",
    "/v1/watches": "wat_7a9b1c3d5e7f40618293a4b5c6d7e8f9",
}
"""Of the id or the name in a path, by its beginning."""

_OTHER_EXAMPLES = {
    "q": "sparse autoencoders",
    "library": "demo",
    "year_from": 2023,
    "year_to": 2024,
    "format": "bibtex",
    "verdict": "bad",
}

_ANSWER_LINKS = {
    "feedback": ("post", "/v1/answers/{id}/feedback", "Say whether the answer was good."),
    "answer": ("get", "/v1/answers/{id}", "The answer again."),
    "references": ("get", "/v1/answers/{id}/references", "What it cites, as a file."),
}
_LINKS: dict[tuple[str, str, str], tuple[str, Mapping[str, tuple[str, str, str]]]] = {
    ("post", "/v1/ask", "200"): ("$response.body#/id", _ANSWER_LINKS),
    ("post", "/v1/conversations/{id}/messages", "200"): ("$response.body#/id", _ANSWER_LINKS),
    ("post", CHAT_PATH, "200"): ("$response.body#/scholiast/id", _ANSWER_LINKS),
    ("post", RESPONSES_PATH, "200"): ("$response.body#/scholiast/id", _ANSWER_LINKS),
    ("post", "/v1/conversations", "201"): (
        "$response.body#/id",
        {
            "ask": ("post", "/v1/conversations/{id}/messages", "Ask within it."),
            "conversation": ("get", "/v1/conversations/{id}", "The conversation with its messages."),
        },
    ),
    ("post", "/v1/watches", "201"): (
        "$response.body#/id",
        {
            "feed": ("get", "/v1/watches/{id}/feed", "What it finds."),
            "run": ("post", "/v1/watches/{id}/run", "At once."),
        },
    ),
    ("post", "/v1/papers", "202"): (
        "$response.body#/id",
        {"upload": ("get", "/v1/uploads/{id}", "How far it is.")},
    ),
}
"""From a response, by method, path and status: where its id is, and the operations that take it."""


def describe(app: FastAPI, *, with_keys: bool) -> None:
    """Complete the document of the app. Without keys nothing in it asks for one."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema:
            return app.openapi_schema
        document = described()
        for path, operations in document["paths"].items():
            for operation in operations.values():
                _summarise(operation)
                _add_examples(path, operation)
                if path.startswith("/v1/"):
                    _add_responses(path, operation, with_keys)
                if not with_keys:
                    operation.pop("security", None)
        _add_links(document["paths"])
        if not with_keys:
            document["components"].pop("securitySchemes", None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation has it


def _summarise(operation: Operation) -> None:
    """The summary is the first sentence of the description: the name of a function says less."""
    if "description" not in operation:
        return
    first, _, rest = operation["description"].replace("\n", " ", 1).partition(". ")
    operation["summary"] = first.removesuffix(".")
    operation["description"] = rest.strip() or operation["description"]


def _add_examples(path: str, operation: Operation) -> None:
    for parameter in operation.get("parameters", ()):
        name = parameter["name"]
        id = next((id for start, id in _EXAMPLES.items() if path.startswith(start)), None)
        example = id if name in ("id", "name") else _OTHER_EXAMPLES.get(name)
        if example is not None:
            parameter["example"] = example


def _add_responses(path: str, operation: Operation, with_keys: bool) -> None:
    """Those of the middleware."""
    schema = "ErrorBody" if is_openai_path(path) else "Problem"
    media_type = "application/json" if schema == "ErrorBody" else "application/problem+json"
    content = {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    responses = operation["responses"]
    for status, description in {**_ANY_REQUEST, **(_BODY if "requestBody" in operation else {})}.items():
        responses[str(status)] = {"description": description, "content": content}
    for retryable in responses.keys() & {"409", "429", "503"}:
        responses[retryable]["headers"] = _RETRY_AFTER
    if not with_keys:
        responses.pop("401", None)
    operation["responses"] = dict(sorted(responses.items()))


def _add_links(paths: Mapping[str, Mapping[str, Operation]]) -> None:
    for (method, path, status), (id, links) in _LINKS.items():
        paths[path][method]["responses"][status]["links"] = {
            name: {
                "operationId": paths[other][verb]["operationId"],
                "parameters": {"id": id},
                "description": description,
            }
            for name, (verb, other, description) in links.items()
        }
