"""Buying completions: the journal first, then the engine; used only when committed.

A failed call is a `FAILED` completion and is not committed: nothing was paid, so a later run may
ask again. In a replay the engine is never asked, and what the journal lacks is `FAILED`: that is
exactly what it was in the run that is replayed. For the same reason problems with one prompt
share their draws, and a draw is asked for once: who comes second waits for the first, and gets
what it got.

Log-probabilities are a wish for what is bought now (`Purchaser.logprobs`). They are no part of a
journal key, because they change no completion: what the journal holds without them is not bought
again, and what it holds with them is given with them.

Where the run may spend no more (`Purchaser.closed`) a draw that is not there is `FAILED` too. Who
can do without asks `can_draw` first.

Scores (how likely a given text is) are bought, kept and replayed by the same rules.
"""

from __future__ import annotations

import asyncio
import re
import time
from array import array
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from pipeline.engines.base import (
    FAILED,
    Completion,
    Engine,
    EngineIdentity,
    Prompt,
    Request,
    Sampling,
    Scored,
)
from pipeline.journal import Journal, draw_keys
from pipeline.meter import Meter
from pipeline.scores import as_row, from_row, score_key

# (offset into the keys, how many) -> their rows
Ask = Callable[[int, int], Awaitable[list[Completion]]]

_SURROGATE = re.compile("[\ud800-\udfff]")  # JSON may hold one alone; no table can


