"""`stepsmith show`: which solutions it prints."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from flows.look import show_command
from pipeline.files import write_table
from pipeline.folder import DatasetFolder
from pipeline.schemas import LABELS


def dataset(root: Path, *rows: dict[str, object]) -> Path:
    table = pa.Table.from_pylist(list(rows), schema=LABELS)
    write_table(DatasetFolder(root).published("00000-00000"), table)
    DatasetFolder(root).manifest.write_text("{}")
    return root


def solution(name: str, labels: list[int | None], first: int | None) -> dict[str, object]:
    texts = ("problem_id", "problem", "answer", "final_answer", "outcome", "view", "after_error")
    numbers = ("p_correct", "value", "value_low", "value_high")
    return {
        **dict.fromkeys(texts, "-"),
        **dict.fromkeys(numbers, [None] * len(labels)),
        **dict.fromkeys(("n_rollouts", "n_success", "n_unknown"), [0] * len(labels)),
        "censored": [False] * len(labels),
        "verdicts": [[] for _ in labels],
        "solution_id": name,
        "keep": True,
        "steps": [f"{name}{t}" for t in range(len(labels))],
        "label": labels,
        "first_error": first,
    }


def test_wrong_shows_solutions_with_a_wrong_step_though_the_first_is_not_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_command(
        dataset(
            tmp_path,
            solution("right", [1, 1], -1),
            solution("silent", [None, None], None),
            solution("refuted", [None, 0], None),
            solution("found", [1, 0], 1),
        ),
        "",
        9,
        wrong=True,
    )
    shown = capsys.readouterr().out
    steps = ("right1", "silent1", "refuted1", "found1")
    assert [step in shown for step in steps] == [False, False, True, True]


def test_where_there_is_none_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_command(dataset(tmp_path, solution("right", [1], -1)), "", 1, wrong=True)
    assert "no solution with a known error" in " ".join(capsys.readouterr().out.split())
