"""What a dataset's labels rest on, read back from its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from flows.guidance import unit
from pipeline.errors import InputError
from pipeline.folder import EARLIER_TABLE, DatasetFolder
from pipeline.labels import pieces
from pipeline.places import exists
from pipeline.posterior.fusion import PRIOR, Fusion
from pipeline.posterior.learn import learn
from pipeline.posterior.panel_learning import Rates
from pipeline.posterior.past import Past
from pipeline.recipe import Questions
from pipeline.schemas import EVIDENCE
from pipeline.step_truth import align
from pipeline.tables import read_frame

MOST = 1500  # problems that a fit reads


@dataclass(frozen=True, slots=True)
class Evidence:
    """`problems` have `question_reason` where it is known; `solutions` have `prefix_hashes` and
    `prover`; `earlier`: of earlier provers."""

    problems: pl.DataFrame
    solutions: pl.DataFrame
    evidence: pl.DataFrame
    earlier: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(EVIDENCE.empty_table()))

    def of(self, ids: pl.Series) -> Evidence:
        """Of these problems alone; evidence on others is not read."""
        mask = pl.col("problem_id").is_in(ids.implode())
        return replace(
            self, problems=self.problems.filter(mask), solutions=self.solutions.filter(mask)
        )

    def searched(self) -> Evidence:
        if "question_reason" not in self.problems.columns:
            return self
        asked = self.problems.filter(pl.col("question_reason").is_null())
        return self.of(asked["problem_id"])

    def measured(self) -> Evidence:
        """Problems with rollouts from some step."""
        drawn = pl.sum_horizontal("correct", "incorrect", "unknown") > 0
        rows = self.evidence.filter((pl.col("target") == "prefix_value") & (pl.col("step") >= 0))
        solutions = self.solutions.join(rows.filter(drawn), on="solution_id", how="semi")
        return self.of(solutions["problem_id"].unique())

    def learn(
        self,
        questions: Questions,
        truth: pl.DataFrame | None = None,
        rates: Mapping[str, Rates] | None = None,
        provers: Sequence[Mapping[str, Any]] = (),
    ) -> Fusion:
        """`rates`: of judges, from their admission tests; `provers`: the earlier ones."""
        if not len(self.solutions):
            return PRIOR
        known = None
        if truth is not None:
            layout = pieces.layout(self.solutions)
            known = align(self.solutions["solution_id"], layout, truth).prefix
        past = Past.of_rows(provers, self.earlier)
        return learn(
            self.problems, self.solutions, self.evidence, questions.filtered, known, rates, past
        )


def shard_evidence(origin: DatasetFolder, shard: str) -> Evidence:
    """Of all problems of a published shard."""
    source = DatasetFolder(origin.evidence_root())
    old = origin.published_labels(shard, ["solution_id", "prefix_hash", "prover"])
    problems = read_frame(source.side("problems", shard))
    asked = source.side("questions", shard)
    if exists(asked):
        reasons = read_frame(asked, ["problem_id", "question_reason"])
        problems = problems.join(reasons, on="problem_id")
    solutions = read_frame(source.side("solutions", shard)).join(
        old.rename({"prefix_hash": "prefix_hashes"}),
        on="solution_id",
        how="left",
        maintain_order="left",
    )
    found = Evidence(problems, solutions, read_frame(source.side("evidence", shard)))
    before = source.side(EARLIER_TABLE, shard)
    return replace(found, earlier=read_frame(before)) if exists(before) else found


def evidence_of(origin: DatasetFolder, trusted: pl.DataFrame | None = None) -> Evidence:
    """Of problems that were searched: at most `MOST`, whole shards chosen by a hash. With a truth
    table, of all problems that have a solution in it, searched or not. Raises InputError where
    there is none."""
    parts: list[Evidence] = []
    size = 0
    for shard in sorted(origin.shards(), key=unit):
        if size >= MOST and trusted is None:
            break
        part = shard_evidence(origin, shard)
        if trusted is None:
            part = part.searched()
        else:
            mask = pl.col("solution_id").is_in(trusted["solution_id"].unique().implode())
            part = part.of(part.solutions.filter(mask)["problem_id"].unique())
        if len(part.problems):
            known = part.solutions.select("solution_id")
            parts.append(
                replace(
                    part,
                    evidence=part.evidence.join(known, on="solution_id", how="semi"),
                    earlier=part.earlier.join(known, on="solution_id", how="semi"),
                )
            )
            size += len(part.problems)
    if not parts:
        what = "searched problem" if trusted is None else "solution that the truth table knows"
        raise InputError(f"{origin.root}: holds no {what}: there is nothing to learn from")
    return together(parts)


def together(parts: Sequence[Evidence]) -> Evidence:
    """Of several shards; at least one."""
    return Evidence(
        *(
            pl.concat([getattr(part, name) for part in parts], how="diagonal_relaxed")
            for name in ("problems", "solutions", "evidence", "earlier")
        )
    )
