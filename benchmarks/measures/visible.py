"""When is everything searchable?  Counts through the read side until the count is exactly as expected.

Counting costs the store processor time which the stack would use better, so the next count waits for half the
time that the rest will take at the pace so far: few counts on the way, close ones at the end.
"""

import asyncio
import time

from benchmarks.expectations import ExpectationFailed, expect
from benchmarks.target import Reader, Target

SHORTEST_S, LONGEST_S = 0.02, 0.5
STANDSTILL_S = 30.0  # without one more record: the rest is lost


async def until_searchable(target: Target, expected: int, within_s: float) -> float:
    """Return the moment (monotonic) of the first answer that counted `expected` records.

    Raises ExpectationFailed when there are ever more, or not all in time.
    """
    began = time.monotonic()
    first, last, moved = None, -1, began
    async with Reader(target) as reader:
        while True:
            count = await reader.count()
            now = time.monotonic()
            expect(count <= expected, f"{target.name}: {count} records are searchable, {expected} were sent")
            if count == expected:
                return now
            if count != last:
                last, moved = count, now
            if now > min(began + within_s, moved + STANDSTILL_S):
                missing = f"{expected - count} of {expected} records are missing"
                raise ExpectationFailed(f"{target.name}: {missing} after {now - began:.0f} s")
            first = count if first is None else first
            await asyncio.sleep(pause_s(count - first, expected - count, now - began))


def pause_s(arrived: int, missing: int, seconds: float) -> float:
    """Return how long to wait before the next count; `arrived` records came in the last `seconds`."""
    if arrived <= 0:
        return SHORTEST_S
    return min(max(missing / arrived * seconds / 2, SHORTEST_S), LONGEST_S)
