"""The bundled policies load and solve something, without torch."""

from pathlib import Path

import pytest

from worlds.make import read_problems
from worlds.measure import measure

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("name", "least", "most"), [("small", 0.2, 0.75), ("large", 0.5, 1.0)])
def test_a_policy_solves_chains_as_its_card_says(name: str, least: float, most: float) -> None:
    problems = read_problems(ROOT / "data" / "problems" / "demo.jsonl")[:80]
    figures = measure(ROOT / "data" / "policies" / name, problems, draws=2, temperature=0.8)
    share = figures["chains"]["pass_at_1"]
    assert isinstance(share, float)
    assert least < share < most
    assert figures["chains"]["finished"] == 1.0
