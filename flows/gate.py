"""How many shards are under way at once: a few, and more while the engine has nothing to do.

Each shard under way holds its journal and tables in memory, so `least` is the bound that the recipe
sets. But a shard at its end, or one of which only a few problems pilot, asks for next to nothing:
while the engines could run more than is asked for, further shards come in, `MOST` at most.

Guarantees: a shard at a later stage comes in before one at an earlier stage, so that what is begun
is ended; of one stage they come in in the order in which they ask. Beyond `least` none comes in
before the one before it has asked for what it begins with, or has left. For one event loop.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from flows.context import RunContext

MOST = 64
AHEAD = 1.5  # asked for, of what may run: a shard that ends and the next one do not meet at once
LOOK_S = 0.05  # between two looks; and what a stage that does not search needs until it asks


@dataclass(order=True, slots=True)
class _Turn:
    """Of one shard that waits."""

    stage: int  # negative: the latest stage is the first in a heap
    ticket: int
    first: asyncio.Event = field(compare=False)  # it is the first of the queue


class Gate:
    """`hungry`: whether the engines could run more."""

    def __init__(self, least: int, hungry: Callable[[], bool]) -> None:
        self.open = 0
        self._least = least
        self._hungry = hungry
        self._queue: list[_Turn] = []  # a heap: the first is whom the gate looks for
        self._tickets = itertools.count()
        self._left = asyncio.Event()
        self._begun = asyncio.Event()  # of the shard that came in last
        self._begun.set()

    @asynccontextmanager
    async def shard(self, stage: int = 0) -> AsyncIterator[Callable[[], None]]:
        """`stage`: a number that is greater the later the stage. What it yields is called when the
        shard has asked for what it begins with."""
        await self._wait(_Turn(-stage, next(self._tickets), asyncio.Event()))
        begun = self._begun
        try:
            yield begun.set
        finally:
            self.open -= 1
            begun.set()
            self._left.set()

    async def _wait(self, turn: _Turn) -> None:
        """Until the shard may come in; it counts as open then."""
        heapq.heappush(self._queue, turn)
        try:
            while self._queue[0] is not turn or not self._admits():
                if self._queue[0] is turn:
                    await self._moment()
                else:
                    turn.first.clear()
                    await turn.first.wait()
            self.open += 1
            self._begun = asyncio.Event()
        finally:
            self._queue.remove(turn)
            heapq.heapify(self._queue)
            if self._queue:
                self._queue[0].first.set()

    def _admits(self) -> bool:
        if self.open < self._least:
            return True
        return self.open < MOST and self._begun.is_set() and self._hungry()

    async def _moment(self) -> None:
        self._left.clear()
        try:
            async with asyncio.timeout(LOOK_S):
                await self._left.wait()
        except TimeoutError:
            return


def hungry(context: RunContext) -> Callable[[], bool]:
    """Whether less is asked for than keeps the engines busy. Those without a limit never are."""

    def ask() -> bool:
        limit = sum(engine.load().limit for engine in context.engines)
        return context.meter.running < AHEAD * limit

    return ask
