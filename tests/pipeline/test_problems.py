import json
import sys
import types
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ProblemFileError
from pipeline.problems import Problem, ProblemSet, read_problems, reference_answer
from pipeline.schemas import PROBLEMS

GSM8K = Path(__file__).parents[3] / "shared" / "data" / "gsm8k"
MATH = {
    "problem": "How many vertical asymptotes does the graph of $y=\\frac{2}{x^2+x-6}$ have?",
    "level": "Level 3",
    "type": "Algebra",
    "solution": "The denominator factors into $(x-2)(x+3)$, so there are $\\boxed{2}$ asymptotes.",
}
ROW = {"problem_id": "p1", "text": "Add 2 and 3.", "answer": "5", "answer_type": "number"}


def write(folder: Path, *rows: object) -> str:
    path = folder / "problems.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


def read(folder: Path, *rows: object, limit: int = 0, **columns: str) -> ProblemSet:
    return read_problems(write(folder, *rows), columns, limit)


def reasons(found: ProblemSet) -> list[tuple[int, str]]:
    return [(bad.row, bad.reason) for bad in found.set_aside]


def test_a_row_becomes_a_problem(tmp_path: Path) -> None:
    assert read(tmp_path, ROW).problems == [
        Problem(
            problem_id="p1",
            text="Add 2 and 3.",
            answer="5",
            answer_type="number",
            source="problems.jsonl",
            domain="unknown",
            language="und",
            meta="{}",
            level=None,
            answer_origin="given",
            answer_agreement=None,
        )
    ]


def test_columns_map_our_fields_to_theirs(tmp_path: Path) -> None:
    row = {"key": 7, "q": "Add.", "a": 5, "kind": "number", "topic": "sums", "lang": "en"}
    columns = {"id": "key", "text": "q", "answer": "a", "answer_type": "kind"}
    (problem,) = read(tmp_path, row, domain="topic", language="lang", **columns).problems
    assert (problem.problem_id, problem.text, problem.answer) == ("7", "Add.", "5")
    assert (problem.domain, problem.language) == ("sums", "en")


def test_a_meta_object_is_kept_as_json(tmp_path: Path) -> None:
    (problem,) = read(tmp_path, {**ROW, "meta": {"level": 3}}).problems
    assert problem.meta == '{"level": 3}'


def test_a_meta_text_that_is_no_json_becomes_json(tmp_path: Path) -> None:
    (problem,) = read(tmp_path, {**ROW, "meta": "level 3"}).problems
    assert problem.meta == '"level 3"'


def test_without_an_id_column_the_id_is_a_hash_of_the_text(tmp_path: Path) -> None:
    row = {"text": "Add 2 and 3.", "answer": "5", "answer_type": "number"}
    (problem,) = read(tmp_path, row).problems
    assert problem.problem_id == "p-babfee6ae0c1"


