"""Batches and shards: frozen when planned."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.batches import Batch, new_problems, plan_batch, problems_hash, read_batches
from pipeline.errors import ProblemFileError
from pipeline.problems import Problem


def problem(number: int, text: str = "") -> Problem:
    return Problem(f"p{number}", text or f"Q{number}", "1", "number", "s", "d", "en", "{}")


def test_a_batch_is_cut_into_shards() -> None:
    shards = Batch(2, Path("b"), 5, 2, {}, {}).shards()
    assert [(s.name, s.start, s.stop) for s in shards] == [
        ("00002-00000", 0, 2),
        ("00002-00001", 2, 4),
        ("00002-00002", 4, 5),
    ]


def test_a_planned_batch_reads_back_with_its_problems(tmp_path: Path) -> None:
    plan_batch(tmp_path, 0, [problem(n) for n in range(3)], 2, {"empty": 1}, {"x": "?"})
    (batch,) = read_batches(tmp_path)
    assert (batch.size, batch.shard_problems, batch.rejected) == (3, 2, {"x": "?"})
    assert [batch.problems(s) for s in batch.shards()] == [[problem(0), problem(1)], [problem(2)]]


def test_a_batch_without_its_plan_is_none(tmp_path: Path) -> None:
    plan_batch(tmp_path, 0, [problem(0)], 2, {}, {})
    (tmp_path / "batches" / "00000" / "batch.json").unlink()
    assert read_batches(tmp_path) == []


def test_new_problems_are_those_in_no_batch(tmp_path: Path) -> None:
    batches = [plan_batch(tmp_path, n, [problem(n)], 2, {}, {}) for n in range(2)]
    assert new_problems(batches, [problem(n) for n in (2, 1, 0, 3)]) == [problem(2), problem(3)]


def test_a_rejected_problem_is_new_again_when_its_answer_changed(tmp_path: Path) -> None:
    same = [plan_batch(tmp_path, 0, [], 2, {}, {"p0": "1"})]
    assert new_problems(same, [problem(0)]) == []
    other = [plan_batch(tmp_path, 0, [], 2, {}, {"p0": "2"})]
    assert new_problems(other, [problem(0)]) == [problem(0)]


def test_a_known_problem_with_another_text_is_refused(tmp_path: Path) -> None:
    batch = plan_batch(tmp_path, 0, [problem(0)], 2, {}, {})
    with pytest.raises(ProblemFileError, match="problem p0: its text has changed"):
        new_problems([batch], [problem(0, "other")])


def test_the_hash_of_problems_is_that_of_content_and_order() -> None:
    one = problems_hash([problem(0), problem(1)])
    assert one == problems_hash([problem(0), problem(1)])
    assert one != problems_hash([problem(1), problem(0)])
    assert one != problems_hash([problem(0), problem(1, "x")])


def test_imported_rows_go_to_the_shard_of_their_problem(tmp_path: Path) -> None:
    table = pa.table({"problem_id": ["p2", "p0", "gone", "p2"], "text": ["c", "a", "x", "d"]})
    problems = [problem(n) for n in range(5)]
    batch = plan_batch(tmp_path, 0, problems, 2, {}, {}, {"rollouts": table})
    first, second, third = batch.shards()
    texts = [
        batch.imported("rollouts", shard).column("text").to_pylist() for shard in batch.shards()
    ]
    assert texts == [["a"], ["c", "d"], []]
    assert batch.imported_hash("rollouts", first) != batch.imported_hash("rollouts", second)
    assert batch.imported("solutions", third) is None
