"""The logic annotator: what it says of steps."""

import json
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotators.base import StepEvidence
from annotators.logic.annotator import Logic
from pipeline.verdict import Reason, Verdict
from worlds import deduction
from worlds.oracle import judge
from worlds.plant import kinds_at, plant
from worlds.words import Split

DATA = Path(__file__).parents[3] / "shared" / "data"
WUGS = (
    "Every wug is a tove. No tove is kind. Every zim is kind. Each tove is a fep. Each rab is shy. "
    "Max is a wug. True or false: Max is kind."
)
FLD = """$hypothesis$: ¬({C}{b} & {D}{b})

$context$:
fact1: {B}{b}
fact2: (x): ({A}x & {B}x) -> ¬{C}x
fact3: ¬{C}{a} -> ¬({C}{b} & {D}{b})
fact4: {A}{a}
fact5: ¬{D}{b} -> (¬{D}{a} & ¬{A}{a})
fact6: {B}{a}"""
LIST = """Premises:
1. ∀x (P(x) → Q(x))
2. ∀x (Q(x) → (R(x) ∨ S(x)))
3. P(a)
4. ¬R(a)
Prove: S(a)"""


def check(problem: str, *steps: str) -> list[StepEvidence]:
    return Logic().check(problem, steps)


def rules(problem: str, *steps: str) -> tuple[str, str]:
    """The verdict on the last step, and the rule of its last detail, or the reason."""
    last = check(problem, *steps)[-1]
    return last.verdict.value, last.details[-1].rule if last.details else str(last.reason)


CORRECT, INCORRECT = Verdict.CORRECT.value, Verdict.INCORRECT.value
UNKNOWN = Verdict.UNKNOWN.value


@pytest.mark.parametrize(
    "steps",
    [
        ["Every wug is a tove. Max is a wug. So Max is a tove."],
        ["Max is a wug, and every wug is a tove, so Max is a tove."],
        ["Since Max is a wug and every wug is a tove, Max is a tove."],
        ["Because every wug is a tove, Max is a tove."],
        ["Max is a tove because Max is a wug and every wug is a tove."],
        ["Max is a wug, so Max is not kind."],  # the rules are left to the reader
        ["Therefore, Max is a tove."],
        ["Max is a tove."],
        ["Max is a wug.", "Every wug is a tove.", "Max is a tove."],
        ["Every wug is not kind."],
        ["All toves are feps. All wugs are toves. So all wugs are feps."],
        ["Max is a wug. Wugs are toves. Max is a tove. Toves are feps. So Max is a fep."],
        ["Max is a wug. Then Max is a tove."],
        ["Max is a wug. Wugs are toves. So Max is a tove. Toves are not kind. So Max is not kind."],
    ],
)
def test_what_follows_is_correct(steps: list[str]) -> None:
    assert rules(WUGS, *steps) == (CORRECT, "entailed")


@pytest.mark.parametrize(
    "step", ["Max is a wug.", "Wugs are toves.", "It is given that zims are kind."]
)
def test_a_restated_premise_is_correct(step: str) -> None:
    assert rules(WUGS, step) == (CORRECT, "known")


@pytest.mark.parametrize(
    ("rule", "step"),
    [
        ("refuted", "Max is kind."),
        ("refuted", "So Max is kind."),
        ("refuted", "Every wug is a tove. Max is a wug. So Max is not a tove."),
        ("does_not_follow", "So Max is a rab."),
        ("does_not_follow", "Every wug is a tove. Max is a wug. So Max is a zim."),
        ("does_not_follow", "Every wug is a tove. Max is a wug. So Max is a fep."),  # two at once
        ("does_not_follow", "Max is a wug, so Max is a rab."),
        ("not_given", "Every tove is a wug. Max is a wug. So Max is a tove."),  # turned round
        ("not_given", "Every wug is a fep. Max is a wug. So Max is a fep."),  # true, but not given
        ("not_given", "No tove is kind. Max is a tove. So Max is not kind."),  # a skipped step
        ("not_given", "Every wug is a rab."),
        ("not_given", "Max is a rab."),
        ("not_given", "It is given that Max is a tove."),
    ],
)
def test_an_error_has_its_rule(rule: str, step: str) -> None:
    assert rules(WUGS, step) == (INCORRECT, rule)


@pytest.mark.parametrize(
    "step",
    [
        "Max is a rab. The answer is False.",
        "Max is a rab. Since Max is a wug and every wug is a tove, Max is a tove.",
        "Max is a rab. It is given that Max is a wug.",
        "Max is a rab. So Max is a tove.",
        "So Max is a tove. Max is a rab.",
        "Max is a tove.\n- Max is a rab.",
    ],
)
def test_one_wrong_claim_among_others_makes_a_step_incorrect(step: str) -> None:
    (evidence,) = check(WUGS, step)
    assert evidence.verdict is Verdict.INCORRECT
    wrong = [detail for detail in evidence.details if detail.rule == "not_given"]
    assert [step[detail.start : detail.end] for detail in wrong] == ["Max is a rab."]


