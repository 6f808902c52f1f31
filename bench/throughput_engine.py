"""The toy policy behind slots: each sequence holds one of them for its tokens times a token's time.

Guarantees: texts are the stub engine's, as they would be without slots; tokens are those of
bench/throughput_tokens.py, and the end token counts. The wait is one timer for all sequences
(bench/throughput_slots.py), not a task each. With `ms_per_token` 0 nothing waits.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace

from bench import throughput_tokens as tokens
from bench.throughput_slots import SlotQueue, Work
from pipeline.engines.base import (
    Completion,
    Engine,
    EngineIdentity,
    Prompt,
    Request,
    Scored,
)


@dataclass(slots=True)
class Asked:
    """One request, as the log has it."""

    problem: str
    n: int
    arrived: float
    ended: float = 0.0
    tokens: int = 0


class SlottedEngine:
    """See the module's docstring."""

    def __init__(self, inner: Engine, slots: int, ms_per_token: float) -> None:
        self.queue = SlotQueue(slots, time.monotonic())
        self.log: list[Asked] = []
        self.tokens = 0
        self._inner = inner
        self._token_s = ms_per_token / 1000
        self._turns: dict[Work, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def identity(self) -> EngineIdentity:
        return EngineIdentity(self._inner.identity.model_revision, "three-characters")

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(tokens.encode(text))

    def decode(self, ids: tuple[int, ...]) -> str:
        return tokens.decode(ids)

    def char_ends(self, ids: tuple[int, ...]) -> list[int]:
        return tokens.char_ends(ids)

    async def start(self) -> None:
        await self._inner.start()

    async def close(self) -> None:
        await self._inner.close()

    async def complete(self, request: Request) -> list[Completion]:
        asked = Asked(request.problem_id, request.n, time.monotonic())
        # As text: the policy's own tokens are others.
        plain = replace(request, prompt=replace(request.prompt, token_ids=None))
        completions = [_retold(one) for one in await self._inner.complete(plain)]
        if self._token_s:
            await self._wait([one.tokens * self._token_s for one in completions])
        asked.ended = time.monotonic()
        asked.tokens = sum(one.tokens for one in completions)
        self.tokens += asked.tokens
        self.log.append(asked)
        return completions

    async def score(self, problem_id: str, prompt: Prompt, continuation: Prompt) -> Scored | None:
        return None

    async def _wait(self, seconds: list[float]) -> None:
        now = time.monotonic()
        self._advance(now)
        work = self.queue.arrive(now, seconds)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns[work] = turn
        self._set_timer()
        await turn

    def _advance(self, now: float) -> None:
        for work in self.queue.advance(now):
            turn = self._turns.pop(work)
            if not turn.done():  # whoever asked may have gone: its sequences ran all the same
                turn.set_result(None)

    def turn(self, now: float) -> None:
        """Everything up to `now`: for whoever reads the queue."""
        self._advance(now)
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        end = self.queue.next_end
        loop = asyncio.get_running_loop()
        self._timer = None if end is None else loop.call_at(end, self._ring)

    def _ring(self) -> None:
        self.turn(time.monotonic())


def _retold(completion: Completion) -> Completion:
    """In tokens of the benchmark's."""
    if completion.finish_reason == "failed":
        return completion
    ids = tuple(tokens.encode(completion.text))
    return replace(completion, tokens=len(ids) + 1, token_ids=ids)
