"""Load by a Kafka-native producer: confluent-kafka, one record a message, acks=all."""

import time
from typing import Any

from confluent_kafka import KafkaException, Producer

from benchmarks.expectations import ExpectationFailed, expect
from benchmarks.job import Run, serve
from benchmarks.records import bodies
from benchmarks.target import Target

_SETTINGS = {
    "acks": "all",
    "linger.ms": 5,
    "queue.buffering.max.messages": 2_000_000,
    "queue.buffering.max.kbytes": 1_000_000,
    "delivery.report.only.error": True,
}


class NativeLoad:
    """Produces every value once and waits until the broker has acknowledged all of them."""

    def __init__(self, target: Target, values: list[bytes], timeout_s: float) -> None:
        self._native = target.native
        self._values = values
        self._timeout_s = timeout_s
        self._failed: list[str] = []
        self._producer = Producer({**_SETTINGS, "bootstrap.servers": self._native.bootstrap})

    def connect(self) -> None:
        """Meet the broker before the clock runs; raises KafkaException when it is not there."""
        self._producer.list_topics(self._native.topic, timeout=20)

    async def run(self) -> dict[str, Any]:
        """Return started, last_ack (monotonic) and the number of messages; raises ExpectationFailed."""
        started = time.monotonic()
        headers = list(self._native.headers.items())
        topic, produce = self._native.topic, self._producer.produce
        try:
            for number, value in enumerate(self._values):
                produce(topic, value, headers=headers, on_delivery=self._delivered)
                if number % 1000 == 0:
                    self._producer.poll(0)
        except (KafkaException, BufferError) as error:
            raise ExpectationFailed(f"the producer refused a message: {error}") from error
        left = self._producer.flush(self._timeout_s)
        expect(left == 0, f"{left} messages were not acknowledged in {self._timeout_s:.0f} s")
        expect(not self._failed, f"{len(self._failed)} messages failed, first: {self._failed[:1]}")
        return {"started": started, "last_ack": time.monotonic(), "requests": len(self._values)}

    def _delivered(self, error: object, _: object) -> None:
        if error is not None:
            self._failed.append(str(error))


async def prepare(job: dict[str, Any]) -> Run:
    """Make all values and connect."""
    target = Target.from_json(job["target"])
    load = NativeLoad(target, list(bodies(job["first"], job["records"], 1)), job["timeout_s"])
    load.connect()
    return load.run


if __name__ == "__main__":
    serve(prepare)
