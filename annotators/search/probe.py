"""What a search is: a generator that asks for rollouts in waves and reads what came.

A search yields a wave (a list of probes) and is sent one `Measured` for each, in order; `None`
stands for a probe that the budget did not buy. It ends when it knows enough. It sees one
problem's evidence only, so arrival order, shard, runner and restarts cannot change its choices.
It calls no engine and does no input or output. A search that goes on from rollouts returns the
`Grown` tree; the others return None.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from pipeline.labels.layout import Floats
from pipeline.posterior.parameters import Parameters
from pipeline.posterior.past import Recalled
from pipeline.prefix import CutSolution, Prefix
from pipeline.verdict import Verdict
from pipeline.zero import least_failures


@dataclass(frozen=True, slots=True)
class Candidate:
    """A solution to search, with its outcome; `tokens`: its length, end token included.

    `draws`: how many samples gave this very text; `logprobs`: of each step, where known.
    """

    solution: CutSolution
    outcome: Verdict
    tokens: int = 0
    draw: int = -1  # of the rollout from the problem alone that it is; -1 where imported
    draws: int = 0
    logprobs: tuple[float | None, ...] | None = None

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
class Rollout:
    """One rollout from a prefix: `text` is the whole solution that it makes, `tokens` its own."""

    prefix: Prefix
    draw: int
    text: str
    tokens: int
    outcome: Verdict


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of a prefix: its counts, and the rollouts behind them."""

    counts: Counts
    rollouts: Sequence[Rollout] = ()


@dataclass(frozen=True, slots=True)
class Guide:
    """What search `posterior` goes by. `price`: bits that a token must tell. `filtered`: questions
    that were always or never solved are not searched. `begun`: draws that an earlier stage bought,
    by prefix hash. `evidence`: what other annotators said of the problem's solutions. `waves`:
    after which the search ends, whatever is left (None: no limit). `at_once`: rollouts that a
    chosen prefix gets in a wave. `recalled`: what an earlier prover tells; then values are asked
    for, that of the problem alone too. `least_change`: by how much, on average, the values of a
    problem must then be expected to change for it to be searched at all."""

    parameters: Parameters
    edges: Mapping[str, Floats]
    price: float
    filtered: bool
    begun: Mapping[str, int] = field(default_factory=dict)
    evidence: pl.DataFrame | None = None
    waves: int | None = None
    at_once: int = 1
    recalled: Recalled | None = None
    least_change: float = 0.0


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """k: rollouts at a prefix; window: SCAN's d, completed where the view asks for it;
    solutions: how many of a problem are searched at most, of those that the search is for;
    searches: how many a tree search makes of a problem at most; guide: of search `posterior`."""

    k: int
    window: int | None
    solutions: int | None = None
    searches: int = 100
    guide: Guide | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """What a search begins with: a problem's solutions and the counts of the problem alone.

    `mean_tokens`: mean length of its solutions. `join` cuts the solution that a rollout makes
    (None where it cannot be continued from); it is called for rollouts that are searched only.
    """

    candidates: Sequence[Candidate]
    root: Counts = Counts(0, 0, 0)
    mean_tokens: float = 0.0
    join: Callable[[Rollout], Candidate | None] = lambda rollout: None

    @property
    def wrong(self) -> list[Candidate]:
        """Those whose first error can be looked for."""
        return [c for c in self.candidates if c.outcome is Verdict.INCORRECT and len(c)]


@dataclass(frozen=True, slots=True)
class Selection:
    """One rollout that a tree search took up: of which prefix, and with which Q and U."""

    prefix: Prefix
    draw: int
    solution_id: str
    q: float
    u: float


@dataclass(frozen=True, slots=True)
class Grown:
    """What a tree search did: its selections in order, and by prefix hash N(s) and the best Q."""

    selections: Sequence[Selection] = ()
    visits: Mapping[str, int] = field(default_factory=dict)
    q: Mapping[str, float] = field(default_factory=dict)


Wave = list[Probe]
Search = Generator[Wave, list[Measured | None], Grown | None]
Steps = Generator[Wave, list[Measured | None], None]  # the search of one solution


def each_solution(
    search: Callable[[Candidate, SearchSettings], Steps],
) -> Callable[[Start, SearchSettings], Search]:
    """Lift a search of one wrong solution to all of a problem, side by side in waves."""

    def search_all(start: Start, settings: SearchSettings) -> Search:
        live: list[tuple[Steps, Wave]] = []
        for candidate in start.wrong[: settings.solutions]:
            own = search(candidate, settings)
            first = next(own, None)
            if first is not None:
                live.append((own, first))
        while live:
            found = yield [probe for _, wave in live for probe in wave]
            going: list[tuple[Steps, Wave]] = []
            at = 0
            for own, wave in live:
                measured = found[at : at + len(wave)]
                at += len(wave)
                try:
                    going.append((own, own.send(measured)))
                except StopIteration:
                    continue
            live = going
        return None

    return search_all


def is_zero(counts: Counts, k: int) -> bool:
    """All k were drawn, none succeeded, and enough of them are known failures."""
    return counts.correct == 0 and counts.drawn >= k and counts.incorrect >= least_failures(k)


def until_success(prefix: Prefix, k: int) -> Generator[Wave, list[Measured | None], bool | None]:
    """Draw 1, 2, 4, … k rollouts in all, stopping at a success.

    True: some rollout succeeded. False: a zero at all k. None: not decided (budget, unknowns).
    Doubling costs at most twice the draws up to the first success, in log2 k rounds, not k.
    """
    draws = 1
    while True:
        (found,) = yield [Probe(prefix, draws)]
        if found is None:
            return None
        counts = found.counts
        if counts.correct:
            return True
        if counts.drawn >= k:
            return False if is_zero(counts, k) else None
        draws = min(2 * draws, k)


def complete_window(solution: CutSolution, first_zero: int, settings: SearchSettings) -> Steps:
    """All k rollouts at the `window` prefixes before the first zero (SCAN's d steps)."""
    if settings.window is None:
        return
    begin = max(first_zero - settings.window, 1)
    wave = [Probe(solution.prefix(m), settings.k) for m in range(begin, first_zero)]
    if wave:
        yield wave
