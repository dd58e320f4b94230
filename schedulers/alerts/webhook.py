"""Who else is told?  One HTTP POST of JSON to a URL that the resource's owner gave."""

from http import HTTPStatus
from typing import Any, Protocol

import aiohttp
import orjson

from headwater.domain.errors import Refused, Unavailable


class WebhookUnavailable(Unavailable):
    """The other side did not answer, or not now: it may be told later."""


class WebhookRefused(Refused):
    """The other side does not want this, and will not next time."""


class Webhook(Protocol):
    """Tells a URL."""

    async def post(self, url: str, document: dict[str, Any]) -> None:
        """POST one document; return once it was taken. Raises WebhookUnavailable, WebhookRefused."""
        ...


class HttpWebhook:
    """Any HTTP server, over connections of its own; redirects are not followed, answers are not read."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Make ready; connections are opened when needed."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout_s))

    async def close(self) -> None:
        """End all connections; closing twice is harmless."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post(self, url: str, document: dict[str, Any]) -> None:
        assert self._session is not None, "start the webhook client first"
        headers = {"Content-Type": "application/json"}
        try:
            async with self._session.post(
                url, data=orjson.dumps(document), headers=headers, allow_redirects=False
            ) as response:
                status = response.status
        except (aiohttp.InvalidURL, ValueError) as error:
            raise WebhookRefused(f"{url} cannot be called: {error!r}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise WebhookUnavailable(f"no answer from {url}: {error!r}") from error
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _LATER:
            raise WebhookUnavailable(f"{url} answered {status}")
        if status >= HTTPStatus.MULTIPLE_CHOICES:
            raise WebhookRefused(f"{url} answered {status}")


_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