def test_the_same_text_twice_without_ids_is_set_aside(tmp_path: Path) -> None:
    row = {"text": "Add 2 and 3.", "answer": "5", "answer_type": "number"}
    found = read(tmp_path, row, row)
    assert len(found.problems) == 1
    assert reasons(found) == [(2, "duplicate_text")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"text": ""}, "empty_text"),
        ({"text": "  \n"}, "empty_text"),
        ({"text": None}, "empty_text"),
        ({"text": "x" * 100_001}, "too_long"),
        ({"text": "a\x00b"}, "nul_bytes"),
        ({"text": "a\ud800b"}, "not_unicode"),
        ({"text": 5}, "wrong_type"),
        ({"text": ["Add"]}, "wrong_type"),
        ({"answer": None}, "empty_answer"),
        ({"answer": ""}, "empty_answer"),
        ({"answer": "work\n#### "}, "empty_answer"),
        ({"answer": True}, "wrong_type"),
        ({"answer": ["5"]}, "wrong_type"),
        ({"answer": float("nan")}, "empty_answer"),
        ({"answer": "5\x00"}, "nul_bytes"),
        ({"problem_id": None}, "empty_id"),
        ({"problem_id": ""}, "empty_id"),
        ({"problem_id": "p\x00"}, "nul_bytes"),
        ({"domain": 5}, "wrong_type"),
    ],
)
def test_a_bad_row_is_set_aside_and_the_run_goes_on(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    bad = {**ROW, "problem_id": "bad", **change}
    found = read(tmp_path, bad, ROW)
    assert [problem.problem_id for problem in found.problems] == ["p1"]
    assert reasons(found) == [(1, reason)]


def test_a_row_that_is_no_object_is_set_aside(tmp_path: Path) -> None:
    assert reasons(read(tmp_path, ROW, [1, 2])) == [(2, "not_an_object")]


def test_a_set_aside_row_keeps_its_id(tmp_path: Path) -> None:
    (bad,) = read(tmp_path, {**ROW, "text": ""}).set_aside
    assert bad.problem_id == "p1"


@pytest.mark.parametrize(("answer", "expected"), [(5, "5"), (2.5, "2.5"), (-3, "-3")])
def test_numbers_as_answers_become_text(tmp_path: Path, answer: float, expected: str) -> None:
    assert read(tmp_path, {**ROW, "answer": answer}).problems[0].answer == expected


def test_limit_counts_good_rows(tmp_path: Path) -> None:
    rows = [{**ROW, "problem_id": f"p{i}", "text": "" if i == 0 else "Add."} for i in range(5)]
    found = read(tmp_path, *rows, limit=2)
    assert [problem.problem_id for problem in found.problems] == ["p1", "p2"]
    assert reasons(found) == [(1, "empty_text")]


def test_gsm8k_answers_are_what_follows_the_hashes(tmp_path: Path) -> None:
    row = {"question": "How much?", "answer": "2+3 = <<2+3=5>>5\n#### 1,005", "answer_type": "n"}
    found = read(tmp_path, row, text="question")
    assert found.problems[0].answer == "1,005"


@given(st.text(alphabet="ab #\n1"), st.integers(0, 10**9))
def test_the_last_hashes_count(work: str, answer: int) -> None:
    assert reference_answer(f"{work}\n#### {answer:,}") == f"{answer:,}"


def test_hashes_inside_a_line_are_no_marker() -> None:
    assert reference_answer("use #### here") == "use #### here"


def test_two_rows_with_one_id_are_an_error_that_names_both(tmp_path: Path) -> None:
    with pytest.raises(ProblemFileError, match=r"rows 1 and 3 .* 'p1'") as caught:
        read(tmp_path, ROW, {**ROW, "problem_id": "p2"}, ROW)
    assert caught.value.fields["rows"] == (1, 3)


def test_a_text_column_in_no_row_lists_the_columns(tmp_path: Path) -> None:
    with pytest.raises(ProblemFileError, match=r"'text' .*columns are: query, answer") as caught:
        read(tmp_path, {"query": "Add.", "answer": "5"})
    assert caught.value.fields["field"] == "text"


def test_an_answer_column_in_no_row_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProblemFileError, match=r"'answer' .*columns are: text"):
        read(tmp_path, {"text": "Add."})


def test_a_mapped_id_column_in_no_row_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProblemFileError, match="'uuid'"):
        read(tmp_path, ROW, id="uuid")


def test_a_field_that_is_none_of_ours_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProblemFileError, match="no such field: question"):
        read(tmp_path, ROW, question="text")


def test_bad_json_names_the_row(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"text": "a"}\n\n{"text": \n')
    with pytest.raises(ProblemFileError, match="row 3: is not JSON") as caught:
        read_problems(str(path), {})
    assert (caught.value.fields["file"], caught.value.fields["row"]) == (str(path), 3)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.jsonl", b"", "there is no row"),
        ("empty.json", b"[]", "there is no row"),
        ("bad.json", b"{", "is not JSON"),
        ("deep.json", b"[" * 100_000, "is not JSON"),
        ("object.json", b'{"rows": []}', "neither a list"),
        ("latin.jsonl", b'{"text": "\xe9"}', "not UTF-8"),
        ("bad.parquet", b"PAR1", "not a Parquet file"),
        ("rows.csv", b"a,b", "cannot read '.csv' files"),
    ],
)
def test_a_useless_file_is_an_error(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ProblemFileError, match=message) as caught:
        read_problems(str(tmp_path / name), {})
    assert caught.value.fields["file"] == str(tmp_path / name)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProblemFileError, match="is not there"):
        read_problems(str(tmp_path / "none.jsonl"), {})


def test_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProblemFileError, match="is a folder"):
        read_problems(str(tmp_path), {})


