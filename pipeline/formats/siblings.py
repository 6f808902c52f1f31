"""Different next steps from one prefix, and the pairs that they make.

Guarantees: steps are siblings where `fork_group`, the identity of all that stands before them, is
the same; a step that several solutions share is one way on. Where those solutions disagree about
it, its hard label counts as undecided and its lowest numbers count. Rows that are not kept, steps
whose prefix is not known and empty steps take no part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.formats.rows import Rows, codes, flags, matches, ranges
from pipeline.labels.layout import NULL, Bools, Floats, Ints, Labels8

# What a step looks like: an equation, mathematical markup, a heading or a list.
_STYLES = (r"=", r"\\[a-zA-Z(\[]|\$", r"(?im)^\s*(?:[-*#]|\d+[.)]|step\s+\d+)")


@dataclass(frozen=True, slots=True)
class Ways:
    """Different steps, group after group; all arrays have one entry a way."""

    step: Ints  # an example of it among the flat steps
    group: Ints
    label: Labels8
    p_correct: Floats  # NaN where unknown, as below
    value: Floats
    weight: Floats
    of_policy: Bools  # some solution that takes it is the policy's


def ways(rows: Rows, policy: str) -> tuple[Ways, Bools]:
    """Those that have a sibling; and which rows have such a step."""
    row = rows.layout.row
    before, after = rows.flat("fork_group"), rows.flat("prefix_hash")
    usable = ~rows.not_kept[row] & ~rows.no_problem[row] & ~rows.empty_step
    usable &= flags(before.is_valid()) & flags(after.is_valid())
    at = np.flatnonzero(usable)
    some = pa.array(at)
    group, way = (codes(texts.take(some)) for texts in (before, after))
    # Equal ways stand together, in the order of groups; the first of them is the example.
    order = np.lexsort((at, way, group))
    group, way, at = group[order], way[order], at[order]
    new = (np.diff(group, prepend=-1) != 0) | (np.diff(way, prepend=-1) != 0)
    begins = np.flatnonzero(new)
    if not len(begins):
        none = np.zeros(0)
        found = Ways(at, at, none.astype(np.int8), none, none, none, none.astype(np.bool_))
        return found, np.zeros(len(rows), dtype=np.bool_)
    label = rows.label[at]
    # Undecided ones must not stand for the lowest, nor for the highest.
    low = np.minimum.reduceat(np.where(label == NULL, 2, label), begins)
    high = np.maximum.reduceat(label, begins)
    agreed = np.where(low == high, low, NULL).astype(np.int8)
    by_policy = flags(pc.equal(rows.column("policy"), policy))
    found = Ways(
        step=at[begins],
        group=group[begins],
        label=agreed,
        p_correct=_lowest(rows.floats("p_correct")[at], begins),
        value=_lowest(rows.floats("value")[at], begins),
        weight=_lowest(rows.floats("weight")[at], begins),
        of_policy=np.logical_or.reduceat(by_policy[row[at]], begins),
    )
    size = np.bincount(found.group)
    forked = np.zeros(len(rows), dtype=np.bool_)
    forked[row[at[size[group] >= 2]]] = True
    return _some(found, size[found.group] >= 2), forked


def pairs(ways: Ways) -> tuple[Ints, Ints]:
    """Every pair of siblings once: the earlier and the later of `ways`."""
    number = np.arange(len(ways.group))
    new = np.diff(ways.group, prepend=-1) != 0
    start = np.maximum.accumulate(np.where(new, number, 0))
    place = number - start
    return ranges(start, place), np.repeat(number, place)


def style(texts: pa.Array) -> Ints:
    """A number for what each text looks like."""
    found = np.zeros(len(texts), dtype=np.int64)
    for number, regex in enumerate(_STYLES):
        found += matches(texts, regex).astype(np.int64) << number
    return found


def _some(ways: Ways, which: Bools) -> Ways:
    return Ways(*(getattr(ways, name)[which] for name in Ways.__slots__))


def _lowest(values: Floats, begins: Ints) -> Floats:
    """Of each run; NaN where none of it is known."""
    lowest = np.minimum.reduceat(np.where(np.isnan(values), np.inf, values), begins)
    return np.where(np.isinf(lowest), np.nan, lowest)
