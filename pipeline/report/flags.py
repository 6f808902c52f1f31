"""Solutions that one of the known pitfalls touches: what the report's filters show.

    flawed_right    a right answer over a step that labels, a tool or a judge call wrong
    miracle         the value jumps at a step that nothing confirms
    sides_differ    rollouts and judges name different first errors
    tool_differs    a tool and the rollouts contradict each other on a step
    tool_refuted    a tool calls a step wrong
    repeated        a step says what an earlier step said
    last_lowest     p_correct falls to its lowest at the very last step

Guarantees: one flag a solution and rule; unknown numbers set none. The rules' constants are here,
and docs/report.md states them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.labels.layout import Bools, Ints
from pipeline.report.steps import UNDECIDED, Steps
from pipeline.report.words import LABELS, ROLLOUTS, Words, judges_in, tools_in

JUMP_FROM, JUMP_TO = 0.3, 0.8  # a miracle step takes the value from at most this to at least that
NEAR_LOWEST = 0.05  # p_correct this close to a solution's lowest counts as the lowest
LOW = 0.5  # of solutions whose lowest p_correct is above it nothing is said

FLAGS = (
    "flawed_right",
    "miracle",
    "sides_differ",
    "tool_differs",
    "tool_refuted",
    "repeated",
    "last_lowest",
)


@dataclass(frozen=True)
class Flags:
    """By name, one truth value a solution; and steps that a tool and the rollouts both judge."""

    of: dict[str, Bools]
    lowest: Ints  # the step at which p_correct falls to its lowest; -1: it stays above LOW
    tool_refutes_live: Bools  # steps: a tool calls wrong what rollouts call right
    tool_confirms_dead: Bools  # steps: rollouts place the first error where a tool confirms


def flags_of(steps: Steps, words: Words) -> Flags:
    layout = steps.layout
    refuted, confirmed = _tools(words, len(steps.label))
    rollouts = words.get(ROLLOUTS, np.full(len(steps.label), -1, dtype=np.int8))
    live, dead = refuted & (rollouts == 1), confirmed & ~refuted & (rollouts == 0)
    called = refuted | (words.get(LABELS, steps.label) == 0)
    for name in judges_in(words):
        called = called | (words[name] == 0)
    mc, judge = steps.first("mc_first_error"), steps.first("judge_first_error")
    lowest = lowest_steps(steps)
    return Flags(
        {
            "flawed_right": steps.right & _any(steps, called),
            "miracle": _any(steps, miracles(steps) & ~confirmed),
            "sides_differ": (mc != UNDECIDED) & (judge != UNDECIDED) & (mc != judge),
            "tool_differs": _any(steps, live | dead),
            "tool_refuted": _any(steps, refuted),
            "repeated": _any(steps, steps.bools("repeated")),
            "last_lowest": (lowest >= 0) & (lowest == layout.lengths - 1),
        },
        lowest,
        live,
        dead,
    )


def miracles(steps: Steps) -> Bools:
    """Steps that lift a low value to a high one, the intervals apart."""
    before = steps.layout.before(steps.value, steps.root)
    high = steps.floats("value_high")
    no_root = np.full(steps.layout.num_solutions, np.nan)
    high_before = steps.layout.before(high, no_root)
    with np.errstate(invalid="ignore"):
        apart = ~(steps.floats("value_low") <= high_before)
        return (before <= JUMP_FROM) & (steps.value >= JUMP_TO) & apart


def lowest_steps(steps: Steps) -> Ints:
    """The first step whose p_correct is about the solution's lowest; -1 where that is not low."""
    lowest = np.full(steps.layout.num_solutions, np.inf)
    known = ~np.isnan(steps.p)
    np.minimum.at(lowest, steps.layout.row[known], steps.p[known])
    near = known & (np.nan_to_num(steps.p, nan=9.0) <= (lowest + NEAR_LOWEST)[steps.layout.row])
    return np.where(lowest < LOW, steps.layout.first_where(near), -1)


def _any(steps: Steps, mask: Bools) -> Bools:
    return steps.layout.last_where(mask) >= 0


def _tools(words: Words, size: int) -> tuple[Bools, Bools]:
    refuted = np.zeros(size, dtype=np.bool_)
    confirmed = np.zeros(size, dtype=np.bool_)
    for name in tools_in(words):
        refuted |= words[name] == 0
        confirmed |= words[name] == 1
    return refuted, confirmed
