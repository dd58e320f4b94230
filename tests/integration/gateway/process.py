"""A gateway as a process of its own, for tests that stop or kill it."""

import asyncio
import os
import signal
import sys
from contextlib import suppress

import aiohttp

from headwater.embedded.ports import free_ports

ADMIN_KEY = "integration"
PRODUCE_TIMEOUT_S = 3.0
START_S = 60.0


class GatewayProcess:
    """`python -m gateway` on free ports."""

    def __init__(self, bootstrap, **environ):
        self.port, self.metrics_port = free_ports(2)
        self.url = f"http://127.0.0.1:{self.port}"
        self.environ = {
            **os.environ,
            "HEADWATER_ADMIN_KEY": ADMIN_KEY,
            "HEADWATER_GATEWAY_PORT": str(self.port),
            "HEADWATER_METRICS_PORT": str(self.metrics_port),
            "HEADWATER_KAFKA_BOOTSTRAP": bootstrap,
            "HEADWATER_KAFKA_PRODUCE_TIMEOUT_S": str(PRODUCE_TIMEOUT_S),
            "HEADWATER_PARENT_DEATH": "1",
            **environ,
        }
        self.process = None

    async def start(self, session):
        self.process = await asyncio.create_subprocess_exec(sys.executable, "-m", "gateway", env=self.environ)
        async with asyncio.timeout(START_S):
            while True:
                with suppress(aiohttp.ClientError):
                    response = await session.get(f"http://127.0.0.1:{self.metrics_port}/readyz")
                    if response.status == 200:
                        return
                await asyncio.sleep(0.1)

    async def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 30)

    async def kill(self):
        """End it as a crash does; harmless when it has ended."""
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def open_dataset(self, session):
        """Return the URL to push to."""
        base, headers = f"{self.url}/api/automation/v1.0/datasets/", {"Authorization": f"apikey {ADMIN_KEY}"}
        document = {"dataset_id": "loss", "metadata": {"default": {"title": {"value": "Loss"}}}}
        dataset = await (await session.post(base, json=document, headers=headers)).json()
        document = {"type": "realtime", "title": "realtime"}
        created = await session.post(f"{base}{dataset['uid']}/resources/", json=document, headers=headers)
        resource = await created.json()
        published = await session.post(f"{base}{dataset['uid']}/publish/", headers=headers)
        assert published.status == 200
        return f"{self.url}/api/push/1.0/loss/realtime/push/?pushkey={resource['pushkey']}"
