"""`[annotators.judge]`, or `[annotators.judge_<name>]`, of a recipe: one judge.

A judge is an ensemble: every mode asks `samples` times. Its model is set by the keys of `[policy]`;
its prompts are files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from annotators.judge.modes import MODES, ModeName
from pipeline.errors import RecipeError
from pipeline.recipe import Model


class JudgeSettings(Model):
    """Keys that `[policy]` has mean what they mean there; `prompt` is none of them."""

    temperature: float = Field(1.0, ge=0)  # votes of one mode should differ (ProcessBench's T = 1)
    max_tokens: int = Field(1024, ge=1)  # of an answer, critique included
    modes: tuple[ModeName, ...] = ("each_step",)
    samples: int = Field(4, ge=1)  # of each mode (CAPO's 4)
    prompts: str = ""  # a folder with a template for each mode; "": those that come with Stepsmith
    # Rollouts that a correction is tried by, for the table of rationales; 0: none is kept.
    confirm: int = Field(0, ge=0)
    # A model that thinks: what it may write before its answer, and what ends that.
    reasoning_tokens: int = Field(0, ge=0)
    reasoning_end: str = Field("</think>", min_length=1)
    constrain: bool = True  # ask the server to hold the answer to its JSON schema
    # Routing: all solutions, or those on which what is known leaves at least `undecided` bits of
    # the first error's place open, those on which sources conflict, and a random share.
    sees: Literal["all", "undecided"] = "all"
    undecided: float = Field(0.5, ge=0)
    share: float = Field(0.05, ge=0, le=1)
    budget_tokens: int = Field(-1, ge=-1)  # read and written by all its calls; -1: no limit
    gate: Literal["stop", "warn"] = "stop"
    max_fooled: float = Field(0.01, gt=0, le=1)  # upper 95 % bound of accepted master keys
    min_sensitivity: float = Field(0.3, ge=0, le=1)
    min_specificity: float = Field(0.8, ge=0, le=1)
    probes: str = ""  # JSON lines of solutions you trust; "": those that come with Stepsmith

    @model_validator(mode="after")
    def _judges(self) -> JudgeSettings:
        if "prompt" in self.model_fields_set:
            raise ValueError("a judge has no prompt; `prompts` names a folder of templates")
        if not self.modes or len(set(self.modes)) < len(self.modes):
            raise ValueError(f"modes must be some of {', '.join(MODES)}, each once")
        return self


def judge_settings(name: str, raw: Mapping[str, Any]) -> JudgeSettings:
    """Raises RecipeError that names every bad key."""
    try:
        return JudgeSettings.model_validate(dict(raw))
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            key = ".".join(["annotators", name, *map(str, problem["loc"])])
            extra = problem["type"] == "extra_forbidden"
            message = "unknown key" if extra else problem["msg"].removeprefix("Value error, ")
            lines.append(f"{key}: {message}")
        raise RecipeError("\n".join(lines), key=f"annotators.{name}") from None
