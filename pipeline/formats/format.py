"""What a format is: a pure projection of rows of a dataset into the shape that a consumer loads.

Guarantees: `project` looks at nothing but the rows and options that it is given, so equal datasets
give equal exports; a row of the input that gives none is counted in `left_out` under the first
reason that holds. Does not read or write files (source.py, write.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

from pipeline.errors import InputError
from pipeline.formats.rows import Rows

Value = str | int | float
Options = Mapping[str, Any]  # of the types of their defaults


@dataclass(frozen=True, slots=True)
class Column:
    """Of what a format writes."""

    name: str
    type: Any
    meaning: str


@dataclass(frozen=True, slots=True)
class Option:
    """A choice that the format leaves to its user; the default says of which type it is."""

    default: Value
    meaning: str
    choices: tuple[str, ...] = ()
    holds: str = ""  # must stand in it once
    minimum: int | None = None  # of a number


@dataclass(frozen=True, slots=True)
class Projection:
    """Rows of the format, and how many of the input's gave none, by reason."""

    table: pa.Table
    left_out: dict[str, int]


@dataclass(frozen=True, slots=True)
class Format:
    name: str
    consumer: str  # who loads it
    shape: str  # of a row, in a line
    lost: str  # what the canonical table holds and this does not
    columns: tuple[Column, ...]
    reads: tuple[str, ...]  # columns of labels, or of rationales
    project: Callable[[Rows, Options], Projection]
    options: Mapping[str, Option] = field(default_factory=dict)
    note: str = ""  # what its user must know
    # Rows of a problem come together, as those of one call.
    whole_problems: bool = False
    # rationales: rows of that table, with `keep` and `label` of their solutions in labels.
    table: Literal["labels", "rationales"] = "labels"

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([(column.name, column.type) for column in self.columns])

    def settle(self, given: Mapping[str, str]) -> dict[str, Value]:
        """All options, with the defaults of those that are not given. Raises InputError."""
        for name in given:
            if name not in self.options:
                known = ", ".join(self.options) or "none"
                raise InputError(f"--set {name}: format {self.name} has no such option: {known}")
        settled = {name: option.default for name, option in self.options.items()}
        for name, text in given.items():
            settled[name] = self._value(name, self.options[name], text)
        return settled

    def _value(self, name: str, option: Option, text: str) -> Value:
        if option.choices and text not in option.choices:
            raise InputError(f"--set {name}={text}: is one of {', '.join(option.choices)}")
        if option.holds and text.count(option.holds) != 1:
            raise InputError(f"--set {name}={text}: must hold {option.holds} once")
        if isinstance(option.default, str):
            return text
        try:
            number = type(option.default)(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            kind = "a whole number" if isinstance(option.default, int) else "a number"
            raise InputError(f"--set {name}={text}: is not {kind}")
        if option.minimum is not None and number < option.minimum:
            raise InputError(f"--set {name}={text}: must be at least {option.minimum}")
        return number
