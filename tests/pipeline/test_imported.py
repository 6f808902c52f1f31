import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ProblemFileError
from pipeline.imported import ImportedSet, read_solutions
from pipeline.rows import BadRow
from pipeline.shapes import parse
from pipeline.verdict import Verdict

DATA = Path(__file__).parents[3] / "shared" / "data"
GOOD, BAD, NONE = Verdict.CORRECT, Verdict.INCORRECT, Verdict.UNKNOWN
GENERIC = {"id": "s1", "problem": "Add 2 and 3.", "steps": ["2 + 3 = 5.", "So 5."], "answer": "5"}
PROCESS_BENCH = {
    "id": "gsm8k-0",
    "generator": "Qwen2-7B-Instruct",
    "problem": "Sue lives in a fun neighborhood.",
    "steps": ["First.", "Second.", "Third."],
    "final_answer_correct": False,
    "label": 1,
}


def prm(*steps: dict[str, object]) -> dict[str, object]:
    return {
        "labeler": "l1",
        "question": {"problem": "Three pencils ...", "ground_truth_answer": "29"},
        "label": {"steps": list(steps), "finish_reason": "solution"},
    }


def options(*rated: tuple[str, int | None], chosen: int | None, human: object = None) -> dict:  # type: ignore[type-arg]
    return {
        "completions": [{"text": text, "rating": rating} for text, rating in rated],
        "chosen_completion": chosen,
        "human_completion": human,
    }


def read(folder: Path, *rows: object, **settings: object) -> ImportedSet:
    path = folder / "solutions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return read_solutions(str(path), **settings)  # type: ignore[arg-type]


def test_steps_become_pieces_that_join_to_the_text(tmp_path: Path) -> None:
    (solution,) = read(tmp_path, GENERIC).solutions
    assert solution.steps == ["2 + 3 = 5.\n\n", "So 5."]
    assert solution.text == "2 + 3 = 5.\n\nSo 5."
    assert (solution.solution_id, solution.answer, solution.truth) == ("s1", "5", None)


def test_steps_that_carry_their_delimiter_are_kept(tmp_path: Path) -> None:
    (solution,) = read(tmp_path, {**GENERIC, "steps": ["One.\n", "Two."]}).solutions
    assert solution.steps == ["One.\n", "Two."]


def test_a_solution_text_is_not_cut(tmp_path: Path) -> None:
    row = {"question": "Add.", "solution": "It is 5.", "model": "m1"}
    (solution,) = read(tmp_path, row).solutions
    assert (solution.text, solution.steps, solution.policy) == ("It is 5.", None, "m1")
    assert solution.answer is None


def test_ids_are_of_content_where_the_row_has_none(tmp_path: Path) -> None:
    row = {"prompt": "Add 2 and 3.", "solution": "It is 5."}
    (solution,) = read(tmp_path, row).solutions
    assert solution.problem_id == "p-babfee6ae0c1"  # as in read_problems
    assert solution.solution_id.startswith("s-")


def test_process_bench_labels_the_first_error(tmp_path: Path) -> None:
    (solution,) = read(tmp_path, PROCESS_BENCH).solutions
    assert solution.truth == [GOOD, BAD, NONE]
    assert (solution.solution_id, solution.policy) == ("gsm8k-0", "Qwen2-7B-Instruct")
    assert json.loads(solution.meta) == {"final_answer_correct": False}


def test_process_bench_minus_one_is_all_correct(tmp_path: Path) -> None:
    (solution,) = read(tmp_path, {**PROCESS_BENCH, "label": -1}).solutions
    assert solution.truth == [GOOD, GOOD, GOOD]


def test_a_gsm8k_row_is_a_gold_solution(tmp_path: Path) -> None:
    row = {"question": "How much?", "answer": "2+3 = <<2+3=5>>5\n#### 5"}
    (solution,) = read(tmp_path, row).solutions
    assert (solution.text, solution.answer) == ("2+3 = <<2+3=5>>5\n#### 5", "5")


def test_model_solutions_become_one_solution_a_model(tmp_path: Path) -> None:
    row = {
        "question": "How many?",
        "ground_truth": "She sells 9 * 2.\nA: 18",
        "6b": {"is_correct": False, "solution": "It is 26\nA: 26"},
        "175b": {"is_correct": True, "solution": "It is 18\nA: 18"},
    }
    solutions = read(tmp_path, row).solutions
    assert [(s.policy, s.answer, s.meta) for s in solutions] == [
        ("6b", "18", '{"is_correct": false}'),
        ("175b", "18", '{"is_correct": true}'),
    ]


def test_prm800k_follows_the_chosen_path(tmp_path: Path) -> None:
    row = prm(
        options(("Wrong.", -1), ("First.", 1), chosen=1),
        options(("Bad.", -1), chosen=None, human={"text": "By hand."}),
        options(("Stuck.", 0), chosen=0),
        options(("False.", -1), ("Worse.", -1), chosen=None),
    )
    (solution,) = read(tmp_path, row).solutions
    assert solution.text == "First.\n\nBy hand.\n\nStuck.\n\nFalse."
    assert solution.truth == [GOOD, GOOD, GOOD, BAD]
    assert solution.answer == "29"


