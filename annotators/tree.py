"""The measured prefixes of a problem as a tree: rows of the table TREE.

Guaranteed for any search: the root (the problem alone) is node 0; the parent of a node is the
longest measured prefix of its own prefix; `edge_steps` says how many steps lie between, so that a
longer edge is never taken for one step. Parents come before their children, and equal evidence
gives equal ids. N, Q and selections are given by a tree search and null elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from annotators.search.probe import Counts, Grown
from pipeline.prefix import Prefix
from pipeline.recipe import content_hash


def tree_rows(
    source: str,
    root: Prefix,
    root_counts: Counts,
    nodes: Sequence[tuple[Prefix, Counts]],
    grown: Grown | None,
) -> list[dict[str, Any]]:
    """`nodes`: the measured prefixes of one problem, shortest first, without the root."""
    tree_id = content_hash([root.problem_id, source])
    selected: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for order, one in enumerate(grown.selections if grown else ()):
        selected[one.prefix.hash].append(
            {
                "order": order,
                "draw": one.draw,
                "solution_id": one.solution_id,
                "q": one.q,
                "u": one.u,
            }
        )
    rows: dict[str, dict[str, Any]] = {}
    for prefix, counts in [(root, root_counts), *nodes]:
        solution = prefix.solution
        above = (rows.get(name) for name in reversed(solution.hashes[: prefix.steps]))
        # Of other token ids for the same text only the root may be common.
        parent = next((row for row in above if row), rows.get(root.hash))
        rows[prefix.hash] = {
            "problem_id": prefix.problem_id,
            "tree_id": tree_id,
            "node_id": len(rows),
            "parent_id": parent and parent["node_id"],
            "depth": parent["depth"] + 1 if parent else 0,
            "prefix_hash": prefix.hash,
            "prefix_len": prefix.steps,
            "edge_steps": prefix.steps - parent["prefix_len"] if parent else None,
            "solution_id": solution.solution_id,
            "correct": counts.correct,
            "incorrect": counts.incorrect,
            "unknown": counts.unknown,
            "visits": grown.visits.get(prefix.hash, 0) if grown else None,
            "q": grown.q.get(prefix.hash) if grown else None,
            "selected": selected[prefix.hash],
        }
    return list(rows.values())
