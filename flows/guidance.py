"""What the guided search of a batch goes by: parameters, prices, and who pilots."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from annotators.rollouts import SearchTask
from annotators.search.probe import Guide
from pipeline.files import write_json
from pipeline.posterior.fusion import PRIOR, Fusion, group_name
from pipeline.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Guidance:
    """`share`: of the problems that pilot, at `pilot_price`; `fusion` and `price`: of the search
    proper, once the pilot is done."""

    share: float
    pilot_price: float
    fusion: Fusion | None = None
    price: float = float("inf")

    def pilot_guide(self, task: SearchTask, recipe: Recipe) -> Guide | None:
        """None for a problem that does not pilot."""
        if unit(f"{recipe.seed}:{task.problem.problem_id}") >= self.share:
            return None
        return _guide(PRIOR, task, recipe, self.pilot_price, {})

    def guide(self, task: SearchTask, recipe: Recipe, begun: Mapping[str, int]) -> Guide:
        assert self.fusion is not None
        return _guide(self.fusion, task, recipe, self.price, begun)

    def pilot_shape(self) -> list[Any]:
        return [self.share, self.pilot_price]

    def shape(self) -> list[Any]:
        """What shapes the search's stage."""
        return [self.pilot_shape(), self.price, self.fusion and self.fusion.as_dict()]

    def write(self, place: Path) -> None:
        """Raises StorageError."""
        fusion = None if self.fusion is None else self.fusion.as_dict()
        prices = {"pilot_price": self.pilot_price, "price": self.price}
        # JSON has no infinity: a price that nobody pays is null.
        known = {name: None if price == float("inf") else price for name, price in prices.items()}
        write_json(place, {"share": self.share, **known, "fusion": fusion})

    @staticmethod
    def read(place: Path) -> Guidance | None:
        """None where nothing was written yet."""
        try:
            raw = json.loads(place.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        pilot_price, price = (
            float("inf") if raw[name] is None else float(raw[name])
            for name in ("pilot_price", "price")
        )
        fusion = None if raw["fusion"] is None else Fusion.from_dict(raw["fusion"])
        return Guidance(float(raw["share"]), pilot_price, fusion, price)


def guidance_place(plans: Path, batch: int, budget: int) -> Path:
    """A batch may go on with another budget: its prices are others, and a replay needs both."""
    return plans / "posterior" / f"{batch:05d}-budget-{budget}.json"


def labels_place(plans: Path) -> Path:
    """The parameters behind the labels of all batches of a folder."""
    return plans / "posterior" / "labels.json"


def read_fusion(plans: Path) -> dict[str, Any] | None:
    """None where no posterior was fitted."""
    try:
        return dict(json.loads(labels_place(plans).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def unit(text: str) -> float:
    """A number in 0..1 that a text stands for."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


def _guide(
    fusion: Fusion, task: SearchTask, recipe: Recipe, price: float, begun: Mapping[str, int]
) -> Guide:
    parameters = fusion.parameters(group_name(task.problem.domain, task.policy))
    return Guide(parameters, fusion.edges, price, recipe.questions.filtered, begun)
