"""Annotators that read text: a name in a recipe's `[annotators.*]` is looked up in `CHECKERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from annotators.algebra.annotator import Algebra
from annotators.arithmetic.annotator import Arithmetic
from annotators.base import StepAnnotator
from annotators.consistency.annotator import Consistency
from annotators.logic.annotator import Logic
from annotators.program.annotator import Program
from annotators.quantities.annotator import Quantities
from pipeline.errors import RecipeError

CHECKERS: dict[str, Callable[[], StepAnnotator]] = {
    "algebra": Algebra,
    "arithmetic": Arithmetic,
    "consistency": Consistency,
    "logic": Logic,
    "program": Program,
    "quantities": Quantities,
}


def build_checker(name: str, settings: Mapping[str, Any]) -> StepAnnotator:
    """Raises RecipeError for an unknown annotator or setting."""
    if name not in CHECKERS:
        names = [*CHECKERS, "answer_logprob (in a recipe: it asks the prover)"]
        raise RecipeError(
            f"annotators.{name}: there is no such annotator; there are: {', '.join(names)}",
            key=f"annotators.{name}",
        )
    if settings:
        raise RecipeError(
            f"annotators.{name}.{next(iter(settings))}: unknown key; {name} has no settings",
            key=f"annotators.{name}",
        )
    return CHECKERS[name]()
