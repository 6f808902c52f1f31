"""The phrases that statements are made of: owners, items, amounts, factors, named quantities.

Guaranteed: a phrase is read from the cursor on or not at all (the cursor then stands where it
stood); an owner is a name or "the ..." and never a pronoun; an item is one to three words, none
of which relates, counts or says when. Not guaranteed: that an item means the same everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from annotators.arithmetic.expression import Slash, evaluate
from annotators.arithmetic.tokens import Token, Unreadable
from annotators.quantities.linear import ONE, Linear, Quantity, just, linear
from annotators.quantities.words import LARGEST, Word, singular

DOLLARS = "dollar"
AGE = "year old"
MAX_OWNERS = 6

HAVE = ("has", "have", "had", "owns", "own", "owned", "possesses", "carries", "holds", "contains")
# what was done once, and can be counted like what one has
DEEDS = {
    "collected": "collect", "caught": "catch", "picked": "pick", "sold": "sell", "baked": "bake",
    "scored": "score", "won": "win", "found": "find", "made": "make", "planted": "plant",
    "wrote": "write", "ran": "run", "ate": "eat", "bought": "buy", "saw": "see", "earned": "earn",
    "saved": "save", "read": "read", "drew": "draw", "visited": "visit", "packed": "pack",
    "solved": "solve", "built": "build", "painted": "paint", "invited": "invite",
}  # fmt: skip
TOGETHER = (
    "together", "combined", "altogether", "in total", "in all", "put together", "taken together",
    "total",
)  # fmt: skip
_NEVER_OWNER_WORDS = (
    "a an the i he she it they we you him her them his its their our your my this that these those "
    "there here each every all both one some any many several few most none no who what which how "
    "when where why while after before if since because as so thus therefore hence then and but or "
    "for from with without of in on at by to next now also first second third finally last "
    "compared measured set relative versus give take add subtract multiply divide split share half "
    "twice double triple multiplying dividing splitting adding taking giving find determine "
    "calculate compute let suppose assume given total sum answer together altogether combined not "
    "yesterday today tomorrow monday tuesday wednesday thursday friday saturday sunday january "
    "february march april may june july august september october november december will can"
)
_NEVER_OWNER = frozenset(_NEVER_OWNER_WORDS.split())
_NEVER_ITEM_WORDS = (
    "is are was were be been being has have had having does do did than more fewer less extra "
    "additional times time other others another left remaining still again later per only just "
    "even out up down off over under about around nearly almost exactly approximately least "
    "away ago old older younger times number amount part parts dozen dozens hundred hundreds "
    "thousand million percent pair pairs quarter quarters fourth fifth thirds fourths same equal "
    "between among into like got gets get sold sells bought buys would could should might must "
    "needs need needed trails leads short ahead behind brought used owns own owned holds keeps "
    "contains carries possesses starts begins started began makes made gives gave until equally "
    "evenly years year"
)
_NEVER_ITEM = _NEVER_OWNER | frozenset(_NEVER_ITEM_WORDS.split())
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "tenth": 10}
_ITEM_WORDS = 3
_SLASHES: tuple[Slash, ...] = ("left", "wide", "right")
_MONEY = frozenset(["dollar", "money", "dollars"])


@dataclass(frozen=True, slots=True)
class Amount:
    """A number, or an equation between arithmetic expressions: the value of each of its sides."""

    values: tuple[Fraction, ...]
    tokens: tuple[Token, ...]
    money: bool
    start: int
    end: int
    unit: str = ""  # of the numbers in between: "5 pens + 3 pens = 8"

    @property
    def plain(self) -> Fraction | None:
        """The value, where nothing is computed."""
        return self.values[0] if len(self.tokens) == 1 else None


class Cursor:
    """A place in a sentence's words, moved on by what is read; `they`: who that can only be."""

    def __init__(self, words: Sequence[Word], they: Sequence[str] = ()) -> None:
        self.words = words
        self.they = they
        self.at = 0

    def low(self, ahead: int = 0) -> str:
        """The word here, or "" behind the end."""
        at = self.at + ahead
        return self.words[at].low if at < len(self.words) else ""

    def kind(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.words[at].kind if at < len(self.words) else ""

    @property
    def closed(self) -> bool:
        """Whether a clause may end here."""
        return self.at >= len(self.words) or self.low() in _CLAUSE_ENDS

    def take(self, *phrases: str) -> bool:
        """Step over the first of these phrases that stands here."""
        for phrase in phrases:
            parts = phrase.split()
            if all(self.low(ahead) == part for ahead, part in enumerate(parts)):
                self.at += len(parts)
                return True
        return False

    # -- who and what -----------------------------------------------------------------------

    def owner(self) -> str | None:
        """ "Ann", "Ann Lee", "the red boxes" (as "the red box")."""
        start = self.at
        if self.low() == "the" and self.kind(1) == "word":
            self.at += 1
            ordinal = [self.low()] if self.take("first", "second", "third", "fourth") else []
            words = self._noun_words()
            if words:
                return " ".join(["the", *ordinal, *map(singular, words)])
            self.at = start
            return None
        names: list[str] = []
        while len(names) < 2 and self.kind() == "word" and self.words[self.at].name:
            if self.low() in _NEVER_OWNER:
                break
            names.append(self.words[self.at].low)
            self.at += 1
        if not names:
            return None
        return " ".join(names)

    def possessor(self, subject: str | None = None) -> str | None:
        """ "Ann's"; "his", "her", "their" where it is clear whose."""
        start = self.at
        if subject and self.take("his", "her", "its", "their"):
            return subject
        owner = self.owner()
        if owner is not None and self.kind() == "poss":
            self.at += 1
            return owner
        self.at = start
        return None

    def owners(self) -> list[str] | None:
        """ "Ann", "Ann and Bob", "Ann, Bob and Cal"."""
        start = self.at
        if self.they and self.take("they both", "they"):
            return list(self.they)
        first = self.owner()
        if first is None:
            return None
        found = [first]
        while len(found) < MAX_OWNERS:
            before = self.at
            comma = self.take(",")
            and_ = self.take("and")
            other = self.owner() if comma or and_ else None
            if other is None or self.kind() == "poss":
                self.at = before
                break
            found.append(other)
            if and_:
                break
        if len(set(found)) < len(found) and len(found) > 2:
            self.at = start
            return None
        return found

    def item(self) -> str | None:
        """ "pens" as "pen", "red pens" as "red pen"; money is dollars."""
        start = self.at
        words = self._noun_words()
        if not words:
            self.at = start
            return None
        item = " ".join([*words[:-1], singular(words[-1])])
        return DOLLARS if item in _MONEY else item

    def _noun_words(self) -> list[str]:
        words: list[str] = []
        while self.kind() == "word" and self.low() not in _NEVER_ITEM and len(words) < _ITEM_WORDS:
            if self.words[self.at].name and self.at:
                break
            words.append(self.low())
            self.at += 1
        return words

    # -- how many ---------------------------------------------------------------------------

    def amount(self) -> Amount | None:
        """ "5", "$5", "3 * 12 = 36", "= 36" never."""
        start = self.at
        while self.kind() in ("num", "op"):
            self.at += 1
        run = self.words[start : self.at]
        tokens = tuple(word.token for word in run if word.token is not None)
        values = _values(list(tokens))
        if values is None:
            self.at = start
            return None
        money = any(word.money for word in run)
        units = {token.unit for token in tokens if token.unit}
        if len(units) > 1 or (units and money):
            self.at = start
            return None  # "3 boxes * 4 pens"
        unit = units.pop() if units else ""
        return Amount(values, tokens, money, run[0].start, run[-1].end, unit)

    def plain(self) -> Amount | None:
        """A number that nothing computes."""
        start = self.at
        amount = self.amount()
        if amount is None or amount.plain is None:
            self.at = start
            return None
        return amount

    def factor(self) -> Fraction | None:
        """ "twice", "half", "a third", "1/3", "3 times"."""
        start = self.at
        if self.take("twice", "double"):
            return Fraction(2)
        if self.take("triple", "thrice"):
            return Fraction(3)
        if self.take("half", "a half", "one half"):
            return Fraction(1, 2)
        if self.low() in ("a", "one") and self.low(1) in _PARTS:
            self.at += 2
            return Fraction(1, _PARTS[self.words[self.at - 1].low])
        if self.low() == "one" and self.low(1) == "-" and self.low(2) in _PARTS:
            self.at += 3
            return Fraction(1, _PARTS[self.words[self.at - 1].low])
        if self.kind() == "num" and self.low(1) == "times":
            value = self.words[self.at].value
            self.at += 2
            return value
        if self.kind() == "num" and self.low(1) == "/" and self.kind(2) == "num":
            amount = self.amount()
            if amount is not None and len(amount.values) == 1 and self.low() in ("as", "of", "the"):
                return amount.values[0]
        self.at = start
        return None

    # -- named quantities -------------------------------------------------------------------

    def together(self) -> bool:
        return self.take(*TOGETHER)

    def reference(self) -> Linear | None:
        """Whose count is compared with: "Ann", "Ann does", "Ann's", "Ann and Bob together"."""
        start = self.at
        if (owner := self.possessor()) is not None:
            return just(Quantity(owner, self.item() or ""))
        owners = self.owners()
        if owners is None:
            return None
        if len(owners) > 1 and not self.together():
            self.at = start
            if (first := self.owner()) is None:
                return None
            owners = [first]  # "... than Ann and Bob has 5"
        self.take(*HAVE, "does", "do", "did")
        return total(owners, "")

    def quantity(self) -> Linear | None:
        """ "Ann's number of pens", "Ann's pens", "what Ann has", "the number of pens Ann has"."""
        start = self.at
        if self.take("what"):
            owner = self.owner()
            if owner is not None and self.take(*HAVE):
                return just(Quantity(owner, ""))
        elif self.take("that of"):
            if (owner := self.owner()) is not None:
                return just(Quantity(owner, ""))
        elif self.take("the number of", "the amount of"):
            item = self.item()
            self.take("that")
            owners = self.owners() if item else None
            has = item and owners and self.take(*HAVE)
            if has and item and owners and (len(owners) == 1 or self.together()):
                return total(owners, item)
        elif (owner := self.possessor()) is not None:
            self.take("total")
            if self.take("number of", "amount of"):
                if item := self.item():
                    return just(Quantity(owner, item))
            elif self.take("number"):
                return just(Quantity(owner, ""))
            elif self.take("age"):
                return just(Quantity(owner, AGE))
            else:
                return just(Quantity(owner, self.item() or ""))
        self.at = start
        return None


_CLAUSE_ENDS = frozenset([",", "and", "so", "but", "while", "which", "whereas"])


def total(owners: Sequence[str], item: str) -> Linear:
    """What these owners have together."""
    return linear([(Quantity(owner, item), ONE) for owner in owners])


def _values(tokens: list[Token]) -> tuple[Fraction, ...] | None:
    """The value of each side; None where one is no expression or has more than one reading."""
    sides: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind == "=":
            sides.append([])
        else:
            sides[-1].append(token)
    values: list[Fraction] = []
    for side in sides:
        try:
            readings = {evaluate(side, slash=slash) for slash in _SLASHES} if side else set()
        except Unreadable:
            return None
        if len(readings) != 1:
            return None
        (value,) = readings
        if abs(value) > LARGEST or value.denominator > LARGEST:
            return None
        values.append(value)
    return tuple(values)
