"""Time limits of requests that share one timer."""

from __future__ import annotations

import asyncio
import time

import pytest

from pipeline.engines.tries import Tries


def test_each_try_ends_at_its_own_limit() -> None:
    async def one(tries: Tries, seconds: float, work: float) -> float | None:
        begun = time.monotonic()
        try:
            with tries.limited(seconds):
                await asyncio.sleep(work)
        except TimeoutError:
            return time.monotonic() - begun
        return None

    async def body() -> list[float | None]:
        tries = Tries()
        limits = ((0.3, 60.0), (0.1, 60.0), (0.1, 0.0), (60.0, 0.2))
        return list(await asyncio.gather(*(one(tries, *limit) for limit in limits)))

    late, soon, quick, patient = asyncio.run(body())
    assert late is not None
    assert 0.3 <= late < 5
    assert soon is not None
    assert 0.1 <= soon < late
    assert (quick, patient) == (None, None)


def test_a_try_that_comes_while_others_are_under_way_has_its_whole_time() -> None:
    async def body() -> float:
        tries = Tries()
        with pytest.raises(TimeoutError), tries.limited(0.05):
            await asyncio.sleep(60)
        begun = time.monotonic()
        with pytest.raises(TimeoutError), tries.limited(0.2):
            await asyncio.sleep(60)
        return time.monotonic() - begun

    assert asyncio.run(body()) >= 0.2


def test_all_end_when_the_replica_dies() -> None:
    async def one(tries: Tries) -> str:
        try:
            with tries.limited(60):
                await asyncio.sleep(60)
        except TimeoutError:
            return "ended"
        return "went on"

    async def body() -> list[str]:
        tries = Tries()
        tasks = [asyncio.create_task(one(tries)) for _ in range(3)]
        await asyncio.sleep(0.01)
        tries.end()
        return list(await asyncio.gather(*tasks))

    assert asyncio.run(body()) == ["ended"] * 3


def test_a_cancellation_from_elsewhere_is_no_time_limit() -> None:
    async def one(tries: Tries) -> None:
        with tries.limited(60):
            await asyncio.sleep(60)

    async def body() -> bool:
        tries = Tries()
        task = asyncio.create_task(one(tries))
        await asyncio.sleep(0.01)
        tries.end()
        task.cancel()  # both at once: who cancelled the task must see it cancelled
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(body())


def test_a_task_goes_on_after_its_time_limit() -> None:
    async def body() -> str:
        with pytest.raises(TimeoutError), Tries().limited(0.01):
            await asyncio.sleep(60)
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        return f"{task.cancelling()}"

    assert asyncio.run(body()) == "0"
