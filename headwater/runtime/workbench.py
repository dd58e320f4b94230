"""How does a gateway learn what processors know?  It asks one of them, over topics questions and answers.

The stack and all that belongs to it (its code, its look-ups, their secrets) live in the processors. So the
code that checks a processor is the code that will run it, and no text of a user is evaluated in a gateway.
The price: without any processor alive nothing about a stack can be saved or previewed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol
from uuid import uuid4

import orjson
import structlog
from aiokafka.structs import ConsumerRecord

from headwater.domain.errors import (
    BrokerUnavailable,
    InvalidDocument,
    OverLimit,
    ProcessorsUnavailable,
    TooLarge,
)
from headwater.runtime.kafka.producer import Producer
from headwater.runtime.kafka.tail import Tail
from headwater.runtime.settings import KafkaSettings

log = structlog.get_logger(__name__)

ASKING_LIMIT = 200  # questions that wait for an answer at once
Question = dict[str, Any]  # `kind`, and what it is about (processors/answering.py)
Answer = dict[str, Any]
Answering = Callable[[Question], Awaitable[Answer]]


class Workbench(Protocol):
    """Somebody who knows processors."""

    async def ask(self, question: Question, timeout_s: float) -> Mapping[str, Any]:
        """Return the answer to a question.

        Raises InvalidDocument for what the question names wrongly, ProcessorsUnavailable when nobody answers
        in time, OverLimit when the question is too large.
        """
        ...


def told(answer: Answer) -> Mapping[str, Any]:
    """Return what an answer tells, or raise the error that it is."""
    if (error := answer.get("error")) is not None:
        raise InvalidDocument(error["field"], error["message"])
    tells: Mapping[str, Any] = answer["tells"]
    return tells


class DirectWorkbench:
    """The twin: asks within the process. What passes is JSON here, too."""

    def __init__(self, answer: Answering) -> None:
        self._answer = answer

    async def ask(self, question: Question, timeout_s: float) -> Mapping[str, Any]:
        asked = orjson.loads(orjson.dumps(question))
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._answer(asked)
        except TimeoutError as error:
            raise ProcessorsUnavailable(timeout_s) from error
        return told(orjson.loads(orjson.dumps(answer)))


class NobodyAtWork:
    """The twin of a platform without processors: no question is ever answered."""

    async def ask(self, question: Question, timeout_s: float) -> Mapping[str, Any]:  # noqa: ARG002 - the port's signature
        raise ProcessorsUnavailable(timeout_s)


class KafkaWorkbench:
    """Asks over Kafka; of several processors one answers."""

    def __init__(self, kafka: KafkaSettings, producer: Producer) -> None:
        self._topic = kafka.topics.questions
        self._producer = producer
        self._asking: dict[str, asyncio.Future[Answer]] = {}
        self._tail = Tail(kafka, kafka.topics.answers, self._read, from_end=True)

    @property
    def ready(self) -> bool:
        """Whether answers are read."""
        return self._tail.failed is None

    async def start(self) -> None:
        """Begin to listen; raises BrokerUnavailable."""
        await self._tail.start()

    async def close(self) -> None:
        await self._tail.close()

    async def ask(self, question: Question, timeout_s: float) -> Mapping[str, Any]:
        if len(self._asking) >= ASKING_LIMIT:
            raise ProcessorsUnavailable(timeout_s)
        uid = uuid4().hex
        answered = self._asking[uid] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                await self._producer.send(self._topic, orjson.dumps(question), key=uid.encode())
                return told(await answered)
        except (TimeoutError, BrokerUnavailable) as error:
            raise ProcessorsUnavailable(timeout_s) from error
        except TooLarge as error:
            raise OverLimit(f"the question is too large: {error}", code="payload_too_large") from error
        finally:
            del self._asking[uid]

    def _read(self, records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            answered = self._asking.get((record.key or b"").decode(errors="replace"))
            if answered is None or answered.done():
                continue  # another gateway's, or too late
            try:
                answer = orjson.loads(record.value or b"")
            except orjson.JSONDecodeError:
                log.warning("line of topic answers cannot be read", offset=record.offset)
                continue
            answered.set_result(answer)
