"""Stage `confirm` of one shard: its rationales, with corrections that the prover tries.

Those of a relabelled shard come for nothing: calls that were paid for, under the new labels.

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
from pipeline.folder import JUDGEMENTS_TABLE
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


def taken_rationales(tables: ShardTables, labels: pa.Table) -> pa.Table:
    """Of calls that another dataset asked, as far as they agree with these labels; no correction
    is tried, for that would cost."""
    plan = tables.plan
    calls = plan.batch.taken(JUDGEMENTS_TABLE, plan.shard)
    known = labels.select(LABEL_COLUMNS).to_pylist()
    found = [] if calls is None else agreeing(calls.to_pylist(), known)
    threshold = plan.context.recipe.labels.threshold
    rows = [one.row(None, None, threshold) for one in found]
    return pa.Table.from_pylist(rows, schema=RATIONALES)


def _agreeing(tables: ShardTables) -> list[Rationale]:
    labels = tables.labels().select(LABEL_COLUMNS).to_pylist()
    return agreeing(tables.judgements().to_pylist(), labels)
