"""What the search of a deep answer may take: calls of the model, tokens, seconds and US dollars."""

from dataclasses import dataclass, field
from time import monotonic

from rag.types import Usage


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The most that a deep answer may take. The dollars count only for models with a known price."""

    calls: int
    tokens: int
    seconds: float
    cost_usd: float


@dataclass
class Budget:
    """What has been taken of the limits."""

    limits: Limits
    usage: Usage = field(default_factory=Usage)
    calls: int = 0
    _start: float = field(default_factory=monotonic)

    def spend(self, usage: Usage, calls: int = 1) -> None:
        """Note what calls have taken."""
        self.usage += usage
        self.calls += calls

    @property
    def calls_left(self) -> int:
        """How many more calls there may be; none when anything else is used up."""
        return 0 if self._used_up else max(0, self.limits.calls - self.calls)

    @property
    def seconds_left(self) -> float:
        """Until the deadline; never negative."""
        return max(0.0, self.limits.seconds - (monotonic() - self._start))

    @property
    def notice(self) -> str:
        """What stopped the search early, for the reader; empty if nothing did."""
        reason = self._used_up or (f"{self.limits.calls} calls" if self.calls >= self.limits.calls else "")
        return f"The search stopped at its limit of {reason}." if reason else ""

    @property
    def _used_up(self) -> str:
        if not self.seconds_left:
            return f"{self.limits.seconds:g} seconds"
        if self.usage.total_tokens >= self.limits.tokens:
            return f"{self.limits.tokens:,} tokens"
        if (self.usage.cost_usd or 0.0) >= self.limits.cost_usd:
            return f"{self.limits.cost_usd:g} US dollars"
        return ""
