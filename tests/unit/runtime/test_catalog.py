"""The catalog's twin, and how lines are read from messages."""

from dataclasses import dataclass, replace

import pytest

from headwater.domain.datasets import Dataset, encode_dataset
from headwater.domain.document_log import Line
from headwater.domain.errors import Conflict
from headwater.runtime.catalog import DATASETS
from headwater.runtime.documents import MemoryLog, line_of
from headwater.runtime.memory.catalog import MemoryCatalog

DATASET = Dataset(uid="da_1", dataset_id="a", title="A", revision=1)


@dataclass
class Message:
    """What of a Kafka record is read."""

    key: bytes | None = b"da_1"
    value: bytes | None = None


def line(message, headers):
    return line_of(DATASETS, message.key, message.value, headers)


def test_line_is_read_from_a_message():
    """Key, value and base; no value is a deletion."""
    assert line(Message(value=encode_dataset(DATASET)), {"base": b"0"}) == Line("da_1", 0, DATASET)
    assert line(Message(), {"base": b"4"}) == Line("da_1", 4, None)


@pytest.mark.parametrize(
    ("message", "headers"),
    [
        (Message(value=encode_dataset(DATASET)), {}),
        (Message(value=encode_dataset(DATASET)), {"base": b"x"}),
        (Message(value=b"no json"), {"base": b"0"}),
        (Message(value=b"[]"), {"base": b"0"}),
        (Message(value=b"{}"), {"base": b"0"}),
        (Message(value=b'{"resources":[],"fields":[],"nonsense":1}'), {"base": b"0"}),
        (Message(key=b"da_2", value=encode_dataset(DATASET)), {"base": b"0"}),
        (Message(key=None), {"base": b"0"}),
        (Message(key=b"\xff"), {"base": b"0"}),
    ],
)
def test_foreign_messages_are_told_apart(message, headers):
    """Each raises what the reader skips a line for, nothing else."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        line(message, headers)


async def test_catalogs_over_one_log_are_one_catalog():
    """As processes over one topic."""
    log = MemoryLog()
    first, second = MemoryCatalog(log), MemoryCatalog(log)
    await first.start()
    await second.start()
    written = await first.write(replace(DATASET, revision=0))
    assert second.get("da_1") == written
    with pytest.raises(Conflict):
        await second.write(replace(DATASET, revision=0))


async def test_closed_catalog_follows_no_longer():
    """It keeps what it knew."""
    log = MemoryLog()
    first, second = MemoryCatalog(log), MemoryCatalog(log)
    await first.start()
    await second.start()
    await second.close()
    await first.write(replace(DATASET, revision=0))
    assert second.get("da_1") is None
    assert not second.ready


async def test_documents_are_kept_as_json_keeps_them():
    """What a twin accepts, the topic accepts too."""
    catalog = MemoryCatalog()
    await catalog.start()
    written = await catalog.write(replace(DATASET, revision=0, metadata={"a": (1, 2)}))
    assert written.metadata == {"a": [1, 2]}
