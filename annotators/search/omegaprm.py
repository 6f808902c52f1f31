"""OmegaPRM's tree search (arXiv 2406.06592v2, sections 3.2-3.3), all of it.

A *state* is a prefix with its k rollouts and MC(s), the share of right ones. The pool holds the
wrong rollouts of all states with 0 < MC(s) < 1. Each search selects the one with the highest

    Q(s, r) + U(s)      Q(s, r) = alpha^(1 - MC(s)) * beta^(len(r) / L), len in tokens
                        U(s)    = c_puct * sqrt(sum of all N) / (1 + N(s))

takes it out of the pool for good, adds 1 to N(s) of its own state alone, and divides it by
binary search: all k rollouts at the middle; a success goes right, a zero goes left, until the
piece that is left is shorter than a sixteenth of the mean solution. A middle with a success is
before the first error and becomes a state. It ends after `searches` searches or with the pool.

Where the paper leaves room: lengths are cut at steps, so a middle is the step's end nearest to the
middle of the piece in tokens. Only rollouts known to be wrong are in the pool (the paper's
"supposed-to-be-correct wrong-answer rollouts"): the division needs an end that is wrong. The
screening samples are the root's rollouts; where they are another model's, or imported, they seed
the root's pool all the same, and MC of the root is the prover's. A rollout whose whole text was
searched before is retired without a search: its first error is known. A middle that cannot be
decided (mostly unknown outcomes) ends its division, as unknown is no failure.

Guarantees: no rollout is selected twice (RuntimeError otherwise); same evidence, same tree.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from math import sqrt

from annotators.search.probe import (
    Candidate,
    Counts,
    Grown,
    Measured,
    Probe,
    Rollout,
    Search,
    SearchSettings,
    Selection,
    Start,
    Wave,
    is_zero,
)
from pipeline.prefix import CutSolution, Prefix
from pipeline.verdict import Verdict

ALPHA, BETA, LENGTH, C_PUCT = 0.5, 0.9, 500, 0.125  # section 4.1
PIECES = 16  # section 4.4: a division ends below a sixteenth of the mean solution


@dataclass(slots=True)
class _State:
    """A prefix before the first error of some solution, with what is left of its rollouts."""

    prefix: Prefix
    mc: float
    pool: list[_Entry]  # the longest first: the best is at the end
    visits: int = 0

    def q(self, entry: _Entry) -> float:
        return float(ALPHA ** (1 - self.mc) * BETA ** (entry.tokens / LENGTH))


@dataclass(frozen=True, slots=True)
class _Entry:
    """A wrong rollout: one that was screened, or one that is cut when it is selected."""

    draw: int
    tokens: int
    text: str
    source: Candidate | Rollout


@dataclass(slots=True)
class _Tree:
    states: dict[str, _State] = field(default_factory=dict)  # by prefix hash, in order of creation
    best: dict[str, float] = field(default_factory=dict)  # the highest Q of each state
    searched: set[str] = field(default_factory=set)  # whole texts
    selections: list[Selection] = field(default_factory=list)
    taken: set[tuple[str, int, str]] = field(default_factory=set)

    def add(self, prefix: Prefix, counts: Counts, entries: Sequence[_Entry]) -> None:
        """A state; its rollouts join the pool where 0 < MC < 1."""
        known = counts.correct + counts.incorrect
        mc = counts.correct / known if known else 0.0
        state = _State(prefix, mc, [])
        if 0 < mc < 1:
            unlike = {entry.text: entry for entry in reversed(entries)}  # equal texts are one
            state.pool = sorted(unlike.values(), key=lambda e: (-e.tokens, -e.draw))
        self.states[prefix.hash] = state
        if state.pool:
            self.best[prefix.hash] = state.q(state.pool[-1])

    def select(self) -> tuple[_State, _Entry, float, float] | None:
        """The rollout of the pool with the highest Q + U, taken out; the first state wins ties.

        Within a state U is the same and Q falls with the length: its best is its shortest.
        """
        for state in self.states.values():
            while state.pool and state.pool[-1].text in self.searched:
                state.pool.pop()
        total = sqrt(sum(state.visits for state in self.states.values()))
        live = [state for state in self.states.values() if state.pool]
        if not live:
            return None

        def u(state: _State) -> float:
            return C_PUCT * total / (1 + state.visits)

        state = max(live, key=lambda state: state.q(state.pool[-1]) + u(state))
        entry = state.pool.pop()
        return state, entry, state.q(entry), u(state)

    def grown(self) -> Grown:
        visits = {key: state.visits for key, state in self.states.items()}
        return Grown(self.selections, visits, self.best)


def omegaprm(start: Start, settings: SearchSettings) -> Search:
    tree = _Tree()
    seeds = start.wrong[: settings.solutions]
    if not seeds:
        return tree.grown()
    entries = [_Entry(c.draw, c.tokens, c.solution.text, c) for c in seeds]
    tree.add(seeds[0].solution.prefix(0), start.root, entries)
    while len(tree.selections) < settings.searches:
        selected = tree.select()
        if selected is None:
            break
        state, entry, q, u = selected
        candidate = entry.source
        if isinstance(candidate, Rollout):
            joined = start.join(candidate)
            if joined is None:
                continue  # its tokens do not go on from those of its prefix
            candidate = joined
        key = state.prefix.hash, entry.draw, entry.text
        if key in tree.taken:
            raise RuntimeError(f"OmegaPRM selected rollout {entry.draw} of {key[0]} twice")
        tree.taken.add(key)
        tree.searched.add(entry.text)
        tree.selections.append(
            Selection(state.prefix, entry.draw, candidate.solution.solution_id, q, u)
        )
        affordable = yield from _divide(tree, state, candidate, start.mean_tokens, settings.k)
        state.visits += 1
        if not affordable:
            break
    return tree.grown()


def _divide(
    tree: _Tree, state: _State, candidate: Candidate, mean_tokens: float, k: int
) -> Generator[Wave, list[Measured | None], bool]:
    """Binary search for the first error after `state`; False where the budget ended."""
    solution = candidate.solution
    at = _positions(candidate)
    low, high = state.prefix.steps, len(solution)
    while high - low > 1 and at[high] - at[low] >= mean_tokens / PIECES:
        middle = min(range(low + 1, high), key=lambda m: (abs(2 * at[m] - at[low] - at[high]), m))
        prefix = solution.prefix(middle)
        (found,) = yield [Probe(prefix, k)]
        if found is None:
            return False
        if found.counts.correct:
            if prefix.hash not in tree.states:
                tree.add(prefix, found.counts, _wrong(found))
            low = middle
        elif is_zero(found.counts, k):
            high = middle
        else:
            break
    return True


def _wrong(found: Measured) -> list[_Entry]:
    return [
        _Entry(rollout.draw, rollout.tokens, rollout.text, rollout)
        for rollout in found.rollouts
        if rollout.outcome is Verdict.INCORRECT
    ]


def _positions(candidate: Candidate) -> list[float]:
    """Tokens kept by each prefix m = 0 .. T; in proportion to characters where they are unknown."""
    solution: CutSolution = candidate.solution
    if solution.token_ends is not None:
        return [0.0, *map(float, solution.token_ends)]
    per_character = candidate.tokens / max(len(solution.text), 1)
    return [0.0, *(end * per_character for end in solution.ends)]
