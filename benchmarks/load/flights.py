"""Load of flights: by a Kafka-native producer, one record a message, or in batches over HTTP."""

from typing import Any

from benchmarks.http1 import Connection, request_bytes
from benchmarks.job import Run, serve
from benchmarks.load.closed import ClosedLoop
from benchmarks.load.native import NativeLoad
from benchmarks.peers.flights import bodies
from benchmarks.target import Target


async def prepare(job: dict[str, Any]) -> Run:
    """Make all flights and connect; a batch of 1 goes to Kafka."""
    target = Target.from_json(job["target"])
    made = list(bodies(job["first"], job["records"], job["batch"]))
    if job["batch"] == 1:
        load = NativeLoad(target, made, job["timeout_s"])
        load.connect()
        return load.run
    loop = ClosedLoop([request_bytes(target.push_url, body) for body in made], None)
    connections = [await Connection.open(*target.address, loop.answered) for _ in range(job["connections"])]

    async def run() -> dict[str, Any]:
        try:
            return await loop.run(connections)
        finally:
            for connection in connections:
                connection.close()

    return run


if __name__ == "__main__":
    serve(prepare)
