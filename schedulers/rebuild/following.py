"""What comes in while the new generation is filled?  The live log, read along and sent again.

Guarantee: everything on the log below `positions` that belongs into the build is on the log again, as an
acknowledged replay. So whoever begins at a position that was once told repeats some, and misses nothing.
"""

from collections.abc import Callable

from headwater.runtime.kafka.groups import Positions
from headwater.runtime.kafka.reader import LogReader
from headwater.runtime.kafka.runs import Message
from schedulers.rebuild.plan import StartOver
from schedulers.rebuild.replays import Replay
from schedulers.rebuild.road import Check, Pause, Road

WAIT_S = 0.2
PAUSE_S = 0.02

Convert = Callable[[Message], Replay | None]


class Follower:
    """Follows topic raw from given positions; `run` never ends by itself."""

    def __init__(
        self,
        reader: LogReader,
        road: Road,
        positions: Positions,
        *,
        convert: Convert,
        check: Check,
        pause: Pause,
    ) -> None:
        self._reader = reader
        self._road = road
        self._convert = convert
        self._check = check
        self._pause = pause
        self.positions = dict(positions)
        self.replayed = 0  # records
        self.merged = False

    async def run(self) -> None:
        """Read on and on; raises what reader, road and check raise."""
        await self._reader.open(self.positions)
        while True:
            self._check()
            fetched = await self._reader.read(WAIT_S)
            for messages in fetched.values():
                for message in messages:
                    await self._pass_on(message)
            await self._road.acknowledged()
            for partition, messages in fetched.items():
                self.positions[partition] = messages[-1].offset + 1
            if not fetched:
                await self._pause(PAUSE_S)

    async def passed(self, ends: Positions) -> None:
        """Return when everything below these offsets is on the log again, where it belongs into the build."""
        if any(end > 0 and partition not in self.positions for partition, end in ends.items()):
            raise StartOver("topic raw was given further partitions")
        while any(end > self.positions.get(partition, 0) for partition, end in ends.items()):
            await self._pause(PAUSE_S)

    async def _pass_on(self, message: Message) -> None:
        replay = self._convert(message)
        if replay is not None:
            self.merged = self.merged or replay.merges
            await self._road.send(replay)
            self.replayed += replay.count
