"""Preference pairs: two next steps from one prefix, the better one first.

The comparison is lexicographic: (1) the hard label, right before wrong, where both are decided and
differ; else (2) `p_correct`, where both are known and differ by `least`; else (3) `value`,
likewise; else it is a tie. Correctness comes before value, because a repaired error has a high
value.

Guarantees: chosen and rejected continue the very same prefix and are not the same text; a pair of
which nothing is known is left out, never a tie; at most `most` pairs a prefix, those of the widest
margin first. Not guaranteed: that the two differ in nothing else. `length_ratio` and `same_style`
say how alike they look, for those who filter on it.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.formats.format import Column, Format, Option, Options, Projection
from pipeline.formats.rows import Rows, codes, glued, joined, plain, ranges, sift, trimmed
from pipeline.formats.shared import PROMPT, prompts
from pipeline.formats.siblings import Ways, pairs, style, ways
from pipeline.labels.layout import NULL, Floats, Ints, Layout, floats

_DECIDED = ("label", "p_correct", "value", "tie")
_TIE = _DECIDED.index("tie")


def project(rows: Rows, options: Options) -> Projection:
    """{"prompt": "Add 2 and 3 and 4.\\n2 + 3 = 5.\\n\\n", "chosen": "5 + 4 = 9.", "rejected":
    "5 + 4 = 8.", "margin": 1.0, "weight": 0.8, "decided_by": "label", "on_policy": true, …}"""
    found, forked = ways(rows, options["policy"])
    _, unpaired = sift(
        len(rows),
        ("not_kept", rows.not_kept),
        ("no_problem", rows.no_problem),
        ("no_sibling", ~forked),
    )
    first, second = pairs(found)
    by, change = _compare(found, first, second, options["least"])
    chosen, rejected = np.where(change >= 0, (first, second), (second, first))
    margin = np.abs(change)
    text = codes(trimmed(rows.steps.take(pa.array(found.step))))
    reasons = (
        ("pair_of_one_text", text[first] == text[second]),
        ("pair_not_comparable", by < 0),
        ("pair_tied", (by == _TIE) & (options["ties"] == "leave_out")),
    )
    left, _ = sift(len(by), *reasons)
    beyond = np.zeros(len(by), dtype=np.bool_)
    if options["most"]:
        # Label before the others, then the margin, then the order of rows.
        order = np.lexsort((left, -margin[left], by[left], found.group[first[left]]))
        group = found.group[first[left[order]]]
        begins = np.flatnonzero(np.diff(group, prepend=-1))
        place = np.arange(len(left)) - np.repeat(begins, np.diff(begins, append=len(left)))
        beyond[left[order[place >= options["most"]]]] = True
    kept, left_out = sift(len(by), *reasons, ("pair_beyond_the_most", beyond))
    table = _table(rows, found, chosen[kept], rejected[kept], margin[kept], by[kept], options)
    return Projection(table, unpaired | left_out)


def _compare(ways: Ways, first: Ints, second: Ints, least: float) -> tuple[Ints, Floats]:
    """By what each pair is decided (-1: nothing is known of it), and by how much the first is
    better."""
    by = np.full(len(first), -1, dtype=np.int64)
    change = np.zeros(len(first))
    for number in reversed(range(_TIE)):
        if _DECIDED[number] == "label":
            a, b = (ways.label[side].astype(np.float64) for side in (first, second))
            known = (a != NULL) & (b != NULL)
            differ = known & (a != b)
        else:
            a, b = (getattr(ways, _DECIDED[number])[side] for side in (first, second))
            known = ~np.isnan(a) & ~np.isnan(b)
            differ = known & (np.abs(a - b) >= least) & (a != b)
        by[known & (by < 0)] = _TIE
        by[differ] = number
        change[differ] = (a - b)[differ]
    return by, change


def _table(
    rows: Rows,
    ways: Ways,
    chosen: Ints,
    rejected: Ints,
    margin: Floats,
    by: Ints,
    options: Options,
) -> pa.Table:
    layout = rows.layout
    step = ways.step[chosen]
    row, place = layout.row[step], layout.position[step]
    # A prefix once, however many pairs continue it.
    _, example, of_group = np.unique(ways.group[chosen], return_index=True, return_inverse=True)
    start, length = layout.offsets[:-1][row[example]], place[example]
    pieces = rows.steps.take(pa.array(ranges(start, length)))
    prefix = joined(Layout.of_lengths(length), pieces, "")
    problem = rows.column("problem").take(pa.array(row[example]))
    prompt = glued(prompts(problem, options["prompt"]), prefix)
    sides = [rows.steps.take(pa.array(ways.step[side])) for side in (chosen, rejected)]
    sizes = [plain(pc.utf8_length(text)) for text in sides]
    value = [ways.value[side] for side in (chosen, rejected)]
    on_policy = ways.of_policy[chosen] & ways.of_policy[rejected]
    unknown = np.repeat(options["policy"] == "", len(chosen))
    weight = np.minimum(*(np.nan_to_num(ways.weight[side]) for side in (chosen, rejected)))
    ids = [
        rows.column("solution_id").take(pa.array(layout.row[ways.step[side]]))
        for side in (chosen, rejected)
    ]
    columns = {
        "prompt": prompt.take(pa.array(of_group)),
        "chosen": sides[0],
        "rejected": sides[1],
        "margin": pa.array(margin),
        "weight": pa.array(weight),
        "tie": pa.array(by == _TIE),
        "decided_by": pa.array(_DECIDED).take(pa.array(by)),
        "on_policy": pa.array(on_policy, mask=unknown),
        "after_error": pa.array(layout.first_where(rows.label == 0)[row] < place),
        "chosen_value": floats(value[0]),
        "rejected_value": floats(value[1]),
        "length_ratio": pa.array(np.minimum(*sizes) / np.maximum(*sizes)),
        "same_style": pa.array(style(sides[0]) == style(sides[1])),
        "step": pa.array(place.astype(np.int32)),
        "fork_group": rows.flat("fork_group").take(pa.array(step)),
        "chosen_solution_id": ids[0],
        "rejected_solution_id": ids[1],
        "problem_id": rows.column("problem_id").take(pa.array(row)),
    }
    return pa.table(columns, PAIRS.schema)


PAIRS = Format(
    name="pairs",
    consumer="TRL `DPOTrainer`, `RewardTrainer` and others that read preferences",
    shape="`prompt` (problem and shared prefix), `chosen`, `rejected`",
    lost="steps without a sibling; pairs of which nothing is known; what follows the two steps",
    note="Pairs are decided by the hard label, else by `p_correct`, else by `value`, each where "
    "both sides are known. Reasons that begin with `pair_` count pairs, not solutions.",
    columns=(
        Column("prompt", pa.string(), "the problem, by option `prompt`, and the shared prefix"),
        Column("chosen", pa.string(), "the better next step"),
        Column("rejected", pa.string(), "the worse"),
        Column("margin", pa.float64(), "the difference in what decided; 0 of a tie"),
        Column("weight", pa.float64(), "the smaller of the two steps' weights"),
        Column("tie", pa.bool_(), "what is known of the two is equal"),
        Column("decided_by", pa.string(), "label, p_correct, value or tie"),
        Column("on_policy", pa.bool_(), "both steps are the policy's own; null: not known"),
        Column("after_error", pa.bool_(), "the prefix has a step labelled wrong"),
        Column("chosen_value", pa.float64(), "null where unknown"),
        Column("rejected_value", pa.float64(), "null where unknown"),
        Column("length_ratio", pa.float64(), "characters of the shorter over the longer"),
        Column("same_style", pa.bool_(), "equation, markup, heading or list: in both or neither"),
        Column("step", pa.int32(), "the number of the step, 0-based"),
        Column("fork_group", pa.string(), "the identity of the prefix"),
        Column("chosen_solution_id", pa.string(), "a solution with that step"),
        Column("rejected_solution_id", pa.string(), "a solution with that step"),
        Column("problem_id", pa.string(), "of the dataset's row"),
    ),
    reads=(
        "problem", "steps", "label", "p_correct", "value", "weight", "prefix_hash", "fork_group",
        "policy", "keep", "solution_id", "problem_id",
    ),
    project=project,
    options={
        **PROMPT,
        "least": Option(
            0.1, "the smallest difference in p_correct or value that decides", minimum=0
        ),
        "ties": Option("leave_out", "what becomes of ties", choices=("leave_out", "keep")),
        "most": Option(16, "at most so many pairs a prefix; 0: all", minimum=0),
        "policy": Option("", "the revision that is on-policy; by default the dataset's policy"),
    },
    whole_problems=True,
)  # fmt: skip
