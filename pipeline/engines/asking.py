"""Asking equal replicas until one answers: seats, retries and their waits, and when to give up.

Guarantees: what may pass is tried again with growing, jittered waits, at another replica where
there is one: connection errors, time-outs, 408/409/425/429/5xx (Retry-After honoured), answers that
are not JSON or hold too little. A wait takes no seat. A request that the server refuses in any
words (dialect.py) is Refused; one that keeps failing while others succeed is given up. EngineDown:
a refused key or model, or no answer to anyone for `patience_s`. `troubles` counts what went wrong,
by kind.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pipeline.engines.answers import BadAnswer, parse_object
from pipeline.engines.dialect import Dialect
from pipeline.engines.fleet import Fleet, Replica, no_answer
from pipeline.engines.http import Http, Refused, Unreachable

ATTEMPTS = 6  # failures of one request, while others succeed, after which it is given up
TRIES_ALONE = 3  # the same, where nobody else asks; also the tiny requests that look for life
FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 30.0

T = TypeVar("T")
Read = Callable[[dict[str, Any]], list[T]]

_DICE = random.Random()  # in a thread of ours the module's own would disturb who seeds them
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Call:
    """One request to the server with its history of failures."""

    problem_id: str
    body: dict[str, Any]
    begun: float = field(default_factory=time.monotonic)  # later by what it waited for its turns
    failed: float = 0.0  # when it last did
    failures: int = 0
    own: int = 0  # failures of this request alone: another got an answer since the one before
    failed_at: list[Replica] = field(default_factory=list)
    last_error: str = ""
    refused: dict[str, Any] | None = None  # the body before this one, which the server refused
    refusal: str = ""

    def count(self, last_answer: float, *, busy: bool) -> None:
        """A server that asks for patience (`busy`) does not fail the request."""
        self.failures += 1
        self.own += not busy and last_answer > max(self.begun, self.failed)
        self.failed = time.monotonic()


class Asker:
    """See the module's docstring."""

    def __init__(
        self, fleet: Fleet, http: Http, dialect: Dialect, *, patience_s: float, timeout_s: float
    ) -> None:
        self.troubles: Counter[str] = Counter()
        self._fleet = fleet
        self._http = http
        self._dialect = dialect
        self._patience_s = patience_s
        self._timeout_s = timeout_s
        self._last_answer = float("-inf")  # when anyone last got an answer

    async def ask(self, call: Call, read: Read[T]) -> list[T]:
        """What `read` finds in the answer: at least one, perhaps fewer than asked for. None: this
        call is given up. Raises Refused, EngineDown."""
        while True:
            wait, busy = 0.0, False
            try:
                found = await self._try(call, read)
            except Unreachable as error:
                call.last_error, wait, busy = str(error), error.wait_s, error.busy
                self.troubles[error.kind] += 1
            except BadAnswer as error:
                call.last_error = str(error)
                self.troubles["bad answer"] += 1
            else:
                self._last_answer = time.monotonic()
                return found
            call.count(self._last_answer, busy=busy)
            if await self._given_up(call):
                self.troubles["given up"] += 1
                _log.warning("given up after %d tries: %s", call.failures, call.last_error)
                return []
            grown = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(call.failures - 1, 10))
            await asyncio.sleep(max(wait, grown * _DICE.uniform(0.5, 1.0)))

    async def _try(self, call: Call, read: Read[T]) -> list[T]:
        """One try, and at once another in other words where the server refuses these."""
        while True:
            begun = time.monotonic()
            count, again = call.body["n"], call.failures > 0
            async with self._fleet.seat(
                call.problem_id, count, call.failed_at, again=again
            ) as replica:
                await self._http.turn()
                call.begun += time.monotonic() - begun
                try:
                    found = await self._post(replica, call, read)
                except Refused as refused:
                    replica.answered()
                    other = self._dialect.reworded(call.body, str(refused))
                    if other is None:
                        self.troubles["refused"] += 1
                        raise
                    call.refused, call.refusal, call.body = call.body, str(refused), other
                else:
                    self._dialect.took(call.body, call.refused, call.refusal)
                    call.refused = None
                    return found

    async def _post(self, replica: Replica, call: Call, read: Read[T]) -> list[T]:
        """Raises Unreachable, BadAnswer, Refused, EngineDown."""
        try:
            with replica.tries.limited(self._timeout_s):
                answer = await self._http.post(replica.url, call.problem_id, call.body)
        except TimeoutError:
            if self._fleet.broken is not None:
                raise self._fleet.broken from None
            call.failed_at.append(replica)
            place = f"{replica.url}{self._http.path}"
            if not replica.up:
                raise Unreachable(f"{place}: it does not answer any more", "broken") from None
            message = f"{place}: no answer within {self._timeout_s:g} s"
            self._fleet.suspect(replica, message)
            raise Unreachable(message, "time limit") from None
        except Unreachable as error:
            call.failed_at.append(replica)
            if error.lost:
                self._fleet.suspect(replica, str(error))
            elif error.busy:
                replica.cut()
            raise
        try:
            found = read(parse_object(answer))
            if not found:
                raise BadAnswer("no usable choice in the answer")
        except BadAnswer as error:
            call.failed_at.append(replica)
            raise BadAnswer(f"{replica.url}{self._http.path}: {error}") from None
        replica.answered()
        return found

    async def _given_up(self, call: Call) -> bool:
        """Whether only this request fails; raises where everybody's do."""
        now = time.monotonic()
        if now - max(call.begun, self._last_answer) < self._patience_s:
            starved = self._last_answer > call.begun and now - call.begun > 5 * self._patience_s
            return call.own >= ATTEMPTS or starved
        # Nobody got an answer; but the last request of a run has nobody beside it, so ask.
        if not await self._answers(call.problem_id):
            urls = [replica.url for replica in self._fleet.replicas]
            raise no_answer(self._patience_s, urls, call.last_error, self._http.advice)
        self._last_answer = time.monotonic()
        # One try may take longer than the patience: a request that hung is worth another.
        return call.failures >= TRIES_ALONE

    async def _answers(self, problem_id: str) -> bool:
        """Whether anybody is there: one fault in a tiny request is no proof that nobody is."""
        return any(await asyncio.gather(*(self._tiny(problem_id) for _ in range(TRIES_ALONE))))

    async def _tiny(self, problem_id: str) -> bool:
        """Without a seat: those may all be taken by what hangs."""
        call = Call(problem_id, self._dialect.tiny)
        replica = self._fleet.home(problem_id)
        try:
            async with asyncio.timeout(self._patience_s):
                return bool(await self._post(replica, call, lambda answer: [answer["choices"]]))
        except (Unreachable, Refused, BadAnswer, KeyError, TimeoutError):
            return False