@pytest.mark.parametrize(
    ("why", "rule", "step"),
    [
        ("it may restate the question", "restated_question", "Max is kind."),
        ("a word of its own", "foreign_word", "Max is blue."),
    ],
)
def test_a_bare_statement_that_may_be_no_claim_is_undecided(why: str, rule: str, step: str) -> None:
    problem = "Every wug is a tove. Max is a wug. True or false: Max is kind."
    assert rules(problem, step) == (UNKNOWN, rule)


def test_the_same_as_a_conclusion_is_incorrect() -> None:
    problem = "Every wug is a tove. Max is a wug. True or false: Max is kind."
    assert rules(problem, "So Max is kind.") == (INCORRECT, "does_not_follow")


def test_the_detail_gives_span_and_a_sentence_to_check() -> None:
    step = "Every wug is a tove. Max is a wug. So Max is a zim."
    (detail,) = check(WUGS, step)[0].details
    assert step[detail.start : detail.end] == "Max is a zim."
    assert detail.text == (
        "Max is a zim. does not follow from: Every wug is a tove.; Max is a wug."
    )


@pytest.mark.parametrize(
    ("answer", "verdict", "rule"),
    [
        ("The answer is False.", CORRECT, "known"),
        ("Therefore, the answer is **False**.", CORRECT, "known"),
        ("So the statement is true.", INCORRECT, "refuted"),
        ("The answer is unknown.", INCORRECT, "refuted"),
    ],
)
def test_an_answer_is_read_off_what_was_concluded(answer: str, verdict: str, rule: str) -> None:
    assert rules(WUGS, "Max is a tove.", "So Max is not kind.", answer) == (verdict, rule)


def test_a_wrong_claim_does_not_become_correct_by_repetition() -> None:
    assert rules(WUGS, "So Max is kind.", "So Max is kind.") == (UNKNOWN, "unclear_ground")
    assert rules(WUGS, "So Max is a rab.", "Max is a rab.") == (UNKNOWN, "unclear_ground")


def test_an_answer_that_no_step_reached_does_not_follow() -> None:
    assert rules(WUGS, "Max is a tove.", "The answer is False.") == (INCORRECT, "does_not_follow")


def test_an_answer_alone_is_undecided() -> None:
    assert rules(WUGS, "The answer is False.") == (UNKNOWN, "unclear_ground")


def test_unknown_is_the_answer_where_nothing_decides() -> None:
    problem = "Every wug is a tove. Max is a wug. True or false: Max is kind."
    assert rules(problem, "The answer is unknown.") == (CORRECT, "entailed")


def test_a_step_that_builds_on_a_wrong_one_is_correct_and_so_is_a_repair() -> None:
    slip = "Every wug is a tove. Max is a wug. So Max is a zim."
    assert rules(WUGS, slip, "Max is a zim, and every zim is kind, so Max is kind.")[0] == CORRECT
    wrong = "So Max is not a tove."
    assert rules(WUGS, wrong, "No tove is kind. Max is a tove. So Max is not kind.")[0] == CORRECT


@pytest.mark.parametrize(
    ("step", "verdict", "rule"),
    [
        ("fact4 & fact6 -> int1: ({A}{a} & {B}{a});", CORRECT, "entailed"),
        ("fact2 -> int2: ({A}{a} & {B}{a}) -> ¬{C}{a};", CORRECT, "entailed"),
        ("fact2 & fact4 & fact6 -> int3: ¬{C}{a}", CORRECT, "entailed"),
        ("fact2 & fact3 & fact4 & fact6 -> hypothesis;", CORRECT, "entailed"),
        ("fact4 -> int1: ({A}{a} & {B}{a});", INCORRECT, "does_not_follow"),
        ("fact2 & fact4 & fact6 -> int3: {C}{a};", INCORRECT, "refuted"),
        ("fact2 & fact4 & fact6 -> int3: ¬{C}{b};", INCORRECT, "does_not_follow"),
        ("fact1 & fact6 -> hypothesis;", INCORRECT, "does_not_follow"),
        ("fact9 -> int1: {A}{a};", INCORRECT, "not_given"),
        ("int7 -> int1: {A}{a};", INCORRECT, "not_given"),
        ("void -> assump1: {A}{b};", UNKNOWN, "not_covered"),
        ("$proof$:", UNKNOWN, "not_covered"),
    ],
)
def test_a_step_in_fovers_manner_is_judged_by_what_it_cites(
    step: str, verdict: str, rule: str
) -> None:
    assert rules(FLD, step) == (verdict, rule)


