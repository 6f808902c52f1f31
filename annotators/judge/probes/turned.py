"""A comparison or a rule of a step turned round.

Guaranteed for comparisons: two names of the problem were swapped in a statement that cannot hold
both ways ("A has 3 more than B", "twice as many as"), outside questions and hypotheses.
Guaranteed for rules: "every A is a B" stands in the problem, became "every B is an A", and no row
of the problem's other sentences leads from B to A. The rest of the step is as it was.
"""

from __future__ import annotations

import re
from collections import Counter

from annotators.judge.probes.base import Base
from annotators.judge.probes.probe import Change
from annotators.judge.probes.rules import article, may_lead, rules

_NAME = r"[A-Z][a-z]{1,20}"
_MORE = (
    r"(?:more|fewer|less|greater|larger|smaller|older|younger|taller|shorter|longer|heavier|"
    r"lighter|faster|slower|bigger|higher|lower)"
)
_FOLD = r"(?:\w{1,20} times|twice|half|a third|one third|a quarter) (?:as|the)"
# "than Ann", not "than Ann walks forwards", which compares more than two names
_ENDS = r"(?=\s*(?:[,.;)]|\Z)| (?:and|so|then|who|which|in|at|on)\b)"
_BETWEEN = r"(?: [\w$,'-]{1,20}){1,6}?"
_COMPARISONS = (
    re.compile(
        rf"\b[Cc]ompared (?:with|to) (?P<one>{_NAME}), (?P<two>{_NAME}) (?:has|had|is|was)\b"
        rf"(?: [\w$]{{1,20}}){{0,6}}? (?:{_MORE}|times|half)\b"
    ),
    re.compile(
        rf"\b(?P<one>{_NAME}){_BETWEEN} {_MORE}(?: [\w-]{{1,20}}){{0,3}} "
        rf"than (?P<two>{_NAME})\b{_ENDS}"
    ),
    re.compile(
        rf"\b(?P<one>{_NAME}){_BETWEEN} {_FOLD}(?: [\w-]{{1,20}}){{1,3}} "
        rf"as (?P<two>{_NAME})\b{_ENDS}"
    ),
)
_UNSURE = re.compile(r"\b(?:if|suppose|assume|whether|would|not|never|no|other|rather)\b|\?", re.I)
_WORD = re.compile(r"\b[^\W\d_]{2,30}\b")
_COMMON = (
    "all and but each every finally first he her his if in it its last next now on one only second "
    "she since so some that the their then there these they this those thus total we when"
)
_NO_NAMES = frozenset(_COMMON.split())
_SENTENCE = re.compile(r"[^.?!;\n]+[.?!;]?")


def turned_round(base: Base) -> list[Change]:
    """At most one comparison and one rule for each step."""
    words = {word for text in (base.text, *base.steps) for word in _WORD.findall(text)}
    names = {word for word in words if word[0].isupper() and word.lower() not in words | _NO_NAMES}
    names &= set(_WORD.findall(base.text))
    changes = []
    for place, step in enumerate(base.steps):
        for turned in (_turned_comparison(step, names), _turned_rule(base.text, step)):
            if turned is not None:
                new, detail = turned
                steps = (*base.steps[:place], new, *base.steps[place + 1 :])
                changes.append(Change(steps, place, (place,), detail))
    return changes


def _turned_comparison(step: str, names: set[str]) -> tuple[str, str] | None:
    for sentence in _SENTENCE.finditer(step):
        if _UNSURE.search(sentence[0]):
            continue
        for pattern in _COMPARISONS:
            match = pattern.search(step, *sentence.span())
            if match is None or match["one"] == match["two"]:
                continue
            if not {match["one"], match["two"]} <= names or _longer_name(step, match):
                continue
            (a, b), (c, d) = match.span("one"), match.span("two")
            new = step[:a] + match["two"] + step[b:c] + match["one"] + step[d:]
            old = step[match.start() : match.end()]
            return new, f"In '{old}' the two names were swapped."
    return None


def _longer_name(step: str, match: re.Match[str]) -> bool:
    """Whether a capital stands beside one of the names: "Lassie Lake"."""
    for name in ("one", "two"):
        before, after = step[: match.start(name)], step[match.end(name) :]
        if re.search(r"[A-Z]\w* \Z", before[-30:]) or re.match(r" [A-Z]|['’-]", after):
            return True
    return False


def _turned_rule(problem: str, step: str) -> tuple[str, str] | None:
    stated = rules(problem)
    times = Counter(rule.claim for rule in stated)
    first = {rule.claim: rule for rule in reversed(stated)}
    for rule in rules(step):
        if times[rule.claim] != 1 or not (rule.holds and rule.of_kinds) or rule.noun == rule.then:
            continue
        if may_lead(problem, rule.then, rule.noun, without=first[rule.claim]):
            continue
        turned = f"{rule.lead} {rule.then} is {article(rule.noun)}{rule.noun}"
        new = step[: rule.start] + turned + step[rule.end :]
        return new, f"The rule '{rule}' was turned round to '{turned}'."
    return None
