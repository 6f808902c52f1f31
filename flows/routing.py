"""Which solutions a judge is asked about, in which order, and for how many tokens.

A judge with `sees = "all"` is asked about every solution of the problems that are searched. One
with `sees = "undecided"` is asked where the evidence so far leaves the place of the first error
open (the posterior's entropy), where sources conflict (a tool calls a step incorrect, and the
posterior holds another one, or none, for the first error), and about a random share, by which its
reliability is measured on solutions that nobody chose. The share comes first, then the most
undecided.

A route is written down before the judge is asked, for each shard, and kept: a killed run and a
replay go by it. Guarantees: it depends on evidence that was there before the judge, and on the
run's seed; a budget is shared among shards by how many solutions each would ask about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from annotators.judge.settings import JudgeSettings
from flows.evidence import Evidence
from flows.guidance import unit
from pipeline.labels import pieces
from pipeline.labels.layout import Bools, Ints
from pipeline.labels.tools import Tools, read_tools
from pipeline.places import read_json
from pipeline.posterior.fuse import fuse
from pipeline.posterior.fusion import Fusion
from pipeline.recipe import Recipe, content_hash

ROUTED = "undecided"


@dataclass(frozen=True, slots=True)
class Route:
    """Of one shard. `solutions`: whom to ask about, in order. `allowance`: tokens, if limited."""

    solutions: list[str]
    allowance: int | None

    def shape(self) -> str:
        return content_hash([self.solutions, self.allowance])


def read_route(place: Path) -> Route | None:
    try:
        raw = read_json(place)
    except FileNotFoundError:
        return None
    return Route(list(raw["solutions"]), raw["allowance"])


def choose(
    name: str, settings: JudgeSettings, recipe: Recipe, seen: Evidence, fusion: Fusion | None
) -> list[str]:
    """Of one shard's searched solutions; `fusion`: what the evidence so far is read by."""
    ids: list[str] = seen.solutions["solution_id"].to_list()
    if fusion is None:
        return ids
    layout = pieces.layout(seen.solutions)
    fused = fuse(
        fusion,
        seen.problems,
        seen.solutions,
        seen.evidence,
        recipe.questions.filtered,
        recipe.labels.interval,
        recipe.labels.veto,
    )
    place = fused.place(layout)
    asked = fused.entropy >= settings.undecided
    asked |= _conflict(seen, place)
    drawn = np.array([unit(f"{recipe.seed}:{name}:{one}") < settings.share for one in ids])
    rank = np.where(drawn, np.inf, fused.entropy)
    order = np.argsort(-rank, kind="stable")
    return [ids[at] for at in order if (asked | drawn)[at] and layout.lengths[at]]


def _conflict(seen: Evidence, place: Ints) -> Bools:
    layout = pieces.layout(seen.solutions)
    rows = read_tools(seen.evidence, seen.solutions["solution_id"], layout)
    first = layout.first_where(Tools.of(rows, layout).refuted)
    return np.asarray((first < layout.lengths) & (first != place))


def allot(budget: int, spent: int, asked: Sequence[int]) -> list[int | None]:
    """The budget that the admission test left, shared among shards by their solutions."""
    if budget < 0:
        return [None] * len(asked)
    left, total = max(budget - spent, 0), max(sum(asked), 1)
    return [left * number // total for number in asked]
