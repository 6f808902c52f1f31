"""What a dataset holds and cost, counted from its published tables.

Nothing is counted twice and nothing from memory: the same numbers stand in the manifest, the
card, the run's table and its artifact, and `stepsmith status` finds them again.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.consensus import counted
from pipeline.folder import EARLIER_TABLE, JUDGEMENTS_TABLE, RATIONALES_TABLE, DatasetFolder
from pipeline.judge_report import JudgeReport, judge_reports
from pipeline.labels.judges import COUNTS, TARGETS, of_judge
from pipeline.labels.verdicts import by_majority
from pipeline.places import glob
from pipeline.tables import scan_frames

TRUNCATED_WARNING = 0.10  # a share above this says that max_tokens is too small


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of a dataset; see `as_dict` for their names in the manifest."""

    problems: int
    searched: int
    not_searched: dict[str, int]
    solutions: int
    origins: dict[str, int]  # of the solutions: sampled, tree, imported
    kept: int
    not_kept: dict[str, int]
    steps: int
    labelled: int
    positive: int
    outcomes: dict[str, int]
    sampled_truncated: int  # samples that max_tokens cut
    sample_completions: int  # without those of an earlier run that was taken over
    sample_unknown: int
    sample_tokens: int
    rollouts: int
    rollouts_unknown: int
    rollouts_failed: int
    rollouts_truncated: int
    rollout_tokens: int
    prefixes: int
    said: dict[str, int]  # steps, by what each annotator of text said of them and why
    conflicts: dict[str, int]  # searched solutions, by what rollouts and judges say; {}: no judge
    kept_of: dict[str, tuple[int, int]]  # kept and all of those, by what rollouts call them
    judges: dict[str, JudgeReport]
    rationales: dict[str, int]  # rows, and corrections tried and confirmed; {}: no judge

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"completions_per_label": self.completions_per_label}

    @staticmethod
    def of_dict(counts: Mapping[str, Any]) -> Summary | None:
        """From what `as_dict` gave and JSON has carried; None where another version wrote it."""
        if not {one.name for one in fields(Summary)} <= counts.keys():
            return None
        reported = {one.name for one in fields(JudgeReport)}
        if any(row.keys() != reported for row in counts["judges"].values()):
            return None
        known = {one.name: counts[one.name] for one in fields(Summary)}
        known["kept_of"] = {name: tuple(pair) for name, pair in counts["kept_of"].items()}
        known["judges"] = {name: JudgeReport(**row) for name, row in counts["judges"].items()}
        return Summary(**known)

    @property
    def completions_per_label(self) -> float | None:
        """Rollouts bought for each step that has a hard label in a kept solution."""
        return self.rollouts / self.labelled if self.labelled else None

    def warnings(self) -> list[str]:
        found = []
        drawn = self.rollouts + self.sample_completions
        truncated = self.rollouts_truncated + self.sampled_truncated
        if drawn and truncated > TRUNCATED_WARNING * drawn:
            found.append(
                f"{truncated / drawn:.0%} of the completions were cut by max_tokens; their "
                f"outcome is unknown: raise policy.max_tokens"
            )
        if self.solutions and not self.kept:
            found.append("no solution was kept; see the reasons above")
        refused = (report.warning(name) for name, report in self.judges.items())
        return [*found, *filter(None, refused)]


