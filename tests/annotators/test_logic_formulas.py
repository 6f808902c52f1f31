"""Text into formulas: first-order notation and templated English."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.logic.english import read_english
from annotators.logic.formula import Atom, Formula, Joined, Not, Quantified
from annotators.logic.notation import NotNotation, read_notation

PX, QX, PA, QA = Atom("P", (0,)), Atom("Q", (0,)), Atom("P", ("a",)), Atom("Q", ("a",))
ALL_P_ARE_Q = Quantified(True, 0, Joined("implies", PX, QX))
WUG, TOVE, KIND = Atom("a wug", (0,)), Atom("a tove", (0,)), Atom("kind", (0,))


def every(kind: Formula, then: Formula) -> Formula:
    return Quantified(True, 0, Joined("implies", kind, then))


@pytest.mark.parametrize(
    "text",
    [
        "∀x (P(x) → Q(x))",
        "∀x. P(x) → Q(x)",
        "forall x. P(x) -> Q(x)",
        "forall z: P(z) implies Q(z)",
        "For all x, P(x) => Q(x)",
        "$\\forall x (P(x) \\to Q(x))$",
        "[∀y (P(y) ⇒ Q(y))].",
        "(x): {P}x -> {Q}x",
    ],
)
def test_a_rule_in_every_notation(text: str) -> None:
    assert read_notation(text) == ALL_P_ARE_Q


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("P(a)", PA),
        ("{P}{a}", PA),
        ("¬P(a)", Not(PA)),
        ("not ~P(a)", Not(Not(PA))),
        ("{AB}", Atom("AB")),
        ("A", Atom("A")),
        ("R(a, b)", Atom("R", ("a", "b"))),
        ("P(a) and Q(a)", Joined("and", PA, QA)),
        ("({P}{a} v ¬{Q}{a})", Joined("or", PA, Not(QA))),
        ("P(a) <-> Q(a)", Joined("iff", PA, QA)),
        ("P(a) ∨ Q(a) ∧ P(a)", Joined("or", PA, Joined("and", QA, PA))),
        ("P(a) -> Q(a) -> P(a)", Joined("implies", PA, Joined("implies", QA, PA))),
        ("¬P(a) ∧ Q(a)", Joined("and", Not(PA), QA)),
        ("(Ex): ({P}x & {Q}x)", Quantified(False, 0, Joined("and", PX, QX))),
        ("∀x P(x)", Quantified(True, 0, PX)),
        ("∀x (P(x)) → Q(a)", Joined("implies", Quantified(True, 0, PX), QA)),
        ("∀x∃y R(x,y)", Quantified(True, 0, Quantified(False, 1, Atom("R", (0, 1))))),
        ("forall x, y. R(x, y)", Quantified(True, 0, Quantified(True, 1, Atom("R", (0, 1))))),
        ("P(v) v P(a)", Joined("or", Atom("P", ("v",)), PA)),
    ],
)
def test_a_formula_is_read(text: str, formula: Formula) -> None:
    assert read_notation(text) == formula


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("no one knows how far the quantifier reaches", "∀x P(x) → Q(a)"),
        ("a variable outside its quantifier", "(∀x P(x)) → Q(x)"),
        ("a variable bound twice", "∀x ∃x P(x)"),
        ("equality", "f(x) = 3"),
        ("equality", "P(a) != Q(a)"),
        ("function", "P(f(a))"),
        ("a word", "Therefore"),
        ("words", "Max is kind"),
        ("two formulas", "P(a) Q(a)"),
        ("two formulas", "P(a), Q(a)"),
        ("two equivalences", "A <-> B <-> C"),
        ("four arguments", "P(a, b, c, d)"),
        ("unfinished", "P(a) ->"),
        ("unfinished", "∀x"),
        ("nothing", ""),
        ("arithmetic", "2 + 3"),
        ("too deep", "¬" * 200 + "P(a)"),
        ("too deep", "(" * 200 + "P(a)" + ")" * 200),
        ("too many parts", " & ".join(["A"] * 200)),
        ("too long", "P(a) & " * 1000 + "P(a)"),
        ("code", "__import__('os')"),
        ("bars", "|P|(a)"),
    ],
)
def test_what_is_not_notation_is_refused(why: str, text: str) -> None:
    with pytest.raises(NotNotation):
        read_notation(text)


@pytest.mark.parametrize(
    "text",
    [
        "Every wug is a tove.",
        "each wug is a tove",
        "Surely every wug is a tove.",
        "Always, each wug is a tove.",
        "All wugs are toves.",
        "Wugs are toves.",
        "If something is a wug, it is a tove.",
        "If something is a wug, then it is a tove.",
        "Any wug is a tove.",
        "A wug is a tove.",
        "Everything that is a wug is a tove.",
        "We know that every wug is a tove.",
        "**Every wug is a tove.**",
    ],
)
def test_a_rule_in_every_wording(text: str) -> None:
    assert read_english(text) == every(WUG, TOVE)


@pytest.mark.parametrize(
    "text",
    [
        "Every wug is not kind.",
        "No wug is kind.",
        "No wugs are kind.",
        "Wugs are not kind.",
        "Every wug isn't kind.",
    ],
)
def test_a_rule_that_denies(text: str) -> None:
    assert read_english(text) == every(WUG, Not(KIND))


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("Max is a wug.", Atom("a wug", ("Max",))),
        ("Here Max is a wug.", Atom("a wug", ("Max",))),
        ("Max is one of the wugs.", Atom("a wug", ("Max",))),
        ("Max is an impus.", Atom("a impus", ("Max",))),
        ("Max is not an impus.", Not(Atom("a impus", ("Max",)))),
        ("Max is not kind", Not(Atom("kind", ("Max",)))),
        ("It is not true that Max is kind.", Not(Atom("kind", ("Max",)))),
        ("Some wugs are kind.", Quantified(False, 0, Joined("and", WUG, KIND))),
    ],
)
def test_a_sentence_is_read(text: str, formula: Formula) -> None:
    assert read_english(text) == formula


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("toves", "tove"),
        ("wumpuses", "wumpus"),
        ("boxes", "box"),
        ("bodies", "body"),
        ("houses", "house"),
        ("classes", "class"),
    ],
)
def test_a_plural_is_its_singular(plural: str, singular: str) -> None:
    assert read_english(f"All {plural} are kind.") == read_english(f"Every {singular} is kind.")


def test_an_adjective_in_s_is_no_plural() -> None:
    assert read_english("Wugs are luminous.") == every(WUG, Atom("luminous", (0,)))


def test_a_noun_is_not_the_adjective_of_the_same_letters() -> None:
    assert read_english("Max is kind.") != read_english("Max is a kind.")


@pytest.mark.parametrize(
    "text",
    [
        "It is a wug.",
        "He is kind.",
        "Max is true.",
        "The answer is true.",
        "Max has a wug.",
        "Max is a very tall wug.",
        "Max is a wug or a tove.",
        "Max was kind.",
        "There are 3 wugs.",
        "Is Max kind?",
        "Max",
        "",
        "Every wug is a tove and every tove is a zim.",
        "Suppose Max is a wug.",
        "Max is kind " * 1000,
    ],
)
def test_other_english_is_refused(text: str) -> None:
    assert read_english(text) is None


@given(st.text(alphabet="∀∃x yPQ(a),¬→->&|v{}[].:E", max_size=40))
def test_any_text_is_a_formula_or_refused(text: str) -> None:
    try:
        formula = read_notation(text)
    except NotNotation:
        return
    assert isinstance(formula, Atom | Not | Joined | Quantified)
