"""Fields and parameters that are not known: refused with the nearest known name, as to ignore one would mislead."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from fastapi import Request, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

PARAMETER = "unknown_parameter"
"""The type of the error for a parameter; for a field it is pydantic's own."""

_MAX_NAME = 40
_MAX_LISTED = 12


def message(name: str, known: Iterable[str]) -> str:
    """What to say of a name that is not known."""
    names, shown = list(known), name if len(name) <= _MAX_NAME else f"{name[:_MAX_NAME]}…"
    if near := get_close_matches(name.lower(), names, 1):
        return f"`{shown}` is not known; did you mean `{near[0]}`?"
    if len(names) > _MAX_LISTED:
        return f"`{shown}` is not known; /docs lists what is"
    return f"`{shown}` is not known; there is {', '.join(f'`{other}`' for other in names) or 'none'}"


async def refuse_parameters(request: Request) -> None:
    """Raise RequestValidationError for parameters of the query that the route does not have."""
    fields = get_flat_params(request.scope["route"].dependant)
    known = [field.alias for field in fields if isinstance(field.field_info, params.Query)]
    faults = [
        {"type": PARAMETER, "loc": ("query", name), "msg": message(name, known), "input": name}
        for name in request.query_params
        if name not in known
    ]
    if faults:
        raise RequestValidationError(faults)


def field_message(request: Request, location: Sequence[str | int]) -> str:
    """What to say of an unknown field at this place of the body, such as ("body", "filters", "year")."""
    annotation: Any = request.scope["route"].body_field.field_info.annotation
    for part in location[1:-1]:
        annotation = _inner(annotation)
        annotation = get_args(annotation)[0] if isinstance(part, int) else annotation.model_fields[part].annotation
    model = _inner(annotation)
    assert issubclass(model, BaseModel)
    return message(str(location[-1]), model.model_fields)


def _inner(annotation: Any) -> Any:
    """Without `| None` and `Annotated`."""
    if get_origin(annotation) is Annotated:
        return _inner(get_args(annotation)[0])
    options = [option for option in get_args(annotation) if option is not NoneType]
    return _inner(options[0]) if NoneType in get_args(annotation) else annotation
