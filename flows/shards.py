"""The stages of one shard: screen, pilot, approach, search, check, publish.

Each returns at once where its result is there. Tables are read and written off the event loop.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import polars as pl
import pyarrow as pa

from annotators import answer_logprob
from annotators.checkers import build_checker
from annotators.judge.annotator import JudgeTask, judge_solutions
from annotators.paid import deposit, paid_rollouts
from annotators.rollouts import RolloutSettings, SearchTask, annotate_shard
from annotators.steps import SolutionText, annotate_solutions
from annotators.tasks import search_tasks
from flows.context import Role, RunContext
from flows.evidence import Evidence
from flows.guidance import Known
from flows.routing import Route
from flows.shard_plan import ShardPlan
from pipeline.batches import Batch, Shard
from pipeline.engines.build import sampling_of
from pipeline.files import link_or_copy, write_table
from pipeline.folder import JUDGEMENTS_TABLE, TRUTH_TABLE
from pipeline.importing import import_shard, segmentation_of
from pipeline.intake import solutions_of
from pipeline.journal import Journal
from pipeline.labels.derive import Provenance, derive
from pipeline.problems import Problem
from pipeline.purchase import Purchaser
from pipeline.sampling import screen_shard
from pipeline.schemas import EVIDENCE
from pipeline.segment import SEGMENT_VERSION
from pipeline.stages import Stage


class ShardWork:
    """One shard of one batch within an open run."""

    def __init__(self, context: RunContext, batch: Batch, shard: Shard) -> None:
        self.context = context
        self.batch = batch
        self.shard = shard
        self.plan = ShardPlan(context, batch, shard)

    # The stages.

    async def screen(self) -> None:
        place = self.plan.screen_stage()
        if self._skip("screen", place):
            return
        context = self.context
        imported = await asyncio.to_thread(self.batch.imported, "solutions", self.shard)
        if imported is None:
            async with self._buying(context.policy, logprobs=True) as purchaser:
                tables = await screen_shard(self.plan.problems(), self.plan.screening(), purchaser)
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
        await asyncio.to_thread(place.finish, tables, counts)
        context.meter.stages["screen"] += 1

    async def pilot(self) -> None:
        """A guided search by the prior, of the share of the problems that pilot."""
        if self.plan.guidance is None or not self.plan.guidance.share:
            self.context.meter.stages_cached["pilot"] += 1
            return
        place = self.plan.pilot_stage()
        if self._skip("pilot", place):
            return
        known = await asyncio.to_thread(self._known, None)
        await self._roll_out(place, self.plan.pilot_settings(known))
        self.context.meter.stages["pilot"] += 1

    async def approach(self) -> None:
        """A guided search of most of the budget, from what the pilot bought."""
        if self.plan.guidance is None or self.plan.guidance.approach is None:
            self.context.meter.stages_cached["approach"] += 1
            return
        place = self.plan.approach_stage()
        if self._skip("approach", place):
            return
        piloted = self.plan.pilot_stage() if self.plan.guidance.share else None
        known = await asyncio.to_thread(self._known, piloted)
        await self._roll_out(place, self.plan.approach_settings(known))
        self.context.meter.stages["approach"] += 1

    async def search(self) -> None:
        place = self.plan.search_stage()
        if self._skip("search", place):
            return
        known = None
        if self.plan.guidance is not None:
            known = await asyncio.to_thread(self._known, self.plan.begun_stage())
        await self._roll_out(place, self.plan.rollout_settings(known))
        self.context.meter.stages["search"] += 1

    async def _roll_out(self, place: Stage, settings: RolloutSettings) -> None:
        context = self.context
        solutions = self.plan.screen_stage().read("solutions")
        tasks = await asyncio.to_thread(lambda: self._tasks(solutions))
        async with self._buying(context.prover, logprobs=self.plan.grows) as purchaser:
            paid = await self._deposit(tasks, purchaser)
            tables = await annotate_shard(tasks, settings, purchaser, paid)
        rollouts = tables["rollouts"]
        counts = {
            "completions": rollouts.num_rows,
            "unknown": rollouts.column("outcome").to_pylist().count("unknown"),
            "failed": rollouts.column("finish_reason").to_pylist().count("failed"),
            "truncated": rollouts.column("finish_reason").to_pylist().count("length"),
            "tokens": sum(rollouts.column("tokens").to_pylist()),
        }
        await asyncio.to_thread(place.finish, tables, counts)

    def stage_of(self, name: str) -> Stage:
        """`pilot`, `approach` or `search`."""
        place: Stage = getattr(self.plan, f"{name}_stage")()
        return place

    def seen(self, stage: str | None, judges: Sequence[str] = ()) -> Evidence | None:
        """On problems that are searched: the annotators' evidence, that of a stage with rollouts,
        and that of some judges. None where the shard has no such problem."""
        screened = self.plan.screen_stage()
        questions = pl.DataFrame(screened.read("questions"))
        ids = questions.filter(pl.col("question_reason").is_null())["problem_id"]
        problems = pl.DataFrame(screened.read("problems")).filter(
            pl.col("problem_id").is_in(ids.implode())
        )
        if not len(problems):
            return None
        solutions = pl.DataFrame(self._solutions())
        evidence = [EVIDENCE.empty_table(), self._checked()]
        evidence += [self.plan.judge_stage(name).read("evidence") for name in judges]
        if stage is not None:
            place = self.stage_of(stage)
            prefixes = pl.DataFrame(place.read("prefixes"))
            solutions = solutions.join(
                prefixes, on="solution_id", how="left", maintain_order="left"
            )
            evidence.append(place.read("evidence"))
        solutions = solutions.filter(pl.col("problem_id").is_in(ids.implode())).with_columns(
            prover=pl.lit(self.context.prover.identity.model_revision)
        )
        return Evidence(problems, solutions, pl.DataFrame(pa.concat_tables(evidence)))

    def _checked(self) -> pa.Table:
        """What the annotators other than rollouts and judges said."""
        places = [self.plan.check_stage(name) for name in self.context.recipe.checkers()]
        return pa.concat_tables([EVIDENCE.empty_table(), *(one.read("evidence") for one in places)])

    def _known(self, bought: Stage | None) -> Known:
        """Before a guided search: draws of each prefix that a stage bought, and other evidence."""
        begun = Counter[str]()
        if bought is not None:
            begun.update(bought.read("rollouts").column("prefix_hash").to_pylist())
        owner = pl.DataFrame(self._solutions().select(["solution_id", "problem_id"]))
        evidence = pl.DataFrame(self._checked()).join(
            owner, on="solution_id", how="inner", maintain_order="left"
        )
        parts = evidence.partition_by("problem_id", as_dict=True, include_key=False)
        return Known(begun, {str(name): part for (name,), part in parts.items()})

    async def judge(self, name: str) -> None:
        """Ask a judge about the solutions of its route."""
        place = self.plan.judge_stage(name)
        if self._skip(name, place):
            return
        role, route = self.context.judges[name], self.plan.routes[name]
        tasks = await asyncio.to_thread(self._judge_tasks, route)
        async with self._journal() as journal:
            purchaser = Purchaser(
                engine=role.judge.engine if role.live else None,
                identity=role.judge.identity,
                sampling=role.sampling,
                seed=self.context.recipe.seed,
                journal=journal,
                meter=self.context.meter,
            )
            judged = await judge_solutions(tasks, role.judge, purchaser, route.allowance)
        counts = {
            "asked": judged.asked,
            "routed": len(tasks),
            "calls": judged.judgements.num_rows,
            "tokens": judged.tokens,
        }
        tables = {"evidence": judged.evidence, JUDGEMENTS_TABLE: judged.judgements}
        await asyncio.to_thread(place.finish, tables, counts)
        self.context.meter.stages[name] += 1

    def _judge_tasks(self, route: Route) -> list[JudgeTask]:
        problem_of = {
            p["problem_id"]: p for p in self.plan.screen_stage().read("problems").to_pylist()
        }
        columns = ["solution_id", "problem_id", "steps"]
        rows = {row["solution_id"]: row for row in self._solutions().select(columns).to_pylist()}
        return [
            JudgeTask(
                name,
                row["problem_id"],
                problem_of[row["problem_id"]]["text"],
                tuple(step["text"] for step in row["steps"]),
                problem_of[row["problem_id"]]["answer"],
            )
            for name in route.solutions
            if (row := rows[name])["steps"]
        ]

    async def check(self) -> None:
        for name in self.context.recipe.checkers():
            place = self.plan.check_stage(name)
            if self._skip("check", place):
                continue
            if name == answer_logprob.NAME:
                evidence = await self._rate_answers()
            else:
                evidence = await self._read_texts(name)
            flags = sum(evidence.column("incorrect").to_pylist())
            counts = {"steps": evidence.num_rows, "incorrect": flags}
            await asyncio.to_thread(place.finish, {"evidence": evidence}, counts)
            self.context.meter.stages["check"] += 1

    async def _read_texts(self, name: str) -> pa.Table:
        checker = build_checker(name, self.context.recipe.annotators[name])
        text_of = {p.problem_id: p.text for p in self.plan.problems()}
        solutions = await asyncio.to_thread(self._solutions)
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
        tasks = await asyncio.to_thread(lambda: self._tasks(self._solutions()))
        searched = [task for task in tasks if task.question["question_reason"] is None]
        async with self._buying(self.context.prover, logprobs=False) as purchaser:
            return await answer_logprob.annotate_answers(searched, settings, purchaser, source)

    async def publish(self) -> None:
        if self.plan.published:
            self.context.meter.stages_cached["publish"] += 1
            return
        await asyncio.to_thread(self._publish)
        if self.context.folder.origin is None:
            journal = Journal(self.context.folder.journal(self.shard.name))
            await asyncio.to_thread(journal.compact)
        self.plan.forget_problems()
        self.context.meter.stages["publish"] += 1

    def _publish(self) -> None:
        """The labels last: a shard is published when they are there."""
        folder, name = self.context.folder, self.shard.name
        recipe = self.context.recipe
        screened, searched = self.plan.screen_stage(), self.plan.search_stage()
        judged = [self.plan.judge_stage(judge) for judge in self.context.judges]
        evidence = pa.concat_tables(
            [
                searched.read("evidence"),
                self._checked(),
                *(place.read("evidence") for place in judged),
            ]
        )
        problems = pl.DataFrame(screened.read("problems"))
        questions = pl.DataFrame(screened.read("questions"))
        solutions = self._solutions()
        prefixes = pl.DataFrame(searched.read("prefixes"))
        labels = derive(
            problems.join(questions.select("problem_id", "question_reason"), on="problem_id"),
            pl.DataFrame(solutions).join(
                prefixes, on="solution_id", how="left", maintain_order="left"
            ),
            pl.DataFrame(evidence),
            recipe.labels,
            recipe.questions,
            recipe.rollouts.k,
            Provenance(
                prover=self.context.prover.identity.model_revision,
                segmentation=self._segmentation(),
                recipe_hash=recipe.hash(),
            ),
            pl.DataFrame(searched.read("tree")),
            self.plan.fusion,
        )
        write_table(folder.side("evidence", name), evidence)
        write_table(folder.side("solutions", name), solutions)
        if judged:
            calls = pa.concat_tables([place.read(JUDGEMENTS_TABLE) for place in judged])
            write_table(folder.side(JUDGEMENTS_TABLE, name), calls)
        linked = dict.fromkeys(("rollouts", "tree"), searched)
        linked |= dict.fromkeys(("problems", "questions"), screened)
        if screened.table_path(TRUTH_TABLE).exists():
            linked[TRUTH_TABLE] = screened
        for table, place in linked.items():
            link_or_copy(place.table_path(table), folder.side(table, name))
        if folder.origin is None:
            self.plan.write_note()
        write_table(folder.published(name), labels)

    # Parts.

    def _segmentation(self) -> str:
        rule = self.context.recipe.steps.split
        imported = self.batch.imported("solutions", self.shard)
        if imported is None:
            return f"{rule}@{SEGMENT_VERSION}"
        return segmentation_of(imported.column("steps").is_valid().to_pylist(), rule)

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

    def _solutions(self) -> pa.Table:
        """Drawn or imported ones, and those that the search made; together by problem."""
        first = self.plan.screen_stage().read("solutions")
        if not self.plan.grows:
            return first
        grown = self.plan.search_stage().read("solutions")
        if not grown.num_rows:
            return first
        whole = pa.concat_tables([first, grown])
        place = {problem.problem_id: number for number, problem in enumerate(self.plan.problems())}
        ids = whole.column("problem_id").to_pylist()
        return whole.take(sorted(range(len(ids)), key=lambda row: place[ids[row]]))

    def _tasks(self, solutions: pa.Table) -> list[SearchTask]:
        context, screened = self.context, self.plan.screen_stage()
        return search_tasks(
            [Problem(**row) for row in screened.read("problems").to_pylist()],
            solutions,
            screened.read("questions"),
            context.prover.engine,
            context.prover.template,
            context.prover.identity.tokenizer_hash == context.policy.identity.tokenizer_hash,
        )

    def _skip(self, name: str, place: Stage) -> bool:
        if not self.plan.published and place.done() is None:
            return False
        self.context.meter.stages_cached[name] += 1
        return True

    @asynccontextmanager
    async def _journal(self) -> AsyncIterator[Journal]:
        """The shard's journal is in memory for one stage at a time: a run of many shards, of which
        all are screened before the first is searched, holds those that are under way."""
        journal = Journal(self.context.folder.journal(self.shard.name))
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
            )
