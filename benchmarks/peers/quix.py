"""The peer: flights enriched by Quix Streams, inserted into ClickHouse. Run by benchmarks/stacks/quix.py."""

import os

import clickhouse_connect
import orjson
from quixstreams import Application
from quixstreams.sinks import BatchingSink, SinkBatch

from benchmarks.peers.plain import STEPS, is_flown

COMMIT_INTERVAL_S = 1.0  # also how often rows are inserted: few and large inserts, as ClickHouse wants them


class ClickHouseSink(BatchingSink):
    """Inserts what came since the last checkpoint, one insert for each partition."""

    def __init__(self, url: str, table: str) -> None:
        super().__init__()
        self._url = url
        self._table = table

    def setup(self) -> None:
        """Connect; called by Quix Streams before the first message."""
        self._client = clickhouse_connect.get_client(dsn=self._url)

    def write(self, batch: SinkBatch) -> None:
        """Insert a batch; Quix Streams commits its offsets when all batches are written."""
        rows = b"\n".join([orjson.dumps(item.value) for item in batch])
        settings = {"date_time_input_format": "best_effort"}
        self._client.raw_insert(self._table, insert_block=rows, fmt="JSONEachRow", settings=settings)


def main() -> None:
    """Process until told to stop."""
    app = Application(
        broker_address=os.environ["PEER_KAFKA"],
        consumer_group=os.environ["PEER_GROUP"],
        auto_offset_reset="earliest",
        commit_interval=COMMIT_INTERVAL_S,
        auto_create_topics=False,
        use_changelog_topics=False,
        loglevel="WARNING",
    )
    flights = app.dataframe(app.topic(os.environ["PEER_TOPIC"], value_deserializer="json"))
    flights = flights.filter(is_flown)
    for step in STEPS:
        flights = flights.update(step)
    flights.sink(ClickHouseSink(os.environ["PEER_CLICKHOUSE"], os.environ["PEER_TABLE"]))
    app.run()


if __name__ == "__main__":
    main()
