"""Annotators that read text: a name in a recipe's `[annotators.*]` is looked up in `CHECKERS`.

Annotator `arithmetic` is the class `Arithmetic` of annotators/arithmetic/annotator.py. It is
imported when it is asked for: who does not use sympy need not wait a third of a second for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from annotators.base import StepAnnotator
from pipeline.errors import RecipeError

CHECKERS = ("algebra", "arithmetic", "consistency", "logic", "program", "quantities")


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
    found: StepAnnotator = getattr(
        import_module(f"annotators.{name}.annotator"), name.capitalize()
    )()
    return found
