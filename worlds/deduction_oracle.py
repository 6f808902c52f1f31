"""Judge the steps of a deduction solution from the problem's text alone.

A step quotes a rule, names a premise and draws a conclusion. It is correct if the problem states
the rule, the premise is a fact of the text or has been concluded by an earlier step, and the
conclusion is the rule's for that name. As in chains, once something has been concluded of a name
and a predicate, both what was stated and what is true may be used: faithful continuations and
silent repairs are correct. The error kind is always "setup". A sentence that is not of this
world's language is unknown. A problem text that cannot be read makes every step unknown.
"""

import re

from worlds.deduction_forms import Fact, Literal, Rule, read_fact, read_question, read_rule
from worlds.problem import CORRECT, UNKNOWN, Verdict, wrong

# Every wug is kind. Max is a wug. So Max is kind.
_RULE_FIRST = re.compile(r"(?P<rule>[^.]+\.) (?P<premise>[^.]+\.) So (?P<conclusion>[^.]+\.)")
# Max is a wug, and every wug is kind, so Max is kind.
_PREMISE_FIRST = re.compile(
    r"(?P<premise>[^.,]+), and (?P<rule>[^.,]+), so (?P<conclusion>[^.,]+)\."
)
_ANSWER = re.compile(r"The answer is (?P<value>True|False)\.")
# The colon of a question does not end a sentence, so splitting at full stops is enough.
_SENTENCE = re.compile(r"[^.]+\.")


class DeductionProblem:
    """What the text of a problem says: rules, facts, everything that follows, the question."""

    def __init__(self, text: str) -> None:
        rules, facts, questions, unread = set[Rule](), set[Fact](), list[Fact](), text.strip()
        for match in _SENTENCE.finditer(text):
            sentence = match[0].strip()
            if (asked := read_question(sentence)) is not None:
                questions.append(asked)
            elif (rule := read_rule(sentence)) is not None:
                rules.add(rule)
            elif (fact := read_fact(sentence)) is not None:
                facts.add(fact)
            else:
                raise ValueError(f"not a sentence of the deduction world: {sentence!r}")
            unread = unread.removeprefix(sentence).strip()
        if unread or len(questions) != 1:
            raise ValueError(f"not a problem of the deduction world: {text!r}")
        self.rules = frozenset(rules)
        self.facts = frozenset(facts)
        self.asked = questions[0]
        self.true = _closure(self.rules, self.facts)


def _closure(rules: frozenset[Rule], facts: frozenset[Fact]) -> frozenset[Fact]:
    """Every fact that follows."""
    known = set(facts)
    while True:
        new = {
            Fact(name, rule.then)
            for name, literal in known
            for rule in rules
            if literal == Literal(f"a {rule.noun}", True)
        } - known
        if not new:
            return frozenset(known)
        known |= new


class _Ledger:
    """What a solution may use so far."""

    def __init__(self, problem: DeductionProblem) -> None:
        self.problem = problem
        self.stated: set[Fact] = set()

    def fair(self, fact: Fact) -> bool:
        """Whether the fact may be taken to hold."""
        if fact in self.problem.facts or fact in self.stated:
            return True
        return fact in self.problem.true and self.decided(fact)

    def decided(self, fact: Fact) -> bool:
        """Whether an earlier step or the text says the predicate does or does not hold."""
        both = {Fact(fact.name, Literal(fact.literal.predicate, holds)) for holds in (True, False)}
        return bool(both & (self.stated | self.problem.facts))


def judge_deduction(text: str, steps: list[str]) -> list[Verdict]:
    """A verdict for every step."""
    try:
        problem = DeductionProblem(text)
    except ValueError:
        return [UNKNOWN] * len(steps)
    ledger = _Ledger(problem)
    return [_judge(step.strip(), ledger) for step in steps]


def _judge(step: str, ledger: _Ledger) -> Verdict:
    if match := _ANSWER.fullmatch(step):
        return _judge_answer(match["value"] == "True", ledger)
    if match := _RULE_FIRST.fullmatch(step):
        rule = read_rule(match["rule"])
        premise, conclusion = read_fact(match["premise"]), read_fact(match["conclusion"])
    elif match := _PREMISE_FIRST.fullmatch(step):
        rule = read_rule(match["rule"][0].upper() + match["rule"][1:] + ".")
        premise, conclusion = (
            read_fact(match["premise"] + "."),
            read_fact(match["conclusion"] + "."),
        )
    else:
        return _judge_restated(step, ledger)
    if rule is None or premise is None or conclusion is None:
        return UNKNOWN
    error = _error(rule, premise, conclusion, ledger)
    # The conclusion counts as stated even when it is wrong: later steps may build on it.
    ledger.stated.add(conclusion)
    return wrong("setup", error) if error else CORRECT


def _judge_restated(step: str, ledger: _Ledger) -> Verdict:
    if (rule := read_rule(step)) is not None:
        stated = rule in ledger.problem.rules
        return CORRECT if stated else wrong("setup", "the problem does not state this rule")
    if (fact := read_fact(step)) is not None:
        fair = ledger.fair(fact)
        ledger.stated.add(fact)
        return CORRECT if fair else wrong("setup", "nothing says so")
    return UNKNOWN


def _judge_answer(says: bool, ledger: _Ledger) -> Verdict:
    asked = ledger.problem.asked
    opposite = Fact(asked.name, Literal(asked.literal.predicate, not asked.literal.holds))
    if not ledger.decided(asked):
        return wrong("setup", "the question has not been decided")
    if not ledger.fair(asked if says else opposite):
        return wrong("setup", "the answer does not match what was concluded")
    return CORRECT


def _error(rule: Rule, premise: Fact, conclusion: Fact, ledger: _Ledger) -> str:
    if rule not in ledger.problem.rules:
        return "the problem does not state this rule"
    if premise.literal != Literal(f"a {rule.noun}", True):
        return "the premise is not what the rule needs"
    if not ledger.fair(premise):
        return "the premise is not known"
    if conclusion != Fact(premise.name, rule.then):
        return "the conclusion does not follow"
    return ""
