"""Where do readers stand, and what comes next?  The twins over what a MemoryProducer was given."""

from collections.abc import Mapping, Sequence

from headwater.runtime.kafka.groups import Positions
from headwater.runtime.kafka.reader import PositionGone
from headwater.runtime.kafka.runs import Message
from headwater.runtime.memory.producer import MemoryProducer


class MemoryOffsets:
    """Offsets of the log in memory; groups commit by `commit`."""

    def __init__(self, producer: MemoryProducer, partitions: int = 4) -> None:
        self._producer = producer
        self._partitions = partitions
        self._committed: dict[tuple[str, str], dict[int, int]] = {}

    def commit(self, group: str, topic: str, partition: int, offset: int) -> None:
        """Note that a group has finished everything before an offset."""
        self._committed.setdefault((group, topic), {})[partition] = offset

    async def committed(self, group: str, topic: str) -> Positions:
        return dict(self._committed.get((group, topic), {}))

    async def starts(self, topic: str) -> Positions:  # noqa: ARG002 - nothing is ever forgotten
        return dict.fromkeys(range(self._partitions), 0)

    async def ends(self, topic: str) -> Positions:
        ends = dict.fromkeys(range(self._partitions), 0)
        for message in self._producer.sent(topic):
            ends[message.partition] = message.offset + 1
        return ends

    async def close(self) -> None:
        pass


class MemoryReader:
    """Reads one topic of the log in memory; `first` plays retention: what lies before it is gone."""

    def __init__(self, producer: MemoryProducer, topic: str, *, first: int = 0) -> None:
        self._producer = producer
        self._topic = topic
        self._positions: dict[int, int] | None = None
        self._looked_at = 0  # messages of the producer
        self.first = first

    async def open(self, positions: Positions) -> None:
        self._positions = dict(positions)
        self._looked_at = 0

    async def read(self, wait_s: float) -> Mapping[int, Sequence[Message]]:  # noqa: ARG002 - never waits
        assert self._positions is not None, "open the reader first"
        if any(position < self.first for position in self._positions.values()):
            raise PositionGone(self._topic)
        found: dict[int, list[Message]] = {}
        new = self._producer.messages[self._looked_at :]
        self._looked_at += len(new)
        for one in new:
            wanted = self._positions.get(one.partition)
            if one.topic == self._topic and wanted is not None and one.offset >= wanted:
                message = Message(one.offset, one.timestamp_ms, one.value or b"", one.headers)
                found.setdefault(one.partition, []).append(message)
                self._positions[one.partition] = one.offset + 1
        return found

    async def close(self) -> None:
        self._positions = None
