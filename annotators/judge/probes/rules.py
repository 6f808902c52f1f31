"""Rules of the form "every A is (not) (a) B", where they stand and what can be said of them.

Guaranteed: `may_lead` is False only if no row of sentences of the text leads from one word to the
other by words that they share, whatever the sentences say. Other wordings of a rule ("if
something is an A ...") are not read, only counted there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_RULE = re.compile(
    r"\b(?P<lead>every|each|any) (?P<noun>[a-z]{2,30}) is (?P<no>not )?(?P<a>an? )?"
    r"(?P<then>[a-z]{2,30})(?=[.,;]|\s*\Z)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.?!;\n]+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_EMPTY = (
    "every each any all is are an not the if it something then no surely always here who that we "
    "know true false or and"
)
_EMPTY_WORDS = frozenset(_EMPTY.split())


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule at a place of a text."""

    start: int
    end: int
    lead: str
    noun: str
    then: str
    holds: bool
    of_kinds: bool  # "is a B": B is a kind of thing, not a property

    @property
    def claim(self) -> tuple[str, str, bool]:
        """What it states, however it is worded."""
        return self.noun, self.then, self.holds

    def __str__(self) -> str:
        no, a = ("" if self.holds else "not "), (article(self.then) if self.of_kinds else "")
        return f"{self.lead} {self.noun} is {no}{a}{self.then}"


def rules(text: str) -> list[Rule]:
    """The rules of a text, in its order."""
    return [
        Rule(
            *match.span(),
            match["lead"],
            match["noun"].lower(),
            match["then"].lower(),
            match["no"] is None,
            match["a"] is not None,
        )
        for match in _RULE.finditer(text)
    ]


def article(noun: str) -> str:
    """With the space after it."""
    return "an " if noun[0] in "aeiou" else "a "


def mentions_both(text: str, rule: Rule) -> bool:
    """Whether a text has both words of a rule."""
    words = _words(text)
    return rule.noun in words and rule.then in words


def may_lead(text: str, source: str, target: str, without: Rule) -> bool:
    """Whether sentences of the text, the rule's own left out, may lead from word to word."""
    sentences = [
        _words(match[0])
        for match in _SENTENCE.finditer(text)
        if not (match.start() <= without.start < match.end())
    ]
    reached = {source}
    while True:
        new = set().union(*(words for words in sentences if words & reached)) - reached
        if not new:
            return target in reached
        reached |= new


def _words(text: str) -> set[str]:
    # Names link nothing: "Max is a wug" and "Max is tall" are no rules.
    return {word for word in _WORD.findall(text) if word[0].islower() and word not in _EMPTY_WORDS}
