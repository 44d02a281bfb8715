"""What a call of a model costs, by the list prices of its provider."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from rag.types import Usage

_DATE = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{8}|latest)\Z")
_MILLION = 1_000_000


def priced(model: str, usage: Usage) -> Usage:
    """The usage with what it costs in US dollars, if the table knows the model; `model` is `provider:model`."""
    price = _prices().get(model) or _prices().get(_DATE.sub("", model))
    if price is None or not usage.total_tokens:
        return usage
    fresh = usage.prompt_tokens - usage.cached_tokens
    dollars = fresh * price["input"] + usage.cached_tokens * price["cached"] + usage.completion_tokens * price["output"]
    return Usage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_tokens=usage.cached_tokens,
        cost_usd=round(dollars / _MILLION, 8),
    )


@cache
def _prices() -> Mapping[str, Mapping[str, float]]:
    table = tomllib.loads(files("rag").joinpath("data/prices.toml").read_text(encoding="utf-8"))
    return {
        f"{provider}:{name}": price for provider, models in table["prices"].items() for name, price in models.items()
    }
