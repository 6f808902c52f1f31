"""Search by the posterior: the rollout that tells most about a first error for its tokens.

Every solution of the problem, right ones too, proposes its best prefix
(pipeline/posterior/choose.py) and gets one rollout there, where it is worth the run's price of a
token; then everything is inferred anew. A solution that is certain enough, or that no rollout could
make certain, proposes nothing; when none does, the problem is done. The fitted parameters and the
price are frozen for the run, so the choices depend on the problem's own evidence only.

Under another prover than an earlier one values are asked for, of the problem alone too
(docs/relabel.md).

What other annotators said before (tools, scores) is evidence from the start: a step that arithmetic
refutes needs no rollout. The pilot of a run is this search with the prior's parameters, on a share
of the problems and for a few waves, and the approach is it with the first fit's; what they bought
is the first wave of what goes on from there, and is in the journal.

Guarantees: every choice is a function of the problem's evidence; no prefix gets more than
`choose.MOST` rollouts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from annotators.search.probe import (
    Candidate,
    Counts,
    Guide,
    Measured,
    Probe,
    Search,
    SearchSettings,
    Start,
)
from pipeline.labels.layout import NULL, Layout
from pipeline.posterior.choose import MOST, choose
from pipeline.posterior.curves import curves
from pipeline.posterior.fit import with_tables
from pipeline.posterior.forest import plant
from pipeline.posterior.infer import infer
from pipeline.posterior.look_back import under
from pipeline.posterior.observed import Observed
from pipeline.posterior.read import LOGPROB, SAMPLED, sampled, scores_of, votes_of
from pipeline.posterior.value import values
from pipeline.prefix import Prefix
from pipeline.verdict import Verdict

UNKNOWN = 6  # rollouts without a known outcome, after which a prefix is left alone


def posterior(start: Start, settings: SearchSettings) -> Search:
    guide = settings.guide
    if guide is None:
        raise ValueError("search 'posterior' needs fitted parameters")
    if not start.candidates or not (guide.begun or guide.price < np.inf):
        return None
    state = _State(start, guide, settings.solutions)
    wave = state.begun()
    if guide.least_change and not wave and state.change() < guide.least_change:
        return None
    wave = wave or state.next()
    waves = 0
    while wave and waves != guide.waves:
        found = yield list(wave.values())
        state.take(wave, found)
        wave = state.next()
        waves += 1
    return None


class _State:
    """What is known of one problem."""

    def __init__(self, start: Start, guide: Guide, searched: int | None) -> None:
        self._guide = guide
        self._seen = observe(start.candidates, guide, start.root)
        self._names = [candidate.solution.solution_id for candidate in start.candidates]
        self._parameters = with_tables(self._seen, guide.parameters)
        self._table = curves(self._seen.rows, self._parameters)
        self._drawn = np.zeros(self._seen.forest.num_nodes, dtype=np.int64)
        forest = self._seen.forest
        self._prefix: list[Prefix | None] = [None] * forest.num_nodes
        self._tokens = np.full(forest.num_nodes, np.inf)
        if guide.recalled is not None:
            self._prefix[0] = start.candidates[0].solution.prefix(0)
            self._tokens[0] = max(start.mean_tokens, 1.0)
        at = 0
        for candidate in start.candidates[:searched]:  # the others are evidence all the same
            left = _left(candidate)
            for m in range(1, len(candidate)):
                node = int(forest.step_node[at + m - 1])
                if self._prefix[node] is None:
                    self._prefix[node] = candidate.solution.prefix(m)
                self._tokens[node] = min(self._tokens[node], left[m])
            at += len(candidate)

    def change(self) -> float:
        """By how much the values are expected to differ from the earlier prover's, on average."""
        recalled, forest = self._guide.recalled, self._seen.forest
        if recalled is None:
            return float("inf")
        now = values(self._seen, infer(self._seen, self._parameters, table=self._table), 0.9).mean
        inner = (forest.parent >= 0) & np.isfinite(self._tokens)
        before = recalled.values(self._names, forest)
        return float(np.abs(now - before)[inner].mean()) if inner.any() else 0.0

    # Nodes, not prefixes: two cuttings of one text are two nodes with one prefix, and what came
    # must reach the node that asked, or it would ask for ever.

    def begun(self) -> dict[int, Probe]:
        """What the stage before bought, by node."""
        found = {}
        for node, prefix in enumerate(self._prefix):
            draws = self._guide.begun.get(prefix.hash, 0) if prefix is not None else 0
            if prefix is not None and draws:
                found[node] = Probe(prefix, draws)
        return found

    def next(self) -> dict[int, Probe]:
        """The next wave, by node."""
        now = infer(self._seen, self._parameters, table=self._table)
        nodes = choose(self._seen, now, self._tokens, self._guide.price)
        found = {}
        for node in nodes.tolist():
            prefix, drawn = self._prefix[node], int(self._drawn[node])
            assert prefix is not None
            found[node] = Probe(prefix, min(drawn + self._guide.at_once, MOST))
        return found

    def take(self, wave: Mapping[int, Probe], found: Sequence[Measured | None]) -> None:
        correct, incorrect = self._seen.correct.copy(), self._seen.incorrect.copy()
        for node, measured in zip(wave, found, strict=True):
            if measured is None:  # the allowance is spent
                self._tokens[node] = np.inf
                continue
            correct[node], incorrect[node] = measured.counts.correct, measured.counts.incorrect
            self._drawn[node] = measured.counts.drawn
            if measured.counts.unknown >= UNKNOWN or measured.counts.drawn >= MOST:
                self._tokens[node] = np.inf  # rollouts from here come to no end, or are enough
        self._seen = replace(self._seen, correct=correct, incorrect=incorrect)


