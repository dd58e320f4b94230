"""How does the demo push?  At a steady pace, safely over restarts, and looking at what readers see."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, islice
from typing import Any

import orjson

from headwater.client import Client, RequestRefused, ServerUnavailable
from headwater.embedded.datadir import DataDir
from headwater.embedded.demo.account import Account, open_account
from headwater.embedded.demo.freshness import Freshness
from headwater.embedded.demo.records import DATASETS, DemoDataset, Pair, demo_records

BATCH = 100  # records
LOOK_S = 1.0  # between two looks at what readers see
POLL_S = 0.005  # between two looks for one record
SEARCH_TIMEOUT_S = 5.0
RETRY_FIRST_S, RETRY_LONGEST_S = 0.2, 5.0


class Feed:
    """The running demo and its figures."""

    def __init__(self, client: Client, data_dir: DataDir, *, records_per_s: int) -> None:
        self._client = client
        self._data_dir = data_dir
        self._records_per_s = records_per_s
        self._account: Account | None = None
        self._newest: tuple[DemoDataset, str, float] | None = None  # a record just pushed, its id, when
        self.freshness = Freshness()
        self.searchable = 0
        self.trouble = ""  # why nothing moves right now
        self.blindness = ""  # why what readers see could not be looked at

    @property
    def pushed(self) -> int:
        """Records acknowledged so far, in this run and those before it."""
        return self._account.position if self._account else 0

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Push until the input is exhausted. Raises RequestRefused when the server will not have it."""
        self._account = await self._patiently(lambda: open_account(self._client, self._data_dir))
        on_ready()
        watching = asyncio.create_task(self._watch())
        try:
            await self._push_all(self._account, watching)
        finally:
            self._account.write(self._data_dir)
            watching.cancel()
            await asyncio.wait({watching})
        await self._look()

    async def _push_all(self, account: Account, watching: asyncio.Task[None]) -> None:
        loop = asyncio.get_running_loop()
        records = await asyncio.to_thread(_prepared, account.position)
        due = loop.time()
        while batch := list(islice(records, BATCH)):
            await self._push(account, batch)
            if watching.done():
                watching.result()  # never ends by itself: raises what ended it
            account.position += len(batch)
            due = max(due + len(batch) / self._records_per_s, loop.time() - 1.0)  # never catch up for long
            await asyncio.sleep(due - loop.time())

    async def _push(self, account: Account, batch: list[Pair]) -> None:
        for dataset in DATASETS:
            records = [record for one, record in batch if one is dataset]
            if not records:
                continue
            access = account.access[dataset.dataset_id]
            body = orjson.dumps(records)
            began = asyncio.get_running_loop().time()
            push = partial(self._client.push, dataset.dataset_id, access.resource_id, access.pushkey, body)
            await self._patiently(push)
            self._newest = (dataset, dataset.record_id(records[-1]), began)

    async def _patiently(self, call: Callable[[], Any]) -> Any:
        """Return what the call returns, however long the server is away (a restart takes seconds)."""
        delay_s = RETRY_FIRST_S
        while True:
            try:
                result = await call()
            except ServerUnavailable as error:
                self.trouble = str(error)
                await asyncio.sleep(delay_s)
                delay_s = min(RETRY_LONGEST_S, 2 * delay_s)
            else:
                self.trouble = ""
                return result

    async def _watch(self) -> None:
        """Look every second at what readers see, and remember how far we are."""
        while True:
            await asyncio.sleep(LOOK_S)
            self._newest = None
            try:
                await self._look()
                await self._measure()
            except (ServerUnavailable, RequestRefused) as error:
                self.blindness = str(error)
                continue
            self.blindness = ""
            assert self._account is not None
            self._account.write(self._data_dir)

    async def _look(self) -> None:
        counts = [await self._client.count(dataset.dataset_id) for dataset in DATASETS]
        self.searchable = sum(counts)

    async def _measure(self) -> None:
        """Take the next record that is pushed, and the time until a reader finds it."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + SEARCH_TIMEOUT_S
        while loop.time() < give_up:
            if self._newest is not None:
                dataset, record_id, began = self._newest
                await self._find(dataset, record_id, began)
                break
            await asyncio.sleep(POLL_S)

    async def _find(self, dataset: DemoDataset, record_id: str, began: float) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < began + SEARCH_TIMEOUT_S:
            if await self._client.has_record(dataset.dataset_id, record_id):
                self.freshness.add(loop.time() - began)
                break
            await asyncio.sleep(POLL_S)
        else:
            self.freshness.miss()


def _prepared(position: int) -> Iterator[Pair]:
    """Return the records with the files already read, which takes a second."""
    records = demo_records(position)
    return chain(list(islice(records, 1)), records)
