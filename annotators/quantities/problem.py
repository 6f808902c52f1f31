"""What a problem states, as far as it is certain that nothing else in it changes that.

Guaranteed: a problem is *closed* only if every sentence was read to its last word, or says nothing
about how many there are of what was read: then no event, no condition and no unread relation
stands between its statements. Only closed problems are premises. Not guaranteed: that a problem
which was read is consistent (the solver asks), or that its sentences mean what they say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from annotators.quantities.linear import Linear, Quantity
from annotators.quantities.phrases import total
from annotators.quantities.questions import only_thing, read_question
from annotators.quantities.statements import (
    Statement,
    only_item,
    read_statements,
    sentences,
    thing,
)

MAX_PROBLEM = 10_000
MAX_STATEMENTS = 200

_ASKS = re.compile(r"\s*(?:find|calculate|determine|compute|work out|what|how)\b", re.IGNORECASE)
_ASKING = (
    "how many much what is are was does do did the a of in on at to for find number total "
    "altogether together combined all they have has there"
)
_QUESTION_WORDS = frozenset(_ASKING.split())
# something happens, or is compared or left: more than a sentence of state may say
_BUSY = re.compile(
    r"\b(?:\w{2,30}ed|gave|gives?|giving|sold|sells?|bought|buys?|buying|ate|eats?|got|gets?|takes?|"
    r"took|los[et]|loses|found|finds|won|wins?|left|spen[dt]s?|made|makes?|went|goes|came|comes|"
    r"puts?|threw|throws|broke|breaks|drank|drinks?|adds?|removes?|receives?|uses?|picks?|sends?|"
    r"sent|earns?|pays?|paid|reads?|now|later|after|before|until|then|next|last|ago|if|when|while|"
    r"every|each|per|except|but|only|not|no|none|never|more|fewer|less|than|times|twice|half|"
    r"double|triple|third|quarter|as|rest|remaining|remainder|others?|another|both|all|total|"
    r"together|combined|altogether|percent|same|equal\w*|average|share[sd]?|days?|weeks?|months?|"
    r"hours?|minutes?|yesterday|today|tomorrow|will|would|should|could|suppose|assume|he|she|it|they|"
    r"his|her|their|some|dozens?|hundreds?|thousands?|n['’]t)\b|[%$/*+=]",
    re.IGNORECASE,
)
_STATE = re.compile(r"\b(?:is|are|was|were|lives?|likes?|loves?|works?|stands?|weighs?)\b")
_WORD = re.compile(r"[a-z]+")
# invisible characters may hide words, or turn round what a person sees
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\x00-\x08]")


@dataclass(frozen=True)
class Problem:
    """Statements with the sentences that make them, and what is asked, where that was read."""

    statements: tuple[Statement, ...]
    quotes: tuple[str, ...]
    asked: Linear | None

    @cached_property
    def relations(self) -> tuple[Linear, ...]:
        return tuple(dict.fromkeys(one.relation for one in self.statements))

    @cached_property
    def quantities(self) -> frozenset[Quantity]:
        return frozenset(q for relation in self.relations for q in relation.quantities)

    @cached_property
    def owners(self) -> frozenset[str]:
        return frozenset(quantity.owner for quantity in self.quantities)

    @cached_property
    def they(self) -> tuple[str, ...]:
        """Whom "they" can only be: the two owners that there are."""
        return tuple(sorted(self.owners)) if len(self.owners) == 2 and "" not in self.owners else ()

    @cached_property
    def given(self) -> dict[Quantity, Fraction]:
        """The values that stand in the text."""
        alone = ((one.left.alone, one) for one in self.statements if one.amount is not None)
        return {q: one.right.constant for q, one in alone if q is not None}

    @cached_property
    def causes(self) -> dict[Quantity, tuple[Fraction, Statement]]:
        """Values that follow one relation at a time, and the statement that gives each."""
        found: dict[Quantity, tuple[Fraction, Statement]] = {}
        open_ = list(self.statements)
        grew = True
        while grew:
            grew = False
            for one in list(open_):
                unknown = [q for q in one.relation.quantities if q not in found]
                if len(unknown) > 1:
                    continue
                open_.remove(one)
                if not unknown:
                    continue
                rest = one.relation.solved(unknown[0])
                value = sum((c * found[q][0] for q, c in rest.terms), rest.constant)
                found[unknown[0]] = (value, one)
                grew = True
        return found

    @cached_property
    def item(self) -> str | None:
        """The one thing that is counted, where there is only one."""
        return only_item(self.statements)

    def quote(self, statement: Statement) -> str:
        """The sentence of the problem that makes a statement."""
        return self.quotes[self.statements.index(statement)]


def read_problem(text: str) -> Problem | None:
    """The problem, if it is closed and states something; None otherwise."""
    if len(text) > MAX_PROBLEM or not any(mark.isdigit() for mark in text) or _HIDDEN.search(text):
        return None
    problem, item = _read(text, None)
    if problem is None and item is not None:
        problem, _ = _read(text, item)  # "Ann has 5 and Bob has 3. How many pens ...?"
    return problem


def _read(text: str, only: str | None) -> tuple[Problem | None, str | None]:
    """The problem, and the one thing that what was read of it counts."""
    statements: list[Statement] = []
    quotes: list[str] = []
    idle: list[str] = []
    asked: list[Linear | str | None] = []
    item = only
    closed = True
    for start, end in sentences(text):
        sentence = text[start:end]
        found: Sequence[Statement] | None
        if sentence.rstrip().endswith("?") or _ASKS.match(sentence):
            question = read_question(text, start, end, item)
            if question is None and not _plain_question(sentence):
                closed = False
            asked.append(question.asked if question is not None else None)
            found = question.statements if question is not None else ()
        else:
            found = read_statements(text, start, end, item)
            if found is None:
                closed = closed and not _BUSY.search(sentence)
                idle.append(sentence)
                continue
        if any(not one.relation.terms for one in found):
            return None, None  # something is more than itself
        statements += found
        quotes += [sentence.strip().rstrip(".")] * len(found)
        if len(statements) > MAX_STATEMENTS:
            return None, None
        item = only or only_item(statements)
    counted = only_item(statements) or next(
        (only_thing(one) for one in asked if one is not None), None
    )
    if not statements:
        return None, counted
    if not closed or not all(_says_nothing(sentence, statements) for sentence in idle):
        return None, counted
    question_asked = asked[0] if len(asked) == 1 else None
    if isinstance(question_asked, str):
        question_asked = _all_of(question_asked, statements)
    return Problem(tuple(statements), tuple(quotes), question_asked), counted


def _plain_question(sentence: str) -> bool:
    """Whether a question that was not read only asks: it supposes and adds nothing."""
    rest = " ".join(
        word for word in re.findall(r"[\w'’]+|[%$/*+=]", sentence.lower())
        if word not in _QUESTION_WORDS
    )  # fmt: skip
    return not _BUSY.search(rest) and not any(mark.isdigit() for mark in rest)


def _says_nothing(sentence: str, statements: Sequence[Statement]) -> bool:
    """Whether an unread sentence is about no number of things that others count."""
    if not any(mark.isdigit() for mark in sentence):
        return True
    words = set(_WORD.findall(sentence.lower()))
    counted = {
        word
        for one in statements
        for quantity in one.relation.quantities
        for word in thing(quantity.item).split()
    }
    return _STATE.search(sentence) is not None and not any(
        word in counted or word.rstrip("s") in counted or word.removesuffix("es") in counted
        for word in words
    )


def _all_of(item: str, statements: Sequence[Statement]) -> Linear | None:
    """What all the named owners have of an item."""
    found = {q for one in statements for q in one.relation.quantities if q.item == item}
    owners = sorted(quantity.owner for quantity in found)
    if len(owners) == 1 or (owners and owners[0]):
        return total(owners, item)
    return total([""], item) if len(owners) == 1 else None
