"""The Monte-Carlo annotator: rollouts from prefixes, as evidence on `prefix_value`.

A prefix is evaluated once for a problem, whichever solution asks; every solution that shares it
gets the counts, and its cost stands with the first one. A rollout that failed, cannot be graded
or was truncated is unknown, never incorrect. Counts of fewer than k draws are censored: drawing
stopped because of what was seen.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from annotators.branches import Branches, Cutter
from annotators.drawn import Drawn
from annotators.found import Found, Root, tables
from annotators.search import GUIDED_SEARCHES, SEARCHES, TREE_SEARCHES
from annotators.search.probe import (
    Candidate,
    Counts,
    Grown,
    Guide,
    Measured,
    Probe,
    Rollout,
    Search,
    SearchSettings,
    Start,
    Wave,
)
from pipeline.grading.grader import Grader
from pipeline.prefix import about_tokens
from pipeline.problems import Problem
from pipeline.purchase import Purchaser
from pipeline.together import together
from pipeline.verdict import Verdict

VERSION = 1


@dataclass(frozen=True, slots=True)
class RolloutSettings:
    """What the annotator needs beside a shard; `source` identifies its evidence.

    `root_source` is the source of the screening samples. They are rollouts of the prover from
    the problem alone when it equals `source`; otherwise the prover draws k of its own there.
    `allowance`: generated tokens that one problem may spend; None: no limit. `cutter`: how a
    tree search makes solutions of rollouts. `guide`: of a problem, what search `posterior` goes by.
    """

    search: str
    k: int
    window: int | None
    solutions: int
    searches: int
    source: str
    root_source: str
    allowance: int | None
    grader: Grader
    cutter: Cutter
    guide: Callable[[SearchTask], Guide | None] = lambda task: None
    # A replay: (prefix hash, draws) that the run came too late for. None: ask whether it may buy.
    refused: Collection[tuple[str, int]] | None = None


@dataclass(frozen=True, slots=True)
class SearchTask:
    """One problem with its solutions, cut, and its row of the questions table.

    `steps`: STEP structs by solution_id.
    """

    problem: Problem
    candidates: Sequence[Candidate]
    mean_tokens: float
    question: dict[str, Any]
    policy: str = ""  # whose solutions they are
    steps: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


async def annotate_shard(
    tasks: Sequence[SearchTask],
    settings: RolloutSettings,
    purchaser: Purchaser,
    paid: Mapping[str, int] = MappingProxyType({}),
    begun: Callable[[], None] = lambda: None,
) -> dict[str, pa.Table]:
    """Tables `rollouts`, `evidence`, `tree`, `prefixes`, `solutions` (those that a tree search made
    of rollouts) and `refused` (what the run came too late for), in the order of `tasks`. Raises
    EngineDown.

    `paid`: draws of a prefix (by hash) that somebody had paid for; they cost no allowance. `begun`
    is called when every search has asked for what it begins with, or has ended.
    """
    beginning = _Beginning(len(tasks), begun)
    searches = [_ProblemSearch(task, settings, purchaser, paid, beginning) for task in tasks]
    await together(search.run() for search in searches)
    for search in searches:
        search.count_spared()
    return tables([search.found() for search in searches])


class _Beginning:
    """The searches of a shard begin one after the other. Each thinks longest before its first wave,
    and between two of them the loop serves what else is under way."""

    def __init__(self, searches: int, begun: Callable[[], None]) -> None:
        self._left = searches
        self._begun = begun
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        async with self._turn:
            await asyncio.sleep(0)
            yield

    def one(self) -> None:
        self._left -= 1
        if not self._left:
            self._begun()


class _ProblemSearch:
    """A problem's state: its search, what was drawn from each prefix, and what it spent."""

    def __init__(
        self,
        task: SearchTask,
        settings: RolloutSettings,
        purchaser: Purchaser,
        paid: Mapping[str, int],
        beginning: _Beginning,
    ) -> None:
        self._paid = paid
        self._beginning: _Beginning | None = beginning  # None: it has begun
        self._task = task
        self._refused: list[tuple[str, int]] = []
        self._settings = settings
        self._purchaser = purchaser
        self._drawn: dict[str, Drawn] = {}
        self._begun: Mapping[str, int] = {}  # draws that an earlier stage bought
        self._spent = 0
        self._reserved = 0.0
        self._grown: Grown | None = None
        self._branches = Branches(settings.cutter, task.candidates, task.steps)

    async def run(self) -> None:
        try:
            await self._search()
        finally:
            self._has_begun()

    def _has_begun(self) -> None:
        if self._beginning is not None:
            self._beginning.one()
            self._beginning = None

    async def _search(self) -> None:
        if self._task.question["question_reason"] is not None:
            return
        if self._settings.allowance == 0 and not self._paid:
            return
        guide = self._settings.guide(self._task)
        if guide is None and self._settings.search in GUIDED_SEARCHES:
            return  # not in the pilot
        self._begun = guide.begun if guide is not None else {}
        known = [c for c in self._task.candidates if c.outcome is not Verdict.UNKNOWN and len(c)]
        if not known:
            return
        recalled = guide is not None and guide.recalled is not None
        if self._settings.source != self._settings.root_source and not recalled:
            await self._serve([Probe(known[0].solution.prefix(0), self._settings.k)])
        settings = self._settings
        root = self._root() or Root(Counts(0, 0, 0), 0, censored=True)
        search = SEARCHES[settings.search](
            Start(known, root.counts, self._task.mean_tokens, self._join),
            SearchSettings(
                settings.k,
                settings.window,
                settings.solutions or None,
                settings.searches,
                guide,
            ),
        )
        assert self._beginning is not None
        async with self._beginning.turn():
            wave = self._next(search, None)
        asyncio.get_running_loop().call_soon(self._has_begun)  # when the first wave is on its way
        while wave is not None:
            wave = self._next(search, await self._serve(wave))

    def _next(self, search: Search, found: list[Measured | None] | None) -> Wave | None:
        """What it asks for after what was found; None at its end."""
        try:
            return next(search) if found is None else search.send(found)
        except StopIteration as end:
            self._grown = end.value
            return None

    def _root(self) -> Root | None:
        """What is known of the problem alone: the screening samples, or the prover's own draws."""
        if self._settings.source == self._settings.root_source:
            row = self._task.question
            counts = Counts(row["correct"], row["incorrect"], row["unknown"])
            return Root(counts, row["tokens"], censored=False)
        drawn = next((d for d in self._drawn.values() if not d.prefix.steps), None)
        if drawn is None:
            return None
        counts = drawn.counts()
        return Root(counts, drawn.tokens, censored=counts.drawn < self._settings.k)

    def _join(self, rollout: Rollout) -> Candidate | None:
        drawn = self._drawn[rollout.prefix.hash]
        return self._branches.join(
            rollout.prefix,
            rollout.draw,
            drawn.completions[rollout.draw],
            drawn.grades[rollout.draw],
        )

    async def _serve(self, wave: Sequence[Probe]) -> list[Measured | None]:
        """Buy what a wave asks for, each prefix once; None where the allowance ends."""
        wanted: dict[str, Probe] = {}
        for probe in wave:
            other = wanted.get(probe.prefix.hash)
            if other is None or other.draws < probe.draws:
                wanted[probe.prefix.hash] = probe
        self._reserved = 0.0
        bought = [probe for probe in wanted.values() if self._affordable(probe)]
        if len(bought) == 1:  # as most waves of a guided search: a task saved
            await self._draw(bought[0])
        else:
            await asyncio.gather(*(self._draw(probe) for probe in bought))
        return [self._measured(probe) for probe in wave]

    def _measured(self, probe: Probe) -> Measured | None:
        drawn = self._drawn.get(probe.prefix.hash)
        if drawn is None or len(drawn.grades) < probe.draws:
            return None
        grows = self._settings.search in TREE_SEARCHES
        return Measured(drawn.counts(), drawn.rollouts() if grows else ())

    def _affordable(self, probe: Probe) -> bool:
        """Reserve a probe's expected cost within the allowance, in the order of the wave."""
        if not self._allowed(probe):
            return False
        if self._settings.allowance is None:
            return True
        drawn = self._drawn.get(probe.prefix.hash)
        # What an earlier stage bought is bought: an estimate must not leave it out of the tables.
        name = probe.prefix.hash
        have = max(
            len(drawn.grades) if drawn else 0, self._paid.get(name, 0), self._begun.get(name, 0)
        )
        missing = max(probe.draws - have, 0)
        kept = probe.prefix.tokens
        if kept is None:
            kept = about_tokens(probe.prefix.text)
        cost = missing * max(self._task.mean_tokens - kept, 1.0)
        if self._spent + self._reserved + cost > self._settings.allowance:
            return False
        self._reserved += cost
        return True

    def _allowed(self, probe: Probe) -> bool:
        """Whether the run may still buy it; a replay refuses what its run did."""
        asked = (probe.prefix.hash, probe.draws)
        refused = self._settings.refused
        if refused is not None:
            return asked not in refused
        drawn = self._drawn.get(probe.prefix.hash)
        have = len(drawn.grades) if drawn else 0
        if self._purchaser.can_draw(probe.prefix.prompt, have, probe.draws - have):
            return True
        self._refused.append(asked)
        return False

    async def _draw(self, probe: Probe) -> None:
        drawn = self._drawn.get(probe.prefix.hash) or Drawn(probe.prefix, [], [])
        have = len(drawn.grades)
        if have >= probe.draws:
            return
        problem, written = self._task.problem, probe.prefix.text
        completions = await self._purchaser.draw(
            problem.problem_id, probe.prefix.prompt, have, probe.draws - have
        )
        if self._settings.refused is None and self._purchaser.too_late(completions):
            self._refused.append((probe.prefix.hash, probe.draws))
            return
        grades = await self._settings.grader.grade_all(
            [(written + c.text, c.finish_reason) for c in completions],
            problem.answer or "",
            problem.answer_type,
        )
        self._drawn[probe.prefix.hash] = drawn
        drawn.completions += completions
        drawn.grades += grades
        paid = max(self._paid.get(probe.prefix.hash, 0) - have, 0)
        self._spent += sum(c.tokens for c in completions[paid:])

    def count_spared(self) -> None:
        """Rollouts that it did without, because one had succeeded."""
        if self._settings.search in GUIDED_SEARCHES:
            return  # which has no number of rollouts a prefix
        for drawn in self._drawn.values():
            have = len(drawn.grades)
            spared = self._settings.k - have if drawn.counts().correct else 0
            if spared > 0:
                self._purchaser.meter.spared += spared
                self._purchaser.meter.tokens_spared += spared * drawn.tokens // have

    def found(self) -> Found:
        return Found(
            source=self._settings.source,
            # A guided search stops drawing everywhere because of what it saw.
            whole=sys.maxsize if self._settings.search in GUIDED_SEARCHES else self._settings.k,
            prover=self._purchaser.identity.model_revision,
            seed=self._purchaser.seed,
            solutions=[c.solution for c in (*self._task.candidates, *self._branches.candidates)],
            root=self._root(),
            drawn=sorted(self._drawn.values(), key=lambda d: (d.prefix.steps, d.prefix.hash)),
            grown=self._grown,
            made=self._branches.rows,
            refused=self._refused,
        )
