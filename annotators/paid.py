"""Rollouts that somebody already paid for: laid into the journal as if they had been bought.

From there on nothing knows the difference: the search asks for draws of a prefix, the journal has
them, a replay finds them. What counts as whose: a row names its prefix by our `prefix_hash`, or by
`solution_id` and `prefix_len`; rows of one prefix are its draws 0, 1, … in the order of the file.
A row whose prefix no solution has is left out, and counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipeline.engines.base import Completion, FinishReason
from pipeline.journal import draw_keys
from pipeline.prefix import CutSolution, Prefix
from pipeline.purchase import Purchaser


@dataclass(frozen=True, slots=True)
class PaidRollout:
    """One continuation, the prefix left out; `prefix_hash` or `solution_id` is set."""

    problem_id: str
    prefix_hash: str | None
    solution_id: str | None
    prefix_len: int
    text: str
    finish_reason: FinishReason
    tokens: int


def paid_by_problem(table: pa.Table | None) -> dict[str, list[PaidRollout]]:
    """Rows of an imported table (pipeline/paid_file.py), by problem."""
    found: defaultdict[str, list[PaidRollout]] = defaultdict(list)
    for row in [] if table is None else table.to_pylist():
        found[row["problem_id"]].append(
            PaidRollout(
                problem_id=row["problem_id"],
                prefix_hash=row["prefix_hash"],
                solution_id=row["solution_id"],
                prefix_len=row["prefix_len"],
                text=row["text"],
                finish_reason=row["finish_reason"] or "stop",
                tokens=row["tokens"] or 0,
            )
        )
    return found


async def deposit(
    paid: Sequence[PaidRollout],
    solutions: Sequence[CutSolution],
    hashes: Mapping[str, Sequence[str]],
    purchaser: Purchaser,
) -> int:
    """Commit what is not in the journal yet; the number of rows that belong to no prefix.

    `hashes`: by solution_id, those of the prefixes m = 1 .. T as the imported solution had them:
    they were made of token ids that are not known here.
    """
    by_hash: dict[str, Prefix] = {}
    by_id = {solution.solution_id: solution for solution in solutions}
    if any(row.prefix_hash for row in paid):
        for solution in solutions:
            for m in range(len(solution)):
                prefix = solution.prefix(m)
                by_hash.setdefault(prefix.hash, prefix)
            for m, known in enumerate(hashes.get(solution.solution_id, ())[: len(solution) - 1], 1):
                by_hash.setdefault(known, solution.prefix(m))
    draws: defaultdict[str, list[Completion]] = defaultdict(list)
    prefixes: dict[str, Prefix] = {}
    lost = 0
    for row in paid:
        found = by_hash.get(row.prefix_hash or "")
        if found is None and row.solution_id in by_id:
            solution = by_id[row.solution_id]
            if 0 <= row.prefix_len < len(solution):
                found = solution.prefix(row.prefix_len)
        if found is None:
            lost += 1
            continue
        prefixes[found.hash] = found
        draws[found.hash].append(Completion(row.text, row.finish_reason, row.tokens))
    rows = []
    for key, completions in draws.items():
        keys = draw_keys(
            purchaser.identity,
            prefixes[key].prompt,
            purchaser.sampling,
            purchaser.seed,
            range(len(completions)),
        )
        rows += [
            (key, completion)
            for key, completion in zip(keys, completions, strict=True)
            if purchaser.journal.get(key) is None
        ]
    if rows:
        await purchaser.journal.commit(rows)
    return lost
