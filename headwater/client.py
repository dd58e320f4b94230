"""How do the CLI and the demo talk to a running Headwater?  Over HTTP, as everybody else does."""

from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from headwater.domain.errors import HeadwaterError, Unavailable

TIMEOUT_S = 30.0
PAGE = 100  # datasets asked for at once
MANAGEMENT, SEARCH, PUSH = "/api/automation/v1.0", "/api/explore/v2.1/catalog", "/api/push/1.0"
TRY_AGAIN = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class RequestRefused(HeadwaterError):
    """The server refused the request and will again; `status` and `error_code` are its own."""

    def __init__(self, status: int, error_code: str, message: str) -> None:
        self.status = status
        self.error_code = error_code
        super().__init__(f"{message} ({status} {error_code})")


class ServerUnavailable(Unavailable):
    """The server does not answer, or answers that it cannot now."""


class Client:
    """One server. Every method raises RequestRefused or ServerUnavailable."""

    def __init__(self, url: str, admin_key: str = "") -> None:
        self.url = url.rstrip("/")
        self._admin_key = admin_key
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def create_dataset(self, dataset_id: str, title: str) -> dict[str, Any]:
        """Make an empty dataset, not published; return it."""
        document = {"dataset_id": dataset_id, "metadata": {"default": {"title": {"value": title}}}}
        return await self._manage("POST", "/datasets/", document)

    async def create_resource(self, uid: str, title: str, bootstrap: Any) -> dict[str, Any]:
        """Add a realtime resource to a dataset; return it with its pushkey, which is never shown again."""
        document = {"type": "realtime", "title": title, "params": {"bootstrap": bootstrap}}
        return await self._manage("POST", f"/datasets/{uid}/resources/", document)

    async def mark_unique_id(self, uid: str, field: str) -> None:
        """Make a field part of the record id."""
        document = {"type": "annotate", "field": field, "annotation": "id"}
        await self._manage("POST", f"/datasets/{uid}/fields/", document)

    async def publish(self, uid: str) -> None:
        """Open a dataset for records and readers."""
        await self._manage("POST", f"/datasets/{uid}/publish/")

    async def renew_pushkey(self, uid: str, resource_uid: str) -> str:
        """Give a resource a new key; the old one stops working."""
        path = f"/datasets/{uid}/resources/{resource_uid}/renew_api_key/"
        return str((await self._manage("POST", path))["pushkey"])

    async def datasets(self) -> list[dict[str, Any]]:
        """Return all datasets, by dataset_id."""
        found: list[dict[str, Any]] = []
        while True:
            page = await self._manage("GET", f"/datasets/?limit={PAGE}&offset={len(found)}")
            found += page["results"]
            if not page["results"] or len(found) >= page["total_count"]:
                return found

    async def try_dataset(self, dataset_id: str) -> dict[str, Any] | None:
        """Return the dataset with this id, None when there is none."""
        return next((one for one in await self.datasets() if one["dataset_id"] == dataset_id), None)

    async def resources(self, uid: str) -> list[dict[str, Any]]:
        """Return the resources of a dataset."""
        return list((await self._manage("GET", f"/datasets/{uid}/resources/"))["results"])

    async def described(self, dataset_id: str) -> dict[str, Any]:
        """Return a published dataset as readers see it: fields, metadata, number of records."""
        return await self._call("GET", f"{SEARCH}/datasets/{dataset_id}")

    async def count(self, dataset_id: str) -> int:
        """Return how many records readers find."""
        answer = await self._call("GET", f"{SEARCH}/datasets/{dataset_id}/records?limit=0")
        return int(answer["total_count"])

    async def has_record(self, dataset_id: str, record_id: str) -> bool:
        """Tell whether readers find this record."""
        try:
            await self._call("GET", f"{SEARCH}/datasets/{dataset_id}/records/{record_id}")
        except RequestRefused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return False
            raise
        return True

    async def push(self, dataset_id: str, resource_id: str, pushkey: str, body: bytes) -> None:
        """Push an object, an array or NDJSON; on return the records are durable."""
        headers = {"Authorization": f"Bearer {pushkey}"}
        await self._call("POST", f"{PUSH}/{dataset_id}/{resource_id}/push/", headers=headers, body=body)

    async def _manage(self, method: str, path: str, document: Any = None) -> dict[str, Any]:
        body = None if document is None else orjson.dumps(document)
        headers = {"Authorization": f"apikey {self._admin_key}"}
        return await self._call(method, MANAGEMENT + path, headers=headers, body=body)

    async def _call(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> dict[str, Any]:
        assert self._session is not None, "use `async with`"
        try:
            async with self._session.request(method, self.url + path, headers=headers, data=body) as response:
                return _checked(response.status, await response.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ServerUnavailable(f"no answer from {self.url}: {type(error).__name__}") from error


def _checked(status: int, body: bytes) -> dict[str, Any]:
    """Return the answer of a request that succeeded."""
    try:
        answer = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        answer = {"message": body[:200].decode(errors="replace")}
    if status < HTTPStatus.BAD_REQUEST:
        return dict(answer)
    code, message = str(answer.get("error_code", "unknown")), str(answer.get("message", "no message"))
    if status in TRY_AGAIN:
        raise ServerUnavailable(f"{message} ({status} {code})")
    raise RequestRefused(status, code, message)