def test_a_whole_proof_in_fovers_manner() -> None:
    proof = """fact4 & fact6 -> int1: ({A}{a} & {B}{a});
fact2 -> int2: ({A}{a} & {B}{a}) -> ¬{C}{a};
int1 & int2 -> int3: ¬{C}{a};
int3 & fact3 -> hypothesis;
$proof_label$: PROVED"""
    assert [one.verdict for one in check(FLD, *proof.split("\n"))] == [Verdict.CORRECT] * 5


@pytest.mark.parametrize(
    ("step", "verdict", "rule"),
    [
        ("From 1 and 3, Q(a).", CORRECT, "entailed"),
        ("because premise 1 and premise 3, Q(a)", CORRECT, "entailed"),
        ("Q(a) [1, 3]", CORRECT, "entailed"),
        ("Q(a) (by 1 and 3)", CORRECT, "entailed"),
        ("P(a) and ∀x (P(x) → Q(x)), so Q(a)", CORRECT, "entailed"),
        ("Therefore R(a) or S(a).", CORRECT, "entailed"),
        ("∃y S(y)", CORRECT, "entailed"),
        ("∀z (P(z) → Q(z))", CORRECT, "known"),
        ("Q(a) [3]", INCORRECT, "does_not_follow"),
        ("So Q(b).", INCORRECT, "does_not_follow"),
        ("R(a)", INCORRECT, "refuted"),
        ("From 1 and 9, Q(a).", INCORRECT, "not_given"),
        ("So we are done.", UNKNOWN, "not_covered"),
        ("From A and B -> C, C.", UNKNOWN, "not_covered"),  # one formula or two?
    ],
)
def test_steps_in_first_order_notation(step: str, verdict: str, rule: str) -> None:
    assert rules(LIST, step) == (verdict, rule)


def test_contradicting_premises_decide_nothing() -> None:
    problem = "Every wug is kind. Max is a wug. Max is not kind. True or false: Max is a zim."
    evidence = check(problem, "So Max is a zim.")[0]
    assert (evidence.verdict, evidence.reason) == (Verdict.UNKNOWN, Reason.UNDECIDED)
    assert evidence.details[0].rule == "contradiction"


def test_what_the_solver_cannot_settle_is_a_time_out() -> None:
    problem = """1. ∀x ∃y (R(x, y))
2. ∀x (¬R(x, x))
3. ∀x,y,z ((R(x, y) ∧ R(y, z)) → R(x, z))"""
    assert check(problem, "So ∃x (P(x))")[0].reason is Reason.TIMEOUT


def test_when_the_limit_is_used_up_nothing_is_called_incorrect() -> None:
    problem = "\n".join(f"{i}. P{i}(a) & Q(b) -> S{i}(a)" for i in range(1, 200))
    steps = [f"P{i}(b), so T{i}(a)." for i in range(1, 100)]
    evidence = check(problem, *steps)
    assert evidence[0].verdict is Verdict.INCORRECT
    assert evidence[-1].verdict is Verdict.UNKNOWN


def test_after_a_supposition_nothing_is_called_incorrect() -> None:
    first, second = check(WUGS, "Assume Max is kind.", "So Max is a zim.")
    assert first.reason is Reason.NOT_COVERED
    assert second.reason is Reason.UNDECIDED


def test_a_step_that_was_not_read_may_have_given_what_is_quoted() -> None:
    quoting = "No tove is kind. Max is a tove. So Max is not kind."
    assert rules(WUGS, "Clearly Max, like any wug, is a tove!", quoting)[0] == UNKNOWN
    assert rules(WUGS, "Let me think about zims.", quoting)[0] == UNKNOWN  # "let": a supposition
    assert rules(WUGS, "Think about zims.", quoting) == (INCORRECT, "not_given")


def test_above_a_structured_problem_there_may_be_instructions() -> None:
    told = "Based on the facts, prove or disprove the hypothesis.\n\n"
    assert rules(told + FLD, "fact1 & fact6 -> hypothesis;") == (INCORRECT, "does_not_follow")
    assert rules(told + FLD, "So {C}{c}.")[0] == UNKNOWN  # they may hold a premise
    assert rules(told + FLD, "fact9 -> int1: {C}{c};") == (INCORRECT, "not_given")
    assert rules(told + FLD, "$proof_label$: UNKNOWN") == (INCORRECT, "refuted")
    neither = told + FLD.replace("fact4: {A}{a}", "fact4: {A}{c}")
    assert rules(neither, "$proof_label$: UNKNOWN") == (UNKNOWN, "unclear_ground")


