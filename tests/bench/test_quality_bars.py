"""The bars: rows that reach them, and rows that miss one by little."""

from __future__ import annotations

from typing import Any

import pytest

from bench.quality_bars import bars, is_easy

TOY = "toy: error 0.08, repair 0.05, luck 0.0"
HARD = "toy: error 0.3, repair 0.05, luck 0.0"


def row(cell: str, method: str, f1: float, **more: Any) -> dict[str, Any]:
    share = int(method.split()[1].rstrip("%")) / 100 if method.startswith("posterior") else 1.0
    return {
        "cell": cell,
        "method": method,
        "f1": f1,
        "error_ratio": (1 - f1) / 0.5,
        "share_of_tokens": share,
        "calibration_error": 0.02,
        "interval_coverage": 0.95,
        "interval_score": 0.1,
        "f1_most_certain": 0.95,
        "risk": [0.1, 0.2],
        **more,
    }


def rows(cell: str = TOY, **changes: dict[str, Any]) -> list[dict[str, Any]]:
    """E is 0.5. `changes` of the posterior's rows, by their share."""
    base = row(cell, "exhaustive k=8", 0.5, interval_score=0.3, risk=[0.2, 0.5])
    found = {10: 0.8, 30: 0.85, 100: 0.9}
    return [
        base,
        *(
            row(cell, f"posterior {share}%", f1) | changes.get(f"at_{share}", {})
            for share, f1 in found.items()
        ),
    ]


def with_tools(f1: float, low: float) -> list[dict[str, Any]]:
    base = rows("chains, small")
    more = {"f1_over_alone": f1, "low_over_alone": low}
    return [*base, row("chains, small", "posterior 10% + tools", 0.8, **more, share_of_tokens=0.1)]


def missed(found: list[dict[str, Any]]) -> list[str]:
    return [bar.name for bar in bars(found) if bar.failed]


def test_rows_that_reach_every_bar_miss_none() -> None:
    assert missed(rows()) == []


@pytest.mark.parametrize(
    ("f1", "low", "names"),
    [
        (0.02, 0.001, []),
        (0.02, -0.001, ["10 % with tools: F1 above that without on chains (90 % interval)"]),
        (
            -0.011,
            -0.02,
            [
                "10 % with tools: F1 at most 0.01 below that without",
                "10 % with tools: F1 above that without on chains (90 % interval)",
            ],
        ),
    ],
)
def test_tools_must_not_harm_and_must_help_on_chains(
    f1: float, low: float, names: list[str]
) -> None:
    assert missed(with_tools(f1, low)) == names


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"at_10": {"f1": 0.554}}, "10 %: 1 - F1 at most 0.85 E + 0.02"),
        ({"at_10": {"error_ratio": 0.61}}, "10 %: median of (1 - F1) / E at most 0.60"),
        ({"at_30": {"f1": 0.629}}, "30 %: 1 - F1 at most 0.70 E + 0.02"),
        ({"at_30": {"error_ratio": 0.46}}, "30 %: median of (1 - F1) / E at most 0.45"),
        ({"at_100": {"f1": 0.479}}, "100 %: 1 - F1 at most 1.00 E + 0.02"),
        ({"at_10": {"share_of_tokens": 0.103}}, "10 %: tokens at most 1.02 of the share"),
        ({"at_30": {"calibration_error": 0.051}}, "30 %: calibration error at most 0.05"),
        ({"at_10": {"interval_coverage": 0.86}}, "10 %: 90 % intervals of value hold 87 %"),
        (
            {"at_100": {"interval_score": 0.31}},
            "100 %: interval score below that of Jeffreys intervals",
        ),
        (
            {"at_30": {"f1_most_certain": 0.89}},
            "30 %: F1 of the most certain 80 % at least 0.90 (easy cells)",
        ),
    ],
)
def test_a_figure_that_is_a_little_too_bad_misses_its_bar(
    change: dict[str, Any], name: str
) -> None:
    assert missed(rows(**change)) == [name]


def test_in_a_hard_cell_the_whole_curve_must_lie_below() -> None:
    name = "30 %: risk-coverage curve below that of exhaustive k=8 (other cells)"
    assert missed(rows(HARD, at_30={"f1_most_certain": 0.5})) == []
    assert missed(rows(HARD, at_30={"risk": [0.21, 0.4]})) == [name]


def test_the_cells_that_are_named_easy() -> None:
    assert is_easy("chains, large")
    assert is_easy("toy: error 0.03, repair 0.05, luck 0.1")
    assert not is_easy("toy: error 0.08, repair 0.15, luck 0.0")
