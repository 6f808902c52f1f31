"""Equal replicas of a server: which one a request goes to, how much each runs, and who is down.

Guarantees: a request is given a seat at the replica that wins its problem's rendezvous hash, so
that this replica's prefix cache is warm. Seats are counted in sequences, at most `limit` a replica,
and given in order of arrival; a replica with room and nobody waiting takes over the problem that
came last to the longest queue, with all that waits of it, and keeps it. A replica that answers 429
or 503 runs a quarter less (once a second at most) and gets back what it lost within a minute. One
that does not answer (`suspect`, or silent for `QUIET_S` with work on it) is asked whether it lives;
if not, what it runs and what waits for it goes to the others, and it is asked again until it is
back. When all are down, requests wait; after `patience_s` each gets EngineDown. A replica that
comes back as another model ends the run. A cancelled waiter leaves nothing behind. For one event
loop.

Not here: what a request is, its retries, HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from pipeline.engines.tries import Tries
from pipeline.errors import EngineDown

QUIET_S = 60.0  # without a word from a replica at work, after which it is asked whether it lives
WATCH_S = 5.0
FIRST_LOOK_S = 0.25
LONGEST_LOOK_S = 5.0
CUT = 0.75
CUTS_APART_S = 1.0
BACK_IN_S = 60.0
MOST_MOVED = 65_536  # problems whose new place is remembered

_log = logging.getLogger(__name__)


class Gone(Exception):
    """The replica does not answer."""


@dataclass(slots=True, eq=False)
class _Waiter:
    problem_id: str
    count: int
    turn: asyncio.Future[Replica]


@dataclass(slots=True, eq=False)
class Replica:
    """One server. `limit` is what it may run now, `total` at best."""

    url: str
    total: int
    limit: float
    up: bool = True
    running: int = 0
    waiting: deque[_Waiter] = field(default_factory=deque)
    tries: Tries = field(default_factory=Tries)  # what ends when it is down
    heard: float = field(default_factory=time.monotonic)  # when it last answered anything
    cut_at: float = float("-inf")
    grown_at: float = 0.0

    def has_room(self, count: int) -> bool:
        """Whether `count` more may run. Who wants more than the limit gets the whole replica."""
        return self.up and (self.running == 0 or self.running + count <= self.limit)

    def cut(self) -> None:
        """It asked for patience. Those that it refused in one breath count once."""
        now = time.monotonic()
        if now - self.cut_at >= CUTS_APART_S:
            self.limit = max(1.0, self.limit * CUT)
            self.cut_at = self.grown_at = now

    def answered(self) -> None:
        """It did what it was asked: time gives back what a refusal took."""
        self.heard = now = time.monotonic()
        if self.limit < self.total:
            grown = self.total * (now - self.grown_at) / BACK_IN_S
            self.limit, self.grown_at = min(self.total, self.limit + grown), now


# Entered for every request, and a generator made a context manager takes longer.


class _Seat:
    __slots__ = ("_again", "_count", "_failed", "_fleet", "_problem_id", "_replica")

    def __init__(
        self, fleet: Fleet, problem_id: str, count: int, failed: Sequence[Replica], again: bool
    ) -> None:
        self._fleet = fleet
        self._problem_id = problem_id
        self._count = count
        self._failed = failed
        self._again = again

    async def __aenter__(self) -> Replica:
        fleet, count = self._fleet, self._count
        home = fleet.home(self._problem_id, self._failed)
        if not fleet.take(home, count):
            home = await fleet.wait(home, self._problem_id, count, again=self._again)
        self._replica = home
        return home

    async def __aexit__(self, *_: object) -> None:
        self._fleet.leave(self._replica, self._count)


class Fleet:
    """See the module's docstring. `lives` says whether a URL answers at all, `check` whether the
    model behind it is the one of the run; both raise Gone where nobody answers, and `check`
    EngineDown where another does."""

    def __init__(
        self,
        urls: Sequence[str],
        total: int,
        patience_s: float,
        *,
        lives: Callable[[str], Awaitable[None]],
        check: Callable[[str], Awaitable[None]],
        advice: str,
    ) -> None:
        self.replicas = [Replica(url, total, float(total)) for url in urls]
        self.moved = 0  # requests that another replica took over
        self._patience_s = patience_s
        self._lives = lives
        self._check = check
        self._advice = advice
        self._places: OrderedDict[str, Replica] = OrderedDict()  # of problems that were taken over
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._silence: asyncio.TimerHandle | None = None  # all are down; ends the run
        self._down_at = 0.0
        self._last_error = ""
        self._broken: EngineDown | None = None

    def start(self) -> None:
        """Begin to watch, on the running loop."""
        now = time.monotonic()
        for replica in self.replicas:
            replica.heard = now
        self._tasks["watch"] = asyncio.create_task(self._watch())

    async def close(self) -> None:
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._forget_silence()

    def seat(
        self, problem_id: str, count: int, failed: Sequence[Replica] = (), *, again: bool = False
    ) -> _Seat:
        """A replica with room for `count` sequences. `failed`: those that had this request and did
        not do it; another is taken where there is one. `again`: before those that come anew."""
        return _Seat(self, problem_id, count, failed, again)

    def leave(self, replica: Replica, count: int) -> None:
        replica.running -= count
        self._serve(replica)

    def take(self, replica: Replica, count: int) -> bool:
        """At once, where there is room and nobody waits."""
        if self._broken is not None:
            raise self._broken
        free = replica.has_room(count) and not replica.waiting
        if free:
            replica.running += count
        return free

    async def wait(self, home: Replica, problem_id: str, count: int, *, again: bool) -> Replica:
        waiter = _Waiter(problem_id, count, asyncio.get_running_loop().create_future())
        (home.waiting.appendleft if again else home.waiting.append)(waiter)
        for other in self.replicas:
            if other is not home and not other.waiting and other.has_room(count):
                self._serve(other)
                break
        try:
            return await waiter.turn
        except asyncio.CancelledError:
            if waiter.turn.done() and not waiter.turn.cancelled():
                granted = waiter.turn.result()  # and cancelled in the same turn of the loop
                self.leave(granted, count)
            else:
                for replica in self.replicas:  # it was perhaps the one that did not fit
                    self._serve(replica)
            raise

    def home(self, problem_id: str, failed: Sequence[Replica] = ()) -> Replica:
        """Rendezvous hashing: a replica that goes or comes moves its own problems only."""
        if len(self.replicas) == 1:
            return self.replicas[0]
        place = self._places.get(problem_id)
        if place is not None and place.up and place not in failed:
            return place
        up = [replica for replica in self.replicas if replica.up] or self.replicas
        fresh = [replica for replica in up if replica not in failed] or up
        return max(fresh, key=lambda replica: _weight(replica.url, problem_id))

    def _serve(self, replica: Replica) -> None:
        """Give out the room that a replica has: to its own queue, else to what it takes over."""
        while replica.up:
            queue = replica.waiting
            while queue and queue[0].turn.done():
                queue.popleft()
            if not queue and not self._take_over(replica):
                return
            if not replica.has_room(queue[0].count):
                return
            waiter = queue.popleft()
            replica.running += waiter.count
            waiter.turn.set_result(replica)

    def _take_over(self, replica: Replica) -> bool:
        """The problem that came last to the longest other queue, with all that waits of it: of
        those at the front the cache there has more. False: there is none, or no room for it."""
        if len(self.replicas) == 1:
            return False
        queue = max((one.waiting for one in self.replicas), key=len)
        while queue and queue[-1].turn.done():
            queue.pop()
        if not queue:
            if any(one.waiting for one in self.replicas):
                return self._take_over(replica)  # it held cancelled waiters only
            return False
        problem_id = queue[-1].problem_id
        taken = [one for one in queue if one.problem_id == problem_id and not one.turn.done()]
        if not replica.has_room(taken[0].count):
            return False
        kept = [one for one in queue if one.problem_id != problem_id and not one.turn.done()]
        queue.clear()
        queue.extend(kept)
        replica.waiting.extend(taken)
        self.moved += len(taken)
        self._places[problem_id] = replica
        self._places.move_to_end(problem_id)
        if len(self._places) > MOST_MOVED:
            self._places.popitem(last=False)
        return True

    # Who is down.

    def suspect(self, replica: Replica, why: str) -> None:
        """Something went wrong between it and us: ask whether it lives."""
        if replica.up and replica.url not in self._tasks:
            self._tasks[replica.url] = asyncio.create_task(self._examine(replica, why))

    def fail(self, error: EngineDown) -> None:
        """No request is served any more."""
        self._broken = self._broken or error
        for replica in self.replicas:
            replica.tries.end()
            for waiter in replica.waiting:
                if not waiter.turn.done():
                    waiter.turn.set_exception(error)
            replica.waiting.clear()

    @property
    def broken(self) -> EngineDown | None:
        return self._broken

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            for replica in self.replicas:
                if replica.running and time.monotonic() - replica.heard > QUIET_S:
                    self.suspect(replica, f"{replica.url}: silent for {QUIET_S:g} s")

    async def _examine(self, replica: Replica, why: str) -> None:
        try:
            await self._lives(replica.url)
        except Gone as gone:
            self._set_down(replica, why if str(gone) in why else f"{why}; {gone}")
            await self._await_return(replica)
        else:
            replica.heard = time.monotonic()
        finally:
            self._tasks.pop(replica.url, None)

    def lost(self, replica: Replica, why: str) -> None:
        """It is known to be down: nothing is sent there until it is back."""
        self._set_down(replica, why)
        self._tasks[replica.url] = asyncio.create_task(self._await_return(replica))

    def _set_down(self, replica: Replica, why: str) -> None:
        replica.up, self._last_error = False, why
        replica.tries.end()
        if any(one.up for one in self.replicas):
            _log.warning("%s: does not answer; its requests go to the other servers", replica.url)
            queue, replica.waiting = replica.waiting, deque()
            for waiter in queue:
                self.home(waiter.problem_id).waiting.append(waiter)
            for one in self.replicas:
                self._serve(one)
        elif self._silence is None:
            loop = asyncio.get_running_loop()
            self._down_at = time.monotonic()
            self._silence = loop.call_later(self._patience_s, self._give_up)
            _log.warning(
                "no server answers (%s): the run pauses, for %g s at most", why, self._patience_s
            )

    async def _await_return(self, replica: Replica) -> None:
        wait = FIRST_LOOK_S
        while not replica.up:
            await asyncio.sleep(wait)
            wait = min(LONGEST_LOOK_S, wait * 2)
            try:
                await self._check(replica.url)
            except Gone as gone:
                self._last_error = str(gone)
            except EngineDown as error:
                self.fail(error)
                return
            else:
                self._set_up(replica)

    def _set_up(self, replica: Replica) -> None:
        self._tasks.pop(replica.url, None)
        replica.up, replica.heard = True, time.monotonic()
        if self._silence is not None:
            _log.warning(
                "%s is back after %.0f s: going on", replica.url, time.monotonic() - self._down_at
            )
            self._forget_silence()
        else:
            _log.warning("%s: is back", replica.url)
        for one in self.replicas:
            self._serve(one)

    def _forget_silence(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _give_up(self) -> None:
        urls = [replica.url for replica in self.replicas]
        self.fail(no_answer(self._patience_s, urls, self._last_error, self._advice))


def no_answer(patience_s: float, urls: Sequence[str], last_error: str, advice: str) -> EngineDown:
    return EngineDown(
        f"no answer for {patience_s:g} s from {', '.join(urls)}; last error: {last_error}. "
        f"{advice}",
        urls=list(urls),
        last_error=last_error,
    )


def _weight(url: str, problem_id: str) -> bytes:
    content = f"{url} {problem_id}".encode("utf-8", "surrogatepass")
    return blake2b(content, digest_size=8).digest()
