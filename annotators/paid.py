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
    """One continuation, the prefix left out; `prefix_hash` or `solution_id` is set.

    `prefix_end`: where it begins in its solution (code points), if that was inside a token.
    """

    prefix_hash: str | None
    solution_id: str | None
    prefix_len: int
    text: str
    finish_reason: FinishReason
    tokens: int
    prefix_end: int = 0


def paid_rollouts(table: pa.Table | None) -> list[PaidRollout]:
    """Rows of an imported table (pipeline/paid_file.py)."""
    return [
        PaidRollout(
            prefix_hash=row["prefix_hash"],
            solution_id=row["solution_id"],
            prefix_len=row["prefix_len"],
            text=row["text"],
            finish_reason=row["finish_reason"] or "stop",
            tokens=row["tokens"] or 0,
            prefix_end=row["prefix_end"] or 0,
        )
        for row in ([] if table is None else table.to_pylist())
    ]


async def deposit(
    paid: Sequence[PaidRollout],
    solutions: Sequence[CutSolution],
    hashes: Mapping[str, Sequence[str]],
    purchaser: Purchaser,
) -> dict[str, int]:
    """Commit what is not in the journal yet; how many draws of each prefix (by hash) are paid.

    `hashes`: by solution_id, those of the prefixes m = 1 .. T as the imported solution had them:
    they were made of token ids that are not known here.
    """
    prefix_of = _Prefixes(solutions, hashes)
    draws: defaultdict[str, list[Completion]] = defaultdict(list)
    prefixes: dict[str, Prefix] = {}
    for row in paid:
        found = prefix_of.find(row)
        if found is None:
            purchaser.meter.imported_lost += 1
            continue
        prefixes[found.hash] = found
        # Where tokens cannot be cut as they were, what the token held beyond the step is put back.
        between = found.solution.text[len(found.text) : row.prefix_end]
        draws[found.hash].append(Completion(between + row.text, row.finish_reason, row.tokens))
        purchaser.meter.imported += 1
    rows = []
    for name, completions in draws.items():
        keys = draw_keys(
            purchaser.identity,
            prefixes[name].prompt,
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
    return {name: len(completions) for name, completions in draws.items()}


class _Prefixes:
    """Prefixes by the names that imported rollouts may have for them."""

    def __init__(
        self, solutions: Sequence[CutSolution], hashes: Mapping[str, Sequence[str]]
    ) -> None:
        self._by_id = {solution.solution_id: solution for solution in solutions}
        self._by_hash: dict[str, Prefix] = {}
        for solution in solutions:
            for m in range(len(solution)):
                prefix = solution.prefix(m)
                self._by_hash.setdefault(prefix.hash, prefix)
            known = hashes.get(solution.solution_id, ())
            for m, name in enumerate(known[: len(solution) - 1], 1):
                self._by_hash.setdefault(name, solution.prefix(m))

    def find(self, row: PaidRollout) -> Prefix | None:
        found = self._by_hash.get(row.prefix_hash or "")
        solution = self._by_id.get(row.solution_id or "")
        if found is None and solution is not None and 0 <= row.prefix_len < len(solution):
            found = solution.prefix(row.prefix_len)
        return found
