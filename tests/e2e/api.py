"""What a client of the stack can do: the three HTTP APIs, the store's own, and the metrics."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.stack import Stack

REQUEST_S = 20.0
POLL_S = 0.1
FORM = "application/x-www-form-urlencoded"
NO_RECORD_COLUMNS = {"_id", "_version", "_deleted", "_resource", "_received_at"}
DATABASE = "headwater"

Content = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Opened:
    """A dataset with one resource, as the management API made it."""

    uid: str
    dataset_id: str
    resource_uid: str
    resource_id: str
    pushkey: str
    push_url: str

    @property
    def table(self) -> str:
        """The name of its tables without the generation."""
        return f"d_{self.uid.removeprefix('da_')}_g"


class Api:
    """A client of one stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=REQUEST_S), connector=aiohttp.TCPConnector(limit=64)
        )

    async def close(self) -> None:
        await self.session.close()

    @property
    def origin(self) -> str:
        """Scheme, host and port of the gateway."""
        parts = urlsplit(self.stack.state["urls"]["push"])
        return f"{parts.scheme}://{parts.netloc}"

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request to a path of the gateway, or to a whole URL."""
        url = path if path.startswith("http") else self.origin + path
        async with self.session.request(method, url, **options) as response:
            text = await response.text()
            return Answer(response.status, json.loads(text) if text else None, response.headers)

    # Management

    async def manage(self, method: str, path: str, document: Any = None) -> Answer:
        """Send a request to the management API as the administrator."""
        headers = {"Authorization": f"apikey {self.stack.admin_key}"}
        return await self.request(method, "/api/automation/v1.0" + path, json=document, headers=headers)

    async def make(self, path: str, document: Any) -> Any:
        """Create something and return it."""
        answer = await self.manage("POST", path, document)
        assert answer.status == 201, answer
        return answer.body

    async def create_dataset(self, dataset_id: str) -> Any:
        title = {"default": {"title": {"value": dataset_id.title()}}}
        return await self.make("/datasets/", {"dataset_id": dataset_id, "metadata": title})

    async def open_dataset(
        self,
        dataset_id: str,
        *,
        key: Sequence[str] = (),
        bootstrap: Any = None,
        title: str = "realtime",
        params: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        publish: bool = True,
    ) -> Opened:
        """Create a dataset with one realtime resource and a unique key; publish it.

        `params` are those of the resource beside its bootstrap data, `settings` members of the dataset.
        """
        uid = (await self.create_dataset(dataset_id))["uid"]
        if settings:
            assert (await self.manage("PUT", f"/datasets/{uid}/", dict(settings))).status == 200
        params = {**(params or {}), **({} if bootstrap is None else {"bootstrap": bootstrap})}
        resource = await self.make(
            f"/datasets/{uid}/resources/", {"type": "realtime", "title": title, "params": params}
        )
        for name in key:
            await self.make(
                f"/datasets/{uid}/fields/", {"type": "annotate", "field": name, "annotation": "id"}
            )
        if publish:
            await self.publish(uid)
        return Opened(
            uid=uid,
            dataset_id=dataset_id,
            resource_uid=resource["uid"],
            resource_id=resource["resource_id"],
            pushkey=resource["pushkey"],
            push_url=resource["push_url"],
        )

    async def publish(self, uid: str) -> None:
        answer = await self.manage("POST", f"/datasets/{uid}/publish/")
        assert (answer.status, answer.body) == (200, {"detail": "ok"})

    async def unpublish(self, uid: str) -> None:
        answer = await self.manage("POST", f"/datasets/{uid}/unpublish/")
        assert (answer.status, answer.body) == (200, {"detail": "ok"})

    async def switch(self, dataset: Opened, action: str) -> None:
        """Enable or disable the resource."""
        path = f"/datasets/{dataset.uid}/resources/{dataset.resource_uid}/{action}/"
        assert (await self.manage("POST", path)).status == 200

    async def act(self, dataset: Opened, action: str, document: Any = None) -> Answer:
        """Do something with a dataset that must succeed: `publish`, `truncate`, `resources/<uid>/recover`."""
        answer = await self.manage("POST", f"/datasets/{dataset.uid}/{action}/", document)
        assert answer.status == 200, answer
        return answer

    async def act_on_resource(self, dataset: Opened, action: str, document: Any = None) -> Answer:
        """Do something with the resource that must succeed: `recover`, `renew_api_key`."""
        return await self.act(dataset, f"resources/{dataset.resource_uid}/{action}", document)

    async def status(self, dataset: Opened) -> Content:
        """Return what /status/ says."""
        answer = await self.manage("GET", f"/datasets/{dataset.uid}/status/")
        assert answer.status == 200, answer
        return answer.body

    async def built(self, dataset: Opened, *, within_s: float = 60.0) -> None:
        """Wait until the dataset's records are made again, by polling as clients do."""
        async with asyncio.timeout(within_s):
            while (status := await self._try_status(dataset)) != "idle":
                assert status in ("queued", "processing", "unknown"), await self.status(dataset)
                await asyncio.sleep(POLL_S)

    async def _try_status(self, dataset: Opened) -> str:
        try:
            return (await self.status(dataset))["status"]
        except (aiohttp.ClientError, TimeoutError):  # the gateway is being killed, maybe
            return "unknown"

    async def kill(self, *names: str) -> None:
        """Kill processes at the same moment; wait until all are back and the gateway answers."""
        old = {name: self.stack.kill(name) for name in names}
        for name, pid in old.items():
            await self.stack.restarted(name, pid)
        async with asyncio.timeout(REQUEST_S):
            while not await self._answers():  # noqa: ASYNC110 - another process tells, nobody else
                await asyncio.sleep(POLL_S)

    async def _answers(self) -> bool:
        try:
            return (await self.explore("")).status == 200
        except aiohttp.ClientError:
            return False

    # Push

    def path(self, dataset: Opened, tail: str, pushkey: str | None = None) -> str:
        """Return the path of a push request: `tail` is push/, delete/ or <record id>/delete/."""
        key = dataset.pushkey if pushkey is None else pushkey
        return f"/api/push/1.0/{dataset.dataset_id}/{dataset.resource_id}/{tail}?pushkey={key}"

    async def push(self, dataset: Opened, body: Any, *, tail: str = "push/", **options: Any) -> Answer:
        """Push a body as curl -d does: bytes as they are, anything else as JSON."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": FORM}
        url = self.path(dataset, tail)
        return await self.request("POST", url, data=BytesIO(sent), headers=headers, **options)

    async def ask(
        self,
        dataset: Opened,
        body: Any,
        *,
        tail: str = "push/",
        method: str = "POST",
        pushkey: str | None = None,
        headers: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> Answer:
        """Push with parameters in the query, and with headers of one's own."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        query = urlencode({name: str(value).lower() for name, value in parameters.items()})
        url = self.path(dataset, tail, pushkey) + (f"&{query}" if query else "")
        wanted = {"Content-Type": FORM, **(headers or {})}
        return await self.request(method, url, data=BytesIO(sent), headers=wanted)

    async def delete(self, dataset: Opened, body: Any) -> Answer:
        """Delete by values."""
        return await self.push(dataset, body, tail="delete/")

    async def delete_by_id(self, dataset: Opened, record_id: str) -> Answer:
        return await self.request("GET", self.path(dataset, f"{record_id}/delete/"))

    # Search

    async def explore(self, path: str, **parameters: Any) -> Answer:
        """Read the Explore API below /catalog/datasets."""
        base = "/api/explore/v2.1/catalog/datasets"
        return await self.request("GET", base + path, params=parameters)

    async def total_count(self, dataset: Opened) -> int:
        answer = await self.explore(f"/{dataset.dataset_id}/records", limit=0)
        assert answer.status == 200, answer
        return answer.body["total_count"]

    async def records(self, dataset: Opened, order_by: str = "") -> list[Content]:
        """Return all records by paging, as readers see them."""
        found: list[Content] = []
        while True:
            options = {"order_by": order_by} if order_by else {}
            answer = await self.explore(
                f"/{dataset.dataset_id}/records", limit=100, offset=len(found), **options
            )
            assert answer.status == 200, answer
            found += answer.body["results"]
            if len(found) >= answer.body["total_count"]:
                return found

    # The store itself

    async def query(self, sql: str, **bound: str) -> list[Content]:
        """Return the rows of a query to the store, with its parameters bound."""
        options = {"default_format": "JSONEachRow", "output_format_json_quote_64bit_integers": "0"}
        parameters = {**options, **{f"param_{name}": value for name, value in bound.items()}}
        url = self.stack.state["urls"]["clickhouse"]
        async with self.session.post(url, params=parameters, data=sql.encode()) as response:
            text = await response.text()
            assert response.status == 200, text
        return [json.loads(line) for line in text.splitlines()]

    async def table_of(self, dataset: Opened) -> str | None:
        """Return the table of the newest generation; None before anything was stored."""
        sql = "SELECT name FROM system.tables WHERE database = {d:String} AND startsWith(name, {t:String})"
        found = await self.query(sql, d=DATABASE, t=dataset.table)
        generations = [int(one["name"].removeprefix(dataset.table)) for one in found]
        return f"{dataset.table}{max(generations)}" if generations else None

    async def count(self, dataset: Opened) -> int:
        """Return how many records the newest generation has."""
        if (table := await self.table_of(dataset)) is None:
            return 0
        sql = "SELECT count() AS n FROM {d:Identifier}.{t:Identifier} FINAL WHERE _deleted = 0"
        return (await self.query(sql, d=DATABASE, t=table))[0]["n"]

    async def rows(self, dataset: Opened) -> list[tuple[str, Content]]:
        """Return (record id, content) of every record of the newest generation."""
        if (table := await self.table_of(dataset)) is None:
            return []
        sql = "SELECT * FROM {d:Identifier}.{t:Identifier} FINAL WHERE _deleted = 0"
        return [(row["_id"], content_of(row)) for row in await self.query(sql, d=DATABASE, t=table)]

    async def quarantined(self, dataset_uid: str) -> list[Content]:
        """Return what waits in quarantine under a dataset, in order, reasons parsed."""
        sql = (
            "SELECT * FROM {d:Identifier}.quarantine FINAL WHERE dataset = {u:String} "
            "ORDER BY _version, position"
        )
        found = await self.query(sql, d=DATABASE, u=dataset_uid)
        return [{**one, "errors": json.loads(one["errors"])} for one in found]

    # Counters

    async def counters(self) -> Counter[str]:
        """Return every counter of every process, summed over processes and labels."""
        totals: Counter[str] = Counter()
        for one in self.stack.processes.values():
            if one["metrics"]:
                async with self.session.get(one["metrics"] + "/metrics") as response:
                    text = await response.text()
                for family in text_string_to_metric_families(text):
                    for sample in family.samples:
                        if sample.name.endswith("_total"):
                            totals[sample.name.removeprefix("headwater_")] += int(sample.value)
        return totals


def content_of(row: Content) -> Content:
    """Return a row's values by field: each field is in one of its columns `name:type`, or in none."""
    content: Content = {}
    for column, value in row.items():
        if column in NO_RECORD_COLUMNS or value is None:
            continue
        name = column.rpartition(":")[0]
        assert name not in content, f"record {row['_id']} has two values for {name}"
        content[name] = value
    return content
