"""Where do views of documents come from in a contract suite?  A log in memory, or a topic of a real Kafka."""

import uuid

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from headwater.runtime.documents import MemoryLog
from headwater.runtime.kafka.producer import KafkaProducer
from headwater.runtime.settings import KafkaSettings


class MemoryWorld:
    """Views that share a log in memory, as processes share a topic; `make(log)` returns one."""

    def __init__(self, make):
        self.log = MemoryLog()
        self._make = make

    async def open(self):
        """Return a further view, started."""
        documents = self._make(self.log)
        await documents.start()
        return documents

    async def cut_off(self):
        """Let no view write any more."""
        self.log.available = False

    async def close(self):
        """End the world."""


class KafkaWorld:
    """Views that share one topic; each has a producer and a consumer of its own.

    `make(kafka, producer)` returns one; `word` ends the topic's name.
    """

    def __init__(self, bootstrap, word, make):
        self.kafka = KafkaSettings(
            bootstrap=bootstrap, topic_prefix=f"contract-{uuid.uuid4().hex[:12]}.", produce_timeout_s=5
        )
        self._word = word
        self._make = make
        self._parts = []
        self._producers = []

    async def start(self):
        """Create the topic."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            spec = next(one for one in self.kafka.topics.specs(partitions=1) if one.name.endswith(self._word))
            await admin.create_topics([NewTopic(spec.name, 1, 1, topic_configs=dict(spec.config))])
        finally:
            await admin.close()

    async def open(self):
        """Return a further view, started."""
        producer = KafkaProducer(self.kafka)
        documents = self._make(self.kafka, producer)
        self._parts += [documents, producer]
        self._producers.append(producer)
        await producer.start()
        await documents.start()
        return documents

    async def cut_off(self):
        """Let no view write any more."""
        for producer in self._producers:
            await producer.close()

    async def close(self):
        """End the world."""
        for part in self._parts:
            await part.close()
            await part.close()
