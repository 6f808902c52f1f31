"""What the searches of a shard found, as tables.

Guaranteed: rows in the order of problems, solutions, steps and draws, whatever came first; a
rollout stands once, however many solutions share its prefix, and its cost stands in the evidence
of the first one that has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from annotators.drawn import Drawn
from annotators.search.probe import Counts, Grown
from annotators.tree import tree_rows
from pipeline.prefix import CutSolution
from pipeline.schemas import EVIDENCE, ROLLOUTS, SOLUTIONS, TREE

PREFIXES = pa.schema([("solution_id", pa.string()), ("prefix_hashes", pa.list_(pa.string()))])

REFUSED = pa.schema([("prefix_hash", pa.string()), ("draws", pa.int32())])


@dataclass(frozen=True, slots=True)
class Root:
    """Rollouts from the problem alone, and what they cost."""

    counts: Counts
    tokens: int
    censored: bool


@dataclass(frozen=True, slots=True)
class Found:
    """One problem's. `drawn`: shortest prefix first; `made`: rows of solutions that it made;
    `whole`: draws from which on a count is not censored."""

    source: str
    whole: int
    prover: str
    seed: int
    solutions: Sequence[CutSolution]
    root: Root | None
    drawn: Sequence[Drawn]
    grown: Grown | None
    made: Sequence[dict[str, Any]]
    refused: Sequence[tuple[str, int]] = ()  # prefixes, and draws of them, that were too late

    def prefixes(self) -> Iterator[dict[str, Any]]:
        for solution in self.solutions:
            yield {"solution_id": solution.solution_id, "prefix_hashes": solution.hashes[1:]}

    def tree(self) -> list[dict[str, Any]]:
        nodes = [(drawn.prefix, drawn.counts()) for drawn in self.drawn if drawn.prefix.steps]
        if not nodes:
            return []
        counts = self.root.counts if self.root else Counts(0, 0, 0)
        return tree_rows(self.source, self.solutions[0].prefix(0), counts, nodes, self.grown)

    def rollouts(self) -> Iterator[dict[str, Any]]:
        for drawn in self.drawn:
            written = len(drawn.prefix.text)
            pairs = zip(drawn.completions, drawn.grades, strict=True)
            for draw, (completion, grade) in enumerate(pairs):
                yield {
                    "problem_id": drawn.prefix.problem_id,
                    "prefix_hash": drawn.prefix.hash,
                    "prefix_len": drawn.prefix.steps,
                    "prefix_end": written,
                    "draw": draw,
                    "text": completion.text,
                    "outcome": grade.verdict.value,
                    "outcome_reason": grade.reason,
                    "final_answer": grade.answer,
                    "finish_reason": completion.finish_reason,
                    "tokens": completion.tokens,
                    "seed": self.seed,
                    "prover": self.prover,
                    "source": self.source,
                }

    def evidence(self) -> Iterator[dict[str, Any]]:
        by_hash = {drawn.prefix.hash: drawn for drawn in self.drawn}
        charged: set[str] = set()
        for number, solution in enumerate(self.solutions):
            if self.root is not None:
                tokens = 0 if number else self.root.tokens
                yield self._row(solution, -1, self.root.counts, self.root.censored, tokens)
            for step, name in enumerate(solution.hashes[1:]):
                drawn = by_hash.get(name)
                if drawn is None:
                    continue
                tokens = 0 if name in charged else drawn.tokens
                charged.add(name)
                counts = drawn.counts()
                yield self._row(solution, step, counts, counts.drawn < self.whole, tokens)

    def _row(
        self, solution: CutSolution, step: int, counts: Counts, censored: bool, tokens: int
    ) -> dict[str, Any]:
        return {
            "solution_id": solution.solution_id,
            "step": step,
            "annotator": "rollouts",
            "source": self.source,
            "target": "prefix_value",
            "correct": counts.correct,
            "incorrect": counts.incorrect,
            "unknown": counts.unknown,
            "censored": censored,
            "score": None,
            "detail": [],
            "tokens": tokens,
            "seconds": None,
        }


def tables(found: Sequence[Found]) -> dict[str, pa.Table]:
    def table(rows: Iterator[dict[str, Any]], schema: pa.Schema) -> pa.Table:
        return pa.Table.from_pylist(list(rows), schema=schema)

    return {
        "rollouts": table((row for one in found for row in one.rollouts()), ROLLOUTS),
        "evidence": table((row for one in found for row in one.evidence()), EVIDENCE),
        "tree": table((row for one in found for row in one.tree()), TREE),
        "prefixes": table((row for one in found for row in one.prefixes()), PREFIXES),
        "solutions": table((row for one in found for row in one.made), SOLUTIONS),
        "refused": table(
            ({"prefix_hash": name, "draws": n} for one in found for name, n in one.refused), REFUSED
        ),
    }
