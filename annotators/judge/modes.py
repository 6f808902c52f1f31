"""The ways of asking a judge about a solution. All answer with one JSON object.
Mode, keys of the answer, and where it comes from:

first_error    critique, first_error            ProcessBench (arXiv 2412.06559)
each_step      critique, verdicts, correction   CAPO (arXiv 2508.02298), SPARK
one_step       critique, verdict                a call a step, which sees those before it
reverse        as each_step                     the steps in reverse order: BiPRM (2508.01682)
reference      as each_step                     the reference answer is told: AURORA (2502.11520)
own_solution   own_solution, as each_step       the judge solves the problem first

A first-error critique speaks of every prefix up to the step it names and of nothing after it
(target `prefix_correct`); the others speak of steps (`step_valid`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

ModeName = Literal["first_error", "each_step", "one_step", "reverse", "reference", "own_solution"]
Asks = Literal["first_error", "verdicts", "verdict"]


@dataclass(frozen=True, slots=True)
class Mode:
    """`asks`: the key of the answer that is a verdict. `first`: a key that is written before."""

    name: ModeName
    asks: Asks
    backwards: bool = False
    reference: bool = False
    first: str = "critique"

    @property
    def target(self) -> str:
        return "prefix_correct" if self.asks == "first_error" else "step_valid"

    def schema(self, steps: int) -> str:
        """Canonical JSON schema of an answer about so many steps."""
        word = {"type": "string", "enum": ["correct", "incorrect", "unknown"]}
        text = {"type": "string"}
        properties: dict[str, Any] = {self.first: text} | {"critique": text}
        required = list(properties)
        if self.asks == "first_error":
            properties["first_error"] = {"type": "integer", "enum": list(range(-1, steps))}
        elif self.asks == "verdict":
            properties["verdict"] = word
        else:
            keys = [str(step) for step in range(steps)]
            properties["verdicts"] = {
                "type": "object",
                "properties": dict.fromkeys(keys, word),
                "required": keys,
                "additionalProperties": False,
            }
            # Strict servers want every key to be required; a right solution has "" here.
            properties["correction"] = text
            required.append("correction")
        whole = {
            "type": "object",
            "properties": properties,
            "required": [*required, self.asks],
            "additionalProperties": False,
        }
        return json.dumps(whole, separators=(",", ":"))


MODES: Mapping[str, Mode] = {
    mode.name: mode
    for mode in (
        Mode("first_error", "first_error"),
        Mode("each_step", "verdicts"),
        Mode("one_step", "verdict"),
        Mode("reverse", "verdicts", backwards=True),
        Mode("reference", "verdicts", reference=True),
        Mode("own_solution", "verdicts", first="own_solution"),
    )
}
