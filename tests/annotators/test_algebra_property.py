from itertools import product

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from annotators.algebra.annotator import Algebra
from pipeline.verdict import Verdict

Factor = tuple[int, int]  # a x + b

factors = st.lists(
    st.tuples(st.integers(-6, 6).filter(bool), st.integers(-9, 9).filter(bool)),
    min_size=2,
    max_size=4,
)
names = st.sampled_from(["x", "y", "t", "a_1", "\\theta"])
dresses = st.sampled_from(
    [
        "Expanding, ${p} = {q}$.",
        "Simplifying, we get \\({p} = {q}\\).",
        "We can expand: \\[{p} = {q}.\\]",
        "By the distributive property (FOIL), ${p}={q}$",
        "$T = {p} = {q}$",
        "\\begin{{align*}} T &= {p} \\\\ &= {q} \\end{{align*}}",
        "Then $T = {p} = \\boxed{{{q}}}$.",
    ]
)
spaces = st.sampled_from(["", " ", "\\,", "  "])


def check(step: str) -> Verdict:
    (evidence,) = Algebra().check("", [step])
    return evidence.verdict


def expanded(chosen: list[Factor]) -> list[int]:
    """Coefficients of the product, that of the power 0 first."""
    coefficients = [1]
    for a, b in chosen:
        made = [0] * (len(coefficients) + 1)
        for power, value in enumerate(coefficients):
            made[power] += value * b
            made[power + 1] += value * a
        coefficients = made
    return coefficients


def shown(coefficients: list[int], name: str, space: str) -> str:
    text = ""
    for power in range(len(coefficients) - 1, -1, -1):
        value = coefficients[power]
        if not value:
            continue
        size = "" if abs(value) == 1 and power else str(abs(value))
        letter = "" if power == 0 else name if power == 1 else f"{name}^{{{power}}}"
        sign = (
            ("-" if value < 0 else "") if not text else f"{space}{'-' if value < 0 else '+'}{space}"
        )
        text += sign + size + letter
    return text or "0"


def factored(chosen: list[Factor], name: str, space: str) -> str:
    return space.join(f"({shown([b, a], name, space)})" for a, b in chosen)


@settings(deadline=None)
@given(factors, names, dresses, spaces)
def test_a_true_expansion_is_never_flagged(
    chosen: list[Factor], name: str, dress: str, space: str
) -> None:
    p, q = factored(chosen, name, space), shown(expanded(chosen), name, space)
    assert check(dress.format(p=p, q=q)) is Verdict.UNKNOWN
    assert check(dress.format(p=q, q=p)) is Verdict.UNKNOWN


@settings(deadline=None)
@given(factors, names, dresses, spaces, st.integers(0, 4), st.integers(-9, 9).filter(bool))
def test_an_expansion_with_one_coefficient_off_is_flagged(
    chosen: list[Factor], name: str, dress: str, space: str, at: int, by: int
) -> None:
    coefficients = expanded(chosen)
    assume(at < len(chosen))  # the leading one stays: a slip keeps the shape
    coefficients[at] += by
    p, q = factored(chosen, name, space), shown(coefficients, name, space)
    assert check(dress.format(p=p, q=q)) is Verdict.INCORRECT
    assert check(dress.format(p=q, q=p)) is Verdict.INCORRECT


equations = st.tuples(
    st.integers(1, 9), st.integers(-20, 20), st.integers(-12, 12), st.integers(2, 9)
)
joints = st.sampled_from(
    [
        "${old}$, so ${new}$.",
        "We have {old}.\nThen {new}.",
        "{old}\n{new}",
        "\\[{old} \\implies {new}\\]",
        "\\begin{{align*}} {old} \\\\ {new} \\end{{align*}}",
        "Given ${old}$. Dividing both sides by 3, we get ${new}$.",
    ]
)


@settings(deadline=None)
@given(equations, joints, st.sampled_from(["x", "n", "C"]))
def test_a_right_step_of_solving_is_never_flagged(
    equation: tuple[int, int, int, int], joint: str, name: str
) -> None:
    a, b, root, c = equation
    old = f"{shown([b, a], name, ' ')} = {a * root + b}"
    for new in (
        f"{shown([0, a], name, ' ')} = {a * root}",
        f"{shown([c * b, c * a], name, ' ')} = {c * (a * root + b)}",
        f"{name} = {root}",
        f"{c}{name}/{c} = {root}",
    ):
        assert check(joint.format(old=old, new=new)) is Verdict.UNKNOWN


@settings(deadline=None)
@given(equations, joints, st.integers(2, 30), st.booleans())
def test_a_wrong_step_of_solving_is_flagged(
    equation: tuple[int, int, int, int], joint: str, by: int, up: bool
) -> None:
    a, b, root, _ = equation
    assume(b != 0)
    old = f"{shown([b, a], 'x', ' ')} = {a * root + b}"
    new = f"{shown([0, a], 'x', ' ')} = {a * root + (by if up else -by)}"
    assume(len(new) <= len(old) and a > 1)
    assert check(joint.format(old=old, new=new)) is Verdict.INCORRECT


@settings(deadline=None)
@given(st.lists(st.integers(-9, 9), min_size=3, max_size=6), spaces, st.integers(0, 5))
def test_derivatives_are_judged(coefficients: list[int], space: str, at: int) -> None:
    assume(coefficients[-1] != 0 and at < len(coefficients) - 1)
    derivative = [power * value for power, value in enumerate(coefficients)][1:]
    f, right = shown(coefficients, "x", space), shown(derivative, "x", space)
    assert check(f"Let $f(x) = {f}$. Then $f'(x) = {right}$.") is Verdict.UNKNOWN
    derivative[at] += 1
    assume(any(derivative[1:]))
    wrong = shown(derivative, "x", space)
    assert check(f"Let $f(x) = {f}$. Then $f'(x) = {wrong}$.") is Verdict.INCORRECT


def test_the_generator_multiplies_out() -> None:
    assert expanded([(1, 1), (1, -1)]) == [-1, 0, 1]
    for x, (a, b) in product(range(-3, 4), [(2, 3), (-1, 5)]):
        values = expanded([(a, b), (1, 1)])
        assert sum(v * x**k for k, v in enumerate(values)) == (a * x + b) * (x + 1)
