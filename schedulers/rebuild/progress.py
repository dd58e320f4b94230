"""How far is a build?  News on topic activity for whoever asks for the status; nothing depends on it."""

import orjson

from headwater.runtime.clock import Clock
from headwater.runtime.kafka.producer import Producer

EVERY_US = 1_000_000


class Progress:
    """Counts replayed records and tells about them once in a while, without waiting."""

    def __init__(
        self, producer: Producer, topic: str, clock: Clock, *, dataset_uid: str, build_uid: str
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._clock = clock
        self._key = f"build/{dataset_uid}".encode()
        self._build_uid = build_uid
        self._told_at_us = 0
        self._archived = 0
        self._live = 0
        self.total: int | None = None  # records in the archive

    @property
    def replayed(self) -> int:
        """Records sent so far."""
        return self._archived + self._live

    def add(self, records: int) -> None:
        """Note records of the archive that were sent."""
        self._archived += records
        if self._clock.now_us() - self._told_at_us >= EVERY_US:
            self._tell()

    def note_live(self, records: int) -> None:
        """Note how many live records were sent in all."""
        self._live = records
        if self.total is not None:
            self.total = self.replayed
        self._tell()

    def end(self) -> None:
        """Take the news back: the build is complete."""
        self._producer.send_soon(self._topic, None, key=self._key, partition=0)

    def _tell(self) -> None:
        self._told_at_us = self._clock.now_us()
        value = {
            "build": self._build_uid,
            "replayed": self.replayed,
            "total": self.total,
            "at_us": self._told_at_us,
        }
        self._producer.send_soon(self._topic, orjson.dumps(value), key=self._key, partition=0)
