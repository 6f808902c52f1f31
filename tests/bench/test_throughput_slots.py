"""The stub server's slots: who runs when, and the areas under it."""

from __future__ import annotations

import asyncio
import time

import pytest

from bench.throughput_engine import SlottedEngine
from bench.throughput_slots import SlotQueue
from pipeline.engines.base import Prompt, Request, Sampling
from pipeline.engines.stub import StubEngine


def test_sequences_wait_for_slots_in_the_order_of_arrival() -> None:
    queue = SlotQueue(slots=2)
    first = queue.arrive(0.0, [1.0, 3.0])
    second = queue.arrive(0.0, [1.0])
    third = queue.arrive(0.5, [1.0])
    assert (queue.running, queue.waiting) == (2, 2)
    assert queue.advance(1.0) == []
    assert (queue.running, queue.waiting) == (2, 1)
    assert queue.advance(10.0) == [second, first, third]
    assert (second.ended, third.ended, first.ended) == (2.0, 3.0, 3.0)


def test_a_request_is_done_with_its_last_sequence_not_its_first() -> None:
    queue = SlotQueue(slots=4)
    work = queue.arrive(0.0, [1.0, 2.0, 5.0])
    assert queue.advance(4.9) == []
    assert queue.running == 1
    assert queue.advance(5.0) == [work]


def test_sequences_of_one_request_are_queued_one_by_one() -> None:
    queue = SlotQueue(slots=3)
    big = queue.arrive(0.0, [2.0, 2.0, 2.0, 2.0])
    small = queue.arrive(0.0, [1.0])
    queue.advance(2.0)
    assert (queue.running, queue.waiting) == (2, 0)
    queue.advance(9.0)
    assert (small.ended, big.ended) == (3.0, 4.0)


def test_areas_are_sequence_seconds_whenever_the_clock_is_read() -> None:
    queue = SlotQueue(slots=2)
    queue.arrive(0.0, [1.0, 1.0, 1.0])
    queue.advance(100.0)
    assert queue.running_area == pytest.approx(3.0)
    assert queue.waiting_area == pytest.approx(1.0)
    assert queue.sequences == 3


def test_a_slot_that_fell_free_with_nobody_waiting_idles_until_the_next_arrival() -> None:
    queue = SlotQueue(slots=1)
    queue.arrive(0.0, [1.0])
    queue.advance(3.0)
    late = queue.arrive(3.0, [1.0])
    queue.advance(9.0)
    assert late.ended == 4.0
    assert queue.running_area == pytest.approx(2.0)


def test_without_slots_there_is_no_server() -> None:
    with pytest.raises(ValueError, match="slots"):
        SlotQueue(0)


def test_the_engine_takes_a_tokens_time_for_each_token_and_waits_for_slots() -> None:
    async def ask() -> tuple[float, int]:
        engine = SlottedEngine(StubEngine("error=0"), slots=1, ms_per_token=2.0)
        prompt = Prompt("Add up: 3 + 5\n")
        request = Request("toy-0-00000", prompt, 2, 0, Sampling(), seed=0)
        started = time.monotonic()
        completions = await engine.complete(request)
        assert [one.text for one in completions] == ["3 + 5 = 8\n\nThe answer is 8."] * 2
        return time.monotonic() - started, sum(one.tokens for one in completions)

    seconds, tokens = asyncio.run(ask())
    assert tokens == 2 * (9 + 1)
    assert seconds >= tokens * 0.002
