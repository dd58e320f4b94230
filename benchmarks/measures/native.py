"""A Kafka-native producer, one record a message: messages a second until all are searchable."""

from typing import Any

from benchmarks.job import LoadProcess
from benchmarks.measures.visible import until_searchable
from benchmarks.target import Target


async def native(target: Target, messages: int) -> dict[str, Any]:
    """Return messages/s from the first one produced until all are searchable."""
    job = {"target": target.to_json(), "first": 0, "records": messages, "timeout_s": 120}
    async with LoadProcess("benchmarks.load.native", job) as load:
        sent = await load.run(timeout_s=180)
    visible = await until_searchable(target, messages, within_s=300)
    return {
        "records": messages,
        "acknowledged_per_s": round(messages / (sent["last_ack"] - sent["started"])),
        "searchable_per_s": round(messages / (visible - sent["started"])),
    }