def observe(candidates: Sequence[Candidate], guide: Guide, root: Counts) -> Observed:
    """One problem before its first rollout from a step. `root`: rollouts from the problem alone,
    the prover's own or the screening samples, which are the solutions already."""
    layout = Layout.of_lengths(np.array([len(candidate) for candidate in candidates]))
    names = [name for c in candidates for name in c.solution.hashes[1:]]
    prefix = np.array([int(name[:15], 16) for name in names], dtype=np.int64)
    forest = plant(layout, np.zeros(len(candidates), dtype=np.int64), 1, prefix)
    draws = np.array([candidate.draws for candidate in candidates], dtype=np.int64)
    outcome = np.array([_OUTCOME[candidate.outcome] for candidate in candidates], dtype=np.int8)
    right, wrong = (int(draws[outcome == kind].sum()) for kind in (1, 0))
    repeats = [[int(np.maximum(draws[outcome == kind] - 1, 0).sum()) for kind in (1, 0)]]
    flat = [value for candidate in candidates for value in _logprobs(candidate)]
    own = sampled(layout, forest, draws, np.array(flat), guide.edges.get(LOGPROB))
    signals, votes = {SAMPLED: own}, {}
    if guide.evidence is not None and len(guide.evidence):
        ids = pl.Series([candidate.solution.solution_id for candidate in candidates])
        signals |= scores_of(guide.evidence, ids, layout, forest, guide.edges)
        votes = votes_of(guide.evidence, ids, layout, forest)
    correct, incorrect = np.zeros((2, forest.num_nodes), dtype=np.int64)
    if (root.correct, root.incorrect) != (right, wrong):
        correct[0], incorrect[0] = root.correct, root.incorrect
    seen = Observed(
        forest=forest,
        correct=correct,
        incorrect=incorrect,
        outcome=outcome,
        samples=np.array([right + wrong if right and wrong and guide.filtered else 0]),
        repeats=np.array(repeats),
        signals=signals,
        votes=votes,
    )
    if guide.recalled is None:
        return seen
    names = [candidate.solution.solution_id for candidate in candidates]
    return under(seen, guide.recalled.of(names, forest), *np.zeros_like([correct, incorrect]))


_OUTCOME = {Verdict.CORRECT: 1, Verdict.INCORRECT: 0, Verdict.UNKNOWN: int(NULL)}


def _logprobs(candidate: Candidate) -> list[float]:
    known = candidate.logprobs or (None,) * len(candidate)
    return [np.nan if value is None else value for value in known]


def _left(candidate: Candidate) -> list[float]:
    """Tokens after each prefix m = 0 .. T; in proportion to characters where nobody counted."""
    solution = candidate.solution
    whole = max(float(candidate.tokens), 1.0)
    if solution.token_ends is not None:
        ends = [0.0, *map(float, solution.token_ends)]
    else:
        per_character = whole / max(len(solution.text), 1)
        ends = [0.0, *(end * per_character for end in solution.ends)]
    return [max(whole - end, 1.0) for end in ends]
