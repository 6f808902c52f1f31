"""The benchmark's rows: a figure, its bar, and whether the bar is met."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. Without a bar it is there to be read; `note` says what it rests on."""

    what: str
    value: float
    at_least: float | None = None
    at_most: float | None = None
    unit: str = ""  # "%": the value is a share
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.at_least is None and self.at_most is None:
            return None
        low = self.at_least is None or self.value >= self.at_least
        return low and (self.at_most is None or self.value <= self.at_most)

    @property
    def bar(self) -> str:
        if self.at_least is not None:
            return f"≥ {self.written(self.at_least)}"
        return "" if self.at_most is None else f"≤ {self.written(self.at_most)}"

    def written(self, value: float) -> str:
        if self.unit == "%":
            return f"{100 * value:.1f} %"
        digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 3
        return f"{value:,.{digits}f} {self.unit}".rstrip()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"met": self.met}


def print_table(title: str, rows: list[Row]) -> None:
    table = Table(title=escape(title), title_justify="left", box=None, pad_edge=False)
    for name, justify in (("", "left"), ("measured", "right"), ("bar", "right"), ("met", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    table.add_column("", overflow="fold")
    for row in rows:
        met = "" if row.met is None else "yes" if row.met else "NO"
        table.add_row(escape(row.what), row.written(row.value), row.bar, met, escape(row.note))
    Console(soft_wrap=False, width=150).print(table)
