"""Requests a minute, on a clock that jumps to the next timer."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from pipeline.engines.pace import Pace


class Jumping(asyncio.SelectorEventLoop):
    now = 100.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        self.now += 1e-7  # a clock never stands still: timers are set for what rounding leaves
        if not self._ready and self._scheduled:
            self.now = max(self.now, self._scheduled[0].when())
        super()._run_once()


def turns(per_minute: int, count: int) -> tuple[list[float], list[float]]:
    """When each of `count` requests that come at once may go, and how long it says it waited."""

    async def run() -> tuple[list[float], list[float]]:
        loop, pace = asyncio.get_running_loop(), Pace(per_minute)
        begun, times = loop.time(), []

        async def one() -> float:
            waited = await pace.turn()
            times.append(loop.time() - begun)
            return waited

        waits = await asyncio.gather(*(one() for _ in range(count)))
        return times, waits

    with asyncio.Runner(loop_factory=Jumping) as runner:
        return runner.run(run())


def rounded(values: list[float]) -> list[float]:
    return [round(value, 3) for value in values]


def test_thirty_a_minute_are_one_every_two_seconds() -> None:
    times, waits = turns(30, 4)
    assert rounded(times) == [0, 2, 4, 6]
    assert rounded(waits) == [0, 2, 4, 6]


def test_a_second_of_a_fast_server_may_come_at_once() -> None:
    times, _ = turns(180, 7)
    assert rounded(times) == [0, 0, 0, 0.333, 0.667, 1, 1.333]


def test_no_limit_is_no_wait() -> None:
    times, waits = turns(0, 1000)
    assert set(rounded(times)) == set(waits) == {0.0}


@given(st.integers(1, 6000), st.integers(1, 200))
def test_no_span_has_more_than_its_share_and_a_second_and_none_is_wasted(
    per_minute: int, count: int
) -> None:
    times, _ = turns(per_minute, count)
    rate = per_minute / 60
    burst = max(1.0, rate)
    spans = [(times[j] - times[i], j - i + 1) for i in range(count) for j in range(i, count)]
    assert all(sent <= burst + rate * seconds + 1e-3 for seconds, sent in spans)
    assert times[-1] <= count / rate + 1e-3
