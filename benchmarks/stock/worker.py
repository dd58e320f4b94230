"""The stock worker: a Faust agent types one event after the other, a timer inserts what came every second."""

import os
from collections import defaultdict
from datetime import UTC, datetime
from hashlib import sha1
from time import time_ns
from typing import Any

import clickhouse_connect
import faust

COLUMNS = ["_id", "_version", "identifier", "timestamp", "parameter", "value"]

Row = tuple[str, int, str, datetime, str, float]

app = faust.App(
    os.environ["STOCK_GROUP"],
    broker="kafka://" + os.environ["STOCK_KAFKA"],
    store="memory://",
    datadir=os.environ["STOCK_DATADIR"],
    web_enabled=False,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
)
topic = app.topic(os.environ["STOCK_TOPIC"], key_type=bytes, value_serializer="json")
rows: defaultdict[str, list[Row]] = defaultdict(list)


def to_row(record: dict[str, Any]) -> Row:
    """Type the four fields and give the record its id."""
    identifier = str(record["identifier"])
    moment = datetime.fromisoformat(record["timestamp"].replace("/", "-")).replace(tzinfo=UTC)
    parameter, value = str(record["parameter"]), float(record["value"])
    record_id = sha1(f"{identifier}|{moment}|{parameter}|{value}".encode()).hexdigest()  # noqa: S324 - an id
    return record_id, time_ns() // 1000, identifier, moment, parameter, value


@app.agent(topic)  # type: ignore[untyped-decorator]
async def readings(stream: Any) -> None:
    """Type every record of every event."""
    async for event in stream.events():
        records = event.value if isinstance(event.value, list) else [event.value]
        rows[event.headers["dataset"].decode()].extend([to_row(record) for record in records])


@app.task  # type: ignore[untyped-decorator]
async def connect() -> None:
    """Open the one connection to ClickHouse."""
    app.clickhouse = await clickhouse_connect.get_async_client(dsn=os.environ["STOCK_CLICKHOUSE"])


@app.timer(interval=1.0)  # type: ignore[untyped-decorator]
async def insert() -> None:
    """Insert what came in the last second."""
    for dataset in list(rows):
        await app.clickhouse.insert(dataset, rows.pop(dataset), column_names=COLUMNS)


if __name__ == "__main__":
    app.main()
