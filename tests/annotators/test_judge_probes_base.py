"""Reading a file of trusted solutions: what is refused, and where it says the fault is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from annotators.judge.probes.base import Base, read_base
from pipeline.errors import ProblemFileError

GOOD: dict[str, Any] = {
    "problem_id": "p1",
    "domain": "sums",
    "text": "Add 2 and 3.",
    "answer": "5",
    "steps": ["2 + 3 = 5", "The answer is 5."],
}


def write(path: Path, *rows: object) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


def test_a_row_is_a_base(tmp_path: Path) -> None:
    read = read_base(write(tmp_path / "b.jsonl", GOOD))
    assert read == [
        Base("p1", "sums", "Add 2 and 3.", "5", ("2 + 3 = 5", "The answer is 5.")),
    ]


def test_domain_and_answer_may_be_missing(tmp_path: Path) -> None:
    row = {key: GOOD[key] for key in ("problem_id", "text", "steps")}
    (base,) = read_base(write(tmp_path / "b.jsonl", row))
    assert (base.domain, base.answer) == ("unknown", None)


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"problem_id": None}, "problem_id"),
        ({"text": 7}, "text"),
        ({"text": " "}, "text"),
        ({"answer": ["5"]}, "answer"),
        ({"domain": ""}, "domain"),
        ({"steps": None}, "steps"),
        ({"steps": "2 + 3 = 5"}, "steps"),
        ({"steps": ["The answer is 5."]}, "steps"),
        ({"steps": ["2 + 3 = 5", ""]}, "steps"),
        ({"steps": ["2 + 3 = 5", ["6"]]}, "steps"),
        ({"steps": ["2 + 3 = 5", "a\x00b"]}, "steps"),
        ({"steps": ["2 + 3 = 5", "\ud800"]}, "steps"),
        ({"steps": ["2 + 3 = 5", "a" * 20_001]}, "steps"),
        ({"problem_id": "p0"}, "problem_id"),  # that of the row before
    ],
)
def test_a_bad_row_is_refused_by_file_row_and_field(
    bad: dict[str, Any], field: str, tmp_path: Path
) -> None:
    source = write(tmp_path / "b.jsonl", GOOD | {"problem_id": "p0"}, GOOD | bad)
    with pytest.raises(ProblemFileError, match=f"row 2, field '{field}'") as caught:
        read_base(source)
    assert caught.value.fields == {"file": source, "row": 2, "field": field}
    assert source in caught.value.message


def test_a_row_that_is_no_object_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProblemFileError, match="row 1: is list, not an object"):
        read_base(write(tmp_path / "b.jsonl", [1]))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProblemFileError, match="there is no row"):
        read_base(write(tmp_path / "b.jsonl"))
