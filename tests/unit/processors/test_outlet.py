"""Parts of a run: numbered so that a reader knows when it has seen all of them."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.runtime.health import Health
from headwater.runtime.memory.producer import MemoryProducer
from processors.outlet import Consignment, Outgoing, Outlet, announcement
from processors.settings import ProcessorSettings


def consignment(producer):
    return Consignment("3:5:9", Outlet(ProcessorSettings(), producer, Health()))


@given(st.integers(0, 12))
@pytest.mark.asyncio
async def test_parts_are_numbered_and_the_last_tells_how_many(count):
    """One message alone is the whole; its order is kept, and its headers."""
    producer = MemoryProducer()
    parts = consignment(producer)
    for number in range(count):
        await parts.add(Outgoing("records", b"k", b"%d" % number, (("own", b"x"),)))
    assert await parts.close() == count
    assert await parts.close() == count
    sent = [dict(message.headers) for message in producer.messages]
    assert [message.value for message in producer.messages] == [b"%d" % number for number in range(count)]
    assert all((headers["source"], headers["own"]) == (b"3:5:9", b"x") for headers in sent)
    labels = [headers["part"].decode() for headers in sent if "part" in headers]
    expected = [str(number) for number in range(count)]
    assert labels == ([] if count < 2 else [*expected[:-1], f"{count - 1}/{count}"])


async def test_a_message_leaves_when_the_next_is_there():
    """So never more than one waits in memory."""
    producer = MemoryProducer()
    parts = consignment(producer)
    for number in range(3):
        await parts.add(Outgoing("records", b"k", b"x"))
        assert len(producer.messages) == number


def test_an_announcement_has_the_form_of_the_sinks_lines():
    """Readers of topic applied know one form."""
    assert orjson.loads(announcement("da_1", 2, "3:5:9", 0)) == {
        "dataset": "da_1",
        "generation": 2,
        "sources": ["3:5:9"],
        "rows": 0,
        "max_version": 0,
        "received_at": "1970-01-01T00:00:00+00:00",
    }
