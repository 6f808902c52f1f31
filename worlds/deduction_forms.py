"""What a sentence of the deduction world can say, and how it is said.

A literal is (predicate, holds): ("a wug", True), ("kind", False). A rule takes every thing of one
noun to a literal; a fact gives one named thing a literal. Plurals end in "s", nouns and adjectives
never do, so readings need no lexicon.
"""

import re
from functools import cache
from typing import NamedTuple

from worlds.words import Split


class Literal(NamedTuple):
    """A predicate ("a wug" or "kind") and whether it holds."""

    predicate: str
    holds: bool

    def __str__(self) -> str:
        return self.predicate if self.holds else f"not {self.predicate}"


class Rule(NamedTuple):
    """Every `noun` is `then`."""

    noun: str
    then: Literal


class Fact(NamedTuple):
    """`name` is `literal`."""

    name: str
    literal: Literal


_IS = r"(?:is )(?P<not>not )?(?P<pred>a [a-z]+|[a-z]+)"
_ARE = r"are (?P<not>not )?(?P<preds>[a-z]+)"
_RULES = {
    "train": (
        (
            rf"(?:Every|Each|Surely every|Always, each) (?P<noun>[a-z]+) {_IS}\.",
            (
                "Every {x} is {y}.",
                "Each {x} is {y}.",
                "Surely every {x} is {y}.",
                "Always, each {x} is {y}.",
            ),
        ),
    ),
    "heldout": (
        (rf"All (?P<nouns>[a-z]+s) {_ARE}\.", ("All {xs} are {ys}.",)),
        (
            rf"If something is a (?P<noun>[a-z]+), it {_IS}\.",
            ("If something is a {x}, it is {y}.",),
        ),
        (rf"(?P<nouns>[A-Z][a-z]+s) {_ARE}\.", ("{Xs} are {ys}.",)),
        (rf"Any (?P<noun>[a-z]+) {_IS}\.", ("Any {x} is {y}.",)),
    ),
}
_NO_RULE = r"No (?P<noun>[a-z]+) is (?P<never>a [a-z]+|[a-z]+)\."
_FACT = rf"(?:Here )?(?P<name>[A-Z][a-z]+) {_IS}\."
_FACT_OTHER = r"(?P<name>[A-Z][a-z]+) is one of the (?P<preds>[a-z]+s)\."
_FACT_HELDOUT = r"We know that (?P<name>[A-Z][a-z]+) is (?P<not>not )?(?P<pred>a [a-z]+|[a-z]+)\."
_QUESTION = (
    r"(?:True or false|Decide if this is true or false): "
    r"(?P<name>[A-Z][a-z]+) is (?P<not>not )?(?P<pred>a [a-z]+|[a-z]+)\."
)


def rule_wordings(rule: Rule, split: Split) -> list[str]:
    """Every sentence of a split that states the rule; the first train one is what gold quotes."""
    noun, literal = rule
    noun_like = literal.predicate.startswith("a ")
    many = literal.predicate[2:] + "s" if noun_like else literal.predicate
    ys = many if literal.holds else f"not {many}"
    texts = [
        template.format(x=noun, xs=noun + "s", Xs=noun.capitalize() + "s", y=literal, ys=ys)
        for _, templates in _RULES[split]
        for template in templates
    ]
    if not literal.holds and split == "heldout":
        texts.append(f"No {noun} is {literal.predicate}.")
    return texts


def fact_wordings(fact: Fact, split: Split) -> list[str]:
    """Every sentence of a split that states a fact."""
    if split == "train":
        return [f"{fact.name} is {fact.literal}.", f"Here {fact.name} is {fact.literal}."]
    texts = [f"We know that {fact.name} is {fact.literal}."]
    if fact.literal.predicate.startswith("a ") and fact.literal.holds:
        texts.append(f"{fact.name} is one of the {fact.literal.predicate[2:]}s.")
    return texts


def question_wording(fact: Fact, split: Split) -> str:
    """The question whether a fact holds."""
    ask = "True or false" if split == "train" else "Decide if this is true or false"
    return f"{ask}: {fact.name} is {fact.literal}."


def _literal(groups: dict[str, str | None]) -> Literal:
    if never := groups.get("never"):
        return Literal(never, False)
    holds = groups.get("not") is None
    if many := groups.get("preds"):
        return Literal("a " + many[:-1] if many.endswith("s") else many, holds)
    return Literal(groups["pred"] or "", holds)


_RULE_PATTERNS = [re.compile(pattern) for forms in _RULES.values() for pattern, _ in forms] + [
    re.compile(_NO_RULE)
]
_FACT_PATTERNS = [re.compile(pattern) for pattern in (_FACT_OTHER, _FACT_HELDOUT, _FACT)]
_QUESTION_PATTERN = re.compile(_QUESTION)


@cache
def read_rule(sentence: str) -> Rule | None:
    """The rule that a sentence states, in any wording of either split."""
    for pattern in _RULE_PATTERNS:
        if match := pattern.fullmatch(sentence):
            groups = match.groupdict()
            noun = groups.get("noun") or (groups.get("nouns") or "")[:-1].lower()
            return Rule(noun, _literal(groups))
    return None


@cache
def read_fact(sentence: str) -> Fact | None:
    """The fact that a sentence states, in any wording of either split."""
    for pattern in _FACT_PATTERNS:
        if match := pattern.fullmatch(sentence):
            groups = match.groupdict()
            return Fact(groups["name"], _literal(groups))
    return None


@cache
def read_question(sentence: str) -> Fact | None:
    """The fact that a question asks about."""
    match = _QUESTION_PATTERN.fullmatch(sentence)
    return Fact(match["name"], _literal(match.groupdict())) if match else None
