"""How does a record get in?  The same road as everybody's: one HTTP push."""

from http import HTTPStatus
from typing import Any, Protocol

import aiohttp
import orjson

from headwater.domain.errors import HeadwaterError, Unavailable


class PushRefused(HeadwaterError):
    """The gateway refused the push with this status and error code; the same push will be refused again."""

    code = "push_refused"

    def __init__(self, status: int, error_code: str) -> None:
        self.status = status
        self.error_code = error_code
        super().__init__(f"the gateway refused the push: {status} {error_code}")


class GatewayUnavailable(Unavailable):
    """The gateway did not answer, or answered that it cannot now; it may or may not have the record."""


class Gateway(Protocol):
    """Where a scheduler pushes to."""

    async def push(self, dataset_id: str, resource_id: str, pushkey: str, record: dict[str, Any]) -> None:
        """Push one record; return once it is durable. Raises GatewayUnavailable or PushRefused."""
        ...


class HttpGateway:
    """A gateway at a URL, over connections that are kept."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout_s))

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def push(self, dataset_id: str, resource_id: str, pushkey: str, record: dict[str, Any]) -> None:
        assert self._session is not None, "start the gateway client first"
        url = f"{self._url}/api/push/1.0/{dataset_id}/{resource_id}/push/"
        headers = {"Authorization": f"Bearer {pushkey}", "Content-Type": "application/json"}
        try:
            async with self._session.post(url, data=orjson.dumps(record), headers=headers) as response:
                status, body = response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise GatewayUnavailable(f"no answer from the gateway: {error!r}") from error
        _check(status, body)


def _check(status: int, body: bytes) -> None:
    """Return if the push was accepted."""
    if status == HTTPStatus.OK:
        return
    error_code = _error_code(body)
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500:  # noqa: PLR2004 - server errors
        raise GatewayUnavailable(f"the gateway answered {status} {error_code}")
    raise PushRefused(status, error_code)


def _error_code(body: bytes) -> str:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "unknown"
    return str(answer.get("error_code", "unknown")) if isinstance(answer, dict) else "unknown"
