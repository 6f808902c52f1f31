"""The problem altered so that a step of the solution, as it stands, is wrong.

Guaranteed for numbers: the number stands once in the problem, is none that people know without
being told, and the first step that mentions it computes with it; what it was changed to stands
nowhere. Guaranteed for rules: the problem states the rule once, and the first step with both its
words quotes it; the altered problem states the opposite. Not guaranteed: that the altered problem
makes a good story, or has an answer.
"""

from __future__ import annotations

import random
from collections import Counter

from annotators.judge.probes.base import Base
from annotators.judge.probes.equations import lone_numbers, numbers, operands, value, written
from annotators.judge.probes.needed import EVERYDAY
from annotators.judge.probes.probe import Change
from annotators.judge.probes.rules import article, mentions_both, rules


def altered_problems(base: Base, rng: random.Random) -> list[Change]:
    """One for each number and each rule that can be altered."""
    return _numbers(base, rng) + _rules(base)


def _numbers(base: Base, rng: random.Random) -> list[Change]:
    steps = [numbers(step) for step in base.steps]
    everywhere = numbers(base.text).union(*steps)
    lone = lone_numbers(base.text)
    stated = Counter(value(match[1]) for match in lone)
    changes = []
    for match in lone:
        old = value(match[1])
        place = next((at for at, mentioned in enumerate(steps) if old in mentioned), None)
        if old in EVERYDAY or stated[old] > 1 or place is None:
            continue
        if old not in operands(base.steps[place]):
            continue
        options = [old + n for n in range(1, 20)] + [old - n for n in range(1, 10)]
        fresh = [w for n in options if n not in everywhere and (w := written(n, match[1]))]
        if not fresh:
            continue
        new = rng.choice(fresh[:6])
        problem = base.text[: match.start(1)] + new + base.text[match.end(1) :]
        detail = f"In the problem {match[1]} was changed to {new}."
        changes.append(Change(base.steps, place, (place,), detail, problem))
    return changes


def _rules(base: Base) -> list[Change]:
    stated = rules(base.text)
    times = Counter(frozenset((rule.noun, rule.then)) for rule in stated)
    changes = []
    for rule in stated:
        if times[frozenset((rule.noun, rule.then))] > 1:
            continue
        both = (i for i, step in enumerate(base.steps) if mentions_both(step, rule))
        place = next(both, None)
        if place is None or rule.claim not in {other.claim for other in rules(base.steps[place])}:
            continue
        no, a = ("not " if rule.holds else ""), (article(rule.then) if rule.of_kinds else "")
        opposite = f"{rule.lead} {rule.noun} is {no}{a}{rule.then}"
        problem = base.text[: rule.start] + opposite + base.text[rule.end :]
        detail = f"In the problem '{rule}' was changed to '{opposite}'."
        changes.append(Change(base.steps, place, (place,), detail, problem))
    return changes