def test_a_json_object_with_data_is_read(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps({"data": [ROW]}))
    assert len(read_problems(str(tmp_path / "p.json"), {}).problems) == 1


def test_a_byte_order_mark_and_a_line_separator_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    row = json.dumps({**ROW, "text": "one\u2028two"}, ensure_ascii=False)
    path.write_text("\ufeff" + row + "\r\n", "utf-8")
    assert read_problems(str(path), {}).problems[0].text == "one\u2028two"


def test_parquet_is_read(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([ROW]), tmp_path / "p.parquet")
    assert read_problems(str(tmp_path / "p.parquet"), {}).problems[0].text == "Add 2 and 3."


def test_a_hub_dataset_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def load_dataset(name: str, config: str | None, split: str) -> list[dict[str, str]]:
        calls.append((name, config, split))
        return [ROW]

    fake = types.SimpleNamespace(load_dataset=load_dataset)
    monkeypatch.setitem(sys.modules, "datasets", fake)
    assert len(read_problems("hf:openai/gsm8k:main:test", {}).problems) == 1
    assert len(read_problems("hf:openai/gsm8k", {}).problems) == 1
    assert calls == [("openai/gsm8k", "main", "test"), ("openai/gsm8k", None, "train")]


def test_a_hub_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(name: str, config: str | None, split: str) -> None:
        raise ConnectionError("offline")

    fake = types.SimpleNamespace(load_dataset=load_dataset)
    monkeypatch.setitem(sys.modules, "datasets", fake)
    with pytest.raises(ProblemFileError, match=r"could not be loaded .*offline"):
        read_problems("hf:openai/gsm8k", {})


def test_a_hub_name_without_an_owner_is_an_error() -> None:
    with pytest.raises(ProblemFileError, match="hf:owner/name"):
        read_problems("hf:gsm8k", {})


def test_the_answer_type_is_guessed_where_it_is_not_given(tmp_path: Path) -> None:
    row = {"problem_id": "p1", "text": "Add 2 and 3.", "answer": "5"}
    assert read(tmp_path, row).problems[0].answer_type == "number"


@pytest.mark.parametrize(
    ("name", "number", "first"),
    [
        ("train.jsonl", 7473, "72"),
        ("test.jsonl", 1319, "18"),
        ("example_model_solutions.jsonl", 1319, "18"),
    ],
)
def test_gsm8k_is_read_whole_without_columns(name: str, number: int, first: str) -> None:
    if not (GSM8K / name).exists():
        pytest.skip(f"{GSM8K / name} is not on this machine")
    found = read_problems(str(GSM8K / name), {})
    assert (len(found.problems), found.set_aside) == (number, [])
    assert found.problems[0].answer == first
    assert all(len(problem.answer or "") < 20 for problem in found.problems)


def test_math_is_read_without_columns(tmp_path: Path) -> None:
    (problem,) = read(tmp_path, MATH).problems
    assert (problem.text, problem.answer) == (MATH["problem"], "2")
    assert (problem.level, problem.domain) == ("Level 3", "Algebra")
    assert problem.answer_origin == "given"


def test_math_500_is_read_without_columns(tmp_path: Path) -> None:
    row = {"problem": "P", "solution": "So $\\boxed{7}$.", "answer": "7", "subject": "Algebra"}
    (problem,) = read(tmp_path, {**row, "level": 5, "unique_id": "test/1"}).problems
    assert (problem.answer, problem.level, problem.domain) == ("7", "5", "Algebra")


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        ("$\\boxed{1}$ and $\\boxed{\\frac{1}{2}}$.", "\\frac{1}{2}"),
        ("so $x = \\fbox{3}$", "3"),
        ("so $\\boxed 3$", "3"),
        ("First.\n#### 72", "72"),
    ],
)
def test_the_answer_of_a_worked_solution(tmp_path: Path, solution: str, answer: str) -> None:
    assert read(tmp_path, {**MATH, "solution": solution}).problems[0].answer == answer


def test_a_worked_solution_without_a_box_is_set_aside(tmp_path: Path) -> None:
    found = read(tmp_path, MATH, {**MATH, "problem": "Q", "solution": "It is two."})
    assert reasons(found) == [(2, "empty_answer")]


def test_an_answer_column_comes_before_a_solution(tmp_path: Path) -> None:
    row = {"prompt": "Add.", "final_answer": 5, "solution": "$\\boxed{6}$"}
    assert read(tmp_path, row).problems[0].answer == "5"


