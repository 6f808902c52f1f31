"""Slots and batches: what runs together, and in which order."""

import asyncio

from pipeline.engines.base import Sampling
from pipeline.engines.batches import BatchQueue, Job
from pipeline.engines.slots import Slots


def test_no_more_than_the_total_runs() -> None:
    async def run() -> int:
        slots, running, most = Slots(8), 0, 0

        async def one(count: int) -> None:
            nonlocal running, most
            async with slots.hold(count):
                running += count
                most = max(most, running)
                await asyncio.sleep(0)
                running -= count

        await asyncio.gather(*(one(1 + index % 5) for index in range(50)))
        assert slots.free == 8
        return most

    assert asyncio.run(run()) == 8


def test_a_large_request_is_not_overtaken() -> None:
    async def run() -> list[str]:
        slots, order = Slots(4), []

        async def one(name: str, count: int) -> None:
            async with slots.hold(count):
                order.append(name)
                await asyncio.sleep(0)

        await asyncio.gather(one("first", 1), one("large", 4), one("small", 1))
        return order

    assert asyncio.run(run()) == ["first", "large", "small"]


def test_a_cancelled_waiter_leaves_its_slots() -> None:
    async def run() -> int:
        slots = Slots(2)

        async def hold(count: int) -> None:
            async with slots.hold(count):
                await asyncio.sleep(0.01)

        holder = asyncio.create_task(hold(1))
        waiter = asyncio.create_task(hold(2))
        behind = asyncio.create_task(hold(1))
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.gather(holder, behind)
        return slots.free

    assert asyncio.run(run()) == 2


def job(length: int, n: int = 8, sampling: Sampling | None = None) -> Job:
    return Job(["x"] * length, n, sampling or Sampling(), 9)


def test_a_batch_is_full_and_of_like_lengths() -> None:
    queue = BatchQueue(workers=1)
    lengths = (10, 90, 11, 91, 12, 92, 13, 93, 14, 94, 15, 16, 17)
    queue.put([job(length, n=2) for length in lengths])
    assert [len(one.prompt) for one in queue.take() or []] == [10, 11, 12, 13, 14, 15, 16, 17]
    assert [len(one.prompt) for one in queue.take() or []] == [90, 91, 92, 93, 94]


def test_the_oldest_job_is_in_the_next_batch() -> None:
    queue = BatchQueue(workers=1)
    old = job(500, sampling=Sampling(temperature=1.0))
    queue.put([old, *(job(10) for _ in range(20))])
    assert queue.take() == [old]


def test_few_jobs_are_spread_over_the_workers() -> None:
    queue = BatchQueue(workers=2)
    queue.put([job(10, n=2) for _ in range(12)])  # halves, and no batch of less than 8 sequences
    assert [len(queue.take() or []), len(queue.take() or [])] == [6, 4]


def test_cancelled_jobs_are_left_out_and_a_closed_queue_ends() -> None:
    queue = BatchQueue(workers=1)
    cancelled, kept = job(10), job(10)
    cancelled.done.cancel()
    queue.put([cancelled, kept])
    assert queue.take() == [kept]
    waiting = job(10)
    queue.put([waiting])
    assert queue.close() == [waiting]
    assert queue.take() is None


def test_what_runs_and_what_waits_is_known() -> None:
    queue = BatchQueue(workers=1)
    queue.put([job(10) for _ in range(4)])
    batch = queue.take() or []
    assert queue.counts() == (16, 16)
    queue.finish(batch)
    assert queue.counts() == (0, 16)
