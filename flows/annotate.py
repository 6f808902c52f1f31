"""`stepsmith annotate`: evidence on solutions that somebody already has, without a model.

The labels are those of view `tools`: a step has one only where an annotator said correct or
incorrect of it. Other views, and the outcomes, are a `derive` away. Human or imported
labels in the file become the truth table, for `evaluate`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import polars as pl
import pyarrow as pa

from annotators.checkers import build_checker
from annotators.steps import SolutionText, annotate_solutions, source_of
from flows.loop import LoopThread
from flows.tables import Rows, print_rows, run_rows
from pipeline.card import card, card_facts
from pipeline.errors import RecipeError
from pipeline.files import write_json, write_table, write_text
from pipeline.folder import TRUTH_TABLE, DatasetFolder, check_owner, note_owner
from pipeline.grading.compare import guess_answer_type
from pipeline.grading.grader import PRELOAD, Grader
from pipeline.imported import ImportedSet, read_solutions
from pipeline.labels.derive import Provenance, derive
from pipeline.lock import FolderLock
from pipeline.recipe import Labels, Questions, content_hash
from pipeline.schemas import EVIDENCE, PROBLEMS, SCHEMA_VERSION, SOLUTIONS, TRUTH
from pipeline.segment import SEGMENT_VERSION, Rule, segment
from pipeline.shapes import ImportedSolution
from pipeline.summary import summarize
from pipeline.verdict import Grade, Reason, Verdict
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
    content = content_hash([[s.solution_id, s.text] for s in imported.solutions])
    with FolderLock(folder.work):
        identity = {"solutions": content, "annotators": sources, "split": rule}
        check_owner(folder, identity)
        note_owner(folder, identity)
        loop, pool = LoopThread(), CheckerPool(2, preload=PRELOAD)
        try:
            for number, part in enumerate(_parts(imported.solutions)):
                shard = f"00000-{number:05d}"
                if not folder.published(shard).exists():
                    loop.call(_annotate_part(part, annotators, rule, pool, folder, shard))
        finally:
            loop.stop()
            pool.close()
        _finish(folder, source, annotators, rule, imported)


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
    part: Sequence[ImportedSolution],
    annotators: Sequence[str],
    rule: Rule,
    pool: CheckerPool,
    folder: DatasetFolder,
    shard: str,
) -> None:
    grader = Grader(pool)
    grades = await asyncio.gather(*(_grade(solution, grader) for solution in part))
    cut = [_pieces(solution, rule) for solution in part]
    texts = [
        SolutionText(solution.solution_id, solution.problem, tuple(pieces))
        for solution, pieces in zip(part, cut, strict=True)
    ]
    tables = [await annotate_solutions(build_checker(n, {}), texts, pool) for n in annotators]
    evidence = pa.concat_tables(tables) if tables else EVIDENCE.empty_table()
    problems = pa.Table.from_pylist(list(_problems(part)), schema=PROBLEMS)
    rows = [_row(*found) for found in zip(part, cut, grades, strict=True)]
    solutions = pa.Table.from_pylist(rows, schema=SOLUTIONS)
    labels = derive(
        pl.DataFrame(problems),
        pl.DataFrame(solutions),
        pl.DataFrame(evidence),
        LABELS,
        Questions(),
        1,
        Provenance(prover="", segmentation=f"{rule}@{SEGMENT_VERSION}", recipe_hash=""),
    )
    side = {"problems": problems, "solutions": solutions, "evidence": evidence}
    truth = list(_truth(part))
    if truth:
        side[TRUTH_TABLE] = pa.Table.from_pylist(truth, schema=TRUTH)
    for name, table in side.items():
        write_table(folder.side(name, shard), table)
    write_table(folder.published(shard), labels)


async def _grade(solution: ImportedSolution, grader: Grader) -> Grade:
    if not solution.answer:
        return Grade(Verdict.UNKNOWN, Reason.NOT_COVERED)
    kind = guess_answer_type(solution.answer)
    return await grader.grade(solution.text, solution.answer, kind, "stop")


def _pieces(solution: ImportedSolution, rule: Rule) -> list[str]:
    if solution.steps is not None:
        return solution.steps
    return [solution.text[start:end] for start, end in segment(solution.text, rule)]


def _problems(part: Sequence[ImportedSolution]) -> Iterator[dict[str, Any]]:
    for solution in {s.problem_id: s for s in reversed(part)}.values():
        answer = solution.answer
        yield {
            "problem_id": solution.problem_id,
            "source": "imported",
            "domain": "",
            "language": "",
            "text": solution.problem,
            "answer": answer,
            "answer_type": guess_answer_type(answer) if answer else None,
            "meta": "{}",
        }


def _row(solution: ImportedSolution, pieces: Sequence[str], grade: Grade) -> dict[str, Any]:
    steps, start = [], 0
    for piece in pieces:
        end = start + len(piece)
        steps.append({"text": piece, "start": start, "end": end})
        start = end
    return {
        "solution_id": solution.solution_id,
        "problem_id": solution.problem_id,
        "policy": solution.policy,
        "text": solution.text,
        "steps": steps,
        "origin": "imported",
        "final_answer": grade.answer,
        "outcome": grade.verdict.value,
        "outcome_reason": grade.reason,
    }


def _truth(part: Sequence[ImportedSolution]) -> Iterator[dict[str, Any]]:
    for solution in part:
        for step, verdict in enumerate(solution.truth or ()):
            yield {
                "solution_id": solution.solution_id,
                "step": step,
                "verdict": verdict.value,
                "origin": "imported",
            }


def _finish(
    folder: DatasetFolder, source: str, annotators: Sequence[str], rule: Rule, found: ImportedSet
) -> None:
    summary = summarize(folder)
    labels = folder.labels()
    name = f"annotate {Path(source).name}"
    facts = card_facts(labels.select("policy", "language", "source"))
    text = card(name, None, LABELS.view, LABELS.after_error, summary, **facts)
    write_text(folder.card, text)
    skipped = dict(Counter(row.reason for row in found.set_aside))
    write_json(
        folder.manifest,
        {
            "stepsmith": version("stepsmith"),
            "schema_version": SCHEMA_VERSION,
            "name": name,
            "recipe": None,
            "labels": LABELS.model_dump(mode="json"),
            "annotators": list(annotators),
            "split": rule,
            "set_aside": skipped,
            "counts": summary.as_dict(),
        },
    )
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
