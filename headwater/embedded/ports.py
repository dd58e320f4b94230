"""Which ports does the stack listen on, and are they free?  Loopback only."""

import asyncio
import socket
from collections.abc import Iterable
from itertools import islice
from random import SystemRandom

from headwater.embedded.errors import EmbeddedError

HOST = "127.0.0.1"
BELOW_EPHEMERAL = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now, all different. Raises EmbeddedError when there are too few.

    Not from the kernel's own range: there any outgoing connection may take a port between our look and its
    use, and a client that tries a port before its server listens can even connect to itself.
    """
    candidates = SystemRandom().sample(BELOW_EPHEMERAL, len(BELOW_EPHEMERAL))
    found = list(islice((port for port in candidates if _is_free(port)), count))
    if len(found) < count:
        raise EmbeddedError(f"no {count} free ports between {BELOW_EPHEMERAL[0]} and {BELOW_EPHEMERAL[-1]}")
    return found


def taken_ports(ports: Iterable[int]) -> list[int]:
    """Return those of the ports on which we could not listen."""
    return [port for port in ports if not _is_free(port)]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no obstacle
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


async def is_listening(port: int) -> bool:
    """Tell whether somebody accepts connections on the port."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(HOST, port), 0.5)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
