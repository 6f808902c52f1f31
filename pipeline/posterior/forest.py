"""The prefixes of many problems as one forest: a root for each problem, a node for each prefix.

Solutions that begin with the same steps share nodes, so what was seen at a shared prefix counts
once. Nodes are numbered by depth, and the children of one node are neighbours; so everything that
goes up or down the trees is a handful of array operations for each depth.

Guarantees: the numbering follows from the problems' order and the prefixes' hashes alone, not from
the order of the solutions of a problem; a solution without steps ends at its root. No Python loop
over nodes, solutions or problems.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from pipeline.labels.layout import Bools, Ints, Layout


@dataclass(frozen=True)
class Forest:
    """`parent` is -1 for a root; `levels[d]` are the nodes of depth d (steps kept)."""

    parent: Ints  # (nodes,)
    problem: Ints  # (nodes,)
    depth: Ints  # (nodes,)
    length: Ints  # (nodes,): mean number of steps of the solutions through it, rounded
    levels: tuple[slice, ...]
    step_node: Ints  # (steps,): of the prefix that ends with each step
    leaf: Ints  # (solutions,): of each whole solution
    num_problems: int

    @cached_property
    def num_nodes(self) -> int:
        return len(self.parent)

    @cached_property
    def through(self) -> Ints:
        """How many solutions have the prefix."""
        count = np.bincount(self.step_node, minlength=self.num_nodes)
        roots = self.problem[self.leaf]
        return count + np.bincount(roots, minlength=self.num_nodes)

    @cached_property
    def first_step(self) -> Ints:
        """For each node one step (flat) that ends there; -1 for a root."""
        found = np.full(self.num_nodes, -1, dtype=np.int64)
        found[self.step_node[::-1]] = np.arange(len(self.step_node))[::-1]
        return found

    def part(self, problems: Bools) -> tuple[Forest, Ints, Ints]:
        """Of some problems, with the nodes and the solutions that it keeps, in their order."""
        kept = problems[self.problem]
        nodes, solutions = np.flatnonzero(kept), np.flatnonzero(kept[self.leaf])
        number, of_problem = np.cumsum(kept) - 1, np.cumsum(problems) - 1
        starts = [level.start for level in self.levels]
        ends = np.searchsorted(nodes, [*starts, self.num_nodes])
        parent = self.parent[nodes]
        steps = self.step_node[kept[self.step_node]]
        return (
            Forest(
                parent=np.where(parent < 0, -1, number[parent]),
                problem=of_problem[self.problem[nodes]],
                depth=self.depth[nodes],
                length=self.length[nodes],
                levels=tuple(slice(int(a), int(b)) for a, b in pairwise(ends)),
                step_node=number[steps],
                leaf=number[self.leaf[solutions]],
                num_problems=int(problems.sum()),
            ),
            nodes,
            solutions,
        )


def plant(layout: Layout, problem: Ints, num_problems: int, prefix: Ints | None) -> Forest:
    """`problem`: number of each solution's problem; `prefix`: a number for the prefix that ends
    with each step, equal where prefixes are (None: no two solutions share any)."""
    if prefix is None:
        prefix = np.arange(layout.num_steps)
    by_depth = np.argsort(layout.position, kind="stable")
    bounds = np.searchsorted(
        layout.position[by_depth], np.arange(layout.lengths.max(initial=0) + 1)
    )
    at = problem.astype(np.int64).copy()  # where each solution stands
    step_node = np.empty(layout.num_steps, dtype=np.int64)
    parents = [np.full(num_problems, -1, dtype=np.int64)]
    levels = [slice(0, num_problems)]
    size = num_problems
    for begin, end in pairwise(bounds):
        steps = by_depth[begin:end]
        solution = layout.row[steps]
        before, key = at[solution], prefix[steps]
        order = np.lexsort((key, before))
        before, key = before[order], key[order]
        new = np.ones(len(order), dtype=np.bool_)
        new[1:] = (before[1:] != before[:-1]) | (key[1:] != key[:-1])
        node = size + np.cumsum(new) - 1
        step_node[steps[order]] = node
        at[solution[order]] = node
        parents.append(before[new])
        levels.append(slice(size, size + int(new.sum())))
        size = levels[-1].stop
    parent = np.concatenate(parents)
    depth = np.repeat(np.arange(len(levels)), [level.stop - level.start for level in levels])
    of_problem = np.arange(size)
    for level in levels[1:]:
        of_problem[level] = of_problem[parent[level]]
    # The mean length of the solutions through a node.
    through = np.bincount(step_node, minlength=size) + np.bincount(problem, minlength=size)
    total = np.zeros(size)  # a bincount of nothing has whole numbers
    total += np.bincount(step_node, weights=layout.lengths[layout.row], minlength=size)
    total += np.bincount(problem, weights=layout.lengths, minlength=size)
    length = np.rint(total / np.maximum(through, 1)).astype(np.int64)
    return Forest(
        parent=parent,
        problem=of_problem,
        depth=depth,
        length=np.maximum(length, np.maximum(depth, 1)),
        levels=tuple(levels),
        step_node=step_node,
        leaf=at,
        num_problems=num_problems,
    )
