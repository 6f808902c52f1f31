"""Evaluation sets of a recipe."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.contamination.decontamination import Decontamination, Hit, contamination_warnings
from pipeline.errors import ProblemFileError, RecipeError
from pipeline.intake import read_intake
from pipeline.recipe import Decontaminate, parse_recipe

PROBLEMS = [
    {"problem_id": "a", "text": "Add 2 and 3.", "answer": "5"},
    {"problem_id": "b", "text": "Add 2 and 4.", "answer": "6"},
]


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., str]:
    def write(name: str, *rows: dict[str, Any]) -> str:
        place = tmp_path / name
        place.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(place)

    return write


def recipe(tmp_path: Path, lines: Callable[..., str], **decontaminate: Any) -> Any:
    return parse_recipe(
        {
            "name": "x",
            "problems": {"source": lines("problems.jsonl", *PROBLEMS)},
            "decontaminate": decontaminate,
            "policy": {"engine": "stub"},
            "output": {"dir": str(tmp_path / "out")},
        },
        "x.toml",
    )


def test_a_hit_names_the_set_the_row_and_the_kind(
    tmp_path: Path, lines: Callable[..., str]
) -> None:
    one = lines("one.jsonl", {"problem": "Add 1 and 1."})
    two = lines("two.jsonl", {"q": "Other"}, {"q": "Add $2$ and $3$"})
    found = read_intake(recipe(tmp_path, lines, sets=[one, {"source": two, "column": "q"}]))
    assert [problem.problem_id for problem in found.problems] == ["b"]
    assert found.checked is not None
    assert found.checked.hits == {"a": Hit("a", two, 2, "exact", 1.0)}
    assert dict(found.checked.counts()) == {"contaminated: exact, two.jsonl": 1}


def test_sets_of_every_kind_of_file_are_read(tmp_path: Path) -> None:
    place = tmp_path / "set.parquet"
    pq.write_table(pa.table({"question": ["Add 2 and 3."]}), place)
    assert Decontamination(Decontaminate(sets=[{"source": str(place)}])).sets == [
        {"source": "set.parquet", "rows": 1}
    ]


def test_rows_with_the_same_id_or_no_text_are_no_error(lines: Callable[..., str]) -> None:
    place = lines("s.jsonl", {"id": 1, "text": "One."}, {"id": 1, "text": "Two."}, {"text": None})
    assert Decontamination(Decontaminate(sets=[place])).sets[0]["rows"] == 2


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "there is no row in it"),
        ([{"x": 1}], "no row has the column 'text'"),
        ([{"text": ""}, {"text": None}], "no row has a text in the column 'text'"),
    ],
)
def test_a_set_that_is_empty_is_an_error_that_names_it(
    lines: Callable[..., str], rows: list[dict[str, Any]], said: str
) -> None:
    place = lines("s.jsonl", *rows)
    with pytest.raises(ProblemFileError) as error:
        Decontamination(Decontaminate(sets=[place]))
    assert error.value.message.startswith(f"decontaminate.sets: {place}: {said}")


def test_a_set_that_is_not_there_is_an_error_that_names_it() -> None:
    with pytest.raises(ProblemFileError, match=r"decontaminate.sets: no/such.jsonl: is not there"):
        Decontamination(Decontaminate(sets=["no/such.jsonl"]))


def test_a_bad_key_is_named(tmp_path: Path, lines: Callable[..., str]) -> None:
    with pytest.raises(RecipeError, match=r"decontaminate.share: Input should be less than"):
        recipe(tmp_path, lines, sets=["x"], share=1.5)


def test_the_hash_is_of_the_texts_and_the_rules(lines: Callable[..., str]) -> None:
    place = lines("s.jsonl", {"text": "One."})
    first = Decontamination(Decontaminate(sets=[place])).hash
    assert Decontamination(Decontaminate(sets=[place])).hash == first
    assert Decontamination(Decontaminate(sets=[place], share=0.6)).hash != first
    lines("s.jsonl", {"text": "Two."})
    assert Decontamination(Decontaminate(sets=[place])).hash != first


def test_other_sets_are_no_other_folder(tmp_path: Path, lines: Callable[..., str]) -> None:
    place = lines("s.jsonl", {"text": "One."})
    assert recipe(tmp_path, lines, sets=[place]).hash() == recipe(tmp_path, lines).hash()


def test_problems_that_were_taken_in_before_are_counted_apart(
    tmp_path: Path, lines: Callable[..., str]
) -> None:
    place = lines("s.jsonl", {"text": "Add 2 and 3."}, {"text": "Add 2 and 4."})
    checked = read_intake(recipe(tmp_path, lines, sets=[place])).checked
    assert checked is not None
    found = checked.as_dict(known={"a"})
    assert found["left_out"] == {"contaminated: exact, s.jsonl": 1}
    assert (found["in_dataset"], found["in_dataset_ids"]) == (1, ["a"])
    (warning,) = contamination_warnings(found)
    assert warning.startswith("1 problems of this dataset stand in the evaluation sets")
    rows = [json.loads(line) for line in checked.lines({"a"}).splitlines()]
    assert [(row["problem_id"], row["row"], row["in_dataset"]) for row in rows] == [
        ("a", 1, True),
        ("b", 2, False),
    ]