@dataclass(frozen=True, slots=True)
class Purchaser:
    """One model with its sampling parameters, as one stage of one shard sees it."""

    engine: Engine | None  # None: a replay
    identity: EngineIdentity
    sampling: Sampling
    seed: int
    journal: Journal
    meter: Meter
    logprobs: bool = False  # each costs the journal four bytes and memory a Python number
    closed: Callable[[], bool] = bool  # whether the run may buy nothing more; bool() is False
    # Draws under way, and (ended) those that failed: they are not in the journal.
    _asked: dict[bytes, _Order] = field(default_factory=dict, init=False, repr=False, compare=False)

    async def draw(
        self,
        problem_id: str,
        prompt: Prompt,
        first: int,
        n: int,
        sampling: Sampling | None = None,
    ) -> list[Completion]:
        """Draws `first .. first + n - 1` of a prompt, in order; `sampling`: where this prompt needs
        its own. Raises EngineDown, StorageError."""
        sampling = sampling or self.sampling
        keys = draw_keys(self.identity, prompt, sampling, self.seed, range(first, first + n))
        whole, bought = await self._fetch(
            keys, lambda at, count: self._ask(problem_id, prompt, first + at, count, sampling)
        )
        for completion, is_bought in zip(whole, bought, strict=True):
            if not is_bought and completion is not FAILED:
                self.meter.cached += 1
                self.meter.tokens_cached += completion.tokens
        self.meter.truncated += sum(c.finish_reason == "length" for c in whole)
        return whole

    def can_draw(
        self, prompt: Prompt, first: int, n: int, sampling: Sampling | None = None
    ) -> bool:
        """Whether these draws are in the journal or may be bought."""
        if not self.closed():
            return True
        draws = range(first, first + n)
        keys = draw_keys(self.identity, prompt, sampling or self.sampling, self.seed, draws)
        return all(self.journal.get(key) is not None for key in keys)

    def too_late(self, drawn: Sequence[Completion]) -> bool:
        """Whether some of what was drawn is missing, and perhaps because of a limit."""
        return self.closed() and any(one.finish_reason == "failed" for one in drawn)

    async def score(self, problem_id: str, prompt: Prompt, continuation: str) -> Scored | None:
        """How likely each token of `continuation` is after `prompt` (Engine.score); None where
        nobody knows: the call failed, the engine cannot, or a replay lacks it. No field of the
        meter counts it. Raises EngineDown, StorageError."""

        async def ask(at: int, count: int) -> list[Completion]:
            if self.engine is None or self.closed():
                return [FAILED]
            scored = await self.engine.score(problem_id, prompt, Prompt(continuation))
            return [FAILED if scored is None else as_row(continuation, scored)]

        (row,), _ = await self._fetch([score_key(self.identity, prompt, continuation)], ask)
        return from_row(row)

    async def _fetch(self, keys: Sequence[bytes], ask: Ask) -> tuple[list[Completion], list[bool]]:
        """The rows of `keys`, FAILED where none came, and which of them were asked for here."""
        others: set[asyncio.Future[None]] = set()
        to_buy = []
        for key in keys:
            missing = self.journal.get(key) is None
            asked = self._asked.get(key) if missing else None
            if asked is not None:
                others.add(asked.over())
            to_buy.append(missing and asked is None)
        gaps = _gaps(to_buy)
        for at, count in gaps:  # before anybody else runs
            self._asked.update(dict.fromkeys(keys[at : at + count], _Order()))
        # Not `together`: when one request fails, what the others paid for is still committed.
        if len(gaps) == 1 and gaps[0] == (0, len(keys)):  # nearly always: no task is needed
            await self._buy(ask, 0, keys)
        else:
            await asyncio.gather(*(self._buy(ask, at, keys[at : at + n]) for at, n in gaps))
        if others:
            await asyncio.wait(others)
            for other in others:
                other.result()
        return [self.journal.get(key) or FAILED for key in keys], to_buy

    async def _buy(self, ask: Ask, at: int, keys: Sequence[bytes]) -> None:
        """Ask for the rows of `keys`, which begin at offset `at`, and commit what came."""
        order = self._asked[keys[0]]
        self.journal.expected += 1
        try:
            completions = await ask(at, len(keys))
            rows = [
                (key, _storable(completion))
                for key, completion in zip(keys, completions, strict=True)
                if completion.finish_reason != "failed"
            ]
            if rows:
                await self.journal.commit(rows)
        except BaseException as error:
            for key in keys:
                del self._asked[key]
            order.end(error)
            raise
        finally:
            self.journal.expected -= 1
        for key, _ in rows:
            del self._asked[key]
        order.end()

    async def _ask(
        self, problem_id: str, prompt: Prompt, first: int, n: int, sampling: Sampling
    ) -> list[Completion]:
        if self.engine is None:
            self.meter.failed += n
            return [FAILED] * n
        if self.closed():
            self.meter.unbought += n
            return [FAILED] * n
        self.meter.running += n
        try:
            completions = await self.engine.complete(
                Request(problem_id, prompt, n, first, sampling, self.seed, self.logprobs)
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


class _Order:
    """Draws that somebody is buying. Most have nobody else who waits for them, so the future is
    made for who does."""

    __slots__ = ("_ended", "_over")

    def __init__(self) -> None:
        self._ended = False
        self._over: asyncio.Future[None] | None = None

    def over(self) -> asyncio.Future[None]:
        if self._over is None:
            self._over = asyncio.get_running_loop().create_future()
            if self._ended:
                self._over.set_result(None)
        return self._over

    def end(self, error: BaseException | None = None) -> None:
        """Those who wait get `error`; who comes later finds none: the draws may be asked again."""
        self._ended = True
        if self._over is None or self._over.done():
            return
        if isinstance(error, asyncio.CancelledError):
            self._over.cancel()
        elif error is not None:
            self._over.set_exception(error)
            self._over.exception()  # seen, also where nobody waits any more
        else:
            self._over.set_result(None)


def _storable(completion: Completion) -> Completion:
    """What the journal gives back after a reload, so that a replay sees the same bytes.

    Lone surrogates become U+FFFD, one for one, so that offsets stay; log-probabilities are rounded
    to the journal's 32 bits.
    """
    if completion.logprobs is not None:
        completion = replace(completion, logprobs=tuple(array("f", completion.logprobs)))
    if completion.text.isascii() or not _SURROGATE.search(completion.text):
        return completion
    return replace(completion, text=_SURROGATE.sub("\ufffd", completion.text))


def _gaps(missing: Sequence[bool]) -> list[tuple[int, int]]:
    """Runs of missing draws as (start, length): one request each."""
    gaps: list[tuple[int, int]] = []
    for at, is_missing in enumerate(missing):
        if not is_missing:
            continue
        if gaps and sum(gaps[-1]) == at:
            gaps[-1] = (gaps[-1][0], gaps[-1][1] + 1)
        else:
            gaps.append((at, 1))
    return gaps
