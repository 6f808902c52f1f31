"""What follows from linear relations, asked of z3, and how quantities may be read."""

from fractions import Fraction

import pytest

from annotators.quantities.linear import Linear, Quantity, constant, equation, just, linear
from annotators.quantities.readings import read_as, readings
from annotators.quantities.solver import Prover
from annotators.solver import Answer

A, B, C = (Quantity(owner, "pen") for owner in ("ann", "bob", "cal"))


def is_(quantity: Quantity, value: object) -> Linear:
    return equation(just(quantity), constant(Fraction(str(value))))


def times(big: Quantity, factor: object, small: Quantity, more: object = 0) -> Linear:
    right = just(small).times(Fraction(str(factor))).plus(constant(Fraction(str(more))))
    return equation(just(big), right)


def decide(goal: Linear, *premises: Linear) -> Answer:
    return Prover().decide([(premise,) for premise in premises], goal)


@pytest.mark.parametrize(
    ("premises", "goal", "answer"),
    [
        ([is_(A, 5), times(B, 3, A)], is_(B, 15), Answer.FOLLOWS),
        ([is_(A, 5), times(B, 3, A)], is_(B, 14), Answer.REFUTED),
        ([is_(B, 5), times(B, 3, A)], is_(A, "5/3"), Answer.FOLLOWS),
        ([is_(B, 5), times(B, 3, A)], is_(A, "1.6667"), Answer.REFUTED),
        ([is_(A, "0.1"), times(B, 3, A)], is_(B, "0.3"), Answer.FOLLOWS),
        ([times(B, 3, A)], is_(B, 15), Answer.NEITHER),
        ([is_(A, 5), is_(A, 6)], is_(B, 15), Answer.CONTRADICTION),
        ([is_(A, 5), is_(A, 6)], is_(A, 5), Answer.CONTRADICTION),
        ([is_(A, 5), times(B, 1, A, -9)], is_(B, -4), Answer.CONTRADICTION),
        ([times(B, 1, A, 4), equation(linear([(A, Fraction(1)), (B, Fraction(1))]),
          constant(Fraction(30)))], is_(A, 13), Answer.FOLLOWS),
    ],
)  # fmt: skip
def test_what_follows(premises: list[Linear], goal: Linear, answer: Answer) -> None:
    assert decide(goal, *premises) is answer


def test_a_question_beyond_the_limit_is_unknown() -> None:
    prover = Prover(steps_per_question=1)
    assert prover.decide([(is_(A, 5),), (times(B, 3, A),)], is_(B, 15)) is Answer.UNKNOWN


def test_when_all_steps_are_used_up_nothing_more_is_asked() -> None:
    prover = Prover(steps_in_all=400)
    assert prover.decide([], is_(A, 5)) is Answer.NEITHER
    assert prover.decide([], is_(B, 5)) is Answer.UNKNOWN


@pytest.mark.parametrize(
    ("claim", "refuted"),
    [
        (is_(C, 16), False),  # true: 5, 15, 16
        (is_(B, 12), False),  # said
        (is_(C, 13), False),  # worked out from what was said
        (is_(A, 4), False),  # back from what was said
        (is_(C, 6), True),
        (is_(B, 13), True),
    ],
)
def test_what_may_be_read_once_a_step_said_otherwise(claim: Linear, refuted: bool) -> None:
    relations = [is_(A, 5), times(B, 3, A), times(C, 1, B, 1)]
    read = readings(relations, {B: [Fraction(12)]}, claim)
    answer = Prover().decide([*((one,) for one in relations), *read], read_as(claim))
    assert (answer is Answer.REFUTED) == refuted


def test_two_ways_to_say_a_relation_are_one_equation() -> None:
    assert times(B, 2, A) == times(A, "1/2", B)
    assert times(B, 1, A, 3) == times(A, 1, B, -3)
