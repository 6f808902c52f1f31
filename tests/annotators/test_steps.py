import asyncio
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from annotators.arithmetic.annotator import Arithmetic
from annotators.base import Detail, StepEvidence
from annotators.steps import SolutionText, annotate_solutions, evidence_rows, source_of
from pipeline.schemas import EVIDENCE
from pipeline.verdict import Reason, Verdict
from pipeline.workers import CheckerPool

FALSE = StepEvidence(Verdict.INCORRECT, None, (Detail("false_equation", 0, 9, "3+4 = 8"),))
NOTHING = StepEvidence(Verdict.UNKNOWN, Reason.NOT_COVERED)


@dataclass(frozen=True)
class Sleepy:
    """Never comes back from a step that says so."""

    name: str = "sleepy"
    version: int = 1
    parameter: int = 0

    def check(self, problem: str, steps: Sequence[str]) -> list[StepEvidence]:
        if "sleep" in steps:
            time.sleep(60)
        if "raise" in steps:
            raise ValueError("a fault of the annotator")
        return [NOTHING for _ in steps]


def test_an_incorrect_step_is_one_count_with_its_detail() -> None:
    (row,) = evidence_rows("arithmetic", "abc", "s1", [FALSE])
    assert (row["correct"], row["incorrect"], row["unknown"]) == (0, 1, 0)
    assert (row["step"], row["target"], row["score"]) == (0, "step_valid", None)
    assert row["detail"] == [{"rule": "false_equation", "start": 0, "end": 9, "text": "3+4 = 8"}]


def test_the_reason_of_an_unknown_is_the_first_detail() -> None:
    (row,) = evidence_rows("arithmetic", "abc", "s1", [NOTHING])
    assert (row["correct"], row["incorrect"], row["unknown"]) == (0, 0, 1)
    assert row["detail"] == [{"rule": "reason", "start": 0, "end": 0, "text": "not_covered"}]


def test_seconds_are_shared_out_over_the_steps() -> None:
    rows = evidence_rows("arithmetic", "abc", "s1", [NOTHING, NOTHING], seconds=1.0)
    assert [row["seconds"] for row in rows] == [0.5, 0.5]


def test_the_source_changes_with_the_parameters() -> None:
    assert source_of(Sleepy()) == source_of(Sleepy())
    assert len({source_of(Sleepy()), source_of(Sleepy(parameter=1)), source_of(Arithmetic())}) == 3


def test_evidence_refuses_an_incorrect_with_a_reason() -> None:
    with pytest.raises(ValueError, match="a reason belongs"):
        StepEvidence(Verdict.INCORRECT, Reason.TIMEOUT)


def test_solutions_become_one_table_in_their_order() -> None:
    solutions = [
        SolutionText("s1", "Add.", ("3 + 4 = 8", "So 8.")),
        SolutionText("s2", "Add.", ("3 + 4 = 7",)),
    ]
    with CheckerPool(1) as pool:
        table = asyncio.run(annotate_solutions(Arithmetic(), solutions, pool))
    assert table.schema == EVIDENCE
    assert table["solution_id"].to_pylist() == ["s1", "s1", "s2"]
    assert table["step"].to_pylist() == [0, 1, 0]
    assert table["incorrect"].to_pylist() == [1, 0, 0]


def test_no_solutions_give_an_empty_table() -> None:
    with CheckerPool(1) as pool:
        assert asyncio.run(annotate_solutions(Arithmetic(), [], pool)).num_rows == 0


def test_a_check_out_of_time_is_unknown_for_its_solution_alone() -> None:
    solutions = [SolutionText("s1", "", ("ok", "sleep")), SolutionText("s2", "", ("ok",))]
    with CheckerPool(1, wall_s=0.5) as pool:
        table = asyncio.run(annotate_solutions(Sleepy(), solutions, pool))
    assert table["unknown"].to_pylist() == [1, 1, 1]
    reasons = [detail[0]["text"] for detail in table["detail"].to_pylist()]
    assert reasons == ["timeout", "timeout", "not_covered"]


def test_a_fault_of_the_annotator_is_not_hidden() -> None:
    with CheckerPool(1) as pool, pytest.raises(ValueError, match="a fault of the annotator"):
        asyncio.run(annotate_solutions(Sleepy(), [SolutionText("s1", "", ("raise",))], pool))


def test_a_worker_imports_neither_arrow_nor_numpy() -> None:
    """Each new worker would pay for them, with the clock of its first check running."""
    code = (
        "import sys\n"
        "from annotators.check import timed_check\n"
        "from annotators.checkers import CHECKERS, build_checker\n"
        "for name in CHECKERS: timed_check(build_checker(name, {}), 'Add.', ('3 + 4 = 8.',))\n"
        "print({'numpy', 'polars', 'pyarrow'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
