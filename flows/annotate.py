"""`stepsmith annotate`: evidence on solutions that somebody already has, without a model.

The labels are those of view `tools`: a step has one only where an annotator said correct or
incorrect of it. Other views, and the outcomes, are a `derive` away. Human or imported
labels in the file become the truth table, for `evaluate`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import polars as pl
import pyarrow as pa

from annotators.checkers import build_checker
from annotators.steps import SolutionText, annotate_solutions, source_of
from flows.loop import LoopThread
from flows.tables import Rows, print_rows, run_rows
from pipeline.card_edits import write_card
from pipeline.card_of import dataset_card
from pipeline.errors import RecipeError
from pipeline.files import remove_leftovers, write_json, write_table
from pipeline.folder import DatasetFolder, check_owner, note_owner
from pipeline.grading.grader import PRELOAD, Grader
from pipeline.imported import read_solutions
from pipeline.importing import import_shard, problems_of, segmentation_of
from pipeline.labels.derive import Provenance, derive
from pipeline.lock import folder_lock
from pipeline.places import exists
from pipeline.problems import Problem
from pipeline.published import write_labels
from pipeline.recipe import Labels, Questions, content_hash
from pipeline.schemas import EVIDENCE, SCHEMA_VERSION
from pipeline.segment import Rule
from pipeline.shapes import ImportedSolution
from pipeline.summary import summarize
from pipeline.workers import CheckerPool

SHARD_SOLUTIONS = 2000
LABELS = Labels(view="tools", after_error="local")


def annotate_command(source: str, out: Path, annotators: Sequence[str], split: str) -> None:
    """Raises InputError, StorageError; prints the table of the run."""
    for name in annotators:
        build_checker(name, {})
    if split and split not in get_args(Rule):
        raise RecipeError(f"--split {split}: must be one of {', '.join(get_args(Rule))}")
    imported = read_solutions(source)
    rule: Rule = _rule(split, imported.solutions)
    folder = DatasetFolder(out)
    sources = {name: source_of(build_checker(name, {})) for name in annotators}
    content = content_hash([asdict(solution) for solution in imported.solutions])
    # Of the whole file: the answers of a problem may stand in rows of different shards.
    problems, conflicting = problems_of(imported.solutions)
    problem_of = {problem.problem_id: problem for problem in problems}
    with folder_lock(folder.work):
        identity = {"solutions": content, "annotators": sources, "split": rule}
        check_owner(folder, identity)
        note_owner(folder, identity)
        remove_leftovers(out)
        loop, pool = LoopThread(), CheckerPool(2, preload=PRELOAD)
        try:
            for number, part in enumerate(_parts(imported.solutions)):
                shard = f"00000-{number:05d}"
                if not exists(folder.published(shard)):
                    own = [problem_of[name] for name in dict.fromkeys(s.problem_id for s in part)]
                    loop.call(_annotate_part(own, part, annotators, rule, pool, folder, shard))
        finally:
            loop.stop()
            pool.close()
        skipped = Counter(row.reason for row in imported.set_aside)
        skipped["conflicting_answers"] += len(conflicting)
        _finish(folder, source, annotators, rule, dict(+skipped))


def _rule(split: str, solutions: Sequence[ImportedSolution]) -> Rule:
    """The asked rule, or lines where no solution holds a blank line (GSM8K's manner)."""
    for rule in get_args(Rule):
        if split == rule:
            return rule  # type: ignore[no-any-return]
    texts = [s.text for s in solutions if s.steps is None]
    return "line" if texts and not any("\n\n" in text.strip() for text in texts) else "blank_line"


def _parts(solutions: Sequence[ImportedSolution]) -> Iterator[Sequence[ImportedSolution]]:
    for start in range(0, len(solutions), SHARD_SOLUTIONS):
        yield solutions[start : start + SHARD_SOLUTIONS]


async def _annotate_part(
    problems: Sequence[Problem],
    part: Sequence[ImportedSolution],
    annotators: Sequence[str],
    rule: Rule,
    pool: CheckerPool,
    folder: DatasetFolder,
    shard: str,
) -> None:
    tables = await import_shard(problems, part, rule, 0.0, Grader(pool))
    text_of = {problem.problem_id: problem.text for problem in problems}
    texts = [
        SolutionText(
            row["solution_id"], text_of[row["problem_id"]], tuple(s["text"] for s in row["steps"])
        )
        for row in tables["solutions"].to_pylist()
    ]
    found = [await annotate_solutions(build_checker(n, {}), texts, pool) for n in annotators]
    tables["evidence"] = pa.concat_tables(found) if found else EVIDENCE.empty_table()
    del tables["questions"]  # nobody was asked
    labels = derive(
        pl.DataFrame(tables["problems"]),
        pl.DataFrame(tables["solutions"]),
        pl.DataFrame(tables["evidence"]),
        LABELS,
        Questions(),
        1,
        Provenance(
            prover="",
            segmentation=segmentation_of([s.steps is not None for s in part], rule),
            recipe_hash="",
        ),
    )
    for name, table in tables.items():
        write_table(folder.side(name, shard), table)
    write_labels(folder.published(shard), labels)


def _finish(
    folder: DatasetFolder,
    source: str,
    annotators: Sequence[str],
    rule: Rule,
    skipped: dict[str, int],
) -> None:
    summary = summarize(folder)
    name = f"annotate {Path(source).name}"
    manifest = {
        "stepsmith": version("stepsmith"),
        "schema_version": SCHEMA_VERSION,
        "name": name,
        "recipe": None,
        "labels": LABELS.model_dump(mode="json"),
        "annotators": list(annotators),
        "split": rule,
        "set_aside": skipped,
        "counts": summary.as_dict(),
    }
    write_card(folder.card, dataset_card(folder, manifest, summary))
    write_json(folder.manifest, manifest)
    rows = [row for row in run_rows(summary, {}, skipped) if not _is_about_models(row[0])]
    print_rows(f"{name}: {folder.root} (steps by {rule})", rows + _flags(folder), [])


def _is_about_models(what: str) -> bool:
    return what.strip().startswith(
        ("completions", "samples", "rollouts", "from the", "bought", "failed", "unknown", "gener")
    )


def _flags(folder: DatasetFolder) -> Rows:
    """How often each annotator called a step incorrect, by the solution's outcome."""
    evidence = folder.side_table("evidence").filter(pl.col("incorrect") > 0)
    outcome = folder.side_table("solutions").select("solution_id", "outcome")
    flagged = evidence.join(outcome, on="solution_id", how="left")
    rows: Rows = []
    for name, kind, count in sorted(
        flagged.group_by("annotator", "outcome").agg(pl.len()).iter_rows()
    ):
        rows.append((f"{name}: incorrect steps in solutions whose answer is {kind}", f"{count:,}"))
    return rows
