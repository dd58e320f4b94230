"""Which processes say that they are ready, right now?  Asked at their management ports."""

import asyncio
from dataclasses import replace

import aiohttp

from headwater.embedded.state import ProcessState, RunState, State

TIMEOUT_S = 2.0


async def is_ready(url: str) -> bool:
    """Tell whether the service with this management URL says that it is ready."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"{url}/readyz") as response,
        ):
            return response.ok
    except (aiohttp.ClientError, TimeoutError):
        return False


async def asked(state: RunState) -> RunState:
    """Return the state with every service asked; Kafka and the store are as the supervisor knows them."""
    answers = await asyncio.gather(*(_asked(one) for one in state.processes.values()))
    return replace(state, processes=dict(zip(state.processes, answers, strict=True)))


async def _asked(process: ProcessState) -> ProcessState:
    if process.state is not State.READY or process.metrics is None or await is_ready(process.metrics):
        return process
    return replace(process, state=State.UNREADY)