def test_columns_win_over_every_guess(tmp_path: Path) -> None:
    row = {**MATH, "question": "Q", "answer": "7", "kind": "sums"}
    columns = {"text": "question", "answer": "solution", "domain": "kind", "level": "type"}
    (problem,) = read(tmp_path, row, **columns).problems
    assert (problem.text, problem.answer) == ("Q", "2")
    assert (problem.domain, problem.level) == ("sums", "Algebra")


def test_an_explicit_solution_without_a_box_is_the_answer(tmp_path: Path) -> None:
    row = {"problem": "P", "solution": "204"}
    assert read(tmp_path, row, answer="solution").problems[0].answer == "204"


@pytest.mark.parametrize(
    ("row", "field", "names"),
    [
        ({"problem": "P", "question": "Q", "answer": "5"}, "text", "problem, question"),
        ({"text": "P", "ground_truth": "5", "final_answer": 6}, "answer", "ground_truth, final"),
        ({**ROW, "type": "Algebra", "subject": "Sums"}, "domain", "type, subject"),
    ],
)
def test_two_columns_for_one_field_are_an_error(
    tmp_path: Path, row: dict[str, object], field: str, names: str
) -> None:
    with pytest.raises(ProblemFileError, match=f"{names}.*problems.columns.{field}") as caught:
        read(tmp_path, row)
    assert caught.value.fields["field"] == field


def test_the_turns_of_a_chat_are_no_text(tmp_path: Path) -> None:
    row = {"prompt": [{"role": "user", "content": "P"}], "question": "P", "answer": "5"}
    assert read(tmp_path, row).problems[0].text == "P"


def test_a_level_that_is_no_word_is_set_aside(tmp_path: Path) -> None:
    assert reasons(read(tmp_path, ROW, {**ROW, "problem_id": "p2", "level": [3]})) == [
        (2, "wrong_type")
    ]


def test_a_problem_without_an_answer(tmp_path: Path) -> None:
    path = write(tmp_path, {"text": "Add."})
    assert read_problems(path, {}, need_answers=False).problems == [
        Problem(
            problem_id="p-80a7ba692bbe",
            text="Add.",
            answer=None,
            answer_type="",
            source="problems.jsonl",
            domain="unknown",
            language="und",
            meta="{}",
        )
    ]


@pytest.mark.parametrize("answer", [None, "", "work\n####", float("nan")])
def test_an_empty_answer_is_none_where_none_is_needed(tmp_path: Path, answer: object) -> None:
    path = write(tmp_path, ROW, {**ROW, "problem_id": "p2", "answer": answer})
    problems = read_problems(path, {}, need_answers=False).problems
    assert [(p.answer, p.answer_origin) for p in problems] == [("5", "given"), (None, None)]
    assert problems[1].answer_type == "number"  # as the row says


def test_a_wrong_answer_column_is_an_error_even_where_none_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ProblemFileError, match="'key'"):
        read_problems(write(tmp_path, ROW), {"answer": "key"}, need_answers=False)


def test_an_answer_of_the_wrong_type_is_set_aside_even_where_none_is_needed(
    tmp_path: Path,
) -> None:
    found = read_problems(write(tmp_path, {**ROW, "answer": ["5"]}), {}, need_answers=False)
    assert reasons(found) == [(1, "wrong_type")]


def test_a_row_of_the_problems_table_is_a_problem(tmp_path: Path) -> None:
    (problem,) = read(tmp_path, MATH).problems
    table = pa.Table.from_pylist([asdict(problem)], schema=PROBLEMS)
    assert [Problem(**row) for row in table.to_pylist()] == [problem]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Janet sells 9 * 2.\nA: 18", "18"),
        ("A: 18", "A: 18"),
        ("$\\boxed{18}$", "18"),
        ("\\boxed{1}\n#### 2\n\n", "2"),
        ("#### 2\nmore", "#### 2\nmore"),
    ],
)
def test_what_a_reference_answer_ends_in(answer: str, expected: str) -> None:
    assert reference_answer(answer) == expected


@pytest.mark.parametrize("unit", ["#### ", "\n#### ", " ", "\n", "A: \n", "\\boxed{"])
def test_a_hostile_answer_takes_no_time(unit: str) -> None:
    reference_answer("####" + unit * 200_000 + "x")
