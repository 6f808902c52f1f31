"""Laws that hold for every row, whatever its labels and texts."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.formats.catalogue import FORMATS
from tests.pipeline.formats.solutions import Row, project, solution

OF_LABELS = [name for name in FORMATS if FORMATS[name].table == "labels"]

text = st.text(alphabet=st.sampled_from("a1 \n=ки+-<extra_0>é∑\u2003"), max_size=8)
step = st.tuples(st.sampled_from([0, 1, None]), text, st.sampled_from([0.0, 0.5, None]))


@st.composite
def drawn(draw: st.DrawFn) -> Row:
    steps = draw(st.lists(step, max_size=5))
    own: dict[str, Any] = {
        "steps": [text for _, text, _ in steps],
        "value": [value for *_, value in steps],
        "keep": draw(st.sampled_from([True, True, False])),
        "outcome": draw(st.sampled_from(["correct", "incorrect", "unknown", None])),
        "problem": draw(st.one_of(st.none(), text)),
        "first_error": draw(st.one_of(st.none(), st.integers(-1, max(len(steps) - 1, -1)))),
        "p_mean": draw(st.sampled_from([0.25, 0.75, None])),
        "prefix_hash": [f"{'/'.join(text for _, text, _ in steps[: t + 1])}" for t in range(9)][
            : len(steps)
        ],
    }
    own["fork_group"] = ["p0", *own["prefix_hash"]][: len(steps)]
    return solution([label for label, *_ in steps], **own)


rows = st.lists(drawn(), max_size=6).map(
    lambda found: [{**row, "solution_id": f"s{n}"} for n, row in enumerate(found)]
)


@settings(max_examples=80, deadline=None)
@given(given_=rows)
def test_completions_are_the_beginning_of_the_text_with_a_label_each(given_: list[Row]) -> None:
    texts = {row["solution_id"]: "".join(row["steps"]) for row in given_}
    for name in ("trl", "hierarchical"):
        for row in project(name, *given_)[0]:
            assert texts[row["solution_id"]].startswith("".join(row["completions"]))
            assert len(row["completions"]) == len(row["labels"]) == len(row["p_correct"]) > 0
            assert set(row["labels"]) <= {True, False}


@settings(max_examples=80, deadline=None)
@given(given_=rows)
def test_marks_and_labels_are_as_many(given_: list[Row]) -> None:
    for row in project("qwen-prm", *given_)[0]:
        assert row["messages"][2]["content"].count("<extra_0>") == len(row["labels"])
    for row in project("math-shepherd", *given_)[0]:
        assert row["input"].count("ки") == len(row["p_correct"])
        assert len(row["input"]) - len(row["label"]) == len(row["p_correct"])
    for row in project("rlhflow", *given_)[0]:
        signs = [turn["content"] for turn in row["conversations"][1::2]]
        assert len(signs) == len(row["p_correct"])
        assert set(signs) <= {"+", "-"}


@settings(max_examples=80, deadline=None)
@given(given_=rows)
def test_a_solution_is_in_the_output_or_counted(given_: list[Row]) -> None:
    for name in OF_LABELS:
        found, left_out = (
            project(name, *given_, least="0") if name == "pairs" else project(name, *given_)
        )
        if name == "pairs":
            left_out = {k: n for k, n in left_out.items() if not k.startswith("pair_")}
            assert sum(left_out.values()) <= len(given_)
        else:
            there = {row["solution_id"] for row in found}
            assert len(there) + sum(left_out.values()) == len(given_)


@settings(max_examples=60, deadline=None)
@given(given_=rows)
def test_pairs_continue_the_same_prefix_with_different_texts(given_: list[Row]) -> None:
    by_id = {row["solution_id"]: row for row in given_}
    for row in project("pairs", *given_, ties="keep", most="0")[0]:
        t = row["step"]
        sides = [by_id[row[f"{side}_solution_id"]] for side in ("chosen", "rejected")]
        prefixes = {"".join(side["steps"][:t]) for side in sides}
        assert len(prefixes) == 1
        assert row["prompt"].endswith(prefixes.pop())
        assert [side["steps"][t] for side in sides] == [row["chosen"], row["rejected"]]
        assert row["chosen"].strip() != row["rejected"].strip()
        assert (row["margin"] == 0) == row["tie"]


@settings(max_examples=40, deadline=None)
@given(given_=rows)
def test_neighbours_do_not_leak(given_: list[Row]) -> None:
    for name in OF_LABELS:
        if not FORMATS[name].whole_problems:
            assert project(name, *given_)[0] == [
                row for one in given_ for row in project(name, one)[0]
            ]
