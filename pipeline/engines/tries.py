"""Requests under way at one replica: each ends at its time limit, and all of them when it dies.

Guarantees: what `asyncio.timeout` does, with one timer for all, since one for each request costs
time that every request pays: the block is cancelled at its limit, not before, and raises
TimeoutError; a cancellation from elsewhere stays what it is. For one event loop.
"""

from __future__ import annotations

import asyncio
from types import TracebackType


class Tries:
    """Of one replica."""

    def __init__(self) -> None:
        self._ends: dict[_Try, float] = {}  # by the loop's clock
        self._look_at = float("inf")
        self._timer: asyncio.TimerHandle | None = None

    def limited(self, seconds: float) -> _Try:
        """A block that ends after `seconds`, or at `end`."""
        return _Try(self, seconds)

    def end(self) -> None:
        """All of them, now."""
        for one in self._ends:
            one.expire()

    def add(self, one: _Try, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        end = self._ends[one] = loop.time() + seconds
        if end < self._look_at:
            self._look_again(loop, end)

    def remove(self, one: _Try) -> None:
        del self._ends[one]  # the timer finds nobody, or those who came later

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now, self._look_at = loop.time(), float("inf")
        for one, end in self._ends.items():
            if end <= now:
                one.expire()
        left = [end for end in self._ends.values() if end > now]
        if left:
            self._look_again(loop, min(left))

    def _look_again(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._look_at, self._timer = when, loop.call_at(when, self._look)


class _Try:
    __slots__ = ("_cancelling", "_expired", "_seconds", "_task", "_tries")

    def __init__(self, tries: Tries, seconds: float) -> None:
        self._tries = tries
        self._seconds = seconds
        self._expired = False

    def expire(self) -> None:
        if not self._expired:
            self._expired = True
            self._task.cancel()

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a try is made by a task")
        self._task = task
        self._cancelling = task.cancelling()
        self._tries.add(self, self._seconds)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tries.remove(self)
        if not self._expired:
            return
        others = self._task.uncancel() > self._cancelling
        if kind is asyncio.CancelledError and not others:
            raise TimeoutError from error
