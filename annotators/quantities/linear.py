"""Linear expressions over quantities, exact: "3 * (Ann, pen) - 2".

A quantity is who has what: (owner, item). Every relation that the reader knows is one linear
equation, and two wordings state the same relation exactly when their canonical forms are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

ONE = Fraction(1)
ZERO = Fraction(0)


class Quantity(NamedTuple):
    """Who has what. An empty item is one that the sentence leaves open, an empty owner the scene.

    `reading` is 0 for the true value; others stand for what it may be taken to be (readings.py).
    """

    owner: str
    item: str
    reading: int = 0


@dataclass(frozen=True, slots=True)
class Linear:
    """A sum of quantities with coefficients, and a constant; terms are sorted and not zero."""

    terms: tuple[tuple[Quantity, Fraction], ...]
    constant: Fraction = ZERO

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        return tuple(quantity for quantity, _ in self.terms)

    @property
    def alone(self) -> Quantity | None:
        """The quantity that this is, if it is exactly one."""
        if len(self.terms) == 1 and self.terms[0][1] == 1 and not self.constant:
            return self.terms[0][0]
        return None

    def plus(self, other: Linear, times: Fraction = ONE) -> Linear:
        """self + times * other"""
        terms = [*self.terms, *((q, c * times) for q, c in other.terms)]
        return linear(terms, self.constant + other.constant * times)

    def times(self, factor: Fraction) -> Linear:
        return linear([(q, c * factor) for q, c in self.terms], self.constant * factor)

    def renamed(self, name: Callable[[Quantity], Quantity]) -> Linear:
        return linear([(name(q), c) for q, c in self.terms], self.constant)

    def canonical(self) -> Linear:
        """The same equation `self = 0`, its first coefficient made 1."""
        return self.times(1 / self.terms[0][1]) if self.terms else self

    def solved(self, quantity: Quantity) -> Linear:
        """What the quantity is, if `self = 0`; it must be one of the terms."""
        (factor,) = (c for q, c in self.terms if q == quantity)
        rest = linear([(q, c) for q, c in self.terms if q != quantity], self.constant)
        return rest.times(-1 / factor)


def linear(terms: Iterable[tuple[Quantity, Fraction]], constant: Fraction = ZERO) -> Linear:
    """Terms of one quantity are added up."""
    total: dict[Quantity, Fraction] = {}
    for quantity, factor in terms:
        total[quantity] = total.get(quantity, ZERO) + factor
    return Linear(tuple(sorted((q, c) for q, c in total.items() if c)), constant)


def just(quantity: Quantity) -> Linear:
    return Linear(((quantity, ONE),))


def constant(value: Fraction) -> Linear:
    return Linear((), value)


def equation(left: Linear, right: Linear) -> Linear:
    """The canonical form of `left = right`."""
    return left.plus(right, -ONE).canonical()
