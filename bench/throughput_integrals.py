"""From a server's record and a run's samples to how full the server was, and what its tail was.

The server's series is `[time, running, waiting, running_area, waiting_area, sequences]`, the run's
is (time, sequences that it wants: asked for and not yet there, at the server or in the client).
Guarantees: means are differences of exact areas, not averages of samples; times are good to one
sample (0.1 s).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Series = Sequence[Sequence[float]]
Wanted = Sequence[tuple[float, float]]
AREA = 3


def area_at(series: Series, time: float, column: int = AREA) -> float:
    """The area up to `time`, straight between rows; held beyond both ends."""
    at = bisect_right(series, time, key=lambda row: row[0])
    if at == 0:
        return series[0][column]
    if at == len(series):
        return series[-1][column]
    (low, high), (a, b) = (
        (series[at - 1][0], series[at][0]),
        (
            series[at - 1][column],
            series[at][column],
        ),
    )
    return a + (b - a) * (time - low) / (high - low)


def mean_running(series: Series, begin: float, end: float) -> float:
    """Sequences that ran on average; 0 for no time at all."""
    if end <= begin:
        return 0.0
    return (area_at(series, end) - area_at(series, begin)) / (end - begin)


def demand_span(wanted: Wanted, slots: int) -> tuple[float, float] | None:
    """From when the run first wanted as many sequences as there are slots to when it last did.

    What it wants less in between counts against it: a run that makes its own engine wait has
    demand that it does not show.
    """
    times = [time for time, count in wanted if count >= slots]
    return (times[0], times[-1]) if times else None


def work_span(requests: Sequence[Sequence[Any]]) -> tuple[float, float]:
    """From the arrival of the run's first request to the answer to its last; requests of the
    client's own, before there are problems, have no problem's name."""
    own = [row for row in requests if str(row[0]).startswith("toy-")]
    return min(row[2] for row in own), max(row[3] for row in own)


@dataclass(frozen=True, slots=True)
class Tail:
    """What was still under way once the run wanted less than the slots, to its end."""

    seconds: float
    problems: int  # that were asked for in it
    shards: int
    longest: int  # requests of one problem in it, one after the other
    longest_seconds: float  # of the problem that was asked for last
    mean_running: float

    def cause(self) -> str:
        return (
            f"{self.seconds:.1f} s with {self.mean_running:.0f} running: {self.problems} problems "
            f"of {self.shards} shards, each waiting for its own last answers; the most asked of "
            f"one: {self.longest} requests in {self.longest_seconds:.1f} s, one after the other"
        )


def tail(record: dict[str, Any], begin: float, shard_problems: int) -> Tail:
    """`begin`: when the run last wanted as many as the slots."""
    own = [row for row in record["requests"] if str(row[0]).startswith("toy-")]
    late = [row for row in own if row[3] > begin]
    end = max((row[3] for row in late), default=begin)
    counts = Counter(row[0] for row in late)
    problem, most = counts.most_common(1)[0] if counts else ("", 0)
    times = [time for row in late if row[0] == problem for time in (row[2], row[3])]
    return Tail(
        seconds=end - begin,
        problems=len(counts),
        shards=len({shard_of(name, shard_problems) for name in counts}),
        longest=most,
        longest_seconds=max(times) - max(min(times), begin) if times else 0.0,
        mean_running=mean_running(record["series"], begin, end),
    )


def shard_of(problem_id: str, shard_problems: int) -> int:
    """toy-5-00123 is the 124th problem of its file, and shards are cut in the file's order."""
    return int(problem_id.rpartition("-")[2]) // shard_problems
