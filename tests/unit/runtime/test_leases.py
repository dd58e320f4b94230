"""Leases while clocks differ: never two holders."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.leases import LEASES
from headwater.runtime.clock import ManualClock
from headwater.runtime.documents import MemoryDocuments, MemoryLog
from headwater.runtime.leases import Leases

STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["hold", "hold", "release"]), st.floats(0, 8)), max_size=25
)


@given(st.tuples(*[st.floats(-0.5, 0.5)] * 3), STEPS)
def test_two_never_hold_one_lease_at_once(skews, steps):
    """Each process goes by its own clock, and all clocks are within a second of each other."""
    asyncio.run(_play(skews, steps))


async def _play(skews, steps):
    log, clocks, processes, answers = MemoryLog(), [], [], [None] * len(skews)
    for skew in skews:
        documents, clock = MemoryDocuments(LEASES, log), ManualClock()
        await documents.start()
        clock.advance(skew)
        clocks.append(clock)
        processes.append(Leases(documents, clock, term_s=5))
    for who, deed, pause_s in steps:
        if deed == "hold":
            answers[who] = await processes[who].hold("x")
        else:
            await processes[who].release("x")
            answers[who] = None
        for passed_s in (0, pause_s):
            for clock in clocks:
                clock.advance(passed_s)
            holders = [
                number
                for number, lease in enumerate(answers)
                if lease is not None and lease.is_held(clocks[number].now_us())
            ]
            assert len(holders) <= 1
