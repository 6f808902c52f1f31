"""What a sentence of the chains world can say, and how it is said.

A quantity is (owner, item). Every relation, however it is worded, is one of four facts: Given,
Add (`high = low + k`), Times (`big = small * k`) or Sum. Two wordings are the same relation when
their facts are equal. The first form of each kind is the one gold solutions quote.
"""

from dataclasses import dataclass
from functools import cache

from worlds.forms import Form, Reading, read_any
from worlds.words import DOLLARS, Split

Quantity = tuple[str, str]

# No tuples: as such "2 more" would be equal to "2 times as many".


@dataclass(frozen=True, slots=True)
class Given:
    """`quantity = value`."""

    quantity: Quantity
    value: int


@dataclass(frozen=True, slots=True)
class Add:
    """`high = low + k`."""

    high: Quantity
    low: Quantity
    k: int


@dataclass(frozen=True, slots=True)
class Times:
    """`big = small * k`."""

    big: Quantity
    small: Quantity
    k: int


@dataclass(frozen=True, slots=True)
class Sum:
    """`total` is the sum of the two parts."""

    total: Quantity
    parts: frozenset[Quantity]


Fact = Given | Add | Times | Sum

_SPLITS: tuple[Split, ...] = ("train", "heldout")
# In the train split a statement names what is known before what it fixes, and its wordings differ
# before the comma only, so that a policy of two million parameters can learn to look it up; the
# held-out wordings have every order.
_BESIDE = ("Compared with", "Next to", "Set beside", "Measured against")
_TRAIN = {
    "given": ("{A} has {k} {i}.", "{A} starts with {k} {i}."),
    "more": tuple(f"{words} {{B}}, {{A}} has {{k}} more {{i}}." for words in _BESIDE),
    "fewer": tuple(f"{words} {{B}}, {{A}} has {{k}} fewer {{i}}." for words in _BESIDE),
    "times": tuple(f"{words} {{B}}, {{A}} has {{k}} times as many {{i}}." for words in _BESIDE),
    "half": tuple(f"{words} {{B}}, {{A}} has half as many {{i}}." for words in _BESIDE),
    "share": tuple(f"{words} {{B}}, {{A}} has {{k}} times fewer {{i}}." for words in _BESIDE),
    "sum": tuple(
        f"{words} {{B}} and {{C}} together, {{A}} has as many {{i}}." for words in _BESIDE
    ),
    "price": (
        "{A} has {k} dollars for each of {A}'s {i}.",
        "{A} got {k} dollars for each of {A}'s {i}.",
    ),
    "pack": ("{A} has {k} {j} in each of {A}'s {i}.", "{A} keeps {k} {j} in each of {A}'s {i}."),
    "noise": ("{A} is {k} years old.", "{A} lives {k} miles away."),
    "question": ("How many {i} does {A} have?", "Find the number of {i} that {A} has."),
}
_HELDOUT = {
    "given": ("{A} owns {k} {i}.", "There are {k} {i} in {A}'s bag."),
    "more": (
        "Next to {B}, {A} has {k} extra {i}.",
        "{A} is ahead of {B} by {k} {i}.",
        "{A} has {k} more {i} than {B}.",
        "Give {B} {k} more {i} and {B} has what {A} has.",
    ),
    "fewer": (
        "Next to {B}, {A} is {k} {i} short.",
        "{A} trails {B} by {k} {i}.",
        "{A} has {k} fewer {i} than {B}.",
        "{A} would need {k} more {i} to match {B}.",
        "Take {k} {i} from {B} and {B} has what {A} has.",
    ),
    "times": (
        "Next to {B}, {A} has {k} times the {i}.",
        "Multiply {B}'s number of {i} by {k} to get {A}'s.",
        "{A} has {k} times as many {i} as {B}.",
        "The number of {i} {A} has is {k} times that of {B}.",
    ),
    "half": (
        "Next to {B}, {A} has only half the {i}.",
        "{B} has twice as many {i} as {A}.",
        "Half of {B}'s number of {i} is what {A} has.",
    ),
    "share": (
        "Next to {B}, {A} has one part in {k} of the {i}.",
        "Dividing {B}'s {i} equally among {k} people gives {A}'s number.",
        "Split {B}'s {i} into {k} equal parts and one part is what {A} has.",
    ),
    "sum": (
        "Next to {B} and {C} combined, {A} has just as many {i}.",
        "{B} and {C} combined have the same number of {i} as {A}.",
        "{A} has as many {i} as {B} and {C} together.",
        "Add {B}'s {i} to {C}'s to get what {A} has.",
    ),
    "price": (
        "{A} sold all of {A}'s {i} at {k} dollars each.",
        "{A}'s {i} brought in all of {A}'s dollars, {k} for each.",
    ),
    "pack": ("Each of {A}'s {i} holds {k} {j}.",),
    "noise": ("{A} is in room {k}.",),
    "question": ("What is {A}'s number of {i}?",),
}


# Nobody generates these, but weak policies say them; they state a relation, if never a true one.
_ASTRAY = (
    Form("price", "{A} has {k} dollars for each of {B}'s {i}."),
    Form("pack", "{A} has {k} {j} in each of {B}'s {i}."),
)


@cache
def forms(kind: str, split: Split) -> tuple[Form, ...]:
    """The wordings of one kind that a split may use."""
    table = _TRAIN if split == "train" else _HELDOUT
    return tuple(Form(kind, template) for template in table[kind])


@cache
def _all_forms() -> tuple[Form, ...]:
    return (
        tuple(form for kind in _TRAIN for split in _SPLITS for form in forms(kind, split)) + _ASTRAY
    )


@cache
def read_sentence(sentence: str) -> Reading | None:
    """The reading of one sentence of a problem, in any wording of either split."""
    return read_any(_all_forms(), sentence)


def fact_of(reading: Reading) -> Fact | None:
    """The relation that a sentence states; None for noise and for questions."""
    s = reading.slots
    k = int(s.get("k", "2"))
    if reading.kind in ("noise", "question"):
        return None
    a = (s["A"], s["i"])
    if reading.kind == "given":
        return Given(a, k)
    if reading.kind in ("price", "pack"):
        return Times((s["A"], s.get("j", DOLLARS)), (s.get("B", s["A"]), s["i"]), k)
    b = (s["B"], s["i"])
    if reading.kind == "more":
        return Add(a, b, k)
    if reading.kind == "fewer":
        return Add(b, a, k)
    if reading.kind == "times":
        return Times(a, b, k)
    if reading.kind in ("half", "share"):
        return Times(b, a, k)
    if s["B"] == s["C"]:
        return Times(a, b, 2)
    return Sum(a, frozenset({b, (s["C"], s["i"])}))
