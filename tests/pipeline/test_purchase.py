"""Purchases: never twice, never uncommitted, never silently missing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.engines.base import FAILED, Completion, EngineIdentity, Prompt, Request, Sampling
from pipeline.engines.stub import StubEngine
from pipeline.errors import EngineDown
from pipeline.journal import Journal
from pipeline.meter import Meter
from pipeline.purchase import Purchaser

PROMPT = Prompt("Q")


class ScriptedEngine:
    """Says `<prompt>/<draw>`; fails the draws it is told to; notes (first draw, n)."""

    identity = EngineIdentity("m", "t")

    def __init__(self, fail: Sequence[int] = (), down_at: int | None = None) -> None:
        self.fail, self.down_at = set(fail), down_at
        self.asked: list[tuple[int, int]] = []

    def encode(self, text: str) -> None:
        return None

    decode = char_ends = encode  # type: ignore[assignment]

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def complete(self, request: Request) -> list[Completion]:
        self.asked.append((request.first_draw, request.n))
        await asyncio.sleep(0.01)
        if request.first_draw == self.down_at:
            raise EngineDown("gone")
        draws = range(request.first_draw, request.first_draw + request.n)
        return [
            FAILED if d in self.fail else Completion(f"{request.prompt.text}/{d}", "stop", 5)
            for d in draws
        ]


def buyer(folder: Path, engine: ScriptedEngine | StubEngine | None) -> Purchaser:
    journal = Journal(folder)
    journal.load()
    identity = EngineIdentity("m", "t") if engine is None else engine.identity
    return Purchaser(engine, identity, Sampling(), 0, journal, Meter())


def texts(completions: Sequence[Completion]) -> list[str]:
    return [c.text for c in completions]


def draw(purchaser: Purchaser, first: int, n: int, prompt: Prompt = PROMPT) -> list[Completion]:
    return asyncio.run(purchaser.draw("p", prompt, first, n))


def test_what_the_journal_lacks_is_bought_in_one_request(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    assert texts(draw(buyer(tmp_path, engine), 2, 3)) == ["Q/2", "Q/3", "Q/4"]
    assert engine.asked == [(2, 3)]


def test_what_the_journal_holds_is_not_bought(tmp_path: Path) -> None:
    draw(buyer(tmp_path, ScriptedEngine()), 0, 4)
    engine = ScriptedEngine()
    again = buyer(tmp_path, engine)
    assert texts(draw(again, 0, 4)) == ["Q/0", "Q/1", "Q/2", "Q/3"]
    assert engine.asked == []
    assert (again.meter.bought, again.meter.cached, again.meter.tokens_cached) == (0, 4, 20)


def test_gaps_are_bought_as_contiguous_ranges(tmp_path: Path) -> None:
    draw(buyer(tmp_path, ScriptedEngine()), 2, 2)
    draw(buyer(tmp_path, ScriptedEngine()), 5, 1)
    engine = ScriptedEngine()
    again = buyer(tmp_path, engine)
    assert texts(draw(again, 0, 8)) == [f"Q/{d}" for d in range(8)]
    assert sorted(engine.asked) == [(0, 2), (4, 1), (6, 2)]
    assert (again.meter.bought, again.meter.cached, again.meter.tokens) == (5, 3, 25)


def test_failed_draws_are_not_committed_and_are_asked_again_by_the_next_run(
    tmp_path: Path,
) -> None:
    once = buyer(tmp_path, ScriptedEngine(fail=[1]))
    assert draw(once, 0, 3)[1] == FAILED
    assert (once.meter.bought, once.meter.failed) == (2, 1)
    assert Journal(tmp_path).load() == 2
    engine = ScriptedEngine()
    assert texts(draw(buyer(tmp_path, engine), 0, 3)) == ["Q/0", "Q/1", "Q/2"]
    assert engine.asked == [(1, 1)]


def test_a_draw_that_failed_stays_failed_within_a_run(tmp_path: Path) -> None:
    """A replay sees one journal for the whole run: a second answer would not be the first."""
    engine = ScriptedEngine(fail=[0])
    purchaser = buyer(tmp_path, engine)

    async def twice() -> list[Completion]:
        first = await purchaser.draw("p", PROMPT, 0, 1)
        engine.fail = set()
        return first + await purchaser.draw("p", PROMPT, 0, 1)

    assert asyncio.run(twice()) == [FAILED, FAILED]
    assert engine.asked == [(0, 1)]


def test_two_problems_with_one_prompt_share_their_draws(tmp_path: Path) -> None:
    engine = ScriptedEngine(fail=[2])
    purchaser = buyer(tmp_path, engine)

    async def both() -> list[list[Completion]]:
        return await asyncio.gather(
            purchaser.draw("p", PROMPT, 0, 3), purchaser.draw("q", PROMPT, 1, 4)
        )

    one, other = asyncio.run(both())
    assert texts(one) == ["Q/0", "Q/1", ""]
    assert texts(other) == ["Q/1", "", "Q/3", "Q/4"]
    assert engine.asked == [(0, 3), (3, 2)]
    assert (purchaser.meter.bought, purchaser.meter.cached, purchaser.meter.failed) == (4, 1, 1)


def test_an_engine_that_is_down_fails_whoever_waits_for_it(tmp_path: Path) -> None:
    purchaser = buyer(tmp_path, ScriptedEngine(down_at=0))

    async def both() -> list[object]:
        return await asyncio.gather(
            purchaser.draw("p", PROMPT, 0, 3),
            purchaser.draw("q", PROMPT, 0, 3),
            return_exceptions=True,
        )

    assert [type(error) for error in asyncio.run(both())] == [EngineDown, EngineDown]
    assert purchaser.meter.running == 0


def test_what_one_request_paid_for_is_kept_when_another_fails(tmp_path: Path) -> None:
    draw(buyer(tmp_path, ScriptedEngine()), 2, 1)
    purchaser = buyer(tmp_path, ScriptedEngine(down_at=0))

    async def run() -> None:
        with pytest.raises(EngineDown):
            await purchaser.draw("p", PROMPT, 0, 5)  # requests for 0-1 and 3-4
        await asyncio.sleep(0.5)
        await purchaser.journal.close()

    asyncio.run(run())
    assert Journal(tmp_path).load() == 3


def test_a_replay_gives_failed_for_what_is_not_there(tmp_path: Path) -> None:
    draw(buyer(tmp_path, ScriptedEngine()), 1, 1)
    drawn = draw(buyer(tmp_path, None), 0, 3)
    assert texts(drawn) == ["", "Q/1", ""]
    assert [c.finish_reason for c in drawn] == ["failed", "stop", "failed"]
    assert Journal(tmp_path).load() == 1


def test_a_replay_gives_what_the_run_got(tmp_path: Path) -> None:
    engine = StubEngine("fail=0.3,error=0.2")
    prompt = Prompt("Add up: 3 + 5 + 8 + 2\n")
    bought = draw(buyer(tmp_path, engine), 0, 16, prompt)
    replay = Purchaser(None, engine.identity, Sampling(), 0, Journal(tmp_path), Meter())
    replay.journal.load()
    assert draw(replay, 0, 16, prompt) == bought
    assert 0 < sum(c == FAILED for c in bought) < 16


def test_a_lone_surrogate_is_replaced_in_place(tmp_path: Path) -> None:
    purchaser = buyer(tmp_path, ScriptedEngine())
    assert texts(draw(purchaser, 0, 1, Prompt("a\ud800b"))) == ["a\ufffdb/0"]


def test_cut_completions_are_counted(tmp_path: Path) -> None:
    engine = StubEngine("error=0")
    purchaser = Purchaser(
        engine, engine.identity, Sampling(max_tokens=3), 0, Journal(tmp_path), Meter()
    )
    draw(purchaser, 0, 2, Prompt("Add up: 3 + 5\n"))
    assert purchaser.meter.truncated == 2


class ScoringEngine(ScriptedEngine):
    """Gives two tokens with log-probabilities that 32 bits cannot hold, where it is asked."""

    async def complete(self, request: Request) -> list[Completion]:
        completions = await super().complete(request)
        logprobs = (-0.1, -0.7) if request.logprobs else None
        return [replace(one, token_ids=(1, 2), logprobs=logprobs) for one in completions]


def test_log_probabilities_are_bought_on_wish_and_are_those_of_a_replay(tmp_path: Path) -> None:
    scored = replace(buyer(tmp_path, ScoringEngine()), logprobs=True)
    bought = draw(scored, 0, 1)
    assert bought[0].logprobs == pytest.approx((-0.1, -0.7))
    assert draw(buyer(tmp_path, None), 0, 1) == bought


def test_what_was_bought_without_log_probabilities_is_not_bought_again(tmp_path: Path) -> None:
    draw(buyer(tmp_path, ScoringEngine()), 0, 1)
    engine = ScoringEngine()
    again = draw(replace(buyer(tmp_path, engine), logprobs=True), 0, 2)
    assert [one.logprobs is None for one in again] == [True, False]
    assert engine.asked == [(1, 1)]
