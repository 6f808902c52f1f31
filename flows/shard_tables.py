"""What the stages of one shard have made, read back: what the next stage and the labels rest on.

Guarantees: reads only; `labels` is the one place where a run makes labels of evidence, so whoever
asks for them while the run goes on gets those that will be published.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from annotators.judge.annotator import JudgeTask
from annotators.rollouts import SearchTask
from annotators.tasks import search_tasks
from flows.evidence import Evidence
from flows.guidance import Known
from flows.routing import Route
from flows.shard_plan import ShardPlan
from flows.taken import past_of
from pipeline.batches import problem_rows
from pipeline.folder import EARLIER_TABLE, JUDGEMENTS_TABLE, TRUTH_TABLE
from pipeline.importing import segmentation_of
from pipeline.labels.derive import Provenance, derive
from pipeline.posterior.past import Past, Recalled, recall
from pipeline.problems import Problem
from pipeline.schemas import EVIDENCE
from pipeline.segment import SEGMENT_VERSION
from pipeline.stages import Stage


class ShardTables:
    """Of the shard of a plan."""

    def __init__(self, plan: ShardPlan) -> None:
        self.plan = plan

    def problems(self) -> list[Problem]:
        """As screening left them: with the answer of the majority, where none was given."""
        return [Problem(**row) for row in self.plan.screen_stage().read("problems").to_pylist()]

    def solutions(self) -> pa.Table:
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

    def checked(self) -> pa.Table:
        """What the annotators other than rollouts and judges said."""
        names = self.plan.context.recipe.checkers()
        places = [self.plan.check_stage(name) for name in names]
        return pa.concat_tables([EVIDENCE.empty_table(), *(one.read("evidence") for one in places)])

    def judgements(self) -> pa.Table:
        """All calls of all judges, of which there is one at least."""
        judges = self.plan.context.judges
        return pa.concat_tables(
            [self.plan.judge_stage(name).read(JUDGEMENTS_TABLE) for name in judges]
        )

    def evidence(self) -> pa.Table:
        """All that the labels rest on."""
        judged = [self.plan.judge_stage(name) for name in self.plan.context.judges]
        searched = self.plan.search_stage().read("evidence")
        return pa.concat_tables(
            [searched, self.checked(), self.judged(), *(p.read("evidence") for p in judged)]
        )

    def judged(self) -> pa.Table:
        """What judges said that another dataset asked."""
        taken = self.plan.batch.taken("judged", self.plan.shard)
        return EVIDENCE.empty_table() if taken is None else taken

    def taken(self) -> dict[str, pa.Table] | None:
        """What screening leaves, where another dataset brought it along."""
        names = ("solutions", "questions", EARLIER_TABLE, TRUTH_TABLE, JUDGEMENTS_TABLE)
        found = {name: self.plan.batch.taken(name, self.plan.shard) for name in names}
        known = {name: table for name, table in found.items() if table is not None}
        return {"problems": problem_rows(self.plan.problems()), **known} if known else None

    def earlier(self) -> pa.Table | None:
        """What earlier provers did."""
        return self.plan.batch.taken(EARLIER_TABLE, self.plan.shard)

    def past(self) -> Past | None:
        """The same, to be read."""
        return past_of(self.plan.context.noted, self.plan.batch, self.plan.shard)

    def labels(self) -> pa.Table:
        """Once everything was seen, and what the labels go by is learnt."""
        context, recipe = self.plan.context, self.plan.context.recipe
        screened, searched = self.plan.screen_stage(), self.plan.search_stage()
        questions = pl.DataFrame(screened.read("questions"))
        return derive(
            pl.DataFrame(screened.read("problems")).join(
                questions.select("problem_id", "question_reason"), on="problem_id"
            ),
            self._cut(searched),
            pl.DataFrame(self.evidence()),
            recipe.labels,
            recipe.questions,
            recipe.rollouts.k,
            Provenance(
                prover=context.prover.identity.model_revision,
                segmentation=self._segmentation(),
                recipe_hash=recipe.hash(),
            ),
            pl.DataFrame(searched.read("tree")),
            self.plan.fusion,
            self.past(),
        )

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
        evidence = [self.checked(), self.judged()]
        evidence += [self.plan.judge_stage(name).read("evidence") for name in judges]
        if stage is None:
            solutions = self._uncut()
        else:
            place = self.plan.stage_of(stage)
            solutions = self._cut(place)
            evidence.append(place.read("evidence"))
        solutions = solutions.filter(pl.col("problem_id").is_in(ids.implode())).with_columns(
            prover=pl.lit(self.plan.context.prover.identity.model_revision)
        )
        found = Evidence(problems, solutions, pl.DataFrame(pa.concat_tables(evidence)))
        earlier = self.earlier()
        return found if earlier is None else replace(found, earlier=pl.DataFrame(earlier))

    def known(self, bought: Stage | None) -> Known:
        """Before a guided search: draws of each prefix that a stage bought, and other evidence."""
        begun = Counter[str]()
        if bought is not None:
            begun.update(bought.read("rollouts").column("prefix_hash").to_pylist())
        owner = pl.DataFrame(self.solutions().select(["solution_id", "problem_id"]))
        evidence = pl.DataFrame(self.checked()).join(
            owner, on="solution_id", how="inner", maintain_order="left"
        )
        parts = evidence.partition_by("problem_id", as_dict=True, include_key=False)
        by_problem = {str(name): part for (name,), part in parts.items()}
        return Known(begun, by_problem, self._recalled())

    def _recalled(self) -> dict[str, Recalled]:
        past, seen = self.past(), self.seen(None)
        if past is None or seen is None:
            return {}
        filtered = self.plan.context.recipe.questions.filtered
        return recall(past, seen.problems, seen.solutions, seen.evidence, filtered)

    def search_tasks(
        self, solutions: pa.Table, of: Callable[[str], bool] | None = None
    ) -> list[SearchTask]:
        """`of`: which problems, by id; None: all."""
        context = self.plan.context
        problems = self.problems()
        if of is not None:  # a few out of many: the others are not even made
            problems = [problem for problem in problems if of(problem.problem_id)]
            ids = pa.array([problem.problem_id for problem in problems], pa.string())
            solutions = solutions.filter(pc.is_in(solutions.column("problem_id"), ids))
        return search_tasks(
            problems,
            solutions,
            self.plan.screen_stage().read("questions"),
            context.prover.engine,
            context.prover.template,
            self.plan.same_tokenizer,
        )

    def judge_tasks(self, route: Route) -> list[JudgeTask]:
        problem_of = {problem.problem_id: problem for problem in self.problems()}
        columns = ["solution_id", "problem_id", "steps"]
        rows = {row["solution_id"]: row for row in self.solutions().select(columns).to_pylist()}
        return [
            JudgeTask(
                name,
                row["problem_id"],
                problem_of[row["problem_id"]].text,
                tuple(step["text"] for step in row["steps"]),
                problem_of[row["problem_id"]].answer,
            )
            for name in route.solutions
            if (row := rows[name])["steps"]
        ]

    def _cut(self, measured: Stage) -> pl.DataFrame:
        """Solutions with the hashes of their prefixes, by which a stage's rollouts name them."""
        prefixes = pl.DataFrame(measured.read("prefixes"))
        return pl.DataFrame(self.solutions()).join(
            prefixes, on="solution_id", how="left", maintain_order="left"
        )

    def _uncut(self) -> pl.DataFrame:
        """Solutions before any search, with the hashes of their prefixes where they are known."""
        solutions = pl.DataFrame(self.solutions())
        prefixes = self.plan.batch.taken("prefixes", self.plan.shard)
        if prefixes is None:
            return solutions
        known = pl.DataFrame(prefixes).select("solution_id", "prefix_hashes")
        return solutions.join(known, on="solution_id", how="left", maintain_order="left")

    def _segmentation(self) -> str:
        rule = self.plan.context.recipe.steps.split
        taken = self.plan.batch.taken("prefixes", self.plan.shard)
        if taken is not None:
            return str(taken.column("segmentation")[0]) if len(taken) else ""
        imported = self.plan.batch.imported("solutions", self.plan.shard)
        if imported is None:
            return f"{rule}@{SEGMENT_VERSION}"
        return segmentation_of(imported.column("steps").is_valid().to_pylist(), rule)
