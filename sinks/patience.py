"""What if the store is away?  We wait, and try again, for as long as it takes.

Giving up would lose nothing, as Kafka still has the rows, but gain nothing either.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from headwater.domain.errors import StoreUnavailable
from headwater.runtime import metrics
from headwater.runtime.health import Health
from headwater.runtime.store import UnknownTable

log = structlog.get_logger(__name__)

Attempt = Callable[[], Awaitable[None]]


class Patience:
    """Repeats what the store could not do, with growing pauses; ends only with success or cancellation.

    `check` names what it says of the store in the process's health.
    """

    def __init__(self, health: Health, *, first_s: float, longest_s: float, check: str = "store") -> None:
        self._health = health
        self._check = check
        self._first_s = first_s
        self._longest_s = longest_s

    async def persist(self, attempt: Attempt, *, failed: Callable[[], None] = lambda: None) -> None:
        """Attempt until the store answers; `failed` is called after each failure.

        An unknown table is a failure like the others, as the next attempt makes it.
        """
        delay_s = self._first_s
        while True:
            try:
                await attempt()
            except (StoreUnavailable, UnknownTable) as error:
                failed()
                self._note(error)
                await asyncio.sleep(delay_s * random.uniform(0.5, 1))  # noqa: S311 - spreads the retries
                delay_s = min(delay_s * 2, self._longest_s)
            else:
                self._health.set(self._check, ok=True)
                return

    def _note(self, error: Exception) -> None:
        metrics.RETRIES.labels(service="sinks", cause="store").inc()
        log.warning("the store cannot now, trying again", error=str(error))
        if isinstance(error, StoreUnavailable):
            self._health.set(self._check, ok=False, detail=str(error)[:200])
