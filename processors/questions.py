"""Who answers the questions of gateways?  One of the processors: they share topic questions as a group."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from headwater.domain.errors import BrokerUnavailable, TooLarge
from headwater.runtime.clock import Clock
from headwater.runtime.kafka.producer import Producer
from headwater.runtime.settings import KafkaSettings

log = structlog.get_logger(__name__)

FRESH_S = 30.0  # nobody waits for the answer to an older question
AT_ONCE = 4  # questions answered side by side
RETRY_S = 1.0

Answer = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]


class Questions:
    """Reads questions and sends answers; a question that is lost is asked again by a person."""

    def __init__(self, kafka: KafkaSettings, producer: Producer, clock: Clock, answer: Answer) -> None:
        self._kafka = kafka
        self._producer = producer
        self._clock = clock
        self._answer = answer
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._answering: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Answer, for ever."""
        while True:
            try:
                await self._follow()
            except KafkaError as error:
                log.warning("topic questions cannot be read, will be tried again", error=repr(error))
                await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        topics = self._kafka.topics
        consumer = AIOKafkaConsumer(
            topics.questions,
            bootstrap_servers=self._kafka.bootstrap,
            group_id=topics.questions_group,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=16 * 1024 * 1024,
        )
        await consumer.start()
        try:
            async for record in consumer:
                await self._take(record)
        finally:
            await consumer.stop()

    async def _take(self, record: ConsumerRecord) -> None:
        if record.timestamp / 1000 + FRESH_S < self._clock.now_us() / 1_000_000 or record.key is None:
            return
        await self._slots.acquire()
        task = asyncio.create_task(self._reply(record.key, record.value or b""))
        self._answering.add(task)
        task.add_done_callback(self._done)

    async def _reply(self, key: bytes, value: bytes) -> None:
        try:
            question = orjson.loads(value)
        except orjson.JSONDecodeError:
            log.warning("line of topic questions cannot be read")
            return
        answer = orjson.dumps(await self._answer(question))
        try:
            await self._producer.send(self._kafka.topics.answers, answer, key=key, partition=0)
        except (BrokerUnavailable, TooLarge) as error:
            log.warning("a question was not answered", error=str(error))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._answering.discard(task)
        self._slots.release()
        if not task.cancelled() and (error := task.exception()):
            log.error("a question failed", error=repr(error), exc_info=error)
