"""Do the topics exist?  Every service asks at its start; whoever is first creates them."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from headwater.domain.errors import BrokerUnavailable
from headwater.runtime.kafka.topics import TopicSpec
from headwater.runtime.settings import KafkaSettings

START_TIMEOUT_S = 60.0  # a broker that was just started may take this long to serve groups
ATTEMPT_TIMEOUT_S = 10.0
RETRY_S = 0.2


async def ensure_topics(kafka: KafkaSettings, *, timeout_s: float = START_TIMEOUT_S) -> None:
    """Return once the broker serves every topic, created if missing, and consumer groups.

    Repeatable, and safe from several processes at once. Existing topics stay as they are. Raises
    BrokerUnavailable when that is not so after `timeout_s`.
    """
    specs = kafka.topics.specs(partitions=kafka.partitions)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while True:
        try:
            async with asyncio.timeout(max(0.1, min(ATTEMPT_TIMEOUT_S, deadline - loop.time()))):
                return await _try_ensure(kafka, specs)
        except (KafkaError, OSError, TimeoutError) as error:
            if loop.time() + RETRY_S > deadline:
                raise BrokerUnavailable(f"Kafka at {kafka.bootstrap} is not ready: {error!r}") from error
        await asyncio.sleep(RETRY_S)


async def _try_ensure(kafka: KafkaSettings, specs: Sequence[TopicSpec]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    try:
        await admin.start()
        await _create_missing(admin, specs, kafka.replication_factor)
        await _check_leaders(admin, specs)
        await admin.find_coordinator(kafka.topics.prefix + "ready")  # creates the topic of group offsets
    finally:
        await admin.close()


async def _create_missing(admin: Any, specs: Sequence[TopicSpec], replication_factor: int) -> None:
    existing = set(await admin.list_topics())
    missing = [
        NewTopic(spec.name, spec.partitions, replication_factor, topic_configs=dict(spec.config))
        for spec in specs
        if spec.name not in existing
    ]
    if not missing:
        return
    response = await admin.create_topics(missing)
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(f"topic {name}")


async def _check_leaders(admin: Any, specs: Sequence[TopicSpec]) -> None:
    """Raise the broker's own (retriable) error while a topic or partition cannot be used yet."""
    for topic in await admin.describe_topics([spec.name for spec in specs]):
        for part in (topic, *topic["partitions"]):
            if part["error_code"]:
                raise for_code(part["error_code"])(f"topic {topic['topic']}")
