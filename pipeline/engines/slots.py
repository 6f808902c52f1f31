"""Slots: how many sequences run at once, counted in sequences and granted in order of arrival.

Guarantees: never more than `total` slots are held; whoever asked first is served first, so a large
request is not starved by small ones; a cancelled waiter leaves nothing behind. It is for one
event loop and not safe across threads.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Slots:
    """A counting semaphore with weights; a request of more than `total` takes all of them."""

    def __init__(self, total: int) -> None:
        if total < 1:
            raise ValueError(f"slots must be at least 1, not {total}")
        self.total = total
        self.free = total
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def hold(self, count: int) -> AsyncIterator[None]:
        count = min(count, self.total)
        await self._acquire(count)
        try:
            yield
        finally:
            self._release(count)

    async def _acquire(self, count: int) -> None:
        if not self._waiting and self.free >= count:
            self.free -= count
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((count, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release(count)  # granted and cancelled in the same turn of the loop
            else:
                with suppress(ValueError):  # _serve may have thrown it out already
                    self._waiting.remove((count, turn))
                self._serve()
            raise

    def _release(self, count: int) -> None:
        self.free += count
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._waiting[0][0] <= self.free:
            count, turn = self._waiting.popleft()
            if turn.cancelled():
                continue
            self.free -= count
            turn.set_result(None)
