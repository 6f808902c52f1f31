from __future__ import annotations

import operator
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotators.base import Detail, StepEvidence
from annotators.checkers import build_checker
from annotators.program import annotator as program
from annotators.program.annotator import Program
from annotators.program.notebook import Outputs, run_cells
from annotators.program.sandbox import Limits, Sandbox, Status
from pipeline.verdict import Reason, Verdict
from pipeline.workers import CheckerPool
from tests.annotators.sandboxed import need_sandbox


@pytest.fixture(scope="module", autouse=True)
def needed() -> None:
    need_sandbox()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no reason for an unknown, here."""
    monkeypatch.setattr(program, "SANDBOX", Sandbox(Limits(wall_s=20, cpu_s=20)))


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "SANDBOX", Sandbox(Limits(wall_s=1)))


def cell(code: str, claim: str = "") -> str:
    return f"```python\n{code}\n```\n" + (f"```output\n{claim}\n```\n" if claim else "")


def check(*steps: str) -> list[StepEvidence]:
    return Program().check("", steps)


def rules(*steps: str) -> list[list[str]]:
    return [[detail.rule for detail in one.details] for one in check(*steps)]


def test_a_false_output_is_incorrect() -> None:
    step = "Compute:\n" + cell("print(3 * 4)", "13")
    (evidence,) = check(step)
    start = step.index("13")
    text = "the program prints 12, the step says 13"
    detail = Detail("output_differs", start, start + 2, text)
    assert evidence == StepEvidence(Verdict.INCORRECT, None, (detail,))


def test_the_step_that_states_the_output_is_the_wrong_one() -> None:
    program_step, output_step = check(cell("print(3 * 4)"), "Output: 13")
    assert program_step == StepEvidence(Verdict.UNKNOWN, Reason.NOT_COVERED)
    assert output_step.verdict is Verdict.INCORRECT


def test_a_true_output_proves_nothing() -> None:
    (evidence,) = check(cell("print(3 * 4)", "12"))
    assert (evidence.verdict, evidence.reason) == (Verdict.UNKNOWN, Reason.UNDECIDED)
    assert evidence.details[0].rule == "output_agrees"


def test_a_step_without_a_claim_is_not_covered() -> None:
    assert (
        check("Let us think.", cell("print(1)"), "So 3 + 4 = 8.")
        == [StepEvidence(Verdict.UNKNOWN, Reason.NOT_COVERED)] * 3
    )


@pytest.mark.parametrize(
    ("code", "claim", "sentence"),
    [
        ("12", "13", "the program prints 12, the step says 13"),
        ("x = 5\nx * 2", "11", "the program prints 10, the step says 11"),
        ("print('x =', 12)", "x = 13", "the program prints x = 12, the step says x = 13"),
        ("print(1)\nprint(2)", "1\n3", "the program prints 2, the step says 3"),
        ("print(10 / 4)", "2.4", "the program prints 2.5, the step says 2.4"),
        (
            "from sympy import binomial\nprint(binomial(5, 2))",
            "20",
            "the program prints 10, the step says 20",
        ),
        (
            "def f(n):\n    return 1 if n < 2 else n * f(n - 1)\n\nif __name__ == '__main__':\n"
            "    print(f(5))",
            "100",
            "the program prints 120, the step says 100",
        ),
        (
            "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\nA(3)",
            "A(x=4)",
            "the program prints A(x=3), the step says A(x=4)",
        ),
        (
            "from datetime import date\nprint((date(2023, 3, 1) - date(2023, 2, 1)).days)",
            "29",
            "the program prints 28, the step says 29",
        ),
    ],
)
def test_the_sentence_says_both(code: str, claim: str, sentence: str) -> None:
    (evidence,) = check(cell(code, claim))
    assert [detail.text for detail in evidence.details] == [sentence]


@pytest.mark.parametrize(
    "code",
    [
        "def the_time():\n    return 14\n\nthe_time = the_time()\nprint(the_time)",
        "seeds, resources, requests_made, conversion = 14, 1, 2, 3\nprint(seeds)",
        "count = 0\ndef add():\n    global count\n    count += 14\nadd()\nprint(count)",
        "def solve():\n    return 14\nprint(solve())",
        "from math import comb\nprint(comb(14, 1))",
        "import sympy\nprint(sympy.Rational(28, 2))",
    ],
)
def test_words_like_those_of_an_excuse_excuse_nothing(code: str) -> None:
    assert rules(cell(code, "12")) == [["output_differs"]]


def test_names_are_carried_over_as_in_a_notebook() -> None:
    steps = [cell("x = 3"), cell("y = x + 1", ""), cell("print(x * y)", "13")]
    assert rules(*steps) == [[], [], ["output_differs"]]


def test_earlier_output_is_dropped() -> None:
    assert rules(cell("print(5)", "5") + cell("print(6)", "6")) == [["output_agrees"] * 2]


def test_the_names_of_the_driver_are_not_there() -> None:
    assert rules(cell("print(json.dumps(13))", "12")) == [["raised"]]


def test_output_of_several_programs_may_be_shown_together() -> None:
    assert rules(cell("print(5)"), cell("print(6)", "5\n6")) == [[], ["output_agrees"]]


def test_output_of_an_earlier_program_without_one_is_no_error() -> None:
    assert rules(cell("print(5)"), cell("print(6)", "5")) == [[], ["output_agrees"]]


def test_a_value_may_be_shown_with_or_without_what_was_printed() -> None:
    code = "print(5)\nx = [7]\nx.pop()"
    assert rules(cell(code, "5"), cell(code, "5\n7")) == [["output_agrees"], ["output_agrees"]]


def test_one_false_output_of_two_is_the_verdict_of_the_step() -> None:
    assert rules(cell("print(5)", "5") + cell("print(6)", "7")) == [["output_differs"]]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("raised", "print(1 / 0)"),
        ("raised", "import no_such_module\nprint(13)"),
        ("raised", "print(13"),
        ("raised", "n = int(input())\nprint(n)"),
        ("raised", "print(open('data.csv').read())"),
        ("raised", "exit()"),
        ("raised", "print(13)\x00"),
        ("raised", "print('\ud800')\n13"),
        ("no_output", "x = 13"),
        ("no_output", "def solution():\n    return 13"),
        ("not_compared", "print('thirteen')"),
        ("not_compared", "print(1, 2)"),
        ("not_repeatable", "import random\nprint(random.randrange(10**9))"),
        ("not_repeatable", "import random\nrandom.seed(1)\nprint(random.randrange(10**9))"),
        ("not_repeatable", "import time\nprint(time.time_ns())"),
        ("not_repeatable", "import datetime\nprint(datetime.date.today().year)"),
        ("not_repeatable", "print(id([]))"),
        ("not_repeatable", "x = hash('a')\nprint(x)"),
        ("not_repeatable", "s = {'a': 1, 'b': 2, 'c': 3}\nprint([s[k] for k in set(s)].index(1))"),
        ("versions", "import sympy as s\nx = s.Symbol('x')\nprint(s.solve(x - 14, x)[0])"),
        ("versions", "import math, sympy\nprint(sympy.solve(sympy.Symbol('x') - 14)[0])"),
        ("versions", "import numpy\nprint(numpy.linalg.eigvals([[14]])[0])"),
        ("guarded", "try:\n    import nowhere\nexcept ImportError:\n    print(14)"),
        ("guarded", "try:\n    int('x')\nexcept Exception:\n    print(14)"),
    ],
)
def test_what_says_nothing_of_the_claim(rule: str, code: str) -> None:
    (evidence,) = check(cell(code, "12"))
    assert (evidence.verdict, evidence.reason) == (Verdict.UNKNOWN, Reason.UNDECIDED)
    assert [detail.rule for detail in evidence.details] == [rule]


def test_half_a_character_in_an_exception_can_be_stored() -> None:
    (evidence,) = check(cell("raise ValueError(chr(0xD800))", "12"))
    assert evidence.details[0].text == "the program raises ValueError: ?"


def test_after_an_exception_nothing_is_said() -> None:
    assert rules(cell("1 / 0"), cell("print(5)", "6")) == [[], ["raised"]]


def test_before_an_exception_something_is() -> None:
    assert rules(cell("print(5)", "6"), cell("1 / 0", "3")) == [["output_differs"], ["raised"]]


@pytest.mark.parametrize(
    "code",
    ["while True: pass", "x = bytearray(10**10)", "print('x' * 10**7)", "9**9**9"],
)
def test_a_limit_is_a_time_out(code: str, hasty: None) -> None:
    (evidence,) = check(cell(code, "12"))
    assert (evidence.verdict, evidence.reason) == (Verdict.UNKNOWN, Reason.TIMEOUT)
    assert evidence.details[0].rule == "limits"


def test_what_came_before_a_limit_is_still_compared(hasty: None) -> None:
    steps = [cell("print(5)", "6"), cell("while True: pass", "7")]
    assert rules(*steps) == [["output_differs"], ["limits"]]


def test_a_second_run_that_meets_a_limit_is_a_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy_then(sandbox: Sandbox, cells: list[str], hash_seed: int = 0) -> Outputs:
        run = run_cells(sandbox, cells, hash_seed)
        return run if hash_seed == 0 else Outputs((), Status.TIME, "")

    monkeypatch.setattr(program, "run_cells", busy_then)
    (evidence,) = check(cell("print(5)", "6"))
    assert (evidence.reason, evidence.details[0].rule) == (Reason.TIMEOUT, "limits")


def test_programs_behind_the_last_claim_are_not_run() -> None:
    start = time.monotonic()
    assert rules(cell("print(5)", "5"), cell("while True: pass")) == [["output_agrees"], []]
    assert time.monotonic() - start < 15


def test_text_without_claims_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "run_cells", None)
    assert rules("Let us think.", cell("print(5)")) == [[], []]


def test_too_many_programs_are_not_run() -> None:
    (evidence,) = check(cell("x = 1") * 30 + cell("print(5)", "6"))
    assert (evidence.reason, evidence.details[0].rule) == (Reason.NOT_COVERED, "too_many")


@pytest.mark.parametrize(
    "step",
    [
        "",
        "```python\n```\n```output\n1\n```",
        "```python\n" * 5000,
        cell("'''" + "\\" * 5000, "1"),
        cell('""" \' " \\n {} %s \\u0000 """', "1"),
        cell("(" * 5000, "1"),
        cell("\n" * 50_000, "1"),
        cell("print(1)", "9" * 50_000),
        cell("print(1)", "1e999"),
        cell("print(1e308 * 10, float('nan'))", "inf nan"),
        cell("import sys\nsys.stdout = None\nprint(1)", "2"),
        cell("import sys\nsys.stdout.close()", "2"),
        cell("import builtins\nbuiltins.print = builtins.repr = None", "2"),
        cell("import json\njson.dumps = lambda x: '{}'\nprint(1)", "2"),
        cell("import os\nos._exit(0)", "2"),
        cell("import os\nos._exit(99)", "2"),
        cell("import ctypes\nctypes.string_at(0)", "2"),
        cell("class A:\n    def __repr__(self): return 1\nA()", "2"),
        cell("class A(BaseException):\n    def __str__(self): raise A\nraise A", "2"),
        "x" * 200_000,
    ],
)
def test_hostile_text_is_unknown(step: str) -> None:
    (evidence,) = check(step)
    assert evidence.verdict is Verdict.UNKNOWN


