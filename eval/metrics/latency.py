"""Latency and cost: percentiles of latency, and the price of tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from rag.errors import RequestError


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens of prompt and of completion."""

    prompt: float
    completion: float


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The nearest-rank percentile: the smallest value that at least `percent` % do not exceed. None without values."""
    if not values:
        return None
    return sorted(values)[max(ceil(percent / 100 * len(values)), 1) - 1]


def cost(prompt_tokens: int, completion_tokens: int, price: Price) -> float:
    """US dollars: (prompt tokens x prompt price + completion tokens x completion price) / 1,000,000."""
    return (prompt_tokens * price.prompt + completion_tokens * price.completion) / 1_000_000


def price(text: str) -> Price:
    """A price written `PROMPT/COMPLETION`, such as `0.15/0.60`. Raises RequestError."""
    try:
        prompt, completion = map(float, text.split("/"))
    except ValueError as error:
        raise RequestError(
            f"--price is {text!r}; write dollars for a million tokens in and out, as 0.15/0.60"
        ) from error
    return Price(prompt, completion)
