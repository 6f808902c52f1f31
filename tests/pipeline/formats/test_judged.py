"""Formats corrections and rationales: what judges wrote, as far as the labels agree."""

from __future__ import annotations

import pytest

from tests.pipeline.formats.solutions import one, project, rationale


def test_a_rationale_is_a_critique_with_a_verdict_a_step() -> None:
    row = one("rationales", rationale([1, 0, None]))
    assert row["prompt"].startswith(
        "Problem:\nAdd 2 and 3.\n\nSolution:\n<paragraph_0>\nLine 0.\n</paragraph_0>\n\n"
        "<paragraph_1>\nLine 1.\n</paragraph_1>\n\n<paragraph_2>\nLine 2.\n</paragraph_2>\n\n"
    )
    assert row["completion"] == (
        "It is so.\n\nParagraph 0: correct\nParagraph 1: incorrect\n\n\\boxed{1}"
    )
    assert (row["verdicts"], row["first_error"]) == ([1, 0], 1)


def test_of_a_right_solution_every_step_has_a_verdict() -> None:
    row = one("rationales", rationale([1, 1]))
    assert row["completion"].endswith("Paragraph 1: correct\n\n\\boxed{-1}")


@pytest.mark.parametrize("label", [[1, 1, 0], [1, None, 0], [0, 0, 0], [1], [], None])
def test_it_must_agree_with_the_labels_that_are_exported(label: list[int | None] | None) -> None:
    row = {**rationale([1, 0, None]), "label": label}
    assert project("rationales", row)[1] == {"labels_disagree": 1}
    assert project("corrections", row)[1] == {"labels_disagree": 1}


def test_verdicts_beyond_the_steps_are_not_read_in_a_neighbours_labels() -> None:
    rows = [rationale([1, 1], verdicts=[1, 1, 1]), rationale([1, 1], draw=1)]
    found, left_out = project("rationales", *rows)
    assert ([row["draw"] for row in found], left_out) == ([1], {"labels_disagree": 1})


def test_a_correction_stands_in_place_of_the_wrong_step() -> None:
    row = rationale(
        [1, 0, None],
        correction="Better.\n\n",
        correction_success=3,
        correction_rollouts=4,
        value_before=0.8,
        error_value=0.25,
    )
    assert one("corrections", row) == {
        "prompt": "Add 2 and 3.\nLine 0.\n\n",
        "chosen": "Better.\n\n",
        "rejected": "Line 1.\n\n",
        "critique": " It is so. \n",
        "margin": 0.5,
        "value_before": 0.8,
        "chosen_value": 0.75,
        "chosen_rollouts": 4,
        "rejected_value": 0.25,
        "step": 1,
        "annotator": "judge",
        "source": "ab60",
        "solution_id": "s0",
        "problem_id": "p0",
    }


def test_what_is_no_confirmed_correction_is_left_out() -> None:
    rows = [rationale([1, 1]), rationale([0]), rationale([0], keep=False)]
    assert project("corrections", *rows) == (
        [],
        {"not_kept": 1, "no_error": 1, "no_confirmed_correction": 1},
    )


def test_a_rationale_without_a_critique_is_left_out() -> None:
    assert project("rationales", rationale([1], critique=" ")) == ([], {"no_critique": 1})