@pytest.mark.parametrize(
    "problem",
    [
        "",
        "What is 2 + 3?",
        "Every wug is a tove. Max has 3 apples. True or false: Max is a tove.",
        "Tom is tall. Tom has 3 apples and eats one. How many are left?",
        "Let $f(x) = x^2$. Find $f(3)$.",
        "True or false: Max is kind.",
        "Max is a wug. " * 5000,
    ],
)
def test_a_problem_that_is_not_read_whole_is_not_covered(problem: str) -> None:
    (evidence,) = check(problem, "Max is a wug. So Max is a zim.")
    assert evidence == StepEvidence(Verdict.UNKNOWN, Reason.NOT_COVERED)


@pytest.mark.parametrize(
    "step",
    [
        "",
        "Hm, let me see.",
        "7 + 5 = 12",
        "Max has",
        "Is Max kind?",
        "Max is a wug. So he is a tove.",
        "Max is a wug, so",
        "Max is a tove or a zim.",
    ],
)
def test_a_step_that_is_not_read_whole_is_not_covered(step: str) -> None:
    assert check(WUGS, step)[0] == StepEvidence(Verdict.UNKNOWN, Reason.NOT_COVERED)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('x')",
        "(" * 5000 + "P(a)" + ")" * 5000,
        "¬" * 5000 + "P(a)",
        "∀x " * 2000 + "P(x)",
        "P(a) & " * 3000 + "P(a)",
        "So " * 3000,
        "Since " + "a, " * 3000,
        "Max is a wug, and " * 600 + "so Max is a tove.",
        "Max is a wug. " * 400,
        " because " * 1000,
        "(1, " * 1500,
        "fact1 & " * 1000 + "-> int1: P(a)",
        "|P(a)|) (check-sat",
        "\x00 P(a) \ud800",
        " " * 100_000,
        "\n" * 100_000,
        "a" * 100_000,
    ],
)
def test_hostile_text_is_answered_in_time(text: str) -> None:
    started = time.process_time()
    for problem in (WUGS, LIST, text):
        for step in (text, text[:4900], text[:1900]):
            assert len(check(problem, step)) == 1
    assert time.process_time() - started < 20


WORDS = (
    "Max is not a wug tove zim kind every Every no all wugs toves . , so So and 1 fact1 -> & "
    "because ∀x (P(x) → Q(x)) P(a) The answer True int1: : hypothesis"
)


@given(
    st.lists(
        st.lists(st.sampled_from(WORDS.split()), max_size=14).map(" ".join), min_size=1, max_size=3
    )
)
@settings(max_examples=100, deadline=None)
def test_any_text_gets_one_evidence_and_spans_inside_it(steps: list[str]) -> None:
    for problem in (WUGS, LIST):
        evidence = check(problem, *steps)
        assert len(evidence) == len(steps)
        for step, one in zip(steps, evidence, strict=True):
            assert all(0 <= d.start <= d.end <= len(step) for d in one.details)
            assert (one.verdict is Verdict.UNKNOWN) or one.details


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_the_deduction_worlds_oracle_is_matched_step_by_step(split: Split) -> None:
    rng = random.Random(0)
    for seed in range(1000, 1006):
        made = deduction.make(seed, split)
        text = made.problem["text"]
        solutions = [made.steps]
        for step in range(len(made.steps)):
            solutions += [plant(made, kind, step, rng) for kind in kinds_at(made, step)]
        for steps in solutions:
            found = [one.verdict.value for one in Logic().check(text, steps)]
            assert found == [verdict.verdict for verdict in judge(text, steps)], (text, steps)


def data(*parts: str) -> str:
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    return path.read_text("utf-8")


def test_gold_proofs_of_prontoqa_are_correct_and_their_negations_incorrect() -> None:
    for row in json.loads(data("prontoqa", "dev.json"))[:25]:
        problem, lines = f"{row['context']} {row['question']}", row["explanation"]
        assert {one.verdict for one in check(problem, *lines)} == {Verdict.CORRECT}
        last = check(problem, *lines[:-1], f"It is not true that {lines[-1]}")[-1]
        assert last.verdict is Verdict.INCORRECT


def test_gold_solutions_of_gsm8k_are_not_covered() -> None:
    for line in data("gsm8k", "test.jsonl").splitlines():
        row = json.loads(line)
        for one in check(row["question"], *row["answer"].split("\n")):
            assert one.reason is Reason.NOT_COVERED


def test_steps_of_prm800k_are_not_covered() -> None:
    for line in data("prm800k", "phase1_test.jsonl").splitlines():
        row = json.loads(line)
        steps = [c["text"] for s in row["label"]["steps"] for c in s["completions"] or ()]
        for one in check(row["question"]["problem"], *steps):
            assert one.reason is Reason.NOT_COVERED
