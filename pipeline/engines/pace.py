"""Requests a minute: no more than a server allows, and evenly.

Guarantees: in any span of time the share of the minute's requests that it has, and at most one
second's worth more (one request, where that is less): never a whole minute's at once. Counted from
the first `turn` on, on one event loop. Not guaranteed: that waiters go in order of arrival.
"""

from __future__ import annotations

import asyncio

from aiolimiter import AsyncLimiter


class Pace:
    """`per_minute` 0: no limit."""

    def __init__(self, per_minute: int) -> None:
        self._limiter: AsyncLimiter | None = None
        if per_minute:
            burst = max(1.0, per_minute / 60)
            self._limiter = AsyncLimiter(burst, burst * 60 / per_minute)

    async def turn(self) -> float:
        """Returns when another request may go; the seconds that took."""
        if self._limiter is None:
            return 0.0
        clock = asyncio.get_running_loop().time
        begun = clock()
        await self._limiter.acquire()
        return clock() - begun
