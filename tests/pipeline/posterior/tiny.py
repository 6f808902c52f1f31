"""Tiny observations, written by hand: solutions as strings, a letter a step.

Solutions that begin with the same letters share these prefixes: `plant_of("ab", "ac")` has a root
and the nodes a, ab and ac. Evidence is given by the prefix's text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.labels.layout import Layout
from pipeline.posterior.forest import Forest, plant
from pipeline.posterior.observed import NONE, Observed, Signal, Votes
from pipeline.posterior.parameters import MEANS, NAMES, Parameters, start

RIGHT, WRONG, UNKNOWN = 1, 0, -1

# Tables of every kind of evidence: signals and votes, of a step and of a prefix.
TABLES = {
    "step": np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.3, 0.4, 0.3]]),  # error, fine, open
    "value": np.array([[0.8, 0.2], [0.25, 0.75]]),  # good, wrong
    "checker": np.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.4, 0.3, 0.3]]),
    "judge": np.array([[0.7, 0.1, 0.2], [0.3, 0.5, 0.2]]),  # clean, not clean
}
WORTH = {"step": 0.6, "value": 1.3}
STRENGTH = {"checker": 2.0, "judge": 8.0}


def known(**vector: float) -> Parameters:
    """Parameters with tables for all kinds of evidence, and `vector` beside the priors' means."""
    values = MEANS.copy()
    for name, value in vector.items():
        values[NAMES.index(name)] = value
    return replace(start(), vector=values, tables=TABLES, strength=STRENGTH)


def plant_of(problems: Sequence[Sequence[str]]) -> tuple[Forest, dict[tuple[int, str], int]]:
    """The forest, and the node of each problem's prefix."""
    texts = [(number, text) for number, one in enumerate(problems) for text in one]
    layout = Layout.of_lengths(np.array([len(text) for _, text in texts], dtype=np.int64))
    names = [text[:m] for _, text in texts for m in range(1, len(text) + 1)]
    number = {name: at for at, name in enumerate(sorted(set(names)))}
    forest = plant(
        layout,
        np.array([problem for problem, _ in texts], dtype=np.int64),
        len(problems),
        np.array([number[name] for name in names], dtype=np.int64),
    )
    nodes = {(problem, ""): problem for problem in range(len(problems))}
    steps = [(problem, text[:m]) for problem, text in texts for m in range(1, len(text) + 1)]
    nodes |= {name: int(node) for name, node in zip(steps, forest.step_node, strict=True)}
    return forest, nodes


def seen_of(*problems: Mapping[str, Any]) -> Observed:
    """One mapping a problem. `solutions`: text to outcome. By prefix text, all optional: `counts`
    (right, wrong), `signals` and `votes` (by name, then by prefix), `truth`. `samples`, `repeats`:
    of the problem."""
    forest, nodes = plant_of([list(one["solutions"]) for one in problems])
    size = forest.num_nodes
    correct, incorrect = np.zeros((2, size), dtype=np.int64)
    truth = np.full(size, NONE, dtype=np.int8)
    category = {name: np.full(size, NONE, dtype=np.int64) for name in ("step", "value")}
    counts = {name: np.zeros((size, 3), dtype=np.int64) for name in ("checker", "judge")}
    for number, one in enumerate(problems):
        for text, (right, wrong) in one.get("counts", {}).items():
            correct[nodes[number, text]], incorrect[nodes[number, text]] = right, wrong
        for text, value in one.get("truth", {}).items():
            truth[nodes[number, text]] = value
        for name, by_prefix in one.get("signals", {}).items():
            for text, value in by_prefix.items():
                category[name][nodes[number, text]] = value
        for name, by_prefix in one.get("votes", {}).items():
            for text, value in by_prefix.items():
                counts[name][nodes[number, text]] = value
    outcomes = [outcome for one in problems for outcome in one["solutions"].values()]
    return Observed(
        forest=forest,
        correct=correct,
        incorrect=incorrect,
        outcome=np.array(outcomes, dtype=np.int8),
        samples=np.array([one.get("samples", 0) for one in problems], dtype=np.int64),
        repeats=np.array([one.get("repeats", (0, 0)) for one in problems], dtype=np.int64).reshape(
            -1, 2
        ),
        signals={
            name: Signal(
                values, of_step=name == "step", size=TABLES[name].shape[1], worth=WORTH[name]
            )
            for name, values in category.items()
        },
        votes={name: Votes(values, of_step=name == "checker") for name, values in counts.items()},
        truth=truth,
    )


def node_of(problem: Mapping[str, Any], text: str) -> int:
    """Of a prefix in `seen_of(problem)`."""
    return plant_of([list(problem["solutions"])])[1][0, text]
