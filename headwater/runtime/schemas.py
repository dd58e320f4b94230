"""What was seen in each dataset's fields?  A live view of the compacted schemas topic."""

from collections.abc import Sequence
from typing import Protocol

import orjson
import structlog
from aiokafka.structs import ConsumerRecord

from headwater.domain.schema import Schema
from headwater.runtime.kafka.producer import Producer
from headwater.runtime.kafka.tail import Tail
from headwater.runtime.settings import KafkaSettings

log = structlog.get_logger(__name__)


class Schemas(Protocol):
    """Who has seen what: readers merge, so the order of growth does not matter."""

    def get(self, uid: str) -> Schema:
        """Return what was seen in a dataset so far; an empty schema for an unknown one."""
        ...

    async def grow(self, uid: str, seen: Schema) -> Schema:
        """Add what was seen and return the merged schema; durable on return. Raises BrokerUnavailable."""
        ...


class MemorySchemas:
    """The twin: a dictionary."""

    def __init__(self) -> None:
        self._schemas: dict[str, Schema] = {}

    def get(self, uid: str) -> Schema:
        return self._schemas.get(uid, Schema())

    async def grow(self, uid: str, seen: Schema) -> Schema:
        self._schemas[uid] = self.get(uid).merge(seen)
        return self._schemas[uid]


class SchemaBook:
    """The schemas topic.

    Every line holds all that its writer knew. Two workers may grow one dataset at the same time, and
    compaction would keep only the later line; so whoever reads a line that lacks something that it had
    published itself publishes the merger. That ends as soon as one line holds everything.
    """

    def __init__(self, kafka: KafkaSettings, producer: Producer) -> None:
        self._topic = kafka.topics.schemas
        self._producer = producer
        self._schemas: dict[str, Schema] = {}
        self._published: dict[str, Schema] = {}
        self._tail = Tail(kafka, self._topic, self._read)

    async def start(self) -> None:
        """Read the topic to its present end."""
        await self._tail.start()

    async def close(self) -> None:
        await self._tail.close()

    def get(self, uid: str) -> Schema:
        return self._schemas.get(uid, Schema())

    async def grow(self, uid: str, seen: Schema) -> Schema:
        merged = self.get(uid).merge(seen)
        self._schemas[uid] = merged
        self._published[uid] = merged
        await self._producer.send(self._topic, orjson.dumps(merged.to_json()), key=uid.encode())
        return merged

    def _read(self, records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            uid = record.key.decode()
            line = Schema.from_json(orjson.loads(record.value))
            merged = self.get(uid).merge(line)
            self._schemas[uid] = merged
            if not line.covers(self._published.get(uid, line)):
                self._published[uid] = merged
                self._producer.send_soon(self._topic, orjson.dumps(merged.to_json()), key=uid.encode())
