"""Run the endpoint: python -m headwater.embedded.endpoint --data-dir DIR --port PORT."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from headwater.embedded.leash import PARENT_DEATH, tie_to_parent

MEMORY_MB = 800


def main() -> int:
    """Serve until SIGTERM or SIGINT; 0 after a clean stop."""
    options = _options()
    if os.environ.get(PARENT_DEATH) == "1":
        tie_to_parent()
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    uvloop.run(_serve(options.data_dir, options.host, options.port, options.memory_mb))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="headwater.embedded.endpoint", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="where the tables are; one process each")
    parser.add_argument("--host", default="127.0.0.1", help="there are no users: keep it on the loopback")
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--memory-mb", type=int, default=MEMORY_MB, help="limit of the engine in MB")
    return parser.parse_args()


async def _serve(data_dir: Path, host: str, port: int, memory_mb: int) -> None:
    from headwater.embedded.endpoint.app import build
    from headwater.embedded.endpoint.engine import Engine

    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    engine = Engine(data_dir, memory_bytes=memory_mb * 1024 * 1024)
    await engine.start()
    runner = web.AppRunner(build(engine), access_log=None, auto_decompress=False, shutdown_timeout=5.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        await stopping.wait()
    finally:
        await runner.cleanup()
        await engine.close()


if __name__ == "__main__":
    sys.exit(main())
