"""What the guided search of a batch goes by: parameters, prices, and who pilots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl

from annotators.rollouts import SearchTask
from annotators.search.probe import Guide
from pipeline.files import write_json
from pipeline.places import read_json
from pipeline.posterior.fusion import PRIOR, Fusion
from pipeline.posterior.groups import group_name
from pipeline.posterior.past import Recalled
from pipeline.recipe import Recipe

# Everybody waits for the pilot's last problem, which asks one wave after the other. So its waves
# are few, and have two rollouts from each chosen prefix: one would not show how much values of a
# state differ. What is left to ask is asked later, when the parameters are known.
PILOT_WAVES, AT_ONCE = 8, 2


@dataclass(frozen=True, slots=True)
class Known:
    """Of a shard, before a search: `begun`, draws of each prefix that an earlier stage bought,
    `evidence` of other annotators, and what earlier provers tell, by problem."""

    begun: Mapping[str, int] = field(default_factory=dict)
    evidence: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    recalled: Mapping[str, Recalled] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Round:
    """Parameters and a price of a token (bits), for all problems of a batch."""

    fusion: Fusion
    price: float

    def guide(self, task: SearchTask, recipe: Recipe, known: Known) -> Guide:
        return _guide(self.fusion, task, recipe, self.price, known)

    def as_dict(self) -> dict[str, Any]:
        return {"fusion": self.fusion.as_dict(), "price": _written(self.price)}

    @staticmethod
    def from_dict(raw: Mapping[str, Any] | None) -> Round | None:
        if raw is None:
            return None
        return Round(Fusion.from_dict(raw["fusion"]), _read(raw["price"]))


@dataclass(frozen=True, slots=True)
class Guidance:
    """`share`: of the problems that pilot, at `pilot_price`, by `prior`. `approach`: of the search
    of most of the budget, None where there is none to keep; `last`: of the rest. Each is known once
    what comes before it is done."""

    share: float
    pilot_price: float
    prior: Fusion | None = None  # of an earlier prover; None: nothing learnt
    approach: Round | None = None
    last: Round | None = None

    def pilots(self, seed: int, problem_id: str) -> bool:
        return unit(f"{seed}:{problem_id}") < self.share

    def pilot_guide(self, task: SearchTask, recipe: Recipe, known: Known) -> Guide | None:
        """None for a problem that does not pilot."""
        if not self.pilots(recipe.seed, task.problem.problem_id):
            return None
        guide = _guide(self.prior or PRIOR, task, recipe, self.pilot_price, known)
        return replace(guide, waves=PILOT_WAVES, at_once=AT_ONCE, least_change=0.0)

    def pilot_shape(self) -> list[Any]:
        prior = [] if self.prior is None else [self.prior.as_dict()]
        return [self.share, self.pilot_price, PILOT_WAVES, AT_ONCE, *prior]

    def approach_shape(self) -> list[Any]:
        """What shapes the stage of the approach."""
        return [self.pilot_shape(), self.approach and self.approach.as_dict()]

    def shape(self) -> list[Any]:
        """What shapes the search's stage."""
        return [self.approach_shape(), self.last and self.last.as_dict()]

    def as_dict(self) -> dict[str, Any]:
        return {
            "share": self.share,
            "pilot_price": _written(self.pilot_price),
            "prior": self.prior and self.prior.as_dict(),
            "approach": self.approach and self.approach.as_dict(),
            "last": self.last and self.last.as_dict(),
        }

    def write(self, place: Path) -> None:
        """Raises StorageError."""
        write_json(place, self.as_dict())

    @staticmethod
    def read(place: Path) -> Guidance | None:
        """None where nothing was written yet."""
        try:
            return Guidance.from_dict(read_json(place))
        except FileNotFoundError:
            return None

    @staticmethod
    def from_dict(raw: Mapping[str, Any]) -> Guidance:
        return Guidance(
            float(raw["share"]),
            _read(raw["pilot_price"]),
            Fusion.from_dict(raw["prior"]) if raw.get("prior") else None,
            Round.from_dict(raw["approach"]),
            Round.from_dict(raw["last"]),
        )


def _written(price: float) -> float | None:
    """JSON has no infinity: a price that nobody pays is null."""
    return None if price == float("inf") else price


def _read(price: float | None) -> float:
    return float("inf") if price is None else float(price)


def guidance_place(plans: Path, batch: int, budget: int) -> Path:
    """A batch may go on with another budget: its prices are others, and a replay needs both."""
    return plans / "posterior" / f"{batch:05d}-budget-{budget}.json"


def labels_place(plans: Path) -> Path:
    """The parameters behind the labels of all batches of a folder."""
    return plans / "posterior" / "labels.json"


def read_fusion(plans: Path) -> dict[str, Any] | None:
    """None where no posterior was fitted."""
    try:
        return dict(read_json(labels_place(plans)))
    except FileNotFoundError:
        return None


def unit(text: str) -> float:
    """A number in 0..1 that a text stands for."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


def _guide(fusion: Fusion, task: SearchTask, recipe: Recipe, price: float, known: Known) -> Guide:
    parameters = fusion.parameters(group_name(task.problem.domain, task.policy))
    name = task.problem.problem_id
    return Guide(
        parameters,
        fusion.edges,
        price,
        recipe.questions.filtered,
        known.begun,
        known.evidence.get(name),
        recalled=known.recalled.get(name),
        least_change=recipe.relabel.least_change,
    )
