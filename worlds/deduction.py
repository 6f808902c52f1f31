"""The deduction world: chains of 2 to 8 rules in plain English, and a question, true or false.

Guarantee: `make(seed, split)` depends on nothing but its arguments. The question is decided by
the rules and never both ways, answers are balanced, statements are shuffled, and in three
problems of ten another noun has the asked property with the opposite sign.
"""

import random
from itertools import pairwise

from worlds.deduction_forms import (
    Fact,
    Literal,
    Rule,
    fact_wordings,
    question_wording,
    rule_wordings,
)
from worlds.problem import Made, Problem
from worlds.words import Split, adjectives, names, nouns

_STEP_COUNTS = range(2, 9)
_STEP_WEIGHTS = (6, 6, 4, 2, 1, 0.5, 0.3)


def _a(noun: str) -> Literal:
    return Literal(f"a {noun}", True)


def _distract(
    rng: random.Random, split: Split, chain: list[str], spare: list[str], asked: Literal
) -> list[Rule]:
    """Rules that do not help, none of which can decide the question."""
    others = [p for p in adjectives(split) if p != asked.predicate]
    trap = asked.predicate if rng.random() < 0.3 else rng.choice(others)
    rules = [Rule(spare[0], Literal(trap, not asked.holds))]
    for noun in spare[1:]:
        draw = rng.random()
        if draw < 0.35:  # backwards it would lead into the chain
            rules.append(Rule(noun, _a(rng.choice(chain))))
        elif draw < 0.6:
            rules.append(Rule(noun, _a(spare[0])))
        else:
            rules.append(Rule(noun, Literal(rng.choice(others), rng.random() < 0.5)))
    return rules


def make(seed: int, split: Split = "train", max_steps: int = 8) -> Made:
    """One problem and its gold solution."""
    rng = random.Random(f"deduction/{split}/{seed}")
    n_steps = min(rng.choices(_STEP_COUNTS, _STEP_WEIGHTS)[0], max_steps)
    pool = list(nouns(split))
    rng.shuffle(pool)
    n_spare = rng.choice((1, 1, 2, 2, 3))
    if split == "heldout":
        pool += rng.sample(nouns("train"), 4)  # ten nouns are too few for the longest problems
    chain, spare = pool[:n_steps], pool[n_steps : n_steps + n_spare]
    name, other = rng.sample(names(split), 2)
    last = Literal(rng.choice(adjectives(split)), rng.random() < 0.5)
    rules = [Rule(x, _a(y)) for x, y in pairwise(chain)]
    rules.append(Rule(chain[-1], last))
    asked = Fact(name, Literal(last.predicate, rng.random() < 0.5))

    stated = [
        rng.choice(rule_wordings(r, split))
        for r in rules + _distract(rng, split, chain, spare, last)
    ]
    stated.append(rng.choice(fact_wordings(Fact(name, _a(chain[0])), split)))
    if rng.random() < 0.3:
        stated.append(rng.choice(fact_wordings(Fact(other, _a(rng.choice(spare))), split)))
    rng.shuffle(stated)
    steps = []
    for rule in rules:
        quoted = rule_wordings(rule, "train")[0]
        premise, conclusion = f"{name} is a {rule.noun}", f"{name} is {rule.then}"
        if rng.random() < 0.3:
            quoted = quoted[0].lower() + quoted[1:-1]
            steps.append(f"{premise}, and {quoted}, so {conclusion}.")
        else:
            steps.append(f"{quoted} {premise}. So {conclusion}.")
    answer = str(asked.literal == last)
    steps.append(f"The answer is {answer}.")
    problem = Problem(
        problem_id=f"deduction-{split}-{seed}",
        source="stepsmith-worlds",
        domain="deduction",
        language="en",
        text=" ".join([*stated, question_wording(asked, split)]),
        answer=answer,
        answer_type="boolean",
        meta={"n_steps": n_steps, "seed": seed, "split": split},
    )
    return Made(problem, steps)
