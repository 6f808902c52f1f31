"""What a search is: a generator that asks for rollouts in waves and reads their counts.

A search yields a wave (a list of probes) and is sent one `Counts` for each, in order; `None`
stands for a probe that the budget did not buy. It ends when it knows enough. It sees one
problem's evidence only, so arrival order, shard, runner and restarts cannot change its choices.
It calls no engine and does no input or output.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from pipeline.prefix import CutSolution, Prefix
from pipeline.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Candidate:
    """A solution to search, with its outcome."""

    solution: CutSolution
    outcome: Verdict

    def __len__(self) -> int:
        return len(self.solution)


@dataclass(frozen=True, slots=True)
class Probe:
    """Have `draws` rollouts from a prefix (those already drawn count)."""

    prefix: Prefix
    draws: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Outcomes of all rollouts drawn so far from one prefix."""

    correct: int
    incorrect: int
    unknown: int

    @property
    def drawn(self) -> int:
        return self.correct + self.incorrect + self.unknown


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """k: rollouts at a prefix; window: SCAN's d, completed where the view asks for it;
    solutions: how many of a problem are searched at most, of those that the search is for."""

    k: int
    window: int | None
    solutions: int | None = None


Wave = list[Probe]
Search = Generator[Wave, list[Counts | None], None]


def each_solution(
    search: Callable[[Candidate, SearchSettings], Search],
) -> Callable[[Sequence[Candidate], SearchSettings], Search]:
    """Lift a search of one wrong solution to all of a problem, side by side in waves."""

    def search_all(candidates: Sequence[Candidate], settings: SearchSettings) -> Search:
        live: list[tuple[Search, Wave]] = []
        wrong = [c for c in candidates if c.outcome is Verdict.INCORRECT and len(c)]
        for candidate in wrong[: settings.solutions]:
            own = search(candidate, settings)
            first = next(own, None)
            if first is not None:
                live.append((own, first))
        while live:
            found = yield [probe for _, wave in live for probe in wave]
            going: list[tuple[Search, Wave]] = []
            at = 0
            for own, wave in live:
                counts = found[at : at + len(wave)]
                at += len(wave)
                try:
                    going.append((own, own.send(counts)))
                except StopIteration:
                    continue
            live = going

    return search_all


def is_zero(counts: Counts, k: int) -> bool:
    """No rollout succeeded, and at least half of k are known failures: unknown is no failure."""
    return counts.correct == 0 and counts.incorrect >= -(-k // 2)


def until_success(prefix: Prefix, k: int) -> Generator[Wave, list[Counts | None], bool | None]:
    """Draw 1, 2, 4, … k rollouts in all, stopping at a success.

    True: some rollout succeeded. False: a zero at all k. None: not decided (budget, unknowns).
    Doubling costs at most twice the draws up to the first success, in log2 k rounds, not k.
    """
    draws = 1
    while True:
        (counts,) = yield [Probe(prefix, draws)]
        if counts is None:
            return None
        if counts.correct:
            return True
        if counts.drawn >= k:
            return False if is_zero(counts, k) else None
        draws = min(2 * draws, k)


def complete_window(
    solution: CutSolution, first_zero: int, settings: SearchSettings
) -> Generator[Wave, list[Counts | None], None]:
    """All k rollouts at the `window` prefixes before the first zero (SCAN's d steps)."""
    if settings.window is None:
        return
    begin = max(first_zero - settings.window, 1)
    wave = [Probe(solution.prefix(m), settings.k) for m in range(begin, first_zero)]
    if wave:
        yield wave
