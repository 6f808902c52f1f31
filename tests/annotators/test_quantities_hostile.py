"""Hostile text: nothing hangs, nothing is raised, and nothing is called wrong for being odd."""

import time
from itertools import pairwise

import pytest

from annotators.base import StepEvidence
from annotators.quantities.annotator import Quantities
from pipeline.verdict import Reason, Verdict

PENS = "Ann has 5 pens. Tom has 3 times as many pens as Ann. How many pens does Tom have?"
MEGABYTE = 1_000_000
HOSTILE = {
    "a megabyte": "Tom has 12 pens. " * (MEGABYTE // 17),
    "a megabyte of one word": "a" * MEGABYTE,
    "200,000 digits": "Tom has " + "9" * 200_000 + " pens.",
    "a tower": "Tom has 9**9**9 = 12 pens.",
    "a tower with carets": "Tom has 9^9^9^9 = 12 pens.",
    "brackets": "Tom has " + "(" * 150 + "3" + ")" * 150 + " pens.",
    "division by zero": "Tom has 5 / 0 = 12 pens.",
    "zero width": "Tom has 1\u200b2 pens.",
    "turned round": "\u202eTom has 12 pens.\u202c",
    "other digits": "Tom has ١٢ pens.",
    "code": "__import__('os').system('touch /tmp/owned') = 12 pens.",
    "solver's words": "Tom has 12 (assert false) (check-sat) pens. |Tom| has 12 pens.",
    "nul": "Tom has 12\x00 pens.",
    "commas": "Tom has " + "1," * 4000 + " pens.",
    "conjunctions": "Ann has 5 pens and " * 500,
    "owners": "Ann, " * 90 + "and Tom have 12 pens together.",
    "notes": "Tom has <<" * 900 + "12 pens.",
    "apostrophes": "Tom's" * 1500 + " has 12 pens.",
    "empty": "",
    "blanks": " \n" * 4000,
}


def check(problem: str, *steps: str) -> list[StepEvidence]:
    started = time.process_time()
    evidence = Quantities().check(problem, steps)
    assert time.process_time() - started < 3
    return evidence


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_step(name: str) -> None:
    (one,) = check(PENS, HOSTILE[name])
    assert (one.verdict, one.reason) == (Verdict.UNKNOWN, Reason.NOT_COVERED)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_problem(name: str) -> None:
    (one,) = check(f"{HOSTILE[name]} {PENS}", "Tom has 12 pens.")
    assert one.verdict is not Verdict.CORRECT


def test_after_a_step_that_is_too_long_nothing_is_said() -> None:
    evidence = check(PENS, HOSTILE["a megabyte"], "Tom has 12 pens.")
    assert [one.reason for one in evidence] == [Reason.NOT_COVERED] * 2


def test_many_relations_and_many_claims_end() -> None:
    names = [a + b for a in "BCDFGHKLMN" for b in ("ab", "eb", "ib", "ob", "ub")]
    chain = [f"{b} has {i + 2} more pens than {a}." for i, (a, b) in enumerate(pairwise(names))]
    problem = f"{names[0]} has 3 pens. {' '.join(chain)} How many pens does {names[-1]} have?"
    claims = [(name, i + j) for j in range(3) for i, name in enumerate(names)]
    steps = [f"{name} has 1 + {k} = {k + 1} pens." for name, k in claims]
    evidence = check(problem, *steps)
    assert {one.reason for one in evidence if one.reason} <= {Reason.UNDECIDED, Reason.TIMEOUT}
    assert evidence[-1].reason is Reason.TIMEOUT  # z3's steps are used up


def test_the_same_text_gives_the_same_evidence() -> None:
    steps = ["Tom has 12 pens.", "Compared with Tom, Bob has 3 more pens.", "#### 12"]
    assert check(PENS, *steps) == check(PENS, *steps)
