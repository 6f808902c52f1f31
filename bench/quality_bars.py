"""What the posterior must reach, checked against the rows of `bench.label_quality`.

E is 1 - F1 of exhaustive search with k = 8 on all solutions, in the same cell. A share of tokens
that was overspent is no share: each bar is void where the run wrote more than 1.02 times its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Row = Mapping[str, Any]

SLACK = 0.02
OVERSPENT = 1.02
BASELINE = "exhaustive k=8"


@dataclass(frozen=True)
class Bar:
    """`failed`: cells that miss it, with what they show; `worst`: of all cells."""

    name: str
    worst: str
    failed: list[str]
    cells: int


def bars(rows: Sequence[Row]) -> list[Bar]:
    cells = list(dict.fromkeys(row["cell"] for row in rows))
    by = {(row["cell"], row["method"]): row for row in rows}
    base = {cell: by[cell, BASELINE] for cell in cells}

    def posterior(cell: str, share: int) -> Row:
        return by[cell, f"posterior {share}%"]

    def each(name: str, excess: Callable[[str], float | None], among: Sequence[str]) -> Bar:
        """`excess` over the bar: positive where it is missed."""
        found = {cell: excess(cell) for cell in among}
        known = {cell: value for cell, value in found.items() if value is not None}
        failed = [f"{cell}: {value:+.4f}" for cell, value in known.items() if value > 0]
        worst = max(known, key=lambda cell: known[cell], default=None)
        text = "–" if worst is None else f"{known[worst]:+.4f} ({worst})"
        return Bar(name, text, failed, len(known))

    found = []
    for share, part, middle in ((10, 0.85, 0.60), (30, 0.70, 0.45), (100, 1.0, None)):

        def over(cell: str, share: int = share, part: float = part) -> float:
            e = 1 - base[cell]["f1"]
            return float(1 - posterior(cell, share)["f1"] - part * e - SLACK)

        found.append(each(f"{share} %: 1 - F1 at most {part:.2f} E + 0.02", over, cells))
        if middle is not None:
            ratios = [posterior(cell, share)["error_ratio"] for cell in cells]
            value = median(ratios)
            failed = [] if value <= middle else [f"median {value:.3f}"]
            name = f"{share} %: median of (1 - F1) / E at most {middle:.2f}"
            found.append(Bar(name, f"{value:.3f}", failed, len(cells)))
    shares = (10, 30, 100)
    for share in shares:
        found.append(
            each(
                f"{share} %: tokens at most {OVERSPENT:.2f} of the share",
                lambda cell, share=share: (
                    posterior(cell, share)["share_of_tokens"] / (share / 100) - OVERSPENT
                ),
                cells,
            )
        )
    for share in shares:
        found.append(
            each(
                f"{share} %: calibration error at most 0.05",
                lambda cell, share=share: posterior(cell, share)["calibration_error"] - 0.05,
                cells,
            )
        )
    for share in shares:
        found.append(
            each(
                f"{share} %: 90 % intervals of value hold 87 %",
                lambda cell, share=share: 0.87 - posterior(cell, share)["interval_coverage"],
                cells,
            )
        )
    found.append(
        each(
            "100 %: interval score below that of Jeffreys intervals",
            lambda cell: posterior(cell, 100)["interval_score"] - base[cell]["interval_score"],
            cells,
        )
    )
    easy = [cell for cell in cells if is_easy(cell)]
    found.append(
        each(
            "30 %: F1 of the most certain 80 % at least 0.90 (easy cells)",
            lambda cell: 0.90 - posterior(cell, 30)["f1_most_certain"],
            easy,
        )
    )
    found.append(
        each(
            "30 %: risk-coverage curve below that of exhaustive k=8 (other cells)",
            lambda cell: _above(posterior(cell, 30)["risk"], base[cell]["risk"]),
            [cell for cell in cells if cell not in easy],
        )
    )
    for share in (10, 30):
        tools = {cell: by.get((cell, f"posterior {share}% + tools")) for cell in cells}
        texts = [cell for cell in cells if tools[cell] is not None]  # a toy has none
        if not texts:
            continue

        def gain(cell: str, end: str, tools: Mapping[str, Row | None] = tools) -> float:
            row = tools[cell]
            assert row is not None
            return float(row[f"{end}_over_alone"])

        name = f"{share} % with tools: F1 at most 0.01 below that without"
        found.append(each(name, lambda cell: -0.01 - gain(cell, "f1"), texts))
        found.append(
            each(
                f"{share} % with tools: F1 above that without on chains (90 % interval)",
                lambda cell: -gain(cell, "low"),
                [cell for cell in texts if cell.startswith("chains")],
            )
        )
    return found


def is_easy(cell: str) -> bool:
    """The bundled policies, and toys with error <= 0.08 and repair <= 0.05."""
    if not cell.startswith("toy"):
        return True
    error, repair, _ = (float(part.split()[-1]) for part in cell.split(", "))
    return error <= 0.08 and repair <= 0.05


def _above(risk: Sequence[float | None], other: Sequence[float | None]) -> float:
    """How far a curve lies above another where both are known, at most."""
    both = [(a, b) for a, b in zip(risk, other, strict=True) if a is not None and b is not None]
    return max((a - b for a, b in both), default=0.0)
