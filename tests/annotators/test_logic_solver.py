"""What follows from premises, asked of z3."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotators.logic.formula import Atom, Formula, Joined, Not, Quantified, negation
from annotators.logic.notation import read_notation
from annotators.logic.solver import Prover
from annotators.solver import Answer

# has only endless models, which z3 does not find
ENDLESS = [
    "forall x. exists y. R(x, y)",
    "forall x. not R(x, x)",
    "forall x, y, z. (R(x, y) and R(y, z)) -> R(x, z)",
]


def decide(goal: str, *premises: str) -> Answer:
    return Prover().decide([read_notation(text) for text in premises], read_notation(goal))


@pytest.mark.parametrize(
    ("premises", "goal", "answer"),
    [
        (["forall x. P(x) -> Q(x)", "P(a)"], "Q(a)", Answer.FOLLOWS),
        (["forall x. P(x) -> Q(x)", "not Q(a)"], "not P(a)", Answer.FOLLOWS),
        (["forall x. P(x) -> not Q(x)", "P(a)"], "Q(a)", Answer.REFUTED),
        (["forall x. P(x) -> Q(x)", "Q(a)"], "P(a)", Answer.NEITHER),
        (["forall x. P(x) -> Q(x)", "P(a)"], "Q(b)", Answer.NEITHER),
        (["P(a)"], "exists x. P(x)", Answer.FOLLOWS),
        (["forall x. P(x)"], "exists x. P(x)", Answer.FOLLOWS),
        (["A v B", "not A"], "B", Answer.FOLLOWS),
        (["exists x. forall y. R(x, y)"], "forall y. exists x. R(x, y)", Answer.FOLLOWS),
        (["exists x. P(x)"], "forall x. P(x)", Answer.NEITHER),
        ([], "P(a) or not P(a)", Answer.FOLLOWS),
        ([], "P(a)", Answer.NEITHER),
        (["P(a, b)"], "P(b, a)", Answer.NEITHER),
        (["P(a)"], "P(a, a)", Answer.NEITHER),
    ],
)
def test_what_follows(premises: list[str], goal: str, answer: Answer) -> None:
    assert decide(goal, *premises) is answer


@pytest.mark.parametrize("goal", ["Q(b)", "not Q(b)", "P(a)"])
def test_nothing_follows_from_a_contradiction(goal: str) -> None:
    assert decide(goal, "P(a)", "not P(a)") is Answer.CONTRADICTION


def test_what_z3_leaves_open_is_unknown() -> None:
    assert decide("exists x. R(x, x) and P(x)", *ENDLESS) is Answer.UNKNOWN


def test_a_question_beyond_the_limit_is_unknown() -> None:
    goal = read_notation("Q(a)")
    premises = [read_notation("forall x. P(x) -> Q(x)"), read_notation("P(a)")]
    assert Prover(steps_per_question=1).decide(premises, goal) is Answer.UNKNOWN


def test_when_all_steps_are_used_up_nothing_more_is_asked() -> None:
    prover = Prover(steps_in_all=150)
    assert prover.decide([], read_notation("P(a)")) is Answer.NEITHER
    assert prover.decide([], read_notation("Q(a)")) is Answer.UNKNOWN


atoms = st.builds(
    Atom,
    st.sampled_from(["P", "Q"]),
    st.sampled_from(["a", "b", 0]).map(lambda term: (term,)),
)
formulas = st.recursive(
    atoms,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(Joined, st.sampled_from(["and", "or", "implies", "iff"]), inner, inner)
    ),
    max_leaves=4,
).map(lambda body: Quantified(True, 0, body))
questions = st.tuples(st.lists(formulas, max_size=4), formulas)


@given(st.lists(questions, min_size=2, max_size=4))
@settings(max_examples=30, deadline=None)
def test_the_order_of_questions_does_not_matter(
    asked: list[tuple[list[Formula], Formula]],
) -> None:
    forwards, backwards = Prover(), Prover()
    answers = [forwards.decide(premises, goal) for premises, goal in asked]
    again = [backwards.decide(premises, goal) for premises, goal in reversed(asked)]
    assert answers == again[::-1]


@given(questions)
@settings(max_examples=30, deadline=None)
def test_a_negated_goal_has_the_opposite_answer(
    question: tuple[list[Formula], Formula],
) -> None:
    premises, goal = question
    opposite = {Answer.FOLLOWS: Answer.REFUTED, Answer.REFUTED: Answer.FOLLOWS}
    answer = Prover().decide(premises, goal)
    assert Prover().decide(premises, negation(goal)) is opposite.get(answer, answer)


@given(questions, formulas)
@settings(max_examples=30, deadline=None)
def test_more_premises_never_take_a_conclusion_away(
    question: tuple[list[Formula], Formula], more: Formula
) -> None:
    premises, goal = question
    if Prover().decide(premises, goal) is Answer.FOLLOWS:
        after = Prover().decide([*premises, more], goal)
        assert after in (Answer.FOLLOWS, Answer.CONTRADICTION)
