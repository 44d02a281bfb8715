"""How much each caller may ask for: requests a minute, counted in this process, and tokens a day, in the database."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from rag.workspace import Workspace

_MAX_CALLERS = 10_000


@dataclass(frozen=True)
class Excess:
    """A limit that a caller has reached, how long it holds, and what to say."""

    reason: Literal["requests", "tokens"]
    seconds: int
    detail: str


class RequestRate:
    """So many requests a minute for each caller, all at once or spread: what was used comes back evenly."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """0 is any number. `clock` gives seconds."""
        self._per_minute, self._clock = per_minute, clock
        self._free_at: OrderedDict[str, float] = OrderedDict()  # when all of a caller's requests have come back

    def excess(self, caller: str) -> Excess | None:
        """Count a request, or say why it is too many; that one is not counted."""
        if not self._per_minute:
            return None
        now, each = self._clock(), 60.0 / self._per_minute
        free_at = max(now, self._free_at.get(caller, now)) + each
        if (wait := free_at - now - 60.0) > 1e-6:
            detail = f"{self._per_minute:,} requests a minute are the most for one key; ask again in {wait:.0f} seconds"
            return Excess("requests", max(1, math.ceil(wait)), detail)
        self._free_at[caller] = free_at
        self._free_at.move_to_end(caller)
        if len(self._free_at) > _MAX_CALLERS:
            self._free_at.popitem(last=False)
        return None


class CallerLimits:
    """The limits of the settings for one caller: a key, the user of this machine, or a person in Slack."""

    def __init__(self, workspace: Workspace) -> None:
        self._rate = RequestRate(workspace.settings.key_requests_per_minute)
        self._tokens_a_day = workspace.settings.key_tokens_per_day
        self._spending = workspace.spending

    def too_many_requests(self, caller: str) -> Excess | None:
        """Count a request, or say why it is too many."""
        return self._rate.excess(caller)

    async def too_many_tokens(self, caller: str) -> Excess | None:
        """Whether answers have used all that the caller may use today. Raises LibraryError."""
        if not self._tokens_a_day or await self._spending.today(caller) < self._tokens_a_day:
            return None
        now = datetime.now(UTC)
        midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        detail = f"{self._tokens_a_day:,} tokens a day are the most for one key; ask again after midnight (UTC)"
        return Excess("tokens", math.ceil((midnight - now).total_seconds()), detail)

    async def excess(self, caller: str) -> Excess | None:
        """Count a question, or say why it is one too many. Raises LibraryError."""
        return self.too_many_requests(caller) or await self.too_many_tokens(caller)
