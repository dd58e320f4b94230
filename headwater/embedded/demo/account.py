"""Whose datasets does the demo push to, and how far is it?  demo.json, so that a second run goes on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus

import orjson

from headwater.client import Client, RequestRefused
from headwater.embedded.datadir import DataDir, write_secret
from headwater.embedded.demo.records import DATASETS, DemoDataset

RESOURCE_TITLE = "realtime"


@dataclass(frozen=True, slots=True)
class Access:
    """What opens one dataset."""

    uid: str
    resource_id: str
    pushkey: str


@dataclass(slots=True)
class Account:
    """The demo's access by dataset_id, and how many records were acknowledged so far."""

    access: Mapping[str, Access]
    position: int = 0

    def write(self, data_dir: DataDir) -> None:
        """Replace demo.json."""
        write_secret(data_dir.demo_file, orjson.dumps(asdict(self)).decode())


async def open_account(client: Client, data_dir: DataDir) -> Account:
    """Return the account of the data directory, or make the datasets. Raises RequestRefused."""
    account = _try_read(data_dir)
    if account is not None and await _is_valid(client, account):
        return account
    access = {dataset.dataset_id: await _open(client, dataset) for dataset in DATASETS}
    account = Account(access=access)
    account.write(data_dir)
    return account


def _try_read(data_dir: DataDir) -> Account | None:
    try:
        document = orjson.loads(data_dir.demo_file.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None
    access = {name: Access(**one) for name, one in document["access"].items()}
    return Account(access=access, position=document["position"])


async def _is_valid(client: Client, account: Account) -> bool:
    """Tell whether the datasets are still those that the account knows."""
    uids = {one["dataset_id"]: one["uid"] for one in await client.datasets()}
    return all(
        dataset.dataset_id in account.access
        and uids.get(dataset.dataset_id) == account.access[dataset.dataset_id].uid
        for dataset in DATASETS
    )


async def _open(client: Client, dataset: DemoDataset) -> Access:
    """Make one dataset; take over the one that an earlier demo left (its key is renewed)."""
    try:
        made = await client.create_dataset(dataset.dataset_id, dataset.title)
    except RequestRefused as error:
        if error.status != HTTPStatus.CONFLICT:
            raise
        return await _take_over(client, dataset)
    return await _complete(client, dataset, made["uid"])


async def _take_over(client: Client, dataset: DemoDataset) -> Access:
    found = await client.try_dataset(dataset.dataset_id)
    assert found is not None, "a name is taken by a dataset"
    resources = await client.resources(found["uid"])
    if not resources or not found["is_published"]:  # we were stopped in the middle
        return await _complete(client, dataset, found["uid"])
    pushkey = await client.renew_pushkey(found["uid"], resources[0]["uid"])
    return Access(found["uid"], resources[0]["resource_id"], pushkey)


async def _complete(client: Client, dataset: DemoDataset, uid: str) -> Access:
    resource = await client.create_resource(uid, RESOURCE_TITLE, dataset.bootstrap)
    for field in dataset.id_fields:
        await client.mark_unique_id(uid, field)
    await client.publish(uid)
    return Access(uid, resource["resource_id"], resource["pushkey"])
