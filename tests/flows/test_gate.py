"""How many shards are under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from flows import gate as module
from flows.gate import Gate, hungry
from pipeline.engines.base import Load


def most_open(shards: int, gate: Gate, each_s: float = 0.02) -> int:
    """The most shards that were under way at once."""

    async def run() -> int:
        most = 0

        async def one() -> None:
            nonlocal most
            async with gate.shard() as begun:
                most = max(most, gate.open)
                begun()
                await asyncio.sleep(each_s)

        await asyncio.gather(*(one() for _ in range(shards)))
        assert gate.open == 0
        return most

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.001)


def test_while_the_engine_is_busy_no_more_are_under_way_than_the_recipe_says() -> None:
    assert most_open(12, Gate(3, lambda: False)) == 3


def test_while_it_has_room_more_come_in() -> None:
    gate = Gate(3, lambda: gate.open < 7)
    assert most_open(20, gate) == 7


def test_there_is_an_end_to_it(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "MOST", 9)
    assert most_open(30, Gate(3, lambda: True), each_s=0.2) == 9


def test_no_more_come_in_before_the_last_one_has_begun() -> None:
    async def run() -> list[int]:
        gate, found, ends = Gate(1, lambda: True), [], asyncio.Event()
        begins: list[Callable[[], None]] = []

        async def one() -> None:
            async with gate.shard() as begun:
                begins.append(begun)
                await ends.wait()

        tasks = [asyncio.create_task(one()) for _ in range(3)]
        for _ in range(3):
            await asyncio.sleep(0.05)
            found.append(gate.open)
            begins[-1]()
        ends.set()
        await asyncio.gather(*tasks)
        return found

    assert asyncio.run(run()) == [1, 2, 3]


@pytest.mark.parametrize(
    ("running", "limits", "expected"),
    [(149, [60, 40], True), (150, [60, 40], False), (0, [0], False), (0, [], False)],
)
def test_engines_are_hungry_while_less_than_half_as_much_again_is_asked_for(
    running: int, limits: list[int], expected: bool
) -> None:
    engines = [SimpleNamespace(load=lambda limit=limit: Load(limit=limit)) for limit in limits]
    context: Any = SimpleNamespace(engines=engines, meter=SimpleNamespace(running=running))
    assert hungry(context)() is expected


def test_they_come_in_in_order() -> None:
    async def run() -> list[int]:
        gate, order = Gate(2, lambda: False), []

        async def one(number: int) -> None:
            async with gate.shard():
                order.append(number)
                await asyncio.sleep(0.002)

        await asyncio.gather(*map(one, range(8)))
        return order

    assert asyncio.run(run()) == list(range(8))


def test_a_later_stage_comes_in_before_an_earlier_one() -> None:
    async def run() -> list[int]:
        gate, order = Gate(1, lambda: False), []

        async def one(stage: int) -> None:
            async with gate.shard(stage):
                order.append(stage)
                await asyncio.sleep(0.002)

        await asyncio.gather(*map(one, [0, 0, 1, 3, 1]))
        return order

    assert asyncio.run(run()) == [0, 3, 1, 1, 0]


def test_one_that_is_cancelled_while_it_waits_lets_the_next_in() -> None:
    async def run() -> int:
        gate = Gate(1, lambda: False)

        async def one(seconds: float) -> None:
            async with gate.shard():
                await asyncio.sleep(seconds)

        first = asyncio.create_task(one(0.03))
        await asyncio.sleep(0.002)
        waiting = asyncio.create_task(one(60))
        behind = asyncio.create_task(one(0.001))
        await asyncio.sleep(0.005)
        waiting.cancel()
        await asyncio.gather(first, behind)
        return gate.open

    assert asyncio.run(run()) == 0
