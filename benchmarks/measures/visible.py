"""When is everything searchable?  Counts through the read side until the count is exactly as expected."""

import asyncio
import time

from benchmarks.expectations import ExpectationFailed, expect
from benchmarks.target import Reader, Target

_INTERVAL_S = 0.05


async def until_searchable(target: Target, expected: int, within_s: float) -> float:
    """Return the moment (monotonic) of the first answer that counted `expected` records.

    Raises ExpectationFailed when there are ever more, or not all in time.
    """
    deadline = time.monotonic() + within_s
    async with Reader(target) as reader:
        while True:
            count = await reader.count()
            now = time.monotonic()
            expect(count <= expected, f"{target.name}: {count} records are searchable, {expected} were sent")
            if count == expected:
                return now
            if now > deadline:
                missing = f"{expected - count} of {expected} records are missing"
                raise ExpectationFailed(f"{target.name}: {missing} after {within_s:.0f} s")
            await asyncio.sleep(_INTERVAL_S)