def test_prm800k_steps_after_the_first_error_are_unknown(tmp_path: Path) -> None:
    row = prm(options(("False.", -1), chosen=0), options(("More.", 1), chosen=0))
    assert read(tmp_path, row).solutions[0].truth == [BAD, NONE]


def test_prm800k_neutral_is_a_parameter(tmp_path: Path) -> None:
    row = prm(options(("Hm.", 0), chosen=0))
    assert read(tmp_path, row, neutral=NONE).solutions[0].truth == [NONE]


def test_prm800k_ends_where_nothing_was_rated(tmp_path: Path) -> None:
    row = prm(options(("First.", 1), chosen=0), options(("a", None), ("b", None), chosen=None))
    assert read(tmp_path, row).solutions[0].steps == ["First."]


def test_prm800k_wrong_branches_end_in_their_error(tmp_path: Path) -> None:
    row = prm(options(("First.", 1), chosen=0), options(("Right.", 1), ("Wrong.", -1), chosen=0))
    texts = [(s.text, s.truth) for s in read(tmp_path, row, wrong_branches=True).solutions]
    assert texts == [("First.\n\nRight.", [GOOD, GOOD]), ("First.\n\nWrong.", [GOOD, BAD])]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([1], "not_an_object"),
        ({"text": "a"}, "unknown_shape"),
        ({**GENERIC, "steps": []}, "empty_steps"),
        ({**GENERIC, "steps": ["a", ""]}, "empty_step"),
        ({**GENERIC, "steps": ["a", 5]}, "wrong_type"),
        ({**GENERIC, "steps": "a"}, "wrong_type"),
        ({**GENERIC, "problem": ""}, "empty_problem"),
        ({**GENERIC, "problem": "a\x00"}, "nul_bytes"),
        ({**GENERIC, "answer": ["5"]}, "wrong_type"),
        ({"problem": "a", "solution": ""}, "empty_solution"),
        ({"problem": "a", "solution": "x" * 2_000_001}, "too_long"),
        ({"problem": "x" * 100_001, "solution": "a"}, "too_long"),
        ({**PROCESS_BENCH, "label": 3}, "bad_label"),
        ({**PROCESS_BENCH, "label": None}, "bad_label"),
        ({"question": "q", "answer": "work\n#### "}, "empty_answer"),
        ({"question": {"problem": "q"}, "label": {"steps": [5]}}, "wrong_type"),
        ({"question": {"problem": "q"}, "label": {"steps": []}}, "empty_steps"),
    ],
)
def test_a_bad_row_is_set_aside_and_the_run_goes_on(
    tmp_path: Path, row: object, reason: str
) -> None:
    found = read(tmp_path, row, GENERIC)
    assert [solution.solution_id for solution in found.solutions] == ["s1"]
    assert [(bad.row, bad.reason) for bad in found.set_aside] == [(1, reason)]


def test_the_same_solution_twice_is_set_aside(tmp_path: Path) -> None:
    row = {"problem": "Add.", "solution": "5"}
    found = read(tmp_path, row, row)
    assert len(found.solutions) == 1
    assert [(bad.row, bad.reason) for bad in found.set_aside] == [(2, "duplicate_solution")]


def test_two_rows_with_one_id_are_an_error_that_names_both(tmp_path: Path) -> None:
    with pytest.raises(ProblemFileError, match=r"rows 1 and 2 .* 's1'"):
        read(tmp_path, GENERIC, GENERIC)


def test_a_file_without_solutions_lists_columns_and_shapes(tmp_path: Path) -> None:
    with pytest.raises(ProblemFileError, match="columns are: a, b; shapes are: problem"):
        read(tmp_path, {"a": 1, "b": 2})


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_pieces_always_join_to_the_text(steps: list[str]) -> None:
    try:
        ((solution, _),) = parse({"problem": "a", "steps": steps}, GOOD, False)
    except BadRow:
        return
    assert solution.steps is not None
    assert "".join(solution.steps) == solution.text
    assert len(solution.steps) == len(steps)


@pytest.mark.parametrize(
    ("name", "solutions", "set_aside"),
    [
        ("gsm8k/test.jsonl", 1319, 0),
        ("gsm8k/example_model_solutions.jsonl", 5276, 0),
        ("prm800k/phase1_test.jsonl", 98, 8),
    ],
)
def test_real_files_are_read(name: str, solutions: int, set_aside: int) -> None:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    found = read_solutions(str(path))
    assert (len(found.solutions), len(found.set_aside)) == (solutions, set_aside)
    assert all(s.steps is None or "".join(s.steps) == s.text for s in found.solutions)
    assert all(s.truth is None or len(s.truth) == len(s.steps or []) for s in found.solutions)
