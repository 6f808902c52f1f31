"""The bundled policies load and solve something, without torch."""

from pathlib import Path

import pytest

from worlds.make import read_problems
from worlds.measure import measure

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["small", "large"])
def test_a_policy_finishes_its_solutions_and_gets_some_right_and_some_wrong(name: str) -> None:
    problems = read_problems(ROOT / "data" / "problems" / "demo.jsonl")[:80]
    figures = measure(ROOT / "data" / "policies" / name, problems, draws=2, temperature=0.8)
    for world in ("chains", "deduction"):
        share, finished = figures[world]["pass_at_1"], figures[world]["finished"]
        assert isinstance(share, float)
        assert isinstance(finished, float)
        assert 0.02 < share < 1.0
        assert finished > 0.9
