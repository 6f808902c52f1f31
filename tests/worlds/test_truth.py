"""The truth command and the measuring of draws."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from worlds import chains
from worlds.measure import Outcome, judge_draw, summary
from worlds.problem import solution_text
from worlds.truth import SCHEMA, NotADatasetError, write_truth

MADE = chains.make(0)


def dataset(folder: Path, steps: list[object]) -> Path:
    (folder / "data").mkdir(parents=True)
    rows = {"solution_id": ["s1"], "problem": [MADE.problem["text"]], "steps": [steps]}
    pq.write_table(pa.table(rows), folder / "data" / "part-0.parquet")
    return folder


@pytest.mark.parametrize("as_struct", [False, True])
def test_one_row_a_step(tmp_path: Path, as_struct: bool) -> None:
    texts = [MADE.steps[0], "Hm.", "The answer is 1."]
    steps: list[object] = [{"text": t, "tokens": 3} for t in texts] if as_struct else list(texts)
    output = tmp_path / "truth.parquet"
    counts = write_truth(dataset(tmp_path / "set", steps), output)
    table = pq.read_table(output)
    assert table.schema == SCHEMA
    assert table.to_pydict() == {
        "solution_id": ["s1"] * 3,
        "step": [0, 1, 2],
        "verdict": ["correct", "unknown", "incorrect"],
        "origin": ["oracle"] * 3,
    }
    assert counts == {"correct": 1, "unknown": 1, "incorrect": 1}


def test_a_folder_that_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotADatasetError, match=r"has no data/\*\.parquet"):
        write_truth(tmp_path, tmp_path / "truth.parquet")


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"solution_id": ["a"]}), tmp_path / "data" / "a.parquet")
    with pytest.raises(NotADatasetError, match="no column problem, steps"):
        write_truth(tmp_path, tmp_path / "truth.parquet")


def test_the_command_ends_with_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "worlds.truth", str(tmp_path), "-o", str(tmp_path / "t")]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False
    )
    assert done.returncode == 1
    assert done.stderr == f"error: {tmp_path} is not a data set: it has no data/*.parquet\n"


def test_a_draw_is_judged() -> None:
    gold = judge_draw(MADE.problem, solution_text(MADE.steps), True)
    assert gold == Outcome(True, True, "", -1, len(MADE.steps))
    assert judge_draw(MADE.problem, "Hm.", False) == Outcome(False, False, "unreadable", 0, 1)


def test_a_summary_counts_shares() -> None:
    rows = [Outcome(True, True, "", -1, 4), Outcome(False, True, "setup", 1, 4)]
    figures = summary(rows)
    assert figures["pass_at_1"] == 0.5
    assert figures["kinds_of_first_error"] == {"setup": 1.0}
    assert figures["first_error_at_step"] == {2: 1.0}
