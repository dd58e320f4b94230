"""Whoever asks a workbench is answered, told what is wrong, or told in time that nobody is there.

The contract of `Workbench` on the twin within the process, and on questions and answers over a real Kafka.
"""

import asyncio
import uuid

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from headwater.domain.errors import InvalidDocument, ProcessorsUnavailable
from headwater.runtime.clock import SystemClock
from headwater.runtime.kafka.producer import KafkaProducer
from headwater.runtime.settings import KafkaSettings
from headwater.runtime.workbench import DirectWorkbench, KafkaWorkbench, NobodyAtWork
from processors.questions import Questions

ANSWER_S = 30.0


async def answer(question):
    """Answer what the tests ask."""
    if question["kind"] == "wrong":
        return {"error": {"field": "old", "message": "parameter is mandatory"}}
    if question["kind"] == "long":
        await asyncio.Event().wait()
    return {"tells": {"asked": question}}


class KafkaBench:
    """A workbench over topics of its own, and a processor that answers if it is told to."""

    def __init__(self, bootstrap):
        self.kafka = KafkaSettings(bootstrap=bootstrap, topic_prefix=f"contract-{uuid.uuid4().hex[:12]}.")
        self.producer = KafkaProducer(self.kafka)
        self.workbench = KafkaWorkbench(self.kafka, self.producer)
        self.answering = None

    async def start(self):
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        topics = (self.kafka.topics.questions, self.kafka.topics.answers)
        specs = [one for one in self.kafka.topics.specs(partitions=2) if one.name in topics]
        await admin.create_topics(
            [NewTopic(one.name, one.partitions, 1, topic_configs=dict(one.config)) for one in specs]
        )
        await admin.close()
        await self.producer.start()
        await self.workbench.start()

    async def hire(self):
        questions = Questions(self.kafka, self.producer, SystemClock(), answer)
        self.answering = asyncio.create_task(questions.run())

    async def close(self):
        if self.answering is not None:
            self.answering.cancel()
            await asyncio.gather(self.answering, return_exceptions=True)
        await self.workbench.close()
        await self.producer.close()


@pytest.fixture
async def kafka_bench(request):
    bench = KafkaBench(request.getfixturevalue("broker").bootstrap)
    await bench.start()
    yield bench
    await bench.close()


@pytest.fixture(params=["direct", "kafka"])
async def workbench(request):
    """A workbench at which somebody works."""
    if request.param == "direct":
        yield DirectWorkbench(answer)
        return
    bench = KafkaBench(request.getfixturevalue("broker").bootstrap)
    await bench.start()
    await bench.hire()
    yield bench.workbench
    await bench.close()


async def test_each_question_gets_its_own_answer(workbench):
    """However many are asked at once; what passes is JSON."""
    questions = [{"kind": "echo", "number": number} for number in range(20)]
    answers = await asyncio.gather(*[workbench.ask(one, ANSWER_S) for one in questions])
    assert [one["asked"] for one in answers] == questions


async def test_what_is_wrong_is_told_as_an_invalid_document(workbench):
    """With the parameter to blame."""
    with pytest.raises(InvalidDocument, match="old: parameter is mandatory"):
        await workbench.ask({"kind": "wrong"}, ANSWER_S)


async def test_an_answer_that_takes_too_long_is_not_waited_for(workbench):
    """Bounded by the caller; the next question is answered all the same."""
    with pytest.raises(ProcessorsUnavailable):
        await workbench.ask({"kind": "long"}, 0.05)
    assert await workbench.ask({"kind": "echo"}, ANSWER_S) == {"asked": {"kind": "echo"}}


async def test_without_anybody_a_question_ends_in_time():
    """As it does in a gateway that was built without processors."""
    with pytest.raises(ProcessorsUnavailable):
        await NobodyAtWork().ask({"kind": "echo"}, 0.05)


async def test_a_question_waits_for_a_processor_that_starts_meanwhile(kafka_bench):
    """Right after `headwater up` the gateway may be there first."""
    asking = asyncio.create_task(kafka_bench.workbench.ask({"kind": "echo"}, ANSWER_S))
    await asyncio.sleep(0)
    await kafka_bench.hire()
    assert await asking == {"asked": {"kind": "echo"}}
