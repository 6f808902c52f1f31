"""Buying completions: the journal first, then the engine; used only when committed.

A failed call is a `FAILED` completion and is not committed: nothing was paid, so a later run may
ask again. In a replay the engine is never asked, and what the journal lacks is `FAILED`: that is
exactly what it was in the run that is replayed.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from pipeline.engines.base import (
    FAILED,
    Completion,
    Engine,
    EngineIdentity,
    Prompt,
    Request,
    Sampling,
)
from pipeline.journal import Journal, draw_keys
from pipeline.meter import Meter


@dataclass(frozen=True, slots=True)
class Purchaser:
    """One model with its sampling parameters, as one shard sees it."""

    engine: Engine | None  # None: a replay
    identity: EngineIdentity
    sampling: Sampling
    seed: int
    journal: Journal
    meter: Meter

    async def draw(self, problem_id: str, prompt: Prompt, first: int, n: int) -> list[Completion]:
        """Draws `first .. first + n - 1` of a prompt, in order. Raises EngineDown, StorageError."""
        keys = draw_keys(self.identity, prompt, self.sampling, self.seed, range(first, first + n))
        found = [self.journal.get(key) for key in keys]
        hits = [c for c in found if c is not None]
        self.meter.cached += len(hits)
        self.meter.tokens_cached += sum(c.tokens for c in hits)
        if len(hits) < n:
            gaps = _gaps(found)
            bought = await asyncio.gather(
                *(self._buy(problem_id, prompt, first + at, count) for at, count in gaps)
            )
            for (at, count), completions in zip(gaps, bought, strict=True):
                found[at : at + count] = completions
                rows = [
                    (key, c)
                    for key, c in zip(keys[at : at + count], completions, strict=True)
                    if c.finish_reason != "failed"
                ]
                if rows:
                    await self.journal.commit(rows)
        whole = [c for c in found if c is not None]
        self.meter.truncated += sum(c.finish_reason == "length" for c in whole)
        return whole

    async def _buy(self, problem_id: str, prompt: Prompt, first: int, n: int) -> list[Completion]:
        if self.engine is None:
            self.meter.failed += n
            return [FAILED] * n
        self.meter.running += n
        try:
            completions = await self.engine.complete(
                Request(problem_id, prompt, n, first, self.sampling, self.seed)
            )
        finally:
            self.meter.running -= n
        if self.meter.first_completion is None:
            self.meter.first_completion = time.monotonic()
        failed = sum(c.finish_reason == "failed" for c in completions)
        self.meter.failed += failed
        self.meter.bought += n - failed
        self.meter.tokens += sum(c.tokens for c in completions)
        return completions


def _gaps(found: list[Completion | None]) -> list[tuple[int, int]]:
    """Runs of missing draws as (start, length): one request each."""
    gaps: list[tuple[int, int]] = []
    for at, completion in enumerate(found):
        if completion is not None:
            continue
        if gaps and sum(gaps[-1]) == at:
            gaps[-1] = (gaps[-1][0], gaps[-1][1] + 1)
        else:
            gaps.append((at, 1))
    return gaps
