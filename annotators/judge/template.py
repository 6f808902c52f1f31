"""Prompt templates of judges: a TOML file for each mode, in one folder.

    system = "You check solutions…"           # may be left out
    user = "Problem:\\n{problem}\\n\\n{steps}\\n\\n{criteria}…"
    step = "<paragraph_{number}>\\n{text}\\n</paragraph_{number}>"
    between = "\\n\\n"

Slots of `user` and `system`: {problem}, {steps}, {count}, {last}, {step} (mode one_step: the
number of the step that is judged), {reference}, {criteria} (the folder's criteria.txt). Guarantees:
slots are filled once, so braces in a problem or a step stay what they are; `hash` is that of all
text that can reach a prompt of the mode.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from annotators.judge.modes import Mode
from pipeline.engines.base import Prompt, chat_prompt
from pipeline.errors import RecipeError
from pipeline.recipe import content_hash

_SLOT = re.compile(r"\{(problem|steps|count|last|step|reference|criteria)\}")
_OWN = re.compile(r"\{(number|text)\}")
_KEYS = ("system", "user", "step", "between")


@dataclass(frozen=True, slots=True)
class JudgeTemplate:
    """One mode's prompt."""

    system: str
    user: str
    step: str
    between: str
    criteria: str

    @property
    def hash(self) -> str:
        return content_hash([self.system, self.user, self.step, self.between, self.criteria])

    def render(self, mode: Mode, problem: str, steps: Sequence[str], reference: str = "") -> Prompt:
        """In mode one_step `steps` end with the step that is judged."""
        numbered = [
            _filled(_OWN, self.step, {"number": str(number), "text": text.strip()})
            for number, text in enumerate(steps)
        ]
        if mode.backwards:
            numbered.reverse()
        values = {
            "problem": problem.strip(),
            "steps": self.between.join(numbered),
            "count": str(len(steps)),
            "last": str(len(steps) - 1),
            "step": str(len(steps) - 1),
            "reference": reference.strip(),
            "criteria": self.criteria.strip(),
        }

        messages = [("system", _filled(_SLOT, self.system, values))] if self.system else []
        return chat_prompt((*messages, ("user", _filled(_SLOT, self.user, values))))


def _filled(slots: re.Pattern[str], text: str, values: Mapping[str, str]) -> str:
    return slots.sub(lambda slot: values[slot[1]], text)


def load_template(folder: str, mode: Mode) -> JudgeTemplate:
    """`folder` "": the templates that come with Stepsmith. Raises RecipeError that names a file."""
    place: Any = Path(folder) if folder else files("annotators.judge") / "prompts"
    file = place / f"{mode.name}.toml"
    name = str(file)
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(
            f"{name}: there is no such file: a judge's folder of prompts needs one for each of "
            "its modes",
            file=name,
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"{name}: cannot be read: {error}", file=name) from error
    for key in raw:
        if key not in _KEYS or not isinstance(raw[key], str):
            raise RecipeError(
                f"{name}: {key}: must be one of {', '.join(_KEYS)}, a text", file=name
            )
    user = raw.get("user", "")
    if "{problem}" not in user or "{steps}" not in user:
        raise RecipeError(f"{name}: user: must hold {{problem}} and {{steps}}", file=name)
    if mode.reference and "{reference}" not in user:
        raise RecipeError(f"{name}: user: must hold {{reference}}", file=name)
    step = raw.get("step", "[{number}] {text}")
    if "{number}" not in step or "{text}" not in step:
        raise RecipeError(f"{name}: step: must hold {{number}} and {{text}}", file=name)
    criteria = place / "criteria.txt"
    try:
        rules = (
            criteria.read_text(encoding="utf-8")
            if "{criteria}" in user + raw.get("system", "")
            else ""
        )
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{criteria}: cannot be read: {error}", file=str(criteria)) from error
    return JudgeTemplate(raw.get("system", ""), user, step, raw.get("between", "\n\n"), rules)