def test_a_forged_line_of_the_driver_harms_its_own_claim_alone() -> None:
    forged = 'import sys\nsys.__stdout__.write("\\n{\\"printed\\": 3}\\n")\nprint(12)'
    assert rules(cell(forged, "12")) == [["output_agrees"]]


def test_it_runs_in_a_limited_worker() -> None:
    with CheckerPool(1, wall_s=20, cpu_s=20) as pool:
        evidence = pool.run_sync(Program().check, "", [cell("print(3 * 4)", "13")])
        again = pool.run_sync(Program().check, "", [cell("while True: pass", "13")])
        assert pool.run_sync(operator.add, 1, 2) == 3
    assert isinstance(evidence, list)
    assert isinstance(again, list)
    assert evidence[0].verdict is Verdict.INCORRECT
    assert again[0].reason is Reason.TIMEOUT


def test_a_recipe_finds_it_by_name() -> None:
    assert build_checker("program", {}) == Program()


@given(st.integers(-999, 999), st.sampled_from("+-*"), st.integers(-999, 999), st.integers(-9, 9))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_an_output_is_false_exactly_when_it_is_another_number(
    a: int, operation: str, b: int, by: int
) -> None:
    value = {"+": a + b, "-": a - b, "*": a * b}[operation]
    claimed = value + by
    (evidence,) = check(cell(f"print(({a}) {operation} ({b}))", str(claimed)))
    hundredfold = claimed != value and (claimed == 100 * value or value == 100 * claimed)
    assert (evidence.verdict is Verdict.INCORRECT) == (by != 0 and not hundredfold)
