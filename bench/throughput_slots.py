"""What a server with so many slots does with sequences that take known times: vLLM's order, no GPU.

A sequence takes a slot when one is free, first come, first served over *sequences*, not requests;
the others wait in the server's queue. It holds its slot for its tokens times the time of one, and
a request is answered when its last sequence has ended.

Guarantees: exact, whatever the clock is read late by: a slot that falls free while somebody waits
is taken up at that very moment, and one that nobody waits for at the next arrival. `running_area`
and `waiting_area` are sequences integrated over time (sequence-seconds). Nothing here sleeps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush


@dataclass(slots=True, eq=False)
class Work:
    """The sequences of one request. `ended` is None until its last one has."""

    left: int
    ended: float | None = None


class SlotQueue:
    """See the module's docstring. Times are seconds that never go back."""

    def __init__(self, slots: int, now: float = 0.0) -> None:
        if slots < 1:
            raise ValueError(f"slots must be at least 1, not {slots}")
        self.slots = slots
        self.sequences = 0  # ended so far
        self.running_area = 0.0
        self.waiting_area = 0.0
        self._now = now
        self._ends: list[tuple[float, int, Work]] = []
        self._waiting: deque[tuple[float, Work]] = deque()
        self._number = 0  # breaks ties in order of arrival

    @property
    def running(self) -> int:
        return len(self._ends)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def next_end(self) -> float | None:
        """When the next sequence ends; None while nothing runs."""
        return self._ends[0][0] if self._ends else None

    def arrive(self, now: float, seconds: Sequence[float]) -> Work:
        """A request whose sequences take so long each. Call `advance(now)` first."""
        self._pass(now)
        work = Work(len(seconds))
        self._waiting.extend((one, work) for one in seconds)
        self._fill()
        return work

    def advance(self, now: float) -> list[Work]:
        """Everything up to `now`; the requests that were done in it, in their order."""
        done = []
        while self._ends and self._ends[0][0] <= now:
            end, _, work = heappop(self._ends)
            self._pass(end, held=1)
            self.sequences += 1
            work.left -= 1
            if not work.left:
                work.ended = end
                done.append(work)
            self._fill()
        self._pass(now)
        return done

    def _pass(self, now: float, held: int = 0) -> None:
        """Let time go by; `held`: sequences that ran until `now` and are off the heap already."""
        span = max(0.0, now - self._now)
        self.running_area += span * (len(self._ends) + held)
        self.waiting_area += span * len(self._waiting)
        self._now = max(self._now, now)

    def _fill(self) -> None:
        while self._waiting and len(self._ends) < self.slots:
            seconds, work = self._waiting.popleft()
            self._number += 1
            heappush(self._ends, (self._now + seconds, self._number, work))
