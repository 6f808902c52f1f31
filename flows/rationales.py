"""Stage `confirm` of one shard: its rationales, with corrections that the prover tries.

Guarantees: pure in the stages before it and the draws in the shard's journal; it goes by the labels
that will be published. A judge whose `confirm` is 0 has rationales, and no correction is tried.
"""

from __future__ import annotations

import asyncio

import pyarrow as pa

from annotators.judge.confirm import Attempt, Confirmer
from annotators.judge.correction import Tried
from annotators.judge.rationales import LABEL_COLUMNS, Rationale, agreeing
from flows.shard_tables import ShardTables
from pipeline.purchase import Purchaser
from pipeline.schemas import RATIONALES


async def rationales(tables: ShardTables, purchaser: Purchaser) -> tuple[pa.Table, dict[str, int]]:
    """The table, and what is counted of it. Raises EngineDown, StorageError."""
    context = tables.plan.context
    found = await asyncio.to_thread(_agreeing, tables)
    problem_of = {problem.problem_id: problem for problem in tables.problems()}
    corrections: dict[int, str] = {}
    attempts: list[Attempt] = []
    for at, one in enumerate(found):
        draws = context.judges[one.call["annotator"]].judge.settings.confirm
        correction = one.correction(context.recipe.steps.split)
        if draws and correction is not None:
            corrections[at] = correction
            written = "".join(one.label["steps"][: one.first_error]) + correction
            attempts.append(Attempt(problem_of[one.label["problem_id"]], written, draws))
    confirmer = Confirmer(purchaser, context.prover.template, context.grader)
    tried: dict[int, Tried] = dict(zip(corrections, await confirmer.all(attempts), strict=True))
    rows = [
        one.row(corrections.get(at), tried.get(at), context.recipe.labels.threshold)
        for at, one in enumerate(found)
    ]
    counts = {
        "rationales": len(rows),
        "tried": len(tried),
        "confirmed": sum(row["correction"] is not None for row in rows),
        "tokens": sum(one.tokens for one in tried.values()),
    }
    return pa.Table.from_pylist(rows, schema=RATIONALES), counts


def _agreeing(tables: ShardTables) -> list[Rationale]:
    labels = tables.labels().select(LABEL_COLUMNS).to_pylist()
    return agreeing(tables.judgements().to_pylist(), labels)