def summarize(
    folder: DatasetFolder,
    tables: Path | None = None,
    judges: Mapping[str, Mapping[str, Any]] | None = None,
) -> Summary:
    """Read the published tables once, column by column; `tables`: where the side tables are;
    `judges`: the manifest's, where it is not written yet."""
    tables = tables or folder.evidence_root()
    if judges is None:
        judges = (folder.read_manifest() or {}).get("judges", {})
    labels = folder.scan_labels()
    kept = pl.col("keep")
    label = pl.col("label").filter(kept).explode()
    numbers = labels.select(
        solutions=pl.len(),
        kept=kept.sum(),
        steps=pl.col("steps").list.len().sum(),
        labelled=label.count(),
        positive=label.cast(pl.Int64).sum(),
        truncated=pl.col("n_merged").filter(pl.col("finish_reason") == "length").sum(),
    ).collect(engine="streaming")
    reasons = labels.filter(~kept).group_by("keep_reason").len().collect(engine="streaming")
    outcomes = labels.group_by("outcome").len().collect(engine="streaming")
    origins = labels.group_by("origin").len().collect(engine="streaming")
    first = numbers.row(0, named=True)
    questions = _side(tables, "questions")
    asked = _one(
        questions,
        problems=pl.col("problem_id").hash().n_unique(),
        searched=pl.col("problem_id").filter(pl.col("question_reason").is_null()).hash().n_unique(),
    )
    taken = {path.stem for path in glob(tables / EARLIER_TABLE, "*.parquet")}
    sampled = _one(
        _side(tables, "questions", without=taken),
        completions=pl.col("samples").sum(),
        unknown=pl.col("unknown").sum(),
        tokens=pl.col("tokens").sum(),
    )
    not_searched = (
        {}
        if questions is None
        else _counts(
            questions.filter(pl.col("question_reason").is_not_null())
            .group_by("question_reason")
            .len()
            .collect(engine="streaming")
        )
    )
    drawn = _one(
        _side(tables, "rollouts"),
        rollouts=pl.len(),
        unknown=(pl.col("outcome") == "unknown").sum(),
        failed=(pl.col("finish_reason") == "failed").sum(),
        truncated=(pl.col("finish_reason") == "length").sum(),
        tokens=pl.col("tokens").sum(),
        # Eight bytes each, not the 32 letters; with the problem's id in it (pipeline/prefix.py).
        prefixes=pl.col("prefix_hash").hash().n_unique(),
    )
    conflicts, kept_of = counted(labels)
    return Summary(
        problems=asked.get("problems")
        or labels.select(pl.col("problem_id").n_unique()).collect(engine="streaming").item(),
        searched=asked.get("searched", 0),
        not_searched=not_searched,
        solutions=first["solutions"],
        origins=_counts(origins),
        kept=first["kept"],
        not_kept=_counts(reasons),
        steps=first["steps"],
        labelled=first["labelled"],
        positive=first["positive"] or 0,
        outcomes=_counts(outcomes),
        sampled_truncated=first["truncated"],
        sample_completions=sampled.get("completions", 0),
        sample_unknown=sampled.get("unknown", 0),
        sample_tokens=sampled.get("tokens", 0),
        rollouts=drawn.get("rollouts", 0),
        rollouts_unknown=drawn.get("unknown", 0),
        rollouts_failed=drawn.get("failed", 0),
        rollouts_truncated=drawn.get("truncated", 0),
        rollout_tokens=drawn.get("tokens", 0),
        prefixes=drawn.get("prefixes", 0),
        said=_said(_side(tables, "evidence")),
        conflicts=conflicts,
        kept_of=kept_of,
        judges=judge_reports(judges, _side(tables, JUDGEMENTS_TABLE)),
        # They agree with the labels of this folder: a derived one, with other labels, has none.
        rationales=_one(
            _side(folder.root, RATIONALES_TABLE),
            rationales=pl.len(),
            tried=pl.col("correction_rollouts").count(),
            confirmed=pl.col("correction").count(),
            tokens=pl.col("correction_tokens").sum(),
        ),
    )


def _said(evidence: pl.LazyFrame | None) -> dict[str, int]:
    """Steps by annotator, verdict and the rule that gave it; of an unknown one, its reason. Of a
    judge by the majority of its votes."""
    if evidence is None:
        return {}
    return _said_by_tools(evidence) | _said_by_judges(evidence)


def _said_by_judges(evidence: pl.LazyFrame) -> dict[str, int]:
    mask = of_judge() & pl.col("target").is_in(TARGETS) & (pl.col("step") >= 0)
    words = pl.format("{}: {}, by majority", "annotator", by_majority())
    return _counts(
        evidence.filter(mask)
        .group_by("annotator", "solution_id", "step")
        .agg(pl.col(name).sum() for name in COUNTS)
        .filter(pl.sum_horizontal(COUNTS) > 0)
        .group_by(words.alias("said"))
        .len()
        .collect(engine="streaming")
    )


def _said_by_tools(evidence: pl.LazyFrame) -> dict[str, int]:
    first = pl.col("detail").list.first().struct
    incorrect, correct = (pl.col(name).fill_null(0) > 0 for name in ("incorrect", "correct"))
    why = pl.when(incorrect | correct).then(first.field("rule")).otherwise(first.field("text"))
    verdict = (
        pl.when(incorrect)
        .then(pl.lit("incorrect"))
        .when(correct)
        .then(pl.lit("correct"))
        .otherwise(pl.lit("unknown"))
    )
    words = pl.format("{}: {}, {}", "annotator", verdict, why.fill_null("no reason given"))
    return _counts(
        evidence.filter((pl.col("target") == "step_valid") & (pl.col("step") >= 0) & ~of_judge())
        .group_by(words.alias("said"))
        .len()
        .collect(engine="streaming")
    )


def _side(tables: Path, table: str, without: Container[str] = ()) -> pl.LazyFrame | None:
    """All rows, but those of the shards named in `without`."""
    place = tables / table
    paths = [path for path in glob(place, "*.parquet") if path.stem not in without]
    return scan_frames(place, "*.parquet", without) if paths else None


def _one(frame: pl.LazyFrame | None, **columns: pl.Expr) -> dict[str, int]:
    if frame is None:
        return {}
    row = frame.select(**columns).collect(engine="streaming").row(0, named=True)
    return {name: int(value or 0) for name, value in row.items()}


def _counts(frame: pl.DataFrame) -> dict[str, int]:
    return {str(name): int(count) for name, count in sorted(frame.iter_rows(), key=str)}
