"""The stages of one shard: screen, pilot, approach, search, check, judge, confirm, publish.

Each returns at once where its result is there. Tables are read and written off the event loop.
Where the shard may be another worker's too, each begins by claiming it (pipeline/claim.py), and
raises FolderBusy when it has lost it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pyarrow as pa

from annotators import answer_logprob
from annotators.checkers import build_checker
from annotators.judge.annotator import judge_solutions
from annotators.paid import deposit, paid_rollouts
from annotators.rollouts import RolloutSettings, SearchTask, annotate_shard
from annotators.steps import SolutionText, annotate_solutions
from flows.context import Role, RunContext
from flows.gate import LOOK_S, Gate
from flows.rationales import rationales, taken_rationales
from flows.shard_plan import ShardPlan
from flows.shard_tables import ShardTables
from pipeline.batches import Batch, Shard
from pipeline.claim import Claim
from pipeline.engines.build import sampling_of
from pipeline.files import link_or_copy, write_table
from pipeline.folder import EARLIER_TABLE, JUDGEMENTS_TABLE, RATIONALES_TABLE, TRUTH_TABLE
from pipeline.importing import import_shard
from pipeline.intake import solutions_of
from pipeline.journal import Journal
from pipeline.judge_name import is_judge
from pipeline.memory import give_back_memory
from pipeline.places import exists
from pipeline.published import write_labels
from pipeline.purchase import Purchaser
from pipeline.sampling import screen_shard
from pipeline.stages import Stage

# By which the gate goes, where stages of one phase overlap; a judge has a phase of its own.
ORDER = ("screen", "search", "check", "confirm", "publish")
SEARCHING = ("pilot", "approach", "search")  # stages that say themselves when they have begun


async def run_stage(name: str, works: Sequence[ShardWork], gate: Gate) -> None:
    """One stage of some shards, as many at once as the gate lets in. Raises what a shard raises, in
    a BaseExceptionGroup."""

    order = ORDER.index(name) if name in ORDER else 0

    async def one(work: ShardWork) -> None:
        if work.left:
            return
        async with gate.shard(order) as begun:
            if name in SEARCHING:
                await getattr(work, name)(begun)
                return
            asyncio.get_running_loop().call_later(LOOK_S, begun)
            await (work.judge(name) if is_judge(name) else getattr(work, name)())

    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(one(work))


class ShardWork:
    """One shard of one batch within an open run."""

    def __init__(self, context: RunContext, batch: Batch, shard: Shard) -> None:
        self.context = context
        self.batch = batch
        self.shard = shard
        self.plan = ShardPlan(context, batch, shard)
        self.tables = ShardTables(self.plan)
        self.left = False  # for a later run: a limit was reached before its samples were there
        self._claim: Claim | None = None

    # The stages.

    async def screen(self) -> None:
        place = await self._begin("screen", self.plan.screen_stage)
        if place is None:
            return
        context = self.context
        if context.limits.closed():
            self.left = True
            return
        imported = await asyncio.to_thread(self.batch.imported, "solutions", self.shard)
        taken = await asyncio.to_thread(self.tables.taken)
        if taken is not None:
            tables = taken
        elif imported is None:
            async with self._buying(context.policy, logprobs=True) as purchaser:
                screened = await screen_shard(
                    self.plan.problems(), self.plan.screening(), purchaser
                )
            if screened is None:
                self.left = True
                return
            tables = screened
        else:
            tables = await import_shard(
                self.plan.problems(),
                solutions_of(imported, self.plan.problems()),
                context.recipe.steps.split,
                context.recipe.questions.pseudo_answer,
                context.grader,
            )
        questions = tables["questions"].to_pylist()
        counts = {
            "problems": len(questions),
            "solutions": tables["solutions"].num_rows,
            "completions": sum(q["samples"] for q in questions),
            "unknown": sum(q["unknown"] for q in questions),
            "tokens": sum(q["tokens"] for q in questions),
            "live": sum(q["question_reason"] is None for q in questions),
        }
        await self._finish(place, tables, counts)
        context.meter.stages["screen"] += 1

    async def pilot(self, begun: Callable[[], None]) -> None:
        """A guided search by the prior, of the share of the problems that pilot."""
        if self.plan.guidance is None or not self.plan.guidance.share:
            self.context.meter.stages_cached["pilot"] += 1
            return
        place = await self._begin("pilot", self.plan.pilot_stage)
        if place is None:
            return
        known = await asyncio.to_thread(self.tables.known, None)
        pilots = partial(self.plan.guidance.pilots, self.context.recipe.seed)
        await self._roll_out(place, self.plan.pilot_settings(known), begun, pilots)
        self.context.meter.stages["pilot"] += 1

    async def approach(self, begun: Callable[[], None]) -> None:
        """A guided search of most of the budget, from what the pilot bought."""
        if self.plan.guidance is None or self.plan.guidance.approach is None:
            self.context.meter.stages_cached["approach"] += 1
            return
        place = await self._begin("approach", self.plan.approach_stage)
        if place is None:
            return
        piloted = self.plan.pilot_stage() if self.plan.guidance.share else None
        known = await asyncio.to_thread(self.tables.known, piloted)
        await self._roll_out(place, self.plan.approach_settings(known), begun)
        self.context.meter.stages["approach"] += 1

    async def search(self, begun: Callable[[], None]) -> None:
        place = await self._begin("search", self.plan.search_stage)
        if place is None:
            return
        known = None
        if self.plan.guidance is not None:
            known = await asyncio.to_thread(self.tables.known, self.plan.begun_stage())
        await self._roll_out(place, self.plan.rollout_settings(known), begun)
        self.context.meter.stages["search"] += 1

    async def _roll_out(
        self,
        place: Stage,
        settings: RolloutSettings,
        begun: Callable[[], None],
        of: Callable[[str], bool] | None = None,
    ) -> None:
        """`begun`: see `annotate_shard`. `of`: which problems, by id; None: all."""
        context = self.context
        read = self.plan.screen_stage().read
        tasks = await asyncio.to_thread(lambda: self.tables.search_tasks(read("solutions"), of))
        async with self._buying(context.prover, logprobs=self.plan.grows) as purchaser:
            paid = await self._deposit(tasks, purchaser)
            tables = await annotate_shard(tasks, settings, purchaser, paid, begun)
        refused = tables.pop("refused")
        rollouts = tables["rollouts"]
        counts = {
            "refused": [list(row.values()) for row in refused.to_pylist()],
            "completions": rollouts.num_rows,
            "unknown": rollouts.column("outcome").to_pylist().count("unknown"),
            "failed": rollouts.column("finish_reason").to_pylist().count("failed"),
            "truncated": rollouts.column("finish_reason").to_pylist().count("length"),
            "tokens": sum(rollouts.column("tokens").to_pylist()),
        }
        await self._finish(place, tables, counts)

    async def judge(self, name: str) -> None:
        """Ask a judge about the solutions of its route."""
        place = await self._begin(name, lambda: self.plan.judge_stage(name))
        if place is None:
            return
        role, route = self.context.judges[name], self.plan.routes[name]
        tasks = await asyncio.to_thread(self.tables.judge_tasks, route)
        async with self._journal() as journal:
            purchaser = Purchaser(
                engine=role.judge.engine if role.live else None,
                identity=role.judge.identity,
                sampling=role.sampling,
                seed=self.context.recipe.seed,
                journal=journal,
                meter=self.context.meter,
                closed=self.context.limits.closed,
            )
            judged = await judge_solutions(tasks, role.judge, purchaser, route.allowance)
        counts = {
            "asked": judged.asked,
            "routed": len(tasks),
            "calls": judged.judgements.num_rows,
            "tokens": judged.tokens,
        }
        tables = {"evidence": judged.evidence, JUDGEMENTS_TABLE: judged.judgements}
        await self._finish(place, tables, counts)
        self.context.meter.stages[name] += 1

    async def check(self) -> None:
        for name in self.context.recipe.checkers():
            place = await self._begin("check", partial(self.plan.check_stage, name))
            if place is None:
                continue
            if name == answer_logprob.NAME:
                evidence = await self._rate_answers()
            else:
                evidence = await self._read_texts(name)
            flags = sum(evidence.column("incorrect").to_pylist())
            counts = {"steps": evidence.num_rows, "incorrect": flags}
            await self._finish(place, {"evidence": evidence}, counts)
            self.context.meter.stages["check"] += 1

    async def _read_texts(self, name: str) -> pa.Table:
        checker = build_checker(name, self.context.recipe.annotators[name])
        text_of = {p.problem_id: p.text for p in self.plan.problems()}
        solutions = await asyncio.to_thread(self.tables.solutions)
        rows = solutions.select(["solution_id", "problem_id", "steps"]).to_pylist()
        return await annotate_solutions(
            checker,
            [
                SolutionText(
                    row["solution_id"],
                    text_of[row["problem_id"]],
                    tuple(step["text"] for step in row["steps"]),
                )
                for row in rows
            ],
            self.context.pool,
        )

    async def _rate_answers(self) -> pa.Table:
        settings, source = self.plan.answers()
        tasks = await asyncio.to_thread(lambda: self.tables.search_tasks(self.tables.solutions()))
        searched = [task for task in tasks if task.question["question_reason"] is None]
        async with self._buying(self.context.prover, logprobs=False) as purchaser:
            return await answer_logprob.annotate_answers(searched, settings, purchaser, source)

    async def confirm(self) -> None:
        """Rationales: what judges said as the labels do, and what rollouts say of corrections."""
        place = await self._begin("confirm", self.plan.confirm_stage)
        if place is None:
            return
        async with self._buying(self.context.prover, logprobs=False) as purchaser:
            table, counts = await rationales(self.tables, purchaser)
        await self._finish(place, {RATIONALES_TABLE: table}, counts)
        self.context.meter.stages["confirm"] += 1

    async def publish(self) -> None:
        if await asyncio.to_thread(lambda: self.plan.published):
            self.context.meter.stages_cached["publish"] += 1
            return
        await asyncio.to_thread(self._publish)
        if self.context.folder.origin is None:
            journal = Journal(self.context.folder.journal(self.shard.name))
            await asyncio.to_thread(journal.compact)
        self.plan.forget_problems()
        await asyncio.to_thread(give_back_memory)
        self.context.meter.stages["publish"] += 1

    def _publish(self) -> None:
        """The labels last: a shard is published when they are there."""
        self._take_claim()
        folder, name = self.context.folder, self.shard.name
        screened, searched = self.plan.screen_stage(), self.plan.search_stage()
        labels = self.tables.labels()
        self._check_claim()
        write_table(folder.side("evidence", name), self.tables.evidence())
        write_table(folder.side("solutions", name), self.tables.solutions())
        if self.context.judges:
            write_table(folder.side(JUDGEMENTS_TABLE, name), self.tables.judgements())
        linked = dict.fromkeys(("rollouts", "tree"), searched)
        linked |= dict.fromkeys(("problems", "questions"), screened)
        if self.context.judges:
            linked[RATIONALES_TABLE] = self.plan.confirm_stage()
        if exists(screened.table_path(TRUTH_TABLE)):
            linked[TRUTH_TABLE] = screened
        if exists(screened.table_path(EARLIER_TABLE)):
            linked[EARLIER_TABLE] = screened
        if not self.context.judges and exists(screened.table_path(JUDGEMENTS_TABLE)):
            linked[JUDGEMENTS_TABLE] = screened
        if not self.context.judges and (self.context.noted or {}).get("judges"):
            said = folder.side(RATIONALES_TABLE, name)
            write_table(said, taken_rationales(self.tables, labels))
        for table, place in linked.items():
            link_or_copy(place.table_path(table), folder.side(table, name))
        if folder.origin is None:
            self.plan.write_note()
        write_labels(folder.published(name), labels)

    # Parts.

    async def _deposit(self, tasks: Sequence[SearchTask], purchaser: Purchaser) -> dict[str, int]:
        """Lay imported rollouts into the journal; how many draws of each prefix they are."""
        rollouts = self.batch.imported("rollouts", self.shard)
        solutions = self.batch.imported("solutions", self.shard)
        if rollouts is None or solutions is None:
            return {}
        known = solutions.select(["solution_id", "prefix_hashes"]).to_pylist()
        hashes = {row["solution_id"]: row["prefix_hashes"] or [] for row in known}
        cut = [candidate.solution for task in tasks for candidate in task.candidates]
        return await deposit(paid_rollouts(rollouts), cut, hashes, purchaser)

    async def _begin(self, name: str, find: Callable[[], Stage]) -> Stage | None:
        """Where the result of a stage goes; None where it is there."""

        def look() -> Stage | None:
            place = find()
            if self.plan.published or place.done() is not None:
                return None
            self._take_claim()
            return place

        place = await asyncio.to_thread(look)
        if place is None:
            self.context.meter.stages_cached[name] += 1
        return place

    async def _finish(
        self, place: Stage, tables: Mapping[str, pa.Table], counts: Mapping[str, Any]
    ) -> None:
        def write() -> None:
            self._check_claim()
            place.finish(tables, counts)

        await asyncio.to_thread(write)

    def _take_claim(self) -> None:
        term = self.context.term
        if term is not None and self.context.folder.origin is None:
            self._claim = Claim(self.context.folder.journal(self.shard.name) / "claim.json", term)
            self._claim.take()

    def _check_claim(self) -> None:
        if self._claim is not None:
            self._claim.check()

    @asynccontextmanager
    async def _journal(self) -> AsyncIterator[Journal]:
        """The shard's journal is in memory for one stage at a time: a run of many shards, of which
        all are screened before the first is searched, holds those that are under way."""
        journal = Journal(self.context.folder.journal(self.shard.name), self._claim)
        await asyncio.to_thread(journal.load)
        try:
            yield journal
        finally:
            await journal.close()  # what a stage that failed had asked for is committed first

    @asynccontextmanager
    async def _buying(self, role: Role, logprobs: bool) -> AsyncIterator[Purchaser]:
        async with self._journal() as journal:
            yield Purchaser(
                engine=role.engine if role.live else None,
                identity=role.identity,
                sampling=sampling_of(role.model),
                seed=self.context.recipe.seed,
                journal=journal,
                meter=self.context.meter,
                logprobs=logprobs,
                closed=self.context.limits.closed,
            )
