"""Rollouts that somebody already paid for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import polars as pl
import pytest

from annotators.paid import PaidRollout, deposit, paid_rollouts
from pipeline.engines.base import EngineIdentity, Prompt, Sampling
from pipeline.engines.stub import StubEngine
from pipeline.errors import ProblemFileError
from pipeline.journal import Journal
from pipeline.meter import Meter
from pipeline.paid_file import read_paid
from pipeline.prefix import CutSolution
from pipeline.purchase import Purchaser

SOLUTION = CutSolution("s", "p", Prompt("Q\n"), "abc", (1, 2, 3), None, None, None)


def paid(text: str, m: int = 1, **changed: str | None) -> PaidRollout:
    who = {"prefix_hash": None, "solution_id": "s", **changed}
    return PaidRollout(who["prefix_hash"], who["solution_id"], m, text, "stop", 3)


def drawn(folder: Path, rows: list[PaidRollout], m: int, n: int) -> tuple[int, list[str]]:
    """Rows without a prefix, and what the journal has of a prefix afterwards."""

    async def run() -> tuple[int, list[str]]:
        engine = EngineIdentity("r", "t")
        purchaser = Purchaser(None, engine, Sampling(), 0, Journal(folder), Meter())
        await deposit(rows, [SOLUTION], {"s": ["h1", "h2", "h3"]}, purchaser)
        found = await purchaser.draw("p", SOLUTION.prefix(m).prompt, 0, n)
        return purchaser.meter.imported_lost, [c.text for c in found if c.finish_reason != "failed"]

    return asyncio.run(run())


def test_they_are_the_first_draws_of_their_prefix(tmp_path: Path) -> None:
    rows = [paid("x"), paid("other", m=2), paid("y")]
    assert drawn(tmp_path, rows, 1, 4) == (0, ["x", "y"])


def test_a_prefix_may_be_named_by_its_hash(tmp_path: Path) -> None:
    row = paid("x", prefix_hash=SOLUTION.prefix(2).hash, solution_id=None)
    assert drawn(tmp_path, [row], 2, 1) == (0, ["x"])


def test_a_prefix_may_be_named_by_the_hash_that_its_solution_was_imported_with(
    tmp_path: Path,
) -> None:
    row = paid("x", prefix_hash="h2", solution_id=None)
    assert drawn(tmp_path, [row], 2, 1) == (0, ["x"])


def test_rows_of_no_known_prefix_are_counted(tmp_path: Path) -> None:
    rows = [
        paid("x", solution_id="other"),
        paid("x", m=3),
        paid("x", prefix_hash="f00", solution_id=None),
    ]
    assert drawn(tmp_path, rows, 1, 1) == (3, [])


def test_a_second_deposit_changes_nothing(tmp_path: Path) -> None:
    drawn(tmp_path, [paid("x")], 1, 1)
    size = len(list(tmp_path.glob("*.arrow")))

    async def again() -> dict[str, int]:
        journal = Journal(tmp_path)
        journal.load()
        purchaser = Purchaser(
            StubEngine(), EngineIdentity("r", "t"), Sampling(), 0, journal, Meter()
        )
        return await deposit([paid("x")], [SOLUTION], {}, purchaser)

    assert asyncio.run(again()) == {SOLUTION.prefix(1).hash: 1}
    assert len(list(tmp_path.glob("*.arrow"))) == size


def file(folder: Path, **columns: list[object]) -> str:
    row = {
        "problem_id": ["p", "p"],
        "prefix_hash": ["h", "h"],
        "prefix_len": [1, 1],
        "text": ["So 5.", "  "],
        "prover": ["r", "r"],
    } | columns
    path = folder / "rollouts.parquet"
    pl.DataFrame({name: values for name, values in row.items() if values}).write_parquet(path)
    return str(path)


def test_a_file_is_read_without_rows_that_have_no_text(tmp_path: Path) -> None:
    found = paid_rollouts(read_paid(file(tmp_path), "r", "d").to_arrow())
    assert found == [PaidRollout("h", None, 1, "So 5.", "stop", 0)]


def test_failed_calls_are_left_out(tmp_path: Path) -> None:
    source = file(tmp_path, text=["a", "b"], finish_reason=["failed", "length"])
    assert read_paid(source, "r", "d")["text"].to_list() == ["b"]


def test_rollouts_of_another_prover_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ProblemFileError, match="drawn from the prover 'r', and this recipe's is 'q'"
    ):
        read_paid(file(tmp_path), "q", "d")


def test_a_file_must_say_whose_prefix_it_continues(tmp_path: Path) -> None:
    with pytest.raises(ProblemFileError, match="prefix_hash \\(ours\\) or solution_id"):
        read_paid(file(tmp_path, prefix_hash=[]), "r", "d")


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProblemFileError, match="no column 'text'"):
        read_paid(file(tmp_path, text=[]), "r", "d")


def test_what_is_no_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_text("hello")
    with pytest.raises(ProblemFileError, match="cannot be read"):
        read_paid(str(path), "r", "d")


def test_rollouts_of_another_prompt_or_temperature_are_refused(tmp_path: Path) -> None:
    source = file(tmp_path, source=["e", "e"])
    with pytest.raises(ProblemFileError, match="another prompt or other sampling parameters"):
        read_paid(source, "r", "d")


def test_a_draw_that_stands_there_twice_counts_once(tmp_path: Path) -> None:
    source = file(tmp_path, text=["a", "a"], draw=[3, 3])
    assert len(read_paid(source, "r", "d")) == 1


@pytest.mark.parametrize("lengths", [[1, None], [1.0, 1.7]])
def test_a_prefix_length_that_is_no_number_is_refused(
    tmp_path: Path, lengths: list[object]
) -> None:
    with pytest.raises(ProblemFileError, match="prefix_len must be a whole number"):
        read_paid(file(tmp_path, prefix_len=lengths), "r", "d")


def test_what_a_token_held_beyond_the_step_is_put_back(tmp_path: Path) -> None:
    row = PaidRollout("h1", None, 1, "x", "stop", 1, prefix_end=2)
    assert drawn(tmp_path, [row], 1, 1) == (0, ["bx"])
