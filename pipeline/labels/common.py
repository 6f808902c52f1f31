"""What is the same in every view of a shard: its measurements, and columns that no view changes.

Guarantees: read once however many views are derived. Does not label anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from pipeline import recipe
from pipeline.labels import nodes, pieces
from pipeline.labels.counts import read_counts
from pipeline.labels.filters import judges_first, rollouts_first
from pipeline.labels.forks import Forks
from pipeline.labels.judges import pooled, read_votes
from pipeline.labels.layout import Bools, Floats, Ints
from pipeline.labels.outcomes import outcomes
from pipeline.labels.repeats import repeated
from pipeline.labels.screening import screen
from pipeline.labels.shard import Shard
from pipeline.labels.tools import Tools, read_tools
from pipeline.labels.verdicts import verdicts
from pipeline.schemas import LABELS, SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the evidence came from; the same for every row of a call."""

    prover: str
    segmentation: str
    recipe_hash: str


@dataclass(frozen=True, slots=True)
class Common:
    shard: Shard
    forks: Forks
    ids: pl.Series
    question_reason: pl.Series
    columns: dict[str, Any]  # of schema LABELS, in its types

    @staticmethod
    def read(
        problems: pl.DataFrame,
        solutions: pl.DataFrame,
        evidence: pl.DataFrame,
        questions: recipe.Questions,
        k: int,
        provenance: Provenance,
        tree: pl.DataFrame | None,
    ) -> Common:
        ids, problem_ids = solutions["solution_id"], solutions["problem_id"]
        layout = pieces.layout(solutions)
        counts, root = read_counts(evidence, ids, layout)
        screening = screen(problems, solutions, questions, root)
        said, voted = read_tools(evidence, ids, layout), read_votes(evidence, ids, layout)
        votes = pooled(voted, layout)
        of_piece = pieces.columns(solutions, layout)
        shard = Shard.measured(
            layout,
            counts,
            root,
            outcomes(solutions),
            _column(screening["pass_rate"]),
            k,
            Tools.of(said, layout),
            votes,
            screening["n_merged"].to_numpy(),
            pl.Series(of_piece["prefix_hash"], dtype=pl.String),
        )
        forks = Forks.of(problem_ids, shard.prefix_hash, layout)
        of_step = {
            "n_rollouts": pa.array(counts.known),
            "n_success": pa.array(counts.correct),
            "n_unknown": pa.array(counts.unknown),
            "censored": pa.array(counts.censored),
            "repeated": pa.array(repeated(of_piece["steps"], layout)),
            "judge_correct": pa.array(votes.correct),
            "judge_incorrect": pa.array(votes.incorrect),
            "judge_unknown": pa.array(votes.unknown),
            "verdicts": verdicts(said, voted, layout),
            "fork_group": forks.group,
            "fork_size": forks.size,
            **of_piece,
            **nodes.columns(tree, problem_ids, of_piece["prefix_hash"], layout),
        }
        same = {
            "prover": provenance.prover,
            "segmentation": provenance.segmentation,
            "recipe_hash": provenance.recipe_hash,
            "schema_version": SCHEMA_VERSION,
        }
        columns: dict[str, Any] = {name: layout.lists(flat) for name, flat in of_step.items()}
        for name in ("pass_rate", "difficulty", "path_diversity", "n_merged"):
            columns[name] = screening[name].to_arrow()
        columns["mc_first_error"] = _places(*rollouts_first(shard))
        columns["judge_first_error"] = _places(*judges_first(shard))
        columns["tree_id"] = nodes.tree_ids(tree, problem_ids)
        columns |= {name: pa.repeat(value, len(solutions)) for name, value in same.items()}
        columns |= _copied(problems, solutions)
        typed = {name: column.cast(LABELS.field(name).type) for name, column in columns.items()}
        return Common(shard, forks, ids, screening["question_reason"], typed)


def _column(values: pl.Series) -> Floats:
    """A float series with NaN for null, even where the whole series is null."""
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _places(first: Ints, decided: Bools) -> Any:
    return pa.array(first, mask=~decided)


def _copied(problems: pl.DataFrame, solutions: pl.DataFrame) -> dict[str, Any]:
    """Columns that a row takes over from its solution and its problem."""
    # Tables of schema 1 have neither of the last two.
    later = [
        pl.col(name) if name in problems.columns else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in {"level": pl.String, "answer_agreement": pl.Float64}.items()
    ]
    of_problem = problems.select(
        "problem_id", "source", "domain", "language", "answer", *later, problem="text"
    ).unique("problem_id", keep="first")
    rows = solutions.select(
        "solution_id",
        "problem_id",
        "final_answer",
        "outcome",
        "finish_reason",
        "origin",
        "parent_solution_id",
        "fork_len",
        "policy",
        "prompt_hash",
    ).join(of_problem, on="problem_id", how="left", maintain_order="left")
    return {name: rows[name].to_arrow() for name in rows.columns}
