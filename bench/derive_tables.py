"""Synthetic tables of a searched dataset, a shard at a time, for bench/derive.py.

A problem has 16 samples, 8 of them distinct, of 7 to 13 steps (10 in the mean). Some begin alike:
of two solutions in five a prefix is shared, and its evidence stands once for each of them, as
searches write it. Nearly every prefix has rollouts (8; some stopped early, a few of unknown
outcome), every step a verdict of `arithmetic`, a log-probability and token ids; every measured
prefix a node of the tree.

Guarantees: the same arguments give the same tables. Does not mean anything by its texts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.files import write_table
from pipeline.folder import DatasetFolder
from pipeline.labels.layout import Bools, Ints, Layout
from pipeline.schemas import DETAIL, EVIDENCE, PROBLEMS, QUESTIONS, SOLUTIONS, STEP, TREE

DISTINCT, SAMPLES = 8, 16
SHORTEST, LONGEST = 7, 13
K = 8
PROVER = POLICY = "bench"


def write_shard(root: Path, shard: str, problems: int, seed: int) -> int:
    """Number of solutions. Writes what `flows.evidence.shard_evidence` reads, and a tree."""
    folder = DatasetFolder(root)
    made = _Shard(shard, problems, np.random.default_rng([seed, *shard.encode()]))
    write_table(folder.side("problems", shard), made.problems())
    write_table(folder.side("questions", shard), made.questions())
    write_table(folder.side("solutions", shard), made.solutions())
    write_table(folder.side("evidence", shard), made.evidence())
    write_table(folder.side("tree", shard), made.tree())
    write_table(folder.published(shard), made.published())
    return made.layout.num_solutions


class _Shard:
    """Steps are drawn on a (problem, solution, step) grid; `owner` says where the prefix that ends
    with a step first stands, and what is the same for equal prefixes is read there."""

    def __init__(self, name: str, problems: int, random: np.random.Generator) -> None:
        self.random, self.num_problems = random, problems
        grid = (problems, DISTINCT, LONGEST)
        lengths = random.integers(SHORTEST, LONGEST + 1, grid[:2])
        owner = np.arange(np.prod(grid)).reshape(grid)
        steps = np.arange(LONGEST)
        every = np.arange(problems)
        for s in range(1, DISTINCT):
            other = random.integers(0, s, problems)
            shared = np.minimum(random.geometric(0.6, problems) - 1, SHORTEST - 1)
            same = steps < shared[:, None]
            owner[:, s] = np.where(same, owner[every, other], owner[:, s])
        there = steps < lengths[..., None]
        self.owner: Ints = owner[there]
        self.layout = Layout.of_lengths(lengths.ravel())
        self.problem_ids = pl.Series([f"bench-{name}-{p:05d}" for p in range(problems)])
        self.of_solution = np.repeat(every, DISTINCT)
        self.solution_ids = _hex(len(self.of_solution), 8, random)
        self.hashes = _hex(len(owner.ravel()), 16, random).take(pa.array(self.owner))

        hazard = random.beta(1.2, 9, problems)[:, None, None]
        error = (random.random(grid) < hazard).ravel()[owner]
        wrong: Bools = np.maximum.accumulate(error, axis=2)
        left = lengths[..., None] - 1 - steps
        value = np.where(wrong, 0.04, (1 - hazard) ** np.maximum(left, 0)).ravel()
        value = random.beta(12 * value + 0.05, 12 * (1 - value) + 0.05)
        drawn = np.where(random.random(value.shape) < 0.85, K, random.integers(1, K, value.shape))
        unknown = random.binomial(drawn, 0.03)
        correct = random.binomial(drawn - unknown, value)
        counts = np.stack([correct, drawn - unknown - correct, unknown])
        self.counts: Ints = counts[:, self.owner]
        self.censored: Bools = (drawn < K)[self.owner]
        # A solution's whole text is not rolled out, and a few prefixes were not reached.
        last = self.layout.position == self.layout.lengths[self.layout.row] - 1
        self.measured: Bools = ~last & (random.random(value.shape) < 0.95)[self.owner]
        chance = np.where(error.ravel(), [[0.15], [0.35]], [[0.55], [0.01]])[:, self.owner]
        u = random.random(owner.size)[self.owner]
        self.verdict = np.where(u < chance[0], 1, np.where(u > 1 - chance[1], -1, 0))
        ends_wrong = wrong.reshape(-1, LONGEST)[np.arange(lengths.size), lengths.ravel() - 1]
        right = random.random(lengths.size) < np.where(ends_wrong, 0.05, 0.97)
        self.right: Bools = right
        self.draws = 1 + random.multinomial(SAMPLES - DISTINCT, [1 / DISTINCT] * DISTINCT, problems)
        self.root = np.zeros((problems, 2), dtype=np.int64)
        np.add.at(self.root, (self.of_solution, 1 - right.astype(int)), self.draws.ravel())

    def problems(self) -> pa.Table:
        size = self.num_problems
        numbers = self.random.integers(1, 100, (12, size))
        text = pl.select(pl.format("Add up: {}" + " + {}" * 11, *map(pl.Series, numbers)))
        same = {"source": "bench", "domain": "toy", "language": "en", "answer_type": "number"}
        same |= {"answer_origin": "given", "meta": "{}"}
        return _table(
            PROBLEMS,
            size,
            {
                "problem_id": self.problem_ids.to_arrow(),
                "text": text.to_series().to_arrow(),
                "answer": pa.array(numbers.sum(axis=0)).cast(pa.string()),
                **{name: pa.repeat(value, size) for name, value in same.items()},
            },
        )

    def questions(self) -> pa.Table:
        right, wrong = self.root.T
        reason = np.where(wrong == 0, "all_right", np.where(right == 0, "all_wrong", "none"))
        return _table(
            QUESTIONS,
            self.num_problems,
            {
                "problem_id": self.problem_ids.to_arrow(),
                "samples": pa.repeat(SAMPLES, self.num_problems),
                "correct": pa.array(right),
                "incorrect": pa.array(wrong),
                "unknown": pa.repeat(0, self.num_problems),
                "pass_rate": pa.array(right / SAMPLES),
                "question_reason": pa.array(reason, mask=reason == "none"),
            },
        )

    def solutions(self) -> pa.Table:
        layout, size = self.layout, self.layout.num_solutions
        cells = self.num_problems * DISTINCT * LONGEST
        a, b, c = self.random.integers(1, 1000, (3, cells))
        texts = pl.select(
            pl.format(
                "Ann has {} shells. Compared to her, Bob has {} more. So he has {} + {} = {}.\n\n",
                *map(pl.Series, (a, b, a, b, np.where(c < 950, a + b, c))),
            )
        ).to_series()[self.owner]
        length = texts.str.len_chars().cast(pl.Int64).to_numpy()
        tokens = 20 + a[self.owner] % 20
        total = np.bincount(layout.row, weights=tokens, minlength=size).astype(np.int64)
        ids = self.random.integers(0, 32000, int(total.sum()), dtype=np.int32)
        logprob = -self.random.gamma(1.5, 0.15, cells)[self.owner]
        steps = pa.StructArray.from_arrays(
            [
                texts.to_arrow().cast(pa.string()),
                pa.array(_sums(length, layout) - length, pa.int32()),
                pa.array(_sums(length, layout), pa.int32()),
                pa.array(_sums(tokens, layout), pa.int32()),
                pa.array(logprob.astype(np.float32)),
                pa.nulls(layout.num_steps, pa.string()),
            ],
            fields=list(STEP),
        )
        of_step = pl.Series(layout.lists(texts.to_arrow().cast(pa.string())))
        drawn = Layout.of_lengths(self.draws.ravel())
        return _table(
            SOLUTIONS,
            size,
            {
                "solution_id": self.solution_ids,
                "problem_id": self.problem_ids[self.of_solution].to_arrow(),
                "policy": pa.repeat(POLICY, size),
                "prompt_hash": pa.repeat("0123456789abcdef", size),
                "text": of_step.list.join("").to_arrow(),
                "steps": layout.lists(steps),
                "token_ids": Layout.of_lengths(total).lists(pa.array(ids)),
                "origin": pa.repeat("sampled", size),
                "final_answer": pa.array(c[:size]).cast(pa.string()),
                "outcome": pa.array(np.where(self.right, "correct", "incorrect")),
                "finish_reason": pa.repeat("stop", size),
                "tokens": pa.array(total),
                "draws": drawn.lists(pa.array(np.arange(drawn.num_steps) % SAMPLES, pa.int32())),
                "seed": pa.repeat(0, size),
            },
        )

    def evidence(self) -> pa.Table:
        layout = self.layout
        rollouts = np.flatnonzero(self.measured)
        right, wrong = self.root[self.of_solution].T
        counts = np.concatenate(
            [
                np.stack([right, wrong, 0 * right]),
                self.counts[:, rollouts],
                np.stack([self.verdict == 1, self.verdict == -1, self.verdict == 0]),
            ],
            axis=1,
        )
        rows = np.concatenate([np.arange(len(right)), layout.row[rollouts], layout.row])
        step = np.concatenate([0 * right - 1, layout.position[rollouts], layout.position])
        parts = (len(right) + len(rollouts), layout.num_steps)
        by_part = {"annotator": ("rollouts", "arithmetic"), "source": ("dadb2b07", "bd5b599d")}
        by_part["target"] = ("prefix_value", "step_valid")
        censored = np.zeros(len(rows), dtype=np.bool_)
        censored[len(right) : parts[0]] = self.censored[rollouts]
        return _table(
            EVIDENCE,
            len(rows),
            {
                "solution_id": self.solution_ids.take(pa.array(rows)),
                "step": pa.array(step),
                **dict(
                    zip(("correct", "incorrect", "unknown"), map(pa.array, counts), strict=True)
                ),
                "censored": pa.array(censored),
                "detail": _details(np.concatenate([np.ones(parts[0], dtype=int), self.verdict])),
                "tokens": pa.array(np.where(np.arange(len(rows)) < parts[0], 800, 0)),
                **{
                    name: pa.concat_arrays(list(map(pa.repeat, values, parts)))
                    for name, values in by_part.items()
                },
            },
        )

    def tree(self) -> pa.Table:
        """A node for each measured prefix; its number and parent are of no consequence here."""
        owner, first = np.unique(self.owner[self.measured], return_index=True)
        step = np.flatnonzero(self.measured)[first]
        row = self.layout.row[step]
        problem = self.problem_ids[self.of_solution[row]].to_arrow()
        depth = pa.array(self.layout.position[step] + 1)
        counts = dict(zip(("correct", "incorrect", "unknown"), self.counts[:, step], strict=True))
        return _table(
            TREE,
            len(owner),
            {
                "problem_id": problem,
                "tree_id": problem,
                "node_id": pa.array(np.arange(len(owner)) + 1),
                "parent_id": pa.array(np.arange(len(owner)) // 2),
                "depth": depth,
                "prefix_hash": self.hashes.take(pa.array(step)),
                "prefix_len": depth,
                "edge_steps": pa.repeat(1, len(owner)),
                "solution_id": self.solution_ids.take(pa.array(row)),
                **{name: pa.array(count) for name, count in counts.items()},
            },
        )

    def published(self) -> pa.Table:
        """What derive reads of an earlier view."""
        size = self.layout.num_solutions
        return pa.table(
            {
                "solution_id": self.solution_ids,
                "prefix_hash": self.layout.lists(self.hashes),
                "prover": pa.repeat(PROVER, size),
                "segmentation": pa.repeat("blank_line", size),
                "recipe_hash": pa.repeat("0123456789abcdef", size),
            }
        )


def _hex(number: int, size: int, random: np.random.Generator) -> Any:
    """Random hex numbers of `size` bytes, as an Arrow array."""
    data = pa.py_buffer(random.bytes(number * size).hex().encode())
    offsets = pa.array(np.arange(number + 1, dtype=np.int32) * 2 * size).buffers()[1]
    return pa.StringArray.from_buffers(number, offsets, data)


def _sums(values: Ints, layout: Layout) -> Ints:
    """Running sums in each solution."""
    total = np.cumsum(values)
    first = layout.offsets[:-1][layout.row]
    return total - np.where(first > 0, total[first - 1], 0)


def _details(verdict: Ints) -> Any:
    """A reason for an unknown, the broken rule for a refuted step, nothing for the rest."""
    shown = np.flatnonzero(verdict <= 0)
    unknown = verdict[shown] == 0
    fields = [
        pa.array(np.where(unknown, "reason", "sum")),
        pa.repeat(0, len(shown)),
        pa.array(np.where(unknown, 0, 9)),
        pa.array(np.where(unknown, "undecided", "412 + 57 is 469, not 470")),
    ]
    structs = pa.StructArray.from_arrays(
        [array.cast(field.type) for array, field in zip(fields, DETAIL, strict=True)],
        fields=list(DETAIL),
    )
    return Layout.of_lengths((verdict <= 0).astype(np.int64)).lists(structs)


def _table(schema: pa.Schema, size: int, columns: dict[str, Any]) -> pa.Table:
    nulls = {f.name: pa.nulls(size, f.type) for f in schema if f.name not in columns}
    every = columns | nulls
    return pa.table({f.name: every[f.name].cast(f.type) for f in schema}, schema)
