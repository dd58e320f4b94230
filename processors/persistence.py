"""What if somebody whom a run needs is away?  It is tried again, with back-off, for as long as that takes.

The run stays unfinished meanwhile, so nothing is lost if we die here; the bound on runs in flight stops the
fetching.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from headwater.domain.errors import Unavailable
from headwater.runtime import metrics
from headwater.runtime.health import Health
from processors.settings import ProcessorSettings

Result = TypeVar("Result")

log = structlog.get_logger(__name__)


class Persistence:
    """Repeats what one other service could not do; `check` names it in the process's health."""

    def __init__(
        self,
        settings: ProcessorSettings,
        health: Health,
        *,
        check: str,
        cause: str,
        failure: type[Unavailable],
    ) -> None:
        self._settings = settings
        self._health = health
        self._check = check
        self._cause = cause  # label of the metric of retries
        self._failure = failure

    async def persist(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Attempt until it does not raise the failure that this is for; return what it returned."""
        delay_s = self._settings.retry_first_s
        while True:
            try:
                result = await attempt()
            except self._failure as error:
                self._health.set(self._check, ok=False, detail=str(error))
                metrics.RETRIES.labels(service="processors", cause=self._cause).inc()
                log.warning("away, trying again", what=self._check, error=str(error), delay_s=delay_s)
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, self._settings.retry_longest_s)
            else:
                self._health.set(self._check, ok=True)
                return result
