"""What travels where?  The topics, their keys, values and headers: written down once.

| topic      | key         | value                                        | cleanup  |
|------------|-------------|----------------------------------------------|----------|
| raw        | dataset id  | one object, an array, or NDJSON, as pushed   | time     |
| records    | dataset uid | rows of one generation: JSONCompactEachRow   | time     |
| quarantine | dataset uid | JSON lines: refused records with reasons     | time     |
| schemas    | dataset uid | the inferred schema so far                   | compact  |
| catalog    | dataset uid | the dataset document, or nothing (deleted)   | compact  |
| applied    | dataset uid | what is queryable since now                  | time     |
| claims     | token       | which version an idempotency key was given   | time     |
| activity   | see below   | what came in lately, how far builds are      | compact  |
| apikeys    | key uid     | an API key's document                        | compact  |
| leases     | name        | who does what only one may do, and its state | compact  |
| postponed  | dataset uid | raw records that wait for somebody away      | time     |
| questions  | question id | what a gateway wants to know of a stack      | time     |
| answers    | question id | what a processor says to that                | time     |

A partition of topic postponed is a tier: all that lies on it waits equally long (processors/postponed.py).
Keys of topic activity: `in/<dataset uid>/<resource id>/<instance>` and `build/<dataset uid>`.

A row on topic records is a JSON array: the values of `domain.tables.ROW_COLUMNS`, then of the columns that
the header `schema` names, in its order. A comma stands between two rows. With header `target` = `patches` the
rows are patches: each further value is `[version, value]`, or null where the record did not name the field.

An *offset* in this package is always the next one to read. Header names and values are ASCII bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
CLAIMS_MS = 25 * 3600 * 1000  # an hour more than an idempotency key is remembered
POSTPONED_TIERS = 4  # partitions of topic postponed
PATCHES = "patches"  # the value of header `target`


class Op(StrEnum):
    """What a raw batch does to the records it names."""

    UPSERT = "upsert"
    MERGE = "merge"  # the values patch the records with their key fields: fields not named stay
    DELETE = "delete"  # the values are records as they were pushed, or their key fields
    DELETE_BY_ID = "delete-by-id"  # the values are {"_id": "<40 hex>"}


class Origin(StrEnum):
    """Through which door a raw batch came in."""

    PUSH = "push"
    KAFKA = "kafka"
    SCHEDULE = "schedule"
    REPLAY = "replay"


class Header:
    """Header names, as aiokafka sends them."""

    DATASET = "dataset"  # raw: dataset id (slug) ; records, quarantine: dataset uid
    RESOURCE = "resource"  # resource id (slug)
    OP = "op"  # an Op; upsert when missing
    VERSION = "version"  # decimal; raw: the first record's, record i has version + i; records: the greatest
    COUNT = "count"  # decimal; records, or rows, in the value
    RECEIVED_AT = "received-at"  # decimal; microseconds since 1970
    ORIGIN = "origin"  # an Origin; kafka when missing
    REVISION = "revision"  # decimal; the dataset's revision under which the gateway accepted it
    PUSHKEY = "pushkey"  # only from Kafka-native producers, never forwarded
    GENERATION = "generation"  # decimal; records: which table the rows are for
    SCHEMA = "schema"  # records: JSON object, physical column name -> ClickHouse type, in the rows' order
    SOURCE = "source"  # records, quarantine: raw partition ":" first offset ":" end offset
    PART = "part"  # records, quarantine: "i" or, on the last, "i/n", when one source became several messages
    TARGET = "target"  # records: rows (when missing) or patches
    HISTORY = "history"  # records: "1" when the rows are also for the generation's history table
    JOINED = "joined"  # raw, of a replay: "1" when every record was a message of its own
    SHARED_VERSION = "shared-version"  # raw, of a replay: "1" when every record has the message's version
    ATTEMPT = "attempt"  # raw, of a record that comes from quarantine: how often it was replayed
    POSITION = "position"  # raw, likewise, decimal: its position there; 0 when missing


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """How one topic is created."""

    name: str
    partitions: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """The full names of all topics under one prefix."""

    prefix: str = "headwater."

    @property
    def raw(self) -> str:
        return self.prefix + "raw"

    @property
    def records(self) -> str:
        return self.prefix + "records"

    @property
    def quarantine(self) -> str:
        return self.prefix + "quarantine"

    @property
    def schemas(self) -> str:
        return self.prefix + "schemas"

    @property
    def catalog(self) -> str:
        return self.prefix + "catalog"

    @property
    def applied(self) -> str:
        return self.prefix + "applied"

    @property
    def claims(self) -> str:
        return self.prefix + "claims"

    @property
    def activity(self) -> str:
        return self.prefix + "activity"

    @property
    def apikeys(self) -> str:
        return self.prefix + "apikeys"

    @property
    def leases(self) -> str:
        return self.prefix + "leases"

    @property
    def postponed(self) -> str:
        return self.prefix + "postponed"

    @property
    def questions(self) -> str:
        return self.prefix + "questions"

    @property
    def answers(self) -> str:
        return self.prefix + "answers"

    @property
    def postponed_group(self) -> str:
        """The consumer group whose offsets of topic postponed say what was tried again."""
        return self.prefix + "headwater-postponed"

    @property
    def questions_group(self) -> str:
        """The consumer group that shares out the questions of gateways among the processors."""
        return self.prefix + "headwater-questions"

    @property
    def processors_group(self) -> str:
        """The consumer group whose offsets of topic raw say what has become rows."""
        return self.prefix + "headwater-processors"

    @property
    def sinks_group(self) -> str:
        """The consumer group whose offsets say what is stored (records, quarantine)."""
        return self.prefix + "headwater-sinks"

    @property
    def archive_group(self) -> str:
        """The consumer group whose offsets of topic raw say what is archived."""
        return self.prefix + "headwater-archive"

    def specs(self, *, partitions: int, retention_ms: int = 7 * 24 * 3600 * 1000) -> tuple[TopicSpec, ...]:
        """Return how to create every topic; `partitions` is for those that carry records."""
        size = {"max.message.bytes": str(MAX_MESSAGE_BYTES)}
        kept = {**size, "cleanup.policy": "delete", "retention.ms": str(retention_ms)}
        compact = {**size, "cleanup.policy": "compact", "min.compaction.lag.ms": str(24 * 3600 * 1000)}
        return (
            # The broker's own append time orders the records of producers who send no version.
            TopicSpec(self.raw, partitions, {**kept, "message.timestamp.type": "LogAppendTime"}),
            TopicSpec(self.records, partitions, kept),
            TopicSpec(self.quarantine, partitions, kept),
            TopicSpec(self.schemas, 1, compact),
            TopicSpec(self.catalog, 1, compact),
            TopicSpec(self.applied, 1, {**size, "cleanup.policy": "delete", "retention.ms": "3600000"}),
            TopicSpec(self.claims, 1, {**size, "cleanup.policy": "delete", "retention.ms": str(CLAIMS_MS)}),
            TopicSpec(self.activity, 1, {**size, "cleanup.policy": "compact"}),
            TopicSpec(self.apikeys, 1, compact),
            TopicSpec(self.leases, 1, compact),
            TopicSpec(self.postponed, POSTPONED_TIERS, kept),
            TopicSpec(
                self.questions, partitions, {**size, "cleanup.policy": "delete", "retention.ms": "600000"}
            ),
            TopicSpec(self.answers, 1, {**size, "cleanup.policy": "delete", "retention.ms": "600000"}),
        )
